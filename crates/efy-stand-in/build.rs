//! Finds the libtorch that the project is linked with: the stand-in has to be built with the same one.

fn main() {
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-env=EFY_STAND_IN_LIBTORCH_LIB={lib}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
