//! What shallow networks are fitted by without their normalization: score matching, Stein discrepancies, and the likelihood
//! with samples of the model: the baselines of dual training.
//!
//! | | is | needs |
//! |---|---|---|
//! | [`ImplicitScore`] | $E[\frac12\lVert\nabla f\rVert^2 - \Delta f/\beta]$ | second derivatives |
//! | [`ExplicitScore`] | $E\lVert\nabla\log p - \nabla\log q\rVert^2$ | the teacher |
//! | [`SlicedScore`] | the same as implicit along random directions | second derivatives |
//! | [`DenoisingScore`] | the score of points with noise | $R^d$ |
//! | [`KernelStein`] | the squared Stein discrepancy of a kernel | the sphere |
//! | [`FeatureStein`] | that of the ball of $F_1$ | the sphere |
//! | [`Likelihood`] | $E f$ over data minus that over samples, whose gradient is the likelihood's | chains |
//!
//! Each is a [`Criterion`]: a scalar that autograd differentiates in neurons and weights, of which
//! [`Descent`](crate::flow::Descent) makes steps.

mod denoising;
mod explicit;
mod feature_stein;
mod implicit;
mod kernel_stein;
mod likelihood;
mod sliced;

pub use denoising::{DenoisingScore, denoising_score};
pub use explicit::ExplicitScore;
pub use feature_stein::FeatureStein;
pub use implicit::ImplicitScore;
pub use kernel_stein::KernelStein;
pub use likelihood::Likelihood;
pub use sliced::{SlicedScore, sliced_score};

use tch::Tensor;

use crate::shallow::{Shallow, Space};
use crate::{Error, Result};

/// A number that is small where a network's density is that of the data.
pub trait Criterion: Send {
    /// A scalar on the device for data `[n, d]`, differentiable in the network's neurons and weights. Randomness is a
    /// function of the step.
    ///
    /// # Errors
    /// Data that are not `[n, d]` of the network's kind and device; spaces and activations that it is not defined for.
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor>;
}

impl<C: Criterion + ?Sized> Criterion for Box<C> {
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor> {
        (**self).loss(network, data, step)
    }
}

/// $P_x \nabla(f + U/\beta)$, `[n, d]`: minus the score over $\beta$.
fn drift(network: &Shallow, x: &Tensor, beta: f64) -> Result<Tensor> {
    Ok(network.space().tangent(x, &network.drift(x, beta)?))
}

/// $\mathrm{div}$ and curvature of the base measure's $\nabla U$ along a unit vector.
fn base_rate(network: &Shallow) -> f64 {
    network.space().base_rate().unwrap_or(0.0)
}

/// Refuses all spaces but one.
fn only(network: &Shallow, what: &'static str, sphere: bool) -> Result<()> {
    let space = network.space();
    let served = match space {
        Space::Sphere => sphere,
        Space::Euclidean { .. } => !sphere,
        Space::Torus => false,
    };
    if served {
        return Ok(());
    }
    Err(Error::Parameter {
        name: what,
        expected: if sphere { "the sphere" } else { "R^d" },
        found: format!("{space:?}"),
    })
}

/// Points on the sphere, $\tilde s = -\beta P_x \nabla f - (d - 1) x$: what Stein's operator multiplies functions with.
fn stein_score(network: &Shallow, x: &Tensor, beta: f64) -> Result<Tensor> {
    let normal = x * (network.dimension() as f64 - 1.0);
    Ok(drift(network, x, beta)? * -beta - normal)
}
