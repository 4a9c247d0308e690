//! No regularizer.

use tch::Tensor;

use super::{Regularizer, Separable};
use crate::domain::Domain;

/// $\Omega = 0$: the prediction is a maximizer of the energy itself, and the loss the generalized
/// perceptron loss.
///
/// Where the maximizer is not unique, as for a linear energy with a zero, it is the smallest point; the
/// loss is differentiable elsewhere only, and its gradient there is a subgradient.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NoRegularizer;

impl Regularizer for NoRegularizer {
    fn name(&self) -> &'static str {
        "none"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        crate::shape::row_sum(&p.zeros_like())
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

    /// The domain's [`linear_argmax`](Domain::linear_argmax).
    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        domain.linear_argmax(theta)
    }

    /// The projection.
    fn prox(&self, x: &Tensor, _eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        Some(domain.project(x))
    }

    /// 0: it is convex, no more.
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
