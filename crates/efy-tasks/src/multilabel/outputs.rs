//! Sets of labels as vertices of the unit cube.

use efy_core::Result;
use efy_core::domain::{Cube, Domain};
use efy_core::energy::Energy;
use tch::Tensor;

use super::{MetricSums, predictions_csv};
use crate::supervised::{Outputs, Sums};

/// Sets of k labels: outputs in the unit cube, label i is predicted where $\hat y_i > \frac12$. The outcome of a
/// row is $\hat y$ itself.
#[derive(Debug, Clone, Copy)]
pub struct LabelSets {
    labels: i64,
}

impl LabelSets {
    /// Sets of so many labels.
    pub fn new(labels: i64) -> Self {
        LabelSets { labels }
    }
}

impl Outputs for LabelSets {
    fn domain(&self) -> Result<Box<dyn Domain>> {
        Ok(Box::new(Cube))
    }

    fn centre(&self) -> f64 {
        0.5
    }

    fn encode(&self, y: &Tensor) -> Result<Tensor> {
        Ok(y.shallow_clone())
    }

    fn outcome(&self, _energy: &dyn Energy, p: &Tensor) -> Result<Tensor> {
        Ok(p.shallow_clone())
    }

    fn outcome_width(&self) -> i64 {
        self.labels
    }

    fn sums(&self) -> Box<dyn Sums> {
        Box::new(MetricSums::default())
    }

    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        outcome: &[f64],
        truth: Option<&[u8]>,
    ) -> crate::Result<String> {
        predictions_csv(labels, rows, outcome, truth)
    }
}
