//! One file a command.

mod bench;
mod data;
mod doctor;
mod evaluate;
mod plot;
mod predict;
mod reference;
mod reproduce;
mod shell;
mod solve;
mod table;
mod train;

use anyhow::Result;

pub(crate) use self::bench::Subject;

use crate::arguments::Command;

/// Does what was asked for.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Eval(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Table(arguments) => table::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Measure => reproduce::measure(),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { dir } => shell::manual(&dir),
        Command::Reference { json } => reference::run(json),
    }
}
