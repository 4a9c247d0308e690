//! The contrastive log loss: negatives in place of the partition function.

use tch::Tensor;

use crate::Result;
use crate::energy::Energy;
use crate::random::{Stream, generator};

use super::bregman::objective_difference;
use super::{FenchelYoung, Found, Loss, LossValue, Sampler, target};
use crate::regularizer::NoRegularizer;

/// $L(v, y) = \Phi(v, \tilde y) - \Phi(v, y)$ with a negative $\tilde y$ drawn from
/// $p_v \propto e^{\Phi(v, \cdot)}$ by a [`Sampler`] and held constant: its gradient is an estimate of that
/// of [`LogLoss`](super::LogLoss), unbiased when the chain has reached its distribution. Its value is no
/// likelihood and may be negative: watch predictions instead.
///
/// Chains begin at `start` if given, else at the target: with the [`point`](Found::point) of the last
/// time as start they are persistent (Tieleman 2008), without they are contrastive divergence (Hinton
/// 2002). What is drawn is a function of seed, step and row in the batch. Predictions are those of the
/// regularizer, domain and solver given; the domain is also Langevin's.
pub struct Contrastive {
    predictor: FenchelYoung,
    sampler: Sampler,
    seed: u64,
    step: u64,
}

impl Contrastive {
    /// The loss with negatives from `sampler` and predictions by `predictor`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a sampler without steps.
    pub fn new(predictor: FenchelYoung, sampler: Sampler, seed: u64) -> Result<Self> {
        sampler.validate()?;
        Ok(Contrastive {
            predictor,
            sampler,
            seed,
            step: 0,
        })
    }
}

impl Loss for Contrastive {
    fn name(&self) -> &'static str {
        "contrastive"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        let problem = self.predictor.problem(energy);
        let start = match start {
            Some(_) => problem.start(start)?,
            None => target.detach(),
        };
        let random = &mut generator(self.seed, Stream::Negatives, self.step);
        let negative = self
            .sampler
            .sample(energy, problem.domain, &start, random)?;
        Ok(LossValue {
            per_row: objective_difference(energy, &NoRegularizer, &negative, target),
            solution: Found::Sample(negative),
        })
    }

    fn set_step(&mut self, step: u64) {
        self.step = step;
    }
}
