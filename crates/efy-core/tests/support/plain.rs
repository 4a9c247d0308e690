//! A general quadratic regularizer for tests of solvers, written out plainly: nothing of the library but
//! its traits.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use efy_core::domain::Domain;
use efy_core::regularizer::{Regularizer, Separable};
use tch::{Kind, Tensor};

/// $\frac{c}{2} \|p\|^2 + s \sum_i p_i$ with its proximal map.
pub struct PlainQuadratic {
    pub curvature: f64,
    pub slope: f64,
}

impl Regularizer for PlainQuadratic {
    fn name(&self) -> &'static str {
        "plain quadratic"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let terms = p.square() * (0.5 * self.curvature) + p * self.slope;
        terms.sum_dim_intlist([-1].as_slice(), false, None::<Kind>)
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        p * self.curvature + self.slope
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        p.full_like(self.curvature)
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        if self.curvature > 0.0 {
            Some(domain.project(&((theta - self.slope) / self.curvature)))
        } else {
            domain.linear_argmax(&(theta - self.slope))
        }
    }

    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        Some(domain.project(&((x - eta * self.slope) / (eta * self.curvature + 1.0))))
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        self.curvature
    }

    fn separable(&self) -> Option<Separable> {
        Some(Separable::Quadratic {
            curvature: self.curvature,
            slope: self.slope,
        })
    }
}
