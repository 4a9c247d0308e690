//! The attribute [`macro@everywhere`] of `efy-test`, which is where to use it from.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, ItemFn, Token};

/// Makes of one function a test for each floating-point type, `name::f32` and `name::f64`, each of which
/// runs on every device that there is.
///
/// `#[everywhere(f64)]` is for what has no meaning in single precision, such as central differences.
#[proc_macro_attribute]
pub fn everywhere(kinds: TokenStream, function: TokenStream) -> TokenStream {
    expand(kinds, function)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expand(kinds: TokenStream, function: TokenStream) -> syn::Result<Tokens> {
    let kinds = Punctuated::<Ident, Token![,]>::parse_terminated.parse(kinds)?;
    let function: ItemFn = syn::parse(function)?;
    let name = &function.sig.ident;
    let test = |kind: &str| match kind {
        "f32" => Ok(quote!(#[test] fn f32() { ::efy_test::run(::tch::Kind::Float, super::#name) })),
        "f64" => {
            Ok(quote!(#[test] fn f64() { ::efy_test::run(::tch::Kind::Double, super::#name) }))
        }
        other => Err(format!("expected f32 or f64, found {other}")),
    };
    let tests: Vec<Tokens> = if kinds.is_empty() {
        ["f32", "f64"]
            .into_iter()
            .map(test)
            .collect::<Result<_, _>>()
            .map_err(|message| Error::new_spanned(name, message))?
    } else {
        kinds
            .iter()
            .map(|kind| {
                test(&kind.to_string()).map_err(|message| Error::new_spanned(kind, message))
            })
            .collect::<syn::Result<_>>()?
    };
    Ok(quote! {
        #function
        mod #name { #(#tests)* }
    })
}
