//! Independent labels with probabilities of their own for every row.

use tch::{Kind, Tensor};

use super::base_measure::BaseMeasure;
use super::samples::{Draw, Samples};
use crate::random::units;
use crate::regularizer::softplus;
use crate::{Error, Result, shape};

/// $\prod_j \sigma(l_j)^{y_j} (1 - \sigma(l_j))^{1 - y_j}$ with logits l `[B, k]`: a sampler that can be
/// learned, or an importance proposal.
#[derive(Debug)]
pub struct Bernoulli {
    logits: Tensor,
}

impl Bernoulli {
    /// The distribution of `logits` `[B, k]`.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Kind`] when they are no float matrix.
    pub fn new(logits: Tensor) -> Result<Self> {
        shape::float_matrix("logits", &logits)?;
        Ok(Bernoulli { logits })
    }

    /// Independent draws, `[B, m, k]`, without a graph; `draw.rows` is that of the logits whatever it says.
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for them.
    pub fn sample(&self, draw: &Draw) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let uniform = uniforms(draw, &self.logits)?;
        let probabilities = self.logits.f_to_kind(Kind::Double)?.sigmoid().unsqueeze(1);
        Ok(uniform
            .f_lt_tensor(&probabilities)?
            .f_to_kind(self.logits.kind())?)
    }

    /// $\log p(y)$ of `outputs` `[B, m, k]` or `[m, k]`, `[B, m]`, with the graph to the logits.
    pub fn log_density(&self, outputs: &Tensor) -> Tensor {
        let none = shape::row_sum(&self.logits.neg().log_sigmoid());
        shape::products(&self.logits, outputs) + none.unsqueeze(1)
    }

    /// $\mathrm{KL}(p, q)$ for a prior over all sets, `[B]`, with the graph to the logits:
    /// $\sum_j \sigma(l_j)(l_j - l^q_j) - \mathrm{sp}(l_j) + \mathrm{sp}(l^q_j)$.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a prior over other outputs.
    pub fn divergence_from(&self, base: &BaseMeasure) -> Result<Tensor> {
        if !base.is_sets() {
            return Err(not_sets(base));
        }
        let logits = &self.logits;
        let options = (logits.kind(), logits.device());
        let prior = match base.logits(options) {
            Some(prior) => prior,
            None => logits.f_new_zeros([base.items()], options)?,
        };
        let terms = logits.sigmoid() * (logits - &prior) - softplus(logits) + softplus(&prior);
        Ok(shape::row_sum(&terms))
    }

    /// Draws with their importance weights $q/p$.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a prior over other outputs; as [`sample`](Self::sample).
    pub fn samples(&self, base: &BaseMeasure, draw: &Draw) -> Result<Samples> {
        if !base.is_sets() {
            return Err(not_sets(base));
        }
        let _guard = tch::no_grad_guard();
        let outputs = self.sample(draw)?;
        let log_weights = base.log_density(&outputs) - self.log_density(&outputs);
        Ok(Samples {
            outputs,
            log_weights: Some(log_weights),
        })
    }
}

/// A uniform number for each item of each sample, f64 `[B, m, k]`, for scores `[B, k]`.
pub(super) fn uniforms(draw: &Draw, scores: &Tensor) -> Result<Tensor> {
    let (rows, k) = shape::size2(scores);
    let per_row = draw.samples * k;
    let first = draw.first_row * per_row;
    let words = draw.words().range(first, rows * per_row, scores.device())?;
    Ok(units(&words)?.f_view([rows, draw.samples, k])?)
}

fn not_sets(base: &BaseMeasure) -> Error {
    Error::Parameter {
        name: "prior",
        expected: "a distribution over all sets",
        found: format!("{:?}", base.space()),
    }
}
