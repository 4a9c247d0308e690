//! The function of one unit.

use tch::Tensor;

use crate::error::positive;
use crate::{Error, Result};

/// $\sigma$ of a feature $\varphi(\theta, x) = \sigma(\langle\theta, e(x)\rangle)$.
///
/// The first is the paper's for power 1; powers and smooth functions are *our choice*.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// $\sigma(u) = \max(0, u)^a$: the step function for $a = 0$ (0 at 0), the rectifier for 1. Homogeneous of degree a.
    Relu {
        /// a, at most 8.
        power: u32,
    },
    /// $\sigma(u) = \log(1 + e^u)$.
    Softplus,
    /// $\sigma(u) = \tanh u$.
    Tanh,
    /// $\sigma(u) = e^{a (u - 1)}$: a bump around $\theta$ on the sphere.
    Exponential {
        /// a, positive.
        sharpness: f64,
    },
}

impl Activation {
    /// The rectifier, $\max(0, u)$.
    pub const RELU: Activation = Activation::Relu { power: 1 };

    /// Refuses parameters out of range.
    pub(super) fn validate(self) -> Result<()> {
        match self {
            Activation::Relu { power } if power > 8 => Err(Error::Parameter {
                name: "activation.power",
                expected: "an integer from 0 to 8",
                found: power.to_string(),
            }),
            Activation::Exponential { sharpness } => {
                positive("activation.sharpness", sharpness).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// $\sigma(u)$, elementwise.
    pub fn value(self, u: &Tensor) -> Tensor {
        match self {
            Activation::Relu { power } => power_of_positive(u, power),
            Activation::Softplus => u.softplus(),
            Activation::Tanh => u.tanh(),
            Activation::Exponential { sharpness } => ((u - 1.0) * sharpness).exp(),
        }
    }

    /// $\sigma'(u)$; for the rectifier 0 at 0.
    pub fn slope(self, u: &Tensor) -> Tensor {
        match self {
            Activation::Relu { power: 0 } => u.zeros_like(),
            Activation::Relu { power: 1 } => power_of_positive(u, 0),
            Activation::Relu { power } => power_of_positive(u, power - 1) * f64::from(power),
            Activation::Softplus => u.sigmoid(),
            Activation::Tanh => 1.0_f64 - u.tanh().square(),
            Activation::Exponential { sharpness } => self.value(u) * sharpness,
        }
    }

    /// $\sigma'(u)\, t$, without a launch for the slope of the rectifier as numbers.
    pub(crate) fn slopes_times(self, u: &Tensor, t: &Tensor) -> Tensor {
        match self {
            Activation::Relu { power: 1 } => u.gt(0.0) * t,
            _ => self.slope(u) * t,
        }
    }

    /// $\sigma''(u)$, and `None` where it is not a function: the rectifier's is a point mass at 0 that score
    /// matching needs and no pointwise derivative has.
    pub fn curvature(self, u: &Tensor) -> Option<Tensor> {
        match self {
            Activation::Relu { power: 0 | 1 } => None,
            Activation::Relu { power } => {
                Some(power_of_positive(u, power - 2) * f64::from(power * (power - 1)))
            }
            Activation::Softplus => Some(u.sigmoid() * (-u).sigmoid()),
            Activation::Tanh => {
                let t = u.tanh();
                Some((t.square() - 1.0) * &t * 2.0)
            }
            Activation::Exponential { sharpness } => Some(self.value(u) * (sharpness * sharpness)),
        }
    }
}

/// $\max(0, u)^a$; a = 0 is the step function, 0 at 0.
fn power_of_positive(u: &Tensor, power: u32) -> Tensor {
    match power {
        0 => u.gt(0.0).to_kind(u.kind()),
        1 => u.relu(),
        2 => {
            let p = u.relu();
            &p * &p
        }
        power => u.relu().pow_tensor_scalar(i64::from(power)),
    }
}
