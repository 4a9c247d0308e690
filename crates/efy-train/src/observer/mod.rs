//! Who is told what happens during training.

mod jsonl;
mod progress;

pub use jsonl::MetricsFile;
pub use progress::Progress;

use std::path::Path;

use crate::{Metrics, Result, Split, State};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Training begins; it makes at most so many steps.
    Started {
        /// Steps, unless it stops early.
        steps: u64,
        /// Steps that were made before.
        from: u64,
    },
    /// It goes on after this step.
    Resumed {
        /// The step.
        step: u64,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// The step after which it was.
        step: u64,
        /// Its directory.
        path: &'a Path,
    },
    /// Something that people should know of.
    Warning {
        /// One line.
        message: &'a str,
    },
    /// It was asked to stop after this step.
    Interrupted {
        /// The step.
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
}

/// Listens to a training.
pub trait Observer {
    /// # Errors
    /// An error ends the training: an observer that can do without reports none.
    fn on(&mut self, event: &Event<'_>) -> Result<()>;

    /// The name under which its state is stored.
    fn name(&self) -> &'static str;

    /// What it needs to go on later.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    fn state(&mut self) -> Result<State> {
        Ok(State::default())
    }
}
