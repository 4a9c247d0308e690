//! The command `efy`: argument parsing and wiring, nothing else.

mod arguments;
mod commands;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let result = match arguments::Arguments::try_parse() {
        Ok(arguments) => commands::run(arguments.command),
        Err(error) => return exit::report_arguments(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
