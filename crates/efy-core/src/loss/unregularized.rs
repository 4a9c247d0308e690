//! No regularizer, for the losses that have none.

use tch::Tensor;

use crate::domain::Domain;
use crate::regularizer::{Regularizer, Separable};

/// $\Omega = 0$.
pub(super) struct Unregularized;

impl Regularizer for Unregularized {
    fn name(&self) -> &'static str {
        "none"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        p.new_zeros(&p.size()[..1], (p.kind(), p.device()))
    }

    fn discrete_gradient(&self, p: &Tensor, _q: &Tensor) -> Option<Tensor> {
        Some(p.zeros_like())
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        p.zeros_like()
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        p.zeros_like()
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        domain.linear_argmax(theta)
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        0.0
    }

    fn separable(&self) -> Option<Separable> {
        Some(Separable::Quadratic {
            curvature: 0.0,
            slope: 0.0,
        })
    }
}
