//! What learns from examples: a model and what it is fitted by.

use efy_core::Result;
use efy_core::parallel::Part;
use efy_core::parameters::Parameters;
use efy_train::{Measure, Split};
use tch::Tensor;

use super::Outputs;
use super::outputs::Layout;
use super::tally::LogPartitions;

/// Rows that are evaluated at once at most.
pub(super) const EVALUATION_ROWS: i64 = 4096;

/// A model with its losses, blind to where examples come from.
pub(super) trait Learner: Send {
    /// The weights, of one model or of several replicas.
    fn parameters(&self) -> &Parameters;

    /// Puts weights back where they have to be.
    fn constrain(&self) -> Result<()>;

    /// Tries prediction and loss on some training examples.
    ///
    /// # Errors
    /// What cannot be done with so many labels.
    fn rehearse(&self, outputs: &dyn Outputs, x: &Tensor, y: &Tensor) -> Result<()>;

    /// The mean loss of a batch. Must not read a tensor back.
    fn step(&mut self, batch: &Rows<'_>) -> Result<Stepped>;

    /// What the outcome of a row has.
    fn layout(&self) -> Layout;

    /// What the task makes of inputs on the device, [`Layout::width`] columns, without a graph.
    fn outcome(&self, outputs: &dyn Outputs, x: &Tensor) -> Result<Tensor>;

    /// How many rows of a split are scored at once at most; of `None`, predicted.
    fn rows_at_once(&self, split: Option<Split>) -> i64;

    /// How good it is on examples x and y, rows of a split, without a graph.
    fn score(
        &self,
        outputs: &dyn Outputs,
        examples: (&Tensor, &Tensor),
        place: Place,
    ) -> Result<Scored>;
}

/// Which rows are scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) split: Split,
    /// The number of the first one in the split, of each replica.
    pub(super) first: i64,
    /// Their place among the rows that one process alone would score at once.
    pub(super) part: Part,
}

/// A training batch.
pub(super) struct Rows<'a> {
    /// The numbers of the examples, Int64 `[B]`.
    pub(super) rows: &'a Tensor,
    /// Inputs, `[B, d]`.
    pub(super) x: &'a Tensor,
    /// Encoded labels, `[B, m]`.
    pub(super) y: &'a Tensor,
    /// What was kept of the examples the last time, `[B, m]`.
    pub(super) start: Option<&'a Tensor>,
    /// Updates before this one.
    pub(super) update: u64,
    /// Which rows of the whole batch they are: it may be computed in parts, one after the other or in several processes.
    pub(super) part: Part,
}

/// What a step found.
pub(super) struct Stepped {
    /// The mean loss, with its graph unless the gradient is given; of each replica, `[R]`.
    pub(super) loss: Tensor,
    /// Its gradient, where it can be had without autograd.
    pub(super) gradient: Option<Tensor>,
    /// What to keep of the examples for the next time, `[B, m]`.
    pub(super) point: Option<Tensor>,
    /// Scalars that are worth knowing.
    pub(super) metrics: Vec<(&'static str, Measure)>,
}

/// How good a learner is on some rows.
pub(super) struct Scored {
    /// See [`Learner::outcome`].
    pub(super) outcome: Tensor,
    /// Losses, `[B]`.
    pub(super) loss: Tensor,
    /// Which rows were solved, `[B]`.
    pub(super) converged: Tensor,
    /// Estimated log-partitions and exact ones, where there are both.
    pub(super) log_partition: Option<LogPartitions>,
}
