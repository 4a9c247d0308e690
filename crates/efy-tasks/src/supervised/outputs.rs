//! What the energy of a task is over, and what becomes of a prediction.

use efy_core::Result;
use efy_core::domain::Domain;
use efy_core::energy::Energy;
use efy_train::Metrics;
use tch::Tensor;

/// The outputs of a task: labels as points of a convex set, and back.
pub trait Outputs: Send {
    /// The set C over which inference maximizes; the encoded labels are vertices of it.
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] when there is no such set for so many labels.
    fn domain(&self) -> Result<Box<dyn Domain>>;

    /// Every coordinate of its centre: what a point is replaced by that is not finite.
    fn centre(&self) -> f64;

    /// Labels as a data set has them, `[n, k]`, as vertices of C, `[n, m]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when there is no room.
    fn encode(&self, y: &Tensor) -> Result<Tensor>;

    /// What a prediction comes to, `[B, w]`, from the energy and the regularized predictions `p` `[B, m]`.
    /// Called when metrics are computed, not in training steps.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when there is no room.
    fn outcome(&self, energy: &dyn Energy, p: &Tensor) -> Result<Tensor>;

    /// What a decision comes to, `[B, w]`, from vertices `[B, m]` that are decided on and the means of a distribution
    /// over the vertices, `[B, m]`, where they are known. See [`Layout`] for w.
    ///
    /// # Errors
    /// As [`outcome`](Self::outcome).
    fn decided(&self, vertices: &Tensor, mean: Option<&Tensor>) -> Result<Tensor>;

    /// The columns w of an outcome, but for the log-probability.
    fn outcome_width(&self, layout: Layout) -> i64;

    /// The vertices of the largest $\langle u, y \rangle$, `[B, m]`, for `u` `[B, m]`.
    ///
    /// # Errors
    /// As [`outcome`](Self::outcome).
    fn best_vertices(&self, u: &Tensor) -> Result<Tensor>;

    /// The task's metrics.
    fn sums(&self) -> Box<dyn Sums>;

    /// Predictions as CSV with a header: for each of `rows` (numbers that are written) its outcome, row-major
    /// with the columns of the layout, and where they are known the labels as a data set has them, row-major
    /// `[n, k]`.
    ///
    /// # Errors
    /// None that can happen in memory.
    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        outcome: (&[f64], Layout),
        truth: Option<&[u8]>,
    ) -> crate::Result<String>;
}

/// The name of the column of log-probabilities.
pub(crate) const LOG_PROBABILITY: &str = "log_probability";

/// What the outcome of a row has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// What is known of the vertices beside the regularized prediction.
    pub decision: Decision,
    /// Whether the estimated logarithm of the decision's probability is the last column.
    pub log_probability: bool,
}

/// How an outcome says what is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Decision {
    /// By the regularized prediction.
    #[default]
    Prediction,
    /// By a vertex alone.
    Vertex,
    /// By a vertex, beside the mean of a distribution over the vertices.
    VertexAndMean,
}

impl Layout {
    /// The number of columns for a task.
    pub fn width(self, outputs: &dyn Outputs) -> i64 {
        outputs.outcome_width(self) + i64::from(self.log_probability)
    }
}

/// A task's metrics as functions of sums over rows.
pub trait Sums {
    /// The sums over a batch, `[n]` in f64: of outcomes `[B, w]`, encoded labels `y` `[B, m]`, losses `[B]`, and
    /// which rows `converged` `[B]`. Nothing is read.
    fn of(&self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor) -> Tensor;

    /// The metrics of so many rows, at least one.
    fn metrics(&self, sums: &[f64], rows: f64) -> Metrics;
}
