//! The Shannon negentropy on the simplex and the Birkhoff polytope.

use tch::{Kind, Tensor};

use super::rows::{Entropy, SimplexProx, Sinkhorn};
use super::x_log_x::XLogX;
use super::{Regularizer, largest_coordinate, positive};
use crate::domain::{Domain, Geometry};
use crate::native::by_rows;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \sum_i p_i \log p_i$ with $0 \log 0 = 0$, on sets that fix $\sum_i p_i$.
///
/// On the simplex its regularized prediction for a linear energy is the softmax
/// $s\, e^{\theta_i / \gamma} / \sum_j e^{\theta_j / \gamma}$ and its Fenchel-Young loss the cross-entropy; on
/// doubly stochastic matrices the prediction is Sinkhorn's. On the cube the same function is called
/// [`OneSidedShannon`](super::OneSidedShannon).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shannon {
    gamma: f64,
}

impl Shannon {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(Shannon {
            gamma: positive("shannon.gamma", gamma)?,
        })
    }

    fn function(&self) -> XLogX {
        XLogX { gamma: self.gamma }
    }
}

impl Regularizer for Shannon {
    fn name(&self) -> &'static str {
        "shannon"
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
        let t = theta / self.gamma;
        match domain.geometry() {
            Geometry::Simplex { scale } => Some(t.softmax(-1, None::<Kind>) * scale),
            Geometry::Birkhoff { n } => Some(by_rows(&Sinkhorn { n }, &t, None)),
            _ => None,
        }
    }

    /// On the simplex, where stationarity $\eta\gamma (\log p_i + 1) + p_i + \lambda = x_i$ has a solution in
    /// Lambert's W function for each multiplier $\lambda$.
    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let Geometry::Simplex { scale } = domain.geometry() else {
            return None;
        };
        let kernel = SimplexProx {
            entropy: Entropy::Shannon,
            scale,
        };
        Some(by_rows(&kernel, x, Some(&(eta * self.gamma))))
    }

    /// On the simplex $s \gamma \log \sum_i e^{\theta_i / \gamma} - \gamma s \log s$.
    fn conjugate(&self, theta: &Tensor, argmax: &Tensor, domain: &dyn Domain) -> Tensor {
        match domain.geometry() {
            Geometry::Simplex { scale } => {
                let sum = (theta / self.gamma).logsumexp([-1].as_slice(), false);
                sum * (scale * self.gamma) - self.gamma * scale * scale.ln()
            }
            _ => shape::dot(theta, argmax) - self.value(argmax),
        }
    }

    /// On the simplex $\gamma \sum_i y_i (\log \sum_j e^{t_j} - t_i) + \Omega(y) - \gamma s \log s$ with
    /// $t = \theta / \gamma$, where the difference is a sum of nonnegative terms.
    fn linear_loss(&self, theta: &Tensor, target: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let Geometry::Simplex { scale } = domain.geometry() else {
            return None;
        };
        let cross = shape::row_sum(&(target * surprise(&(theta / self.gamma), target)));
        Some(cross * self.gamma + self.value(target) - self.gamma * scale * scale.ln())
    }

    fn modulus(&self, domain: &dyn Domain) -> f64 {
        largest_coordinate(domain).map_or(0.0, |largest| self.gamma / largest)
    }
}

/// $-\log \mathrm{softmax}(t)$, to full relative accuracy also where the softmax is nearly 1; 0 where
/// `target` is, which keeps $0 \cdot \infty$ out.
fn surprise(t: &Tensor, target: &Tensor) -> Tensor {
    let (largest, index) = t.max_dim(-1, true);
    // All exponentials but the largest element's own, which is 1.
    let others = (t - &largest).exp().scatter_value(-1, &index, 0.0);
    let excess = others.sum_dim_intlist(-1, true, None::<Kind>).log1p();
    let zero = t.zeros_like();
    (largest - t + excess).where_self(&target.ne(0.0), &zero)
}
