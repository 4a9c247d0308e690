//! $\gamma \sum_i p_i \log p_i$, what both Shannon negentropies are.

use tch::Tensor;

use super::difference;
use crate::shape;

/// $\gamma \sum_i p_i \log p_i$ with $0 \log 0 = 0$.
pub(super) struct XLogX {
    pub(super) gamma: f64,
}

impl XLogX {
    pub(super) fn value(&self, p: &Tensor) -> Tensor {
        shape::scaled(&shape::row_sum(&p.xlogy(p)), self.gamma)
    }

    pub(super) fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Tensor {
        shape::scaled(&difference::x_log_x(p, q), self.gamma)
    }

    pub(super) fn gradient(&self, p: &Tensor) -> Tensor {
        (p.log() + 1.0) * self.gamma
    }

    pub(super) fn curvature(&self, p: &Tensor) -> Tensor {
        p.reciprocal() * self.gamma
    }
}
