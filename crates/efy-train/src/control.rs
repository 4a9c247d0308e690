//! What a running training is asked from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Requests that are looked at between two steps. Clones share them, so that a signal handler, which
/// may do nothing but set a flag, or another thread can hold one.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// The number of the signal that asks to stop; 0: none.
    pub signal: Arc<AtomicUsize>,
    /// Whether a checkpoint is asked for.
    pub save: Arc<AtomicBool>,
    /// The step after which to stop, as if by a signal.
    pub stop_after: Option<u64>,
}

impl Control {
    /// The signal that asks to stop after `step`; `Some(0)` when the step itself was the limit.
    pub(crate) fn stops(&self, step: u64) -> Option<usize> {
        self.asked_to_stop()
            .or_else(|| self.is_last(step).then_some(0))
    }

    /// The signal that asks to stop.
    pub(crate) fn asked_to_stop(&self) -> Option<usize> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Whether `step` is the last one that was asked for beforehand.
    pub(crate) fn is_last(&self, step: u64) -> bool {
        self.stop_after.is_some_and(|limit| step >= limit)
    }

    /// Whether a checkpoint was asked for since the last call.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.save.swap(false, Ordering::Relaxed)
    }
}
