//! Maximum likelihood as a game against a learned sampler.

use tch::{Kind, Tensor};

use super::base_measure::BaseMeasure;
use super::bernoulli::Bernoulli;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue};
use super::objective::refuse_more;
use super::plackett_luce::PlackettLuce;
use super::samples::Draw;
use crate::{Error, Result, shape};

/// $\min_g \max_p \mathbb E_{y' \sim p(\cdot|x)}[g(x, y')] - \mathrm{KL}(p, q) - g(x, y)$ with a sampler p whose
/// scores a network predicts: product Bernoulli over sets, Plackett-Luce over permutations (our choice, the
/// paper's samplers are not known).
///
/// The gradient in p's scores is REINFORCE, $\mathbb E_p[(R - b) \nabla \log p]$ with
/// $R = g - \log p + \log q$ and for b the mean of the other samples; the divergence of a product Bernoulli
/// is not sampled but computed. The loss is one scalar whose gradient is descent in g and, the sign being
/// turned, ascent in p: one optimizer step moves both. Its value is below the negative log-likelihood by
/// $\mathrm{KL}(p, p_g)$ on average.
#[derive(Debug, Clone)]
pub struct MinMax {
    base: BaseMeasure,
    samples: i64,
    seed: u64,
}

impl MinMax {
    /// The game with `samples` draws from p for each row and step.
    ///
    /// # Errors
    /// [`Error::Parameter`] for less than two samples, or for subsets of one size, which have no sampler.
    pub fn new(base: BaseMeasure, samples: i64, seed: u64) -> Result<Self> {
        let wrong = |name, expected, found| {
            Err(Error::Parameter {
                name,
                expected,
                found,
            })
        };
        if samples < 2 {
            return wrong("min_max.samples", "at least 2", samples.to_string());
        }
        if !base.is_sets() && !base.is_permutations() {
            let found = format!("{:?}", base.space());
            return wrong("prior", "all sets or permutations", found);
        }
        Ok(MinMax {
            base,
            samples,
            seed,
        })
    }

    /// Outputs `[B, m, n]`, their $\log p$ `[B, m]` and, where it has a formula, $\mathrm{KL}(p, q)$ `[B]`.
    fn draw(&self, scores: &Tensor, draw: &Draw) -> Result<(Tensor, Tensor, Option<Tensor>)> {
        if self.base.is_sets() {
            let sampler = Bernoulli::new(scores.shallow_clone())?;
            let outputs = sampler.sample(draw)?;
            let log_density = sampler.log_density(&outputs);
            let divergence = sampler.divergence_from(&self.base)?;
            return Ok((outputs, log_density, Some(divergence)));
        }
        let sampler = PlackettLuce::new(scores.shallow_clone())?;
        let ranks = sampler.sample(draw)?;
        let outputs = self.base.encode_ranks(&ranks, scores.kind())?;
        Ok((outputs, sampler.log_density(&ranks)?, None))
    }
}

impl LikelihoodLoss for MinMax {
    fn name(&self) -> &'static str {
        "min_max"
    }

    fn base(&self) -> &BaseMeasure {
        &self.base
    }

    fn auxiliary(&self) -> Auxiliary {
        Auxiliary::SamplerScores
    }

    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue> {
        batch.check(&self.base)?;
        // The baseline is the mean of all other samples: they cannot be taken part by part.
        refuse_more(self.name(), batch.energy, self.samples)?;
        let rows = batch.energy.size().0;
        let scores = batch.auxiliary("scores", &[rows, self.base.items()])?;
        let draw = batch.draw(self.samples, self.seed);
        let (outputs, log_density, divergence) = self.draw(scores, &draw)?;
        let values = batch.energy.values(&outputs);
        let reward = match divergence {
            Some(_) => values.detach(),
            None => values.detach() - log_density.detach() - self.base.log_count(),
        };
        let count = self.samples as f64;
        let total = shape::row_sum(&reward).unsqueeze(1);
        let advantage = (&reward * count - &total) / (count - 1.0);
        let mut ascent = shape::row_sum(&(advantage * log_density)) / count;
        let mut lower_bound = shape::row_sum(&reward) / count;
        if let Some(divergence) = divergence {
            ascent -= &divergence;
            lower_bound -= divergence.detach();
        }
        let data = batch.energy.value(batch.target);
        let descent = shape::row_sum(&values) / count - &data;
        // The value of the game with the gradients of both players.
        let gradient = (&descent - ascent).mean(None::<Kind>);
        let value = (lower_bound - data.detach()).mean(None::<Kind>);
        let offset = value.detach() - gradient.detach();
        Ok(LikelihoodValue::of(gradient + offset))
    }
}
