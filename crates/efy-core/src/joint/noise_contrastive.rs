//! Noise-contrastive estimation.

use tch::Kind;

use super::base_measure::BaseMeasure;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue};
use super::samples::Samples;
use crate::error::positive_integer;
use crate::{Result, shape};

/// Logistic regression of the data against $\nu$ samples of the prior a row, with the log-odds
/// $T - \log \nu$, $T = g - \tau$ (Gutmann and Hyvärinen 2010):
/// $\mathrm{sp}(\log\nu - T(y)) + \sum_j \mathrm{sp}(T(y'_j) - \log\nu) - \log\nu$ with
/// $\mathrm{sp}(t) = \log(1 + e^t)$.
///
/// As $\nu \to \infty$ it becomes the joint objective plus 1. (Derived here; what the paper says of it is not known.)
#[derive(Debug, Clone)]
pub struct NoiseContrastive {
    base: BaseMeasure,
    samples: i64,
    seed: u64,
}

impl NoiseContrastive {
    /// The loss with `samples` noise samples for each row and step.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for less than one sample.
    pub fn new(base: BaseMeasure, samples: i64, seed: u64) -> Result<Self> {
        positive_integer("noise_contrastive.samples", samples)?;
        Ok(NoiseContrastive {
            base,
            samples,
            seed,
        })
    }

    /// The loss at given noise.
    ///
    /// # Errors
    /// As [`LikelihoodLoss::mean_loss`].
    pub fn mean_loss_at(&self, batch: &Batch<'_>, noise: &Samples) -> Result<LikelihoodValue> {
        batch.check(&self.base)?;
        let tau = batch.tau()?;
        noise.check(batch.energy.size(), batch.target)?;
        let log_count = (noise.count() as f64).ln();
        let data = batch.energy.value(batch.target) - tau - log_count;
        let noise = batch.energy.values(&noise.outputs) - tau.unsqueeze(1) - log_count;
        // softplus(t) = -log sigmoid(-t).
        let rows = shape::row_sum(&noise.neg().log_sigmoid()).neg() - data.log_sigmoid();
        Ok(LikelihoodValue::of(rows.mean(None::<Kind>) - log_count))
    }
}

impl LikelihoodLoss for NoiseContrastive {
    fn name(&self) -> &'static str {
        "noise_contrastive"
    }

    fn base(&self) -> &BaseMeasure {
        &self.base
    }

    fn auxiliary(&self) -> Auxiliary {
        Auxiliary::LogPartition
    }

    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue> {
        let draw = batch.draw(self.samples, self.seed);
        let noise = Samples::given(self.base.sample(&draw, batch.energy.options())?);
        self.mean_loss_at(batch, &noise)
    }
}
