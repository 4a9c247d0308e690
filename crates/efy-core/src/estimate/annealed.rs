//! Annealed importance sampling.

use super::points::probability;
use super::{Density, Estimate, base_sample};
use crate::Result;
use crate::error::positive_integer;
use crate::flow::{Langevin, Move};

/// Steps of Langevin dynamics before the first of these chains, whose noise would be that of a flow with the same seed.
const FIRST: u64 = 1 << 40;

/// $\log Z$ by annealed importance sampling (Neal 2001): chains start in $\tau$ and move with a Metropolis correction while
/// $b_k = k/K$ grows to 1 in K steps; a chain's weight is $\log w = -\sum_k (b_{k+1} - b_k) \beta f(x_k)$, and $E w = Z$ exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Annealed {
    /// K.
    pub temperatures: u64,
    /// Independent chains.
    pub chains: i64,
    /// Langevin's step at each temperature: the noise of a move has variance twice this.
    pub step: f64,
    /// Of starts and moves.
    pub seed: u64,
}

impl Default for Annealed {
    fn default() -> Self {
        Annealed {
            temperatures: 1000,
            chains: 1000,
            step: 0.02,
            seed: 0,
        }
    }
}

impl Annealed {
    /// $\log Z$ with respect to $\tau$, with the error of the mean of w.
    ///
    /// # Errors
    /// A base measure that is no probability; numbers that are not positive; [`crate::Error::Torch`].
    pub fn log_partition(&self, density: &Density<'_>) -> Result<Estimate> {
        let _guard = tch::no_grad_guard();
        probability(density.network.space())?;
        positive_integer("temperatures", self.temperatures as i64)?;
        positive_integer("chains", self.chains)?;
        crate::error::positive("step", self.step)?;
        let network = density.network;
        let mut x = base_sample(network, self.chains, self.seed)?;
        let increment = 1.0 / self.temperatures as f64;
        let mut log_weights = density.log_unnormalized(&x)? * increment;
        for k in 1..self.temperatures {
            let beta = k as f64 * increment * density.beta;
            if beta == 0.0 {
                continue;
            }
            // A step of h beta at the temperature 1/beta has noise of the same size at all of them.
            let moves = Langevin {
                step: self.step * beta,
                beta,
                motion: Move::Geodesic,
                metropolis: true,
                seed: self.seed,
                first: FIRST + k,
            };
            x = moves.sample(network, &x, 1)?;
            log_weights += density.log_unnormalized(&x)? * increment;
        }
        Ok(Estimate::log_mean_exp(&log_weights))
    }
}
