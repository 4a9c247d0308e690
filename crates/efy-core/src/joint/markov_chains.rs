//! Maximum likelihood with negatives from Markov chains.

use tch::{Device, Kind, Tensor};

use super::base_measure::BaseMeasure;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue};
use super::swap_metropolis::swap_metropolis;
use crate::Result;
use crate::domain::Cube;
use crate::energy::{Energy, augmented};
use crate::error::positive_integer;
use crate::loss::Sampler;
use crate::parallel::Part;
use crate::random::{Stream, Words, generator, uniform};

/// $g(x, \tilde y) - g(x, y)$ with $\tilde y$ from a chain whose stationary distribution is
/// $p_g \propto q e^g$: systematic Gibbs sweeps over sets, Metropolis swaps of two items for subsets and
/// permutations.
///
/// Chains begin at [`Batch::chains`], persistent if these are the ones it returned for the same examples, or
/// at the data (contrastive divergence): truncated, so its gradient is biased. Its value is no likelihood. The
/// paper compares with MCMC; which chains it runs for how long is not known.
#[derive(Debug, Clone)]
pub struct MarkovChains {
    base: BaseMeasure,
    steps: usize,
    seed: u64,
}

impl MarkovChains {
    /// The loss with chains of `steps` sweeps (sets) or swaps (others).
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for chains without steps.
    pub fn new(base: BaseMeasure, steps: usize, seed: u64) -> Result<Self> {
        positive_integer("markov_chains.steps", steps.min(1) as i64)?;
        Ok(MarkovChains { base, steps, seed })
    }

    /// Where the chains end, `[B, n]`, without a graph.
    ///
    /// # Errors
    /// As [`LikelihoodLoss::mean_loss`].
    pub fn sample(&self, batch: &Batch<'_>) -> Result<Tensor> {
        batch.check(&self.base)?;
        let _guard = tch::no_grad_guard();
        let start = batch.chains.unwrap_or(batch.target).detach();
        if self.base.is_sets() {
            return match self.base.logits(batch.energy.options()) {
                Some(logits) => {
                    let linear = logits.f_expand_as(&start)?;
                    let tilted = augmented(batch.energy, &linear, 0.0)?;
                    self.gibbs(tilted.as_ref(), &start, batch)
                }
                None => self.gibbs(batch.energy, &start, batch),
            };
        }
        let words = Words::new(self.seed, Stream::Chains, batch.step);
        swap_metropolis(
            &self.base,
            batch.energy,
            &start,
            self.steps,
            &words,
            batch.first_row,
        )
    }

    /// The same numbers on every device, made there: to bring them would wait.
    fn gibbs(&self, energy: &dyn Energy, start: &Tensor, batch: &Batch<'_>) -> Result<Tensor> {
        let step = batch.step;
        let part = batch.whole.map(|of| Part {
            first: batch.first_row,
            count: start.size()[0],
            of,
        });
        let gibbs = Sampler::Gibbs { sweeps: self.steps };
        let stream = (self.seed, Stream::Chains);
        match start.device() {
            Device::Cpu => {
                let random = &mut generator(stream.0, stream.1, step);
                gibbs.sample_part(energy, &Cube, start, part, random)
            }
            device => {
                let count = gibbs.numbers(start, part);
                let numbers = uniform(stream, (step, 1), count, device)?;
                gibbs.sample_on_device(energy, &Cube, start, (&numbers.get(0), part))
            }
        }
    }
}

impl LikelihoodLoss for MarkovChains {
    fn name(&self) -> &'static str {
        "markov_chains"
    }

    fn base(&self) -> &BaseMeasure {
        &self.base
    }

    fn auxiliary(&self) -> Auxiliary {
        Auxiliary::Nothing
    }

    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue> {
        let chains = self.sample(batch)?;
        let rows = batch.energy.value(&chains) - batch.energy.value(batch.target);
        Ok(LikelihoodValue {
            mean: rows.mean(None::<Kind>),
            ratio: None,
            chains: Some(chains),
        })
    }
}
