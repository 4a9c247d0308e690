//! Maximum likelihood with samples of the model.

use tch::Tensor;

use super::Criterion;
use crate::Result;
use crate::flow::Independence;
use crate::shallow::Shallow;

/// $E_{data} f - E_{model} f$ over chains that are drawn anew in every step. Its gradient at fixed points is that of the negative
/// log-likelihood over $\beta$; its value is not the likelihood.
///
/// After the authors' script of 2021, where one chain is run after the other's end; here chains are side by side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likelihood {
    /// What draws from the model; its seed and $\beta$ are those of the criterion.
    pub sampler: Independence,
    /// Points that are drawn in a step, each by a chain of its own.
    pub chains: i64,
    /// Proposals of a chain.
    pub proposals: u64,
}

impl Criterion for Likelihood {
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor> {
        let sampler = Independence {
            first: step * (self.proposals + 1),
            ..self.sampler
        };
        let samples = sampler.sample(&network.detached(), self.chains, self.proposals)?;
        Ok(network.energy(data)?.mean(None) - network.energy(&samples)?.mean(None))
    }
}
