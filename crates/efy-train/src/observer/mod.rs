//! Who is told what happens during training.

mod jsonl;
mod progress;

pub use jsonl::MetricsFile;
pub use progress::Progress;

use crate::{Metrics, Result, Split};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Training begins; it makes at most so many steps.
    Started {
        /// Steps, unless it stops early.
        steps: u64,
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
}
