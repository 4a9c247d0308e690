//! All of $\mathbb{R}^k$.

use tch::Tensor;

use super::{Domain, Geometry};

/// $\mathbb{R}^k$: no constraint at all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reals;

impl Domain for Reals {
    fn name(&self) -> &'static str {
        "reals"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        z.shallow_clone()
    }

    fn linear_argmax(&self, _theta: &Tensor) -> Option<Tensor> {
        None
    }

    fn contains(&self, p: &Tensor, _tolerance: f64) -> Tensor {
        p.isfinite().all_dim(-1, false)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.zeros_like()
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Reals
    }
}
