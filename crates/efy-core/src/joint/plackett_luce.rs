//! The Plackett-Luce distribution over permutations.

use tch::Tensor;

use super::base_measure::BaseMeasure;
use super::bernoulli::uniforms;
use super::samples::{Draw, Samples};
use crate::{Result, shape};

/// Items are chosen one after the other, best first, with probabilities proportional to $e^{s_j}$ among
/// those that are left: $\log p(o) = \sum_t \big(s_{o_t} - \log \sum_{t' \ge t} e^{s_{o_{t'}}}\big)$ for scores s
/// `[B, k]`. The first item gets the highest rank, k - 1.
#[derive(Debug)]
pub struct PlackettLuce {
    scores: Tensor,
}

impl PlackettLuce {
    /// The distribution of `scores` `[B, k]`.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Kind`] when they are no float matrix.
    pub fn new(scores: Tensor) -> Result<Self> {
        shape::float_matrix("scores", &scores)?;
        Ok(PlackettLuce { scores })
    }

    /// Independent draws of ranks, Int64 `[B, m, k]`: the order of scores plus Gumbel noise (Yellott 1977).
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for them.
    pub fn sample(&self, draw: &Draw) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let gumbel = uniforms(draw, &self.scores)?.log().neg().log().neg();
        let noisy = gumbel + self.scores.unsqueeze(1);
        Ok(noisy.f_argsort(-1, false)?.f_argsort(-1, false)?)
    }

    /// $\log p$ of `ranks` `[B, m, k]`, `[B, m]`, with the graph to the scores.
    ///
    /// # Errors
    /// [`Error::Torch`] when the ranks are not of these rows.
    pub fn log_density(&self, ranks: &Tensor) -> Result<Tensor> {
        // Worst first, so that the sums over what is left are running sums.
        let order = ranks.f_argsort(-1, false)?;
        let scores = self.scores.unsqueeze(1).f_expand(ranks.size(), false)?;
        let sorted = scores.f_gather(-1, &order, false)?;
        Ok(shape::row_sum(&(&sorted - sorted.f_logcumsumexp(-1)?)))
    }

    /// Draws with their importance weights $q/p$.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a prior over sets; as [`sample`](Self::sample).
    pub fn samples(&self, base: &BaseMeasure, draw: &Draw) -> Result<Samples> {
        let _guard = tch::no_grad_guard();
        let ranks = self.sample(draw)?;
        let log_weights = self.log_density(&ranks)?.neg() - base.log_count();
        Ok(Samples {
            outputs: base.encode_ranks(&ranks, self.scores.kind())?,
            log_weights: Some(log_weights),
        })
    }
}
