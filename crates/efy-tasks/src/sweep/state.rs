//! What has become of a trial, as its files tell.

use efy_train::Metrics;
use serde::{Deserialize, Serialize};

/// The exit code of a run whose loss is no longer finite.
const DIVERGED: i32 = 3;
/// The exit code of a run whose checkpoints cannot be used.
const CHECKPOINT_UNUSABLE: i32 = 4;

/// What has become of a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing that one could go on from.
    Waiting,
    /// It has checkpoints, but has not ended.
    Interrupted,
    /// It ended with an error.
    Failed(Failure),
    /// It is done.
    Finished(RunSummary),
    /// In its place is a run of another configuration.
    Foreign,
}

/// The numbers of a finished run that a sweep looks at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunSummary {
    /// Epochs that were trained.
    pub epochs: u64,
    /// Steps that were made.
    pub steps: u64,
    /// The validation metrics of the weights that were kept.
    pub validation: Metrics,
    /// Their test metrics.
    pub test: Metrics,
}

/// How a trial failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its exit code; `None` if a signal ended it.
    pub exit_code: Option<i32>,
    /// The last line it wrote to stderr, or how it ended if it wrote none.
    pub message: String,
}

impl Failure {
    /// Whether the same would happen again: the same input diverges the same way.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.exit_code == Some(DIVERGED)
    }

    /// Whether its checkpoints are of no use.
    #[must_use]
    pub fn spoils_checkpoints(&self) -> bool {
        matches!(self.exit_code, Some(DIVERGED | CHECKPOINT_UNUSABLE))
    }
}
