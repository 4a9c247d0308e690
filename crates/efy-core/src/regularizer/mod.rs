//! Convex regularizers $\Omega$, with their conjugates for linear energies in closed form or to the last
//! digit by a one-dimensional root.
//!
//! | $\Omega$ | argmax for a linear energy | proximal map |
//! |---|---|---|
//! | [`HalfSquaredNorm`], [`Gini`] | any domain (its projection) | any domain |
//! | [`BinaryEntropy`] | its box; the cube's knapsacks | its box |
//! | [`OneSidedShannon`], [`BinaryTsallis`] | the cube | the cube |
//! | [`Shannon`] | simplex, Birkhoff polytope | simplex |
//! | [`Tsallis`] | simplex | simplex |
//! | [`NoRegularizer`] | every bounded domain (its linear maximizer) | any domain |
//!
//! All are separable: $\Omega(p) = \sum_i \omega(p_i)$; [`Separable`] tells solvers which $\omega$ where the
//! coordinates range over a box.

mod binary_entropy;
mod binary_tsallis;
mod difference;
mod none;
mod one_sided_shannon;
mod quadratic;
pub(crate) mod rows;
mod separable;
mod shannon;
mod tsallis;
mod x_log_x;

pub use binary_entropy::BinaryEntropy;
pub(crate) use binary_entropy::{softplus, softplus_backward};
pub use binary_tsallis::BinaryTsallis;
pub use none::NoRegularizer;
pub use one_sided_shannon::OneSidedShannon;
pub use quadratic::{Gini, HalfSquaredNorm};
pub use separable::Separable;
pub use shannon::Shannon;
pub use tsallis::Tsallis;

use tch::Tensor;

use crate::domain::{Domain, Geometry};
use crate::error::positive;
use crate::native::by_rows;
use crate::{Error, Result};

/// A convex regularizer $\Omega$, of strength $\gamma > 0$ where there is one; `p` is `[B, k]`.
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

    /// Whether $\nabla\Omega$, or its slope, is infinite where the domain ends: $\Omega$ is *steep*, and
    /// gradient steps on it have to be taken in its own coordinates.
    fn is_steep(&self) -> bool {
        false
    }

    /// $\arg\max_{p \in C} \langle \theta, p \rangle - \Omega(p)$ for `theta` `[B, k]`, `[B, k]`; `None`
    /// where there is no formula. Solvers take it as a constant; [`crate::functions`] are
    /// differentiable.
    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor>;

    /// The proximal map $\arg\min_{p \in C} \frac12 \|p - x\|^2 + \eta\,\Omega(p)$ for `x` `[B, k]` and
    /// `eta` > 0 a scalar or `[B, 1]`, `[B, k]`; `None` where there is no method for it.
    fn prox(&self, _x: &Tensor, _eta: &Tensor, _domain: &dyn Domain) -> Option<Tensor> {
        None
    }

    /// The conjugate $\Omega^*(\theta) = \max_{p \in C} \langle \theta, p \rangle - \Omega(p)$, `[B]`, given the
    /// [`argmax`](Self::argmax) over the domain.
    fn conjugate(&self, theta: &Tensor, argmax: &Tensor, _domain: &dyn Domain) -> Tensor {
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

    /// The modulus of strong convexity in the Euclidean norm over the domain; 0 where there is none.
    fn modulus(&self, domain: &dyn Domain) -> f64;

    /// The function of one coordinate, for the regularizers that solvers know.
    fn separable(&self) -> Option<Separable> {
        None
    }
}

/// Checks the order of a Tsallis entropy.
fn tsallis_alpha(name: &'static str, alpha: f64) -> Result<f64> {
    if alpha.is_finite() && alpha > 1.0 {
        Ok(alpha)
    } else {
        Err(Error::Parameter {
            name,
            expected: "a number > 1 (the limit 1 is Shannon's entropy, a regularizer of its own)",
            found: alpha.to_string(),
        })
    }
}

/// The largest value of a coordinate of a bounded set of nonnegative points.
fn largest_coordinate(domain: &dyn Domain) -> Option<f64> {
    match domain.geometry() {
        Geometry::Simplex { scale } => Some(scale),
        Geometry::Box { high, .. } => Some(high),
        Geometry::Knapsack { .. } | Geometry::Birkhoff { .. } | Geometry::OrderSimplex => Some(1.0),
        Geometry::Permutahedron { weights } => weights.first().copied(),
        Geometry::Ball { radius } => Some(radius),
        _ => None,
    }
}

/// The proximal map of a sum over coordinates on a box, one coordinate at a time.
fn prox_by_coordinates(
    omega: Separable,
    x: &Tensor,
    eta: &Tensor,
    domain: &dyn Domain,
) -> Option<Tensor> {
    let bounds = omega.bounds_on(domain)?;
    let kernel = rows::Coordinates { omega, bounds };
    // Divided by eta, it maximizes (x / eta) p - p^2 / (2 eta) - omega(p).
    Some(by_rows(&kernel, &(x / eta), Some(&eta.reciprocal().neg())))
}
