//! Functions of a prediction and a target that know nothing of energies.

use tch::Tensor;

use crate::shape;

/// How far log arguments stay from 0.
const CLIP: f64 = 1e-7;

/// $\ell(p, y)$ for `p` and `y` `[B, k]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Criterion {
    /// $-\sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)$ with p clipped to
    /// $[10^{-7}, 1 - 10^{-7}]$; where it is clipped, the derivative is 0. It wants predictions that
    /// are inside of (0, 1), as those of the binary entropy are: with quadratic regularizers a
    /// prediction that is exactly wrong costs 16 and has no gradient.
    CrossEntropy,
    /// $\frac12 \|p - y\|^2$.
    SquaredError,
}

impl Criterion {
    /// $\ell(p, y)$, `[B]`, with the graph to p.
    pub fn value(self, p: &Tensor, y: &Tensor) -> Tensor {
        match self {
            Criterion::CrossEntropy => {
                let p = p.clamp(CLIP, 1.0 - CLIP);
                let terms = y * p.log() + (1.0 - y) * p.neg().log1p();
                shape::row_sum(&terms).neg()
            }
            Criterion::SquaredError => shape::row_sum(&(p - y).square()) * 0.5,
        }
    }

    /// $\nabla_p \ell(p, y)$, `[B, k]`.
    pub fn gradient(self, p: &Tensor, y: &Tensor) -> Tensor {
        match self {
            Criterion::CrossEntropy => {
                let clipped = p.clamp(CLIP, 1.0 - CLIP);
                let inside = clipped.eq_tensor(p);
                let variance: Tensor = &clipped * (1.0 - &clipped);
                let slope = (&clipped - y) / variance;
                slope.masked_fill(&inside.logical_not(), 0.0)
            }
            Criterion::SquaredError => p - y,
        }
    }
}
