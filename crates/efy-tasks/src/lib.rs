//! Tasks: everything that turns a data set into training batches and a trained energy into numbers.
//!
//! A task brings data, decoding and metrics; models, losses and the trainer know nothing about
//! files. [`config`] is what a run is described by, [`multilabel`] and [`label_ranking`] are the tasks with labels,
//! [`supervised`] is what they share, [`density`] learns densities of points, [`metrics`] are numbers for any program, [`data`] reads
//! data sets from ARFF, CSV and XML, fetches the known benchmark sets and keeps the user's own,
//! [`experiment`] makes the tables and figures of papers, [`sweep`] searches settings, and [`problem`] solves a
//! single inner problem.

pub mod config;
pub mod data;
pub mod density;
mod error;
pub mod experiment;
pub mod imitation;
pub mod joint;
pub mod label_ranking;
pub mod metrics;
pub mod multilabel;
mod parts;
pub mod problem;
mod run_files;
mod steps;
pub mod supervised;
pub mod sweep;

pub use error::{Error, Result};
pub use steps::Steps;

/// The examples of the README and the book compile and run.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/src/library.md")]
    struct Library;
}
