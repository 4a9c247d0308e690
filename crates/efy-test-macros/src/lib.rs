//! The attribute [`macro@everywhere`] of `efy-test`, which is where to use it from.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, ItemFn, Token};

/// Makes of one function a test for each floating-point type, `name::f32` and `name::f64`, each of which
/// runs on every device that there is.
///
/// `#[everywhere(f64)]` is for what has no meaning in single precision, such as central differences.
/// `#[everywhere(f32)]` is for what there is in single precision only, such as a model of the configuration.
/// `#[everywhere(cpu)]` is for the native loops, which exist on the CPU only: `name::cpu_f32`.
#[proc_macro_attribute]
pub fn everywhere(options: TokenStream, function: TokenStream) -> TokenStream {
    expand(options, function)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand(options: TokenStream, function: TokenStream) -> syn::Result<Tokens> {
    let options = Punctuated::<Ident, Token![,]>::parse_terminated.parse(options)?;
    let function: ItemFn = syn::parse(function)?;
    let (mut single, mut double, mut native) = (true, true, false);
    for option in &options {
        match option.to_string().as_str() {
            "f32" => double = false,
            "f64" => single = false,
            "cpu" => native = true,
            _ => return Err(Error::new_spanned(option, "expected f32, f64 or cpu")),
        }
    }
    let name = &function.sig.ident;
    let run = if native {
        quote!(run_on_cpu)
    } else {
        quote!(run)
    };
    let kinds = [
        ("f32", quote!(Float), single),
        ("f64", quote!(Double), double),
    ];
    let wanted = kinds.iter().filter(|(_, _, wanted)| *wanted);
    let tests = wanted.map(|(kind, variant, _)| {
        let test = if native {
            format_ident!("cpu_{kind}")
        } else {
            format_ident!("{kind}")
        };
        quote! {
            #[test]
            fn #test() {
                ::efy_test::#run(::efy_test::Kind::#variant, super::#name)
            }
        }
    });
    Ok(quote! {
        #function
        mod #name { #(#tests)* }
    })
}
