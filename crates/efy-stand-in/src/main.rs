//! Prints the path of the CUDA stand-in, after building it: `cargo run --package efy-stand-in`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match efy_stand_in::library() {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            // 2: this machine cannot; 1: something is wrong.
            ExitCode::from(if reason.is_for_want_of_tools() { 2 } else { 1 })
        }
    }
}
