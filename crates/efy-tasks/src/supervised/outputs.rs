//! What the energy of a task is over, and what becomes of a prediction.

use efy_core::Result;
use efy_core::device::read;
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

    /// w.
    fn outcome_width(&self) -> i64;

    /// Sums of the task's metrics over no rows yet.
    fn sums(&self) -> Box<dyn Sums>;

    /// Predictions as CSV with a header: for each of `rows` (numbers that are written) its outcome, row-major
    /// `[n, w]`, and where they are known the labels as a data set has them, row-major `[n, k]`.
    ///
    /// # Errors
    /// None that can happen in memory.
    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        outcome: &[f64],
        truth: Option<&[u8]>,
    ) -> crate::Result<String>;
}

/// Metrics of batches of rows, on the device until they are read once.
pub trait Sums {
    /// Adds a batch: outcomes `[B, w]`, encoded labels `y` `[B, m]`, losses `[B]`, and which rows `converged`
    /// `[B]`. Nothing is read.
    fn add(&mut self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor);

    /// The metrics of all rows: the one read. Empty if there were none.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the read fails.
    fn finish(self: Box<Self>) -> Result<Metrics>;
}

/// Sums of numbers over rows, on the device until they are read.
#[derive(Debug, Default)]
pub(crate) struct RunningSums {
    sums: Option<Tensor>,
    rows: i64,
}

impl RunningSums {
    /// Adds the sums over a batch, `[n]` in f64.
    pub(crate) fn add(&mut self, batch: Tensor, rows: i64) {
        self.rows += rows;
        self.sums = Some(match self.sums.take() {
            Some(sums) => sums + batch,
            None => batch,
        });
    }

    /// The sums and the number of rows; none before the first batch.
    pub(crate) fn read(self) -> Result<Option<(Vec<f64>, f64)>> {
        match self.sums {
            Some(sums) => Ok(Some((read::to_vec(&sums)?, self.rows as f64))),
            None => Ok(None),
        }
    }
}
