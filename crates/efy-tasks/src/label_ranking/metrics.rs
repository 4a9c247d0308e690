//! Metrics of rankings, summed on the device and read once.

use efy_core::Result;
use efy_train::Metrics;
use tch::{Kind, Tensor};

use super::Rankings;
use crate::metrics::ranking::{Pairs, spearman, top_one};
use crate::supervised::{RunningSums, Sums};

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

/// Sums over the rows seen so far, `[7]` in f64, in the order of [`METRICS`].
#[derive(Debug)]
pub struct RankingSums {
    outputs: Rankings,
    sums: RunningSums,
}

impl RankingSums {
    /// Of no rows yet.
    pub fn new(outputs: Rankings) -> Self {
        RankingSums {
            outputs,
            sums: RunningSums::default(),
        }
    }
}

impl Sums for RankingSums {
    fn add(&mut self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor) {
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
        self.sums.add(Tensor::stack(&batch, 0), y.size()[0]);
    }

    fn finish(self: Box<Self>) -> Result<Metrics> {
        let Some((sums, rows)) = self.sums.read()? else {
            return Ok(Metrics::default());
        };
        let means = sums.into_iter().map(|sum| sum / rows);
        Ok(METRICS.into_iter().zip(means).collect())
    }
}
