//! Implicit score matching.

use tch::Tensor;

use super::{Criterion, base_rate, drift};
use crate::Result;
use crate::shallow::Shallow;

/// $J(f) = E[\frac12\|\nabla F\|^2 - \Delta F/\beta]$ with $F = f + U/\beta$ and derivatives within the space (Hyvärinen 2005); $\beta^2 J$ is
/// half the Fisher divergence up to a constant. What gradient descent-ascent with a restart at every iteration does as
/// the particles' step goes to 0.
///
/// Not for the step and the rectifier: $\Delta f$ has a point mass at their kinks, which no derivative at a point sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImplicitScore {
    /// $\beta$.
    pub beta: f64,
}

impl Criterion for ImplicitScore {
    fn loss(&self, network: &Shallow, data: &Tensor, _step: u64) -> Result<Tensor> {
        let square = drift(network, data, self.beta)?.square();
        let base = base_rate(network) * network.dimension() as f64 / self.beta;
        let laplacian = network.laplacian(data)? + base;
        Ok((square.sum_dim_intlist(1, false, None) * 0.5 - laplacian / self.beta).mean(None))
    }
}
