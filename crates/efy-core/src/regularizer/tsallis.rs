//! Tsallis negentropies on the simplex.

use tch::Tensor;

use super::rows::{Entmax, Entropy, SimplexProx};
use super::{Regularizer, difference, largest_coordinate, positive, tsallis_alpha};
use crate::domain::{Domain, Geometry};
use crate::native::by_rows;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \frac{\sum_i p_i^\alpha - 1}{\alpha (\alpha - 1)}$, $\alpha > 1$, on the simplex.
///
/// Its regularized prediction is $\alpha$-entmax of $\theta / \gamma$: sparsemax for $\alpha = 2$, the softmax
/// in the limit $\alpha \to 1$, for which there is [`Shannon`](super::Shannon). Probabilities can be exactly 0,
/// and the Fenchel-Young loss is exactly 0 once the target leads by $\gamma / (\alpha - 1)$ (Blondel,
/// Martins, Niculae 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsallis {
    alpha: f64,
    gamma: f64,
}

impl Tsallis {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `alpha` is a number above 1 and `gamma` a positive one.
    pub fn new(alpha: f64, gamma: f64) -> Result<Self> {
        Ok(Tsallis {
            alpha: tsallis_alpha("tsallis.alpha", alpha)?,
            gamma: positive("tsallis.gamma", gamma)?,
        })
    }
}

impl Regularizer for Tsallis {
    fn name(&self) -> &'static str {
        "tsallis"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let Tsallis { alpha, gamma } = *self;
        (shape::row_sum(&p.pow_tensor_scalar(alpha)) - 1.0) * (gamma / (alpha * (alpha - 1.0)))
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        let Tsallis { alpha, gamma } = *self;
        Some(difference::power(p, q, alpha) * (gamma / (alpha * (alpha - 1.0))))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        let e = self.alpha - 1.0;
        p.pow_tensor_scalar(e) * (self.gamma / e)
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        p.pow_tensor_scalar(self.alpha - 2.0) * self.gamma
    }

    /// For $\alpha < 2$: the gradient is finite, but its slope at 0 is not.
    fn is_steep(&self) -> bool {
        self.alpha < 2.0
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let Geometry::Simplex { scale } = domain.geometry() else {
            return None;
        };
        let kernel = Entmax {
            alpha: self.alpha,
            factor: scale.powf(1.0 - self.alpha) / self.gamma,
        };
        let p = by_rows(&kernel, theta, None);
        Some(if scale == 1.0 { p } else { p * scale })
    }

    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let Geometry::Simplex { scale } = domain.geometry() else {
            return None;
        };
        let entropy = Entropy::Tsallis { alpha: self.alpha };
        let kernel = SimplexProx { entropy, scale };
        Some(by_rows(&kernel, x, Some(&(eta * self.gamma))))
    }

    /// $\gamma s^{\alpha - 2}$ for $\alpha \le 2$, where no coordinate exceeds s; 0 beyond.
    fn modulus(&self, domain: &dyn Domain) -> f64 {
        match largest_coordinate(domain) {
            Some(largest) if self.alpha <= 2.0 => self.gamma * largest.powf(self.alpha - 2.0),
            _ => 0.0,
        }
    }
}
