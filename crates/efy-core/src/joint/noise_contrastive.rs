//! Noise-contrastive estimation.

use tch::Kind;

use super::base_measure::BaseMeasure;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue};
use super::objective::part_size;
use super::samples::Samples;
use crate::energy::Energy;
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
    part: Option<i64>,
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
            part: None,
        })
    }

    /// Holds at most `part` samples a row at once, as [`Joint::with_part`](super::Joint::with_part).
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for less than one.
    pub fn with_part(mut self, part: i64) -> Result<Self> {
        positive_integer("noise_contrastive.part", part)?;
        self.part = Some(part);
        Ok(self)
    }

    /// The loss at given noise.
    ///
    /// # Errors
    /// As [`LikelihoodLoss::mean_loss`].
    pub fn mean_loss_at(&self, batch: &Batch<'_>, noise: &Samples) -> Result<LikelihoodValue> {
        self.terms(batch, noise, noise.count(), true)
    }

    /// The terms of some of `count` samples of noise, and those of the data, which are added once.
    fn terms(
        &self,
        batch: &Batch<'_>,
        noise: &Samples,
        count: i64,
        data: bool,
    ) -> Result<LikelihoodValue> {
        batch.check(&self.base)?;
        let tau = batch.tau()?;
        noise.check(batch.energy.size(), batch.target)?;
        let log_count = (count as f64).ln();
        let noise = batch.energy.values(&noise.outputs) - tau.unsqueeze(1) - log_count;
        // softplus(t) = -log sigmoid(-t).
        let of_noise = shape::row_sum(&noise.neg().log_sigmoid()).neg();
        let mean = match data {
            true => {
                let data = batch.energy.value(batch.target) - tau - log_count;
                (of_noise - data.log_sigmoid()).mean(None::<Kind>) - log_count
            }
            false => of_noise.mean(None::<Kind>),
        };
        Ok(LikelihoodValue::of(mean))
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

    fn parts(&self, energy: &dyn Energy) -> i64 {
        let size = part_size(energy, self.part);
        (self.samples + size - 1) / size
    }

    fn part_loss(&self, batch: &Batch<'_>, part: i64) -> Result<LikelihoodValue> {
        let size = part_size(batch.energy, self.part);
        let range = part * size..((part + 1) * size).min(self.samples);
        let draw = batch.draw(self.samples, self.seed);
        let noise = self.base.request(&draw, range);
        let noise = Samples::given(noise.draw(batch.energy.options())?);
        self.terms(batch, &noise, self.samples, part == 0)
    }
}
