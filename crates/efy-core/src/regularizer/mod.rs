//! Strongly convex regularizers $\Omega$, with their closed-form conjugates for linear energies.
//!
//! All are separable:
//! $\Omega(p) = \sum_i \omega(p_i)$; [`Separable`] tells solvers which $\omega$.

mod binary_entropy;
mod quadratic;
mod separable;
mod shannon;

pub use binary_entropy::BinaryEntropy;
pub(crate) use binary_entropy::softplus;
pub use quadratic::{Gini, HalfSquaredNorm};
pub use separable::Separable;
pub use shannon::OneSidedShannon;

use tch::Tensor;

use crate::domain::Domain;
use crate::{Error, Result};

/// A convex regularizer $\Omega$ of strength $\gamma > 0$; `p` is `[B, k]`.
pub trait Regularizer: Send {
    /// The name used in configurations and messages.
    fn name(&self) -> &'static str;

    /// $\Omega(p)$, `[B]`.
    fn value(&self, p: &Tensor) -> Tensor;

    /// A discrete gradient: g `[B, k]` such that $\Omega(p) - \Omega(q) = \langle g, p - q \rangle$,
    /// accurate to the size of $p - q$. `None` where the difference of two values is all there is.
    fn discrete_gradient(&self, _p: &Tensor, _q: &Tensor) -> Option<Tensor> {
        None
    }

    /// $\nabla \Omega(p)$, `[B, k]`. For entropies it is infinite at the ends of the domain.
    fn gradient(&self, p: &Tensor) -> Tensor;

    /// The diagonal of $\nabla^2 \Omega(p)$, `[B, k]`: all of it, every $\Omega$ being a sum over
    /// coordinates.
    fn curvature(&self, p: &Tensor) -> Tensor;

    /// Whether $\nabla\Omega$ is infinite where the domain ends: $\Omega$ is *steep*, and gradient steps
    /// on it have to be taken in its own coordinates.
    fn is_steep(&self) -> bool {
        false
    }

    /// $\arg\max_{p \in C} \langle \theta, p \rangle - \Omega(p)$ for `theta` `[B, k]`, `[B, k]`; `None`
    /// where there is no closed form.
    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor>;

    /// The proximal map $\arg\min_{p \in C} \frac12 \|p - x\|^2 + \eta\,\Omega(p)$ for `x` `[B, k]` and
    /// `eta` a scalar or `[B, 1]`, `[B, k]`; `None` where there is no method for it.
    fn prox(&self, _x: &Tensor, _eta: &Tensor, _domain: &dyn Domain) -> Option<Tensor> {
        None
    }

    /// The conjugate $\Omega^*(\theta)$, `[B]`, given the [`argmax`](Self::argmax).
    fn conjugate(&self, theta: &Tensor, argmax: &Tensor) -> Tensor {
        crate::shape::dot(theta, argmax) - self.value(argmax)
    }

    /// The Fenchel-Young loss of `theta` at `target`, `[B]`, in a form that loses no digits and
    /// through which autograd may pass; `None` where there is none better than the definition.
    fn linear_loss(
        &self,
        _theta: &Tensor,
        _target: &Tensor,
        _domain: &dyn Domain,
    ) -> Option<Tensor> {
        None
    }

    /// The modulus of strong convexity in the Euclidean norm over the domain.
    fn modulus(&self, domain: &dyn Domain) -> f64;

    /// The function of one coordinate, for the regularizers that solvers know.
    fn separable(&self) -> Option<Separable> {
        None
    }
}

/// Checks a regularization strength.
fn positive(name: &'static str, gamma: f64) -> Result<f64> {
    if gamma.is_finite() && gamma > 0.0 {
        Ok(gamma)
    } else {
        Err(Error::Parameter {
            name,
            expected: "a positive number",
            found: gamma.to_string(),
        })
    }
}
