//! What happens during training.

use std::path::Path;

use crate::{Metrics, Split};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Training begins, or goes on, and has reached step `steps` when it ends.
    Started {
        /// The last step, unless training stops early.
        steps: u64,
        /// The steps that were made before; 0 for a new run.
        from: u64,
    },
    /// A run goes on from a checkpoint.
    Resumed {
        /// The step of the checkpoint.
        step: u64,
    },
    /// Numbers were read from the device.
    Metrics {
        /// The step after which they were read.
        step: u64,
        /// The epoch, from 1.
        epoch: u64,
        /// What they were computed on; for the training split, means over the steps since the last
        /// such event.
        split: Split,
        /// The numbers.
        metrics: &'a Metrics,
    },
    /// A checkpoint was written and can be resumed from.
    Checkpoint {
        /// The steps that were made.
        step: u64,
        /// Where it lies.
        path: &'a Path,
    },
    /// Something went wrong that training can do without.
    Warning {
        /// One line.
        message: &'a str,
    },
    /// A signal ended training early.
    Interrupted {
        /// The steps that were made.
        step: u64,
    },
    /// Training ended.
    Finished,
}

impl<'a> Event<'a> {
    pub(crate) fn metrics(step: u64, epoch: u64, split: Split, metrics: &'a Metrics) -> Self {
        Event::Metrics {
            step,
            epoch,
            split,
            metrics,
        }
    }

    /// The name in logs: `started`, `metrics`, ...
    pub fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Resumed { .. } => "resumed",
            Event::Metrics { .. } => "metrics",
            Event::Checkpoint { .. } => "checkpoint",
            Event::Warning { .. } => "warning",
            Event::Interrupted { .. } => "interrupted",
            Event::Finished => "finished",
        }
    }
}
