//! Binary Tsallis negentropies on the cube.

use tch::Tensor;

use super::binary_entropy::is_cube;
use super::rows::Coordinates;
use super::{Regularizer, Separable, difference, positive, prox_by_coordinates, tsallis_alpha};
use crate::domain::Domain;
use crate::native::by_rows;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \sum_i \frac{p_i^\alpha + (1 - p_i)^\alpha - 1}{\alpha (\alpha - 1)}$, $\alpha > 1$, on the
/// cube: the Tsallis negentropy of each label and its complement.
///
/// The binary negentropy is its limit $\alpha \to 1$, [`Gini`](super::Gini) of twice the strength its case
/// $\alpha = 2$; in between, predictions are smooth and yet exactly 0 or 1 where
/// $|\theta| \ge \gamma / (\alpha - 1)$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryTsallis {
    alpha: f64,
    gamma: f64,
}

impl BinaryTsallis {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `alpha` is a number above 1 and `gamma` a positive one.
    pub fn new(alpha: f64, gamma: f64) -> Result<Self> {
        Ok(BinaryTsallis {
            alpha: tsallis_alpha("binary_tsallis.alpha", alpha)?,
            gamma: positive("binary_tsallis.gamma", gamma)?,
        })
    }

    /// $\gamma / (\alpha (\alpha - 1))$.
    fn weight(&self) -> f64 {
        self.gamma / (self.alpha * (self.alpha - 1.0))
    }

    fn omega(&self) -> Separable {
        let BinaryTsallis { alpha, gamma } = *self;
        if alpha == 2.0 {
            return Separable::Quadratic {
                curvature: 2.0 * gamma,
                slope: -gamma,
            };
        }
        Separable::BinaryTsallis { alpha, gamma }
    }
}

impl Regularizer for BinaryTsallis {
    fn name(&self) -> &'static str {
        "binary_tsallis"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        // (1 - p)^alpha - 1, without cancellation for small p.
        let rest = (p.neg().log1p() * self.alpha).expm1();
        shape::row_sum(&(p.pow_tensor_scalar(self.alpha) + rest)) * self.weight()
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        let up = difference::power(p, q, self.alpha);
        let down = difference::power(&(1.0 - p), &(1.0 - q), self.alpha);
        Some((up - down) * self.weight())
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        let e = self.alpha - 1.0;
        let rest: Tensor = 1.0 - p;
        (p.pow_tensor_scalar(e) - rest.pow_tensor_scalar(e)) * (self.gamma / e)
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        let e = self.alpha - 2.0;
        let rest: Tensor = 1.0 - p;
        (p.pow_tensor_scalar(e) + rest.pow_tensor_scalar(e)) * self.gamma
    }

    /// For $\alpha < 2$: the gradient is finite, but its slope at 0 and 1 is not.
    fn is_steep(&self) -> bool {
        self.alpha < 2.0
    }

    /// For $\alpha = 1.5$, with $t = \theta / \gamma$, $\frac14 (\frac t2 + \sqrt{2 - t^2 / 4})^2$ for $|t| < 2$; otherwise
    /// the root of a monotone function.
    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        is_cube(domain).then(|| {
            let (omega, bounds) = (self.omega(), (0.0, 1.0));
            by_rows(&Coordinates { omega, bounds }, theta, None)
        })
    }

    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        prox_by_coordinates(self.omega(), x, eta, domain)
    }

    /// $\gamma\, 2^{3 - \alpha}$, attained at 1/2, but $\gamma$ for $2 < \alpha \le 3$, attained at 0 and 1.
    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        if self.alpha > 2.0 && self.alpha <= 3.0 {
            self.gamma
        } else {
            self.gamma * (3.0 - self.alpha).exp2()
        }
    }

    fn separable(&self) -> Option<Separable> {
        Some(self.omega())
    }
}
