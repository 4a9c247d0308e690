//! What a program is doing, told to whoever counts what it launches.
//!
//! The counter is the CUDA stand-in of the tests (`crates/efy-stand-in`), which is preloaded and has two functions for it.
//! Where it is not there, which is looked up once, a mark costs a load and a branch.

use std::ffi::CStr;
use std::sync::OnceLock;

use super::cuda::{self, Marks};

/// A part of a program. One may be inside of another: the solver works in a step and in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Data are loaded, split and put on the device; the order of an epoch is drawn.
    Data,
    /// One training step.
    Step,
    /// The network computes the energies of a batch.
    Encode,
    /// The inner problem is solved.
    Solve,
    /// Autograd computes the gradient.
    Gradient,
    /// The optimizer changes the weights.
    Update,
    /// Metrics of a split are computed.
    Evaluate,
    /// Outputs are computed for examples.
    Predict,
    /// The mean loss since the last time is read.
    Log,
    /// A checkpoint is written.
    Checkpoint,
}

impl Phase {
    /// Its name in reports.
    pub fn name(self) -> &'static CStr {
        match self {
            Phase::Data => c"data",
            Phase::Step => c"step",
            Phase::Encode => c"encode",
            Phase::Solve => c"solve",
            Phase::Gradient => c"gradient",
            Phase::Update => c"update",
            Phase::Evaluate => c"evaluate",
            Phase::Predict => c"predict",
            Phase::Log => c"log",
            Phase::Checkpoint => c"checkpoint",
        }
    }

    /// Begins the phase on this thread. It ends when what is returned is dropped.
    ///
    /// ```
    /// use efy_core::device::Phase;
    /// let _step = Phase::Step.enter();
    /// ```
    pub fn enter(self) -> Entered {
        let marks = marks();
        if let Some(marks) = marks {
            (marks.enter)(self.name().as_ptr());
        }
        Entered(marks)
    }
}

/// A phase that has not ended; see [`Phase::enter`].
#[must_use = "the phase ends when this is dropped"]
pub struct Entered(Option<&'static Marks>);

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(marks) = self.0 {
            (marks.leave)();
        }
    }
}

fn marks() -> Option<&'static Marks> {
    static MARKS: OnceLock<Option<Marks>> = OnceLock::new();
    MARKS.get_or_init(cuda::marks).as_ref()
}
