//! Experiments of papers: what is run, how its settings are chosen, and what comes of it.
//!
//! An experiment is data: a protocol in YAML (`crates/efy-tasks/protocols`), part of the program, says
//! which settings are tried on which data. [`Experiment::run`] turns it into trials that are
//! stored as they finish, so that a run that was interrupted goes on, and into [`Findings`]: tables,
//! pictures and every number.

mod catalogue;
mod differentiation;
mod dual;
mod findings;
mod grid;
mod hardware;
mod imitation;
mod joint;
mod multilabel;
mod protocol;
mod solvers;
pub mod statistics;
mod trials;

pub use catalogue::{EXPERIMENTS, Experiment, find};
pub use differentiation::measure;
pub use findings::{
    Banded, Findings, Globe, Panel, Picture, Plot, Reference, Scale, Series, Spread, Table,
};
pub use hardware::Hardware;
pub use protocol::Request;
