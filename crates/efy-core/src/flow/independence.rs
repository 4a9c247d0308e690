//! Independence Metropolis chains.

use tch::Tensor;

use crate::random::Stream;
use crate::shallow::{Shallow, Space};
use crate::{Error, Result, native};

/// Chains that propose points of the base measure $\tau$ and accept them with probability
/// $\min(1, e^{\beta f(x) - \beta f(x')})$: exact in the limit of many proposals, and slow where the density has narrow modes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Independence {
    /// $\beta$.
    pub beta: f64,
    /// Of proposals and acceptances.
    pub seed: u64,
    /// The number of proposals drawn before, of which none is repeated.
    pub first: u64,
}

impl Independence {
    /// Where `count` chains from $\tau$ are after so many proposals, `[count, d]`. Nothing is read.
    ///
    /// # Errors
    /// [`Error::Parameter`] for $R^d$ without a deviation, whose base measure is no probability; [`Error::Torch`].
    pub fn sample(&self, network: &Shallow, count: i64, proposals: u64) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (space, d) = (network.space(), network.dimension());
        if let Space::Euclidean { deviation: None } = space {
            return Err(Error::Parameter {
                name: "space.deviation",
                expected: "a positive number, so that the base measure is a probability",
                found: "none".to_owned(),
            });
        }
        // The last column is for the decision.
        let drawn = |step: u64| -> Result<(Tensor, Tensor)> {
            let key = (self.seed, Stream::Independence, self.first + step);
            let z = native::normal::tensor(key, (count, d + 1), network.place())?;
            Ok((space.from_gaussian(&z.narrow(1, 0, d)), z.select(1, d)))
        };
        let mut x = drawn(0)?.0;
        let mut energy = network.energy(&x)?;
        for step in 1..=proposals {
            let (proposed, z) = drawn(step)?;
            let there = network.energy(&proposed)?;
            // log u of a uniform number u, which is the distribution function of z.
            let uniform = (z / std::f64::consts::SQRT_2).erf() * 0.5 + 0.5;
            let accept = uniform.log().le_tensor(&((&energy - &there) * self.beta));
            x = proposed.where_self(&accept.unsqueeze(1), &x);
            energy = there.where_self(&accept, &energy);
        }
        Ok(x)
    }
}
