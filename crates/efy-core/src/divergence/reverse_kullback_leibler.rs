//! Reverse Kullback-Leibler, $f(u) = u - 1 - \log u$.

use tch::Tensor;

use super::{Generator, left};
use crate::native::Real;

pub(super) struct ReverseKullbackLeibler;

impl Generator for ReverseKullbackLeibler {
    fn value(&self, u: &Tensor) -> Tensor {
        u - 1.0 - u.log()
    }

    fn derivative(&self, u: &Tensor) -> Tensor {
        1.0 - u.reciprocal()
    }

    fn derivative_at(&self, u: f64) -> f64 {
        1.0 - 1.0 / u
    }

    fn conjugate(&self, v: &Tensor) -> Tensor {
        v.clamp_max(1.0).neg().log1p().neg()
    }

    fn slope(&self, v: &Tensor) -> Tensor {
        left(&v.clamp_max(1.0)).reciprocal()
    }

    fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        let minus = v.neg();
        (minus.log1p().neg(), (minus + 1.0).reciprocal())
    }
}

#[inline(always)]
pub(super) fn pair<T: Real>(v: T) -> (T, T) {
    let v = if v > T::one() { T::one() } else { v };
    (-(-v).ln_1p(), T::one() / (T::one() - v))
}
