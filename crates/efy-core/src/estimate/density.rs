//! The density of a network.

use tch::{Kind, Tensor};

use crate::Result;
use crate::shallow::Shallow;
use crate::shape::dot;

/// $\nu_{\beta f} \propto e^{-\beta f}\, d\tau$ for the energy f of a network.
#[derive(Debug, Clone, Copy)]
pub struct Density<'a> {
    /// The energy.
    pub network: &'a Shallow,
    /// $\beta$; 0 makes it the base measure.
    pub beta: f64,
}

impl Density<'_> {
    /// $-\beta f(x_i)$, `[n]`, f64: the logarithm of the density with respect to $\tau$, up to $\log Z$.
    ///
    /// # Errors
    /// Points that are not `[n, d]` of the network's kind and device.
    pub fn log_unnormalized(&self, x: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        Ok(self.network.energy(x)?.to_kind(Kind::Double) * -self.beta)
    }

    /// $-\beta \nabla f(x_i)$, `[n, d]`, in the coordinates of the ambient space.
    fn score(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.network.gradient(x)? * -self.beta)
    }

    /// $\|P_x(\nabla \log p(x_i) - \nabla \log q(x_i))\|^2$, `[n]`, f64, with the projection $P_x$ onto the tangent space.
    ///
    /// Of x only products with neurons are used, so that on the sphere x may be projections of points onto a subspace
    /// that holds all neurons.
    ///
    /// # Errors
    /// As [`Density::log_unnormalized`].
    pub fn squared_score_difference(&self, other: &Density<'_>, x: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let difference = (self.score(x)? - other.score(x)?).to_kind(Kind::Double);
        let square = dot(&difference, &difference);
        Ok(match self.network.space() {
            crate::shallow::Space::Sphere => {
                square - dot(&difference, &x.to_kind(Kind::Double)).square()
            }
            _ => square,
        })
    }
}
