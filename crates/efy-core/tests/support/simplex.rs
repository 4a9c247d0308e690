//! The probability simplex, with Shannon's negentropy and half the squared norm on it, for tests of
//! solvers: written out plainly, without anything of the library but its traits.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use efy_core::domain::{Domain, Geometry};
use efy_core::regularizer::{Regularizer, Separable};
use tch::{Kind, Tensor};

pub struct PlainSimplex;

impl Domain for PlainSimplex {
    fn name(&self) -> &'static str {
        "plain simplex"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        let (sorted, _) = z.sort(-1, true);
        let k = z.size()[1];
        let counts = Tensor::arange_start(1, k + 1, (z.kind(), z.device()));
        let excess = (sorted.cumsum(-1, None::<Kind>) - 1.0) / counts;
        let threshold = excess.where_self(
            &sorted.gt_tensor(&excess),
            &excess.full_like(f64::NEG_INFINITY),
        );
        (z - threshold.amax([-1].as_slice(), true)).clamp_min(0.0)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let best = theta.argmax(-1, true);
        let ones = best.ones_like().to_kind(theta.kind());
        Some(theta.zeros_like().scatter(1, &best, &ones))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let sums = p.sum_dim_intlist([-1].as_slice(), false, None::<Kind>);
        p.ge(-tolerance)
            .all_dim(-1, false)
            .logical_and(&(sums - 1.0).abs().le(tolerance))
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(1.0 / like.size()[1] as f64)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Simplex { scale: 1.0 }
    }
}

/// $\gamma \sum_i p_i \log p_i$ on the simplex.
pub struct PlainShannon(pub f64);

impl Regularizer for PlainShannon {
    fn name(&self) -> &'static str {
        "plain shannon"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        p.xlogy(p)
            .sum_dim_intlist([-1].as_slice(), false, None::<Kind>)
            * self.0
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        (p.log() + 1.0) * self.0
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        p.reciprocal() * self.0
    }

    fn is_steep(&self) -> bool {
        true
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        matches!(domain.geometry(), Geometry::Simplex { scale: 1.0 })
            .then(|| (theta / self.0).softmax(-1, None::<Kind>))
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        self.0
    }
}

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
