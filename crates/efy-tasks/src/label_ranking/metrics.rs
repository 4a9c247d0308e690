//! Metrics of rankings, summed on the device and read once.

use efy_train::Metrics;
use tch::{Kind, Tensor};

use super::Rankings;
use crate::metrics::ranking::{Pairs, spearman, top_one};
use crate::supervised::Sums;

/// The names, in the order in which they are reported. All but the loss and the share of rows that were not
/// solved are means over rows of the functions in [`metrics::ranking`](crate::metrics::ranking), between -1 and 1
/// or between 0 and 1; `exact_accuracy` is the share of rows in which every label has its rank.
pub const METRICS: [&str; 7] = [
    "loss",
    "kendall_tau",
    "spearman",
    "top1_accuracy",
    "pairwise_accuracy",
    "exact_accuracy",
    "unconverged",
];

/// Sums over rows, `[7]` in f64, in the order of [`METRICS`].
#[derive(Debug, Clone, Copy)]
pub struct RankingSums {
    outputs: Rankings,
}

impl RankingSums {
    /// Of rankings of this form.
    pub fn new(outputs: Rankings) -> Self {
        RankingSums { outputs }
    }
}

impl Sums for RankingSums {
    fn of(&self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let predicted = outcome.narrow(1, 0, self.outputs.labels());
        let actual = self.outputs.ranks(y);
        let pairs = Pairs::of(&predicted, &actual);
        let exact = predicted.eq_tensor(&actual).all_dim(-1, false);
        let batch = [
            loss.detach(),
            pairs.kendall_tau(),
            spearman(&predicted, &actual),
            top_one(&predicted, &actual),
            pairs.accuracy(),
            exact,
            converged.logical_not(),
        ];
        let batch = batch.map(|rows| rows.sum(Kind::Double));
        Tensor::stack(&batch, 0)
    }

    fn metrics(&self, sums: &[f64], rows: f64) -> Metrics {
        let means = sums.iter().map(|sum| sum / rows);
        METRICS.into_iter().zip(means).collect()
    }
}
