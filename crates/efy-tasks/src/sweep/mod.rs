//! Sweeps: one configuration trained with many settings, by grid or random search.
//!
//! A sweep is a YAML file ([`SweepConfig`]) that names a base configuration and what is varied. Its
//! [`Plan`] is a pure function of that file: settings, and for every setting one trial a seed. The
//! trials are ordinary runs in a [`SweepDirectory`], which tells what [`State`] each is in, so that a
//! sweep goes on where it stopped. [`Results`] ranks settings by the mean of a validation metric; test
//! metrics are reported and never looked at.

mod config;
mod directory;
mod export;
mod parameter;
mod plan;
mod results;
mod sbatch;
mod slurm;
mod space;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use config::{Method, SweepConfig};
pub use directory::SweepDirectory;
pub use parameter::{Parameter, Range, ScaleKind};
pub use plan::{Plan, Trial};
pub use results::{Results, Score};
pub use sbatch::{Submission, sbatch};
pub use slurm::{Directive, ShellLine, Slurm};
pub use space::{Setting, describe, plain};
pub use state::{Failure, RunSummary, State};
pub use table::markdown;
