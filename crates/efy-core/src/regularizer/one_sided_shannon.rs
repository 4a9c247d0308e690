//! One-sided Shannon negentropy on the cube.

use tch::Tensor;

use super::binary_entropy::is_cube;
use super::x_log_x::XLogX;
use super::{Regularizer, Separable, positive, prox_by_coordinates};
use crate::domain::Domain;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \sum_i p_i \log p_i$ on the cube, with $0 \log 0 = 0$.
///
/// Its regularized prediction for a linear energy is $\min(e^{u/\gamma - 1}, 1)$, not the sigmoid. On the
/// simplex the same function is called [`Shannon`](super::Shannon).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneSidedShannon {
    gamma: f64,
}

impl OneSidedShannon {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(OneSidedShannon {
            gamma: positive("one_sided_shannon.gamma", gamma)?,
        })
    }

    fn function(&self) -> XLogX {
        XLogX { gamma: self.gamma }
    }
}

impl Regularizer for OneSidedShannon {
    fn name(&self) -> &'static str {
        "one_sided_shannon"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        self.function().value(p)
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        Some(self.function().discrete_gradient(p, q))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        self.function().gradient(p)
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        self.function().curvature(p)
    }

    fn is_steep(&self) -> bool {
        true
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        is_cube(domain).then(|| {
            (shape::scaled(theta, 1.0 / self.gamma) - 1.0)
                .clamp_max(0.0)
                .exp()
        })
    }

    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let omega = Separable::OneSidedShannon { gamma: self.gamma };
        prox_by_coordinates(omega, x, eta, domain)
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        self.gamma
    }

    fn separable(&self) -> Option<Separable> {
        Some(Separable::OneSidedShannon { gamma: self.gamma })
    }
}
