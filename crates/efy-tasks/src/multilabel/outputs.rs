//! Sets of labels as vertices of the unit cube.

use efy_core::Result;
use efy_core::domain::{Cube, Domain};
use efy_core::energy::Energy;
use tch::Tensor;

use super::{MetricSums, predictions_csv};
use crate::supervised::{Decision, Layout, Outputs, Sums};

/// Sets of k labels: outputs in the unit cube, label i is predicted where $\hat y_i > \frac12$. The outcome of a
/// row is $\hat y$ itself; where a set is decided on, that set, and then the probabilities of the labels if they are known.
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

    fn decided(&self, vertices: &Tensor, mean: Option<&Tensor>) -> Result<Tensor> {
        Ok(match mean {
            Some(mean) => Tensor::f_cat(&[vertices, mean], 1)?,
            None => vertices.shallow_clone(),
        })
    }

    fn outcome_width(&self, layout: Layout) -> i64 {
        match layout.decision {
            Decision::VertexAndMean => 2 * self.labels,
            Decision::Prediction | Decision::Vertex => self.labels,
        }
    }

    fn best_vertices(&self, u: &Tensor) -> Result<Tensor> {
        Ok(u.f_ge(0.0)?.f_to_kind(u.kind())?)
    }

    fn sums(&self) -> Box<dyn Sums> {
        Box::new(MetricSums)
    }

    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        outcome: (&[f64], Layout),
        truth: Option<&[u8]>,
    ) -> crate::Result<String> {
        predictions_csv(labels, rows, outcome, truth)
    }
}
