//! One file a command.

mod bench;
mod data;
mod demos;
mod doctor;
mod evaluate;
mod expert;
mod export;
mod play;
mod plot;
mod precision;
mod predict;
mod reference;
mod replay;
mod report;
mod reproduce;
mod sample;
mod shell;
mod signals;
mod solve;
mod sweep;
mod table;
mod train;
mod train_log;

use anyhow::Result;

pub(crate) use self::bench::Subject;

use crate::arguments::Command;

/// Does what was asked for.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Eval(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Table(arguments) => table::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Expert(arguments) => expert::run(&arguments),
        Command::Demos(arguments) => demos::run(&arguments),
        Command::Play(arguments) => play::run(&arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Measure => reproduce::measure(),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { dir } => shell::manual(&dir),
        Command::Reference { json, sweep } => reference::run(json, sweep),
    }
}
