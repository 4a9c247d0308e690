//! The binary (Fermi-Dirac) negentropy on the cube.

use tch::Tensor;

use super::{Regularizer, Separable, positive};
use crate::domain::Domain;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \sum_i p_i \log p_i + (1 - p_i) \log(1 - p_i)$ on the cube, with $0 \log 0 = 0$.
///
/// Its regularized prediction for a linear energy is the sigmoid, its Fenchel-Young loss the sum of
/// k logistic losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryEntropy {
    gamma: f64,
}

impl BinaryEntropy {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(BinaryEntropy {
            gamma: positive("binary_entropy.gamma", gamma)?,
        })
    }
}

impl Regularizer for BinaryEntropy {
    fn name(&self) -> &'static str {
        "binary_entropy"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let q: Tensor = 1.0 - p;
        shape::row_sum(&(p.xlogy(p) + q.xlogy(&q))) * self.gamma
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        p.logit(None::<f64>) * self.gamma
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        let variance: Tensor = p * (1.0 - p);
        variance.reciprocal() * self.gamma
    }

    fn is_steep(&self) -> bool {
        true
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        is_cube(domain).then(|| (theta / self.gamma).sigmoid())
    }

    /// $\gamma \sum_i \log(1 + e^{\theta_i / \gamma})$.
    fn conjugate(&self, theta: &Tensor, _argmax: &Tensor) -> Tensor {
        shape::row_sum(&softplus(&(theta / self.gamma))) * self.gamma
    }

    /// $\gamma \sum_i y_i\, \mathrm{sp}(-\theta_i/\gamma) + (1 - y_i)\, \mathrm{sp}(\theta_i/\gamma)
    /// + \Omega(y)$ with $\mathrm{sp}(t) = \log(1 + e^t)$.
    fn linear_loss(&self, theta: &Tensor, target: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        is_cube(domain).then(|| {
            let t = theta / self.gamma;
            let cross = target * softplus(&t.neg()) + (1.0 - target) * softplus(&t);
            shape::row_sum(&cross) * self.gamma + self.value(target)
        })
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        4.0 * self.gamma
    }

    fn separable(&self) -> Option<Separable> {
        Some(Separable::BinaryEntropy { gamma: self.gamma })
    }
}

pub(super) fn is_cube(domain: &dyn Domain) -> bool {
    domain.bounds() == Some((0.0, 1.0))
}

/// $\log(1 + e^t)$ to full relative accuracy for every t (libtorch's own softplus switches to the
/// identity at 20, which costs f64 its last digits), with the sigmoid as its derivative.
pub(crate) fn softplus(t: &Tensor) -> Tensor {
    t.neg().log_sigmoid().neg()
}
