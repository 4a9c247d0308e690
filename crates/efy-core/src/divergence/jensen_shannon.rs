//! Jensen-Shannon, $f(u) = u \log u - (u + 1) \log\frac{u + 1}{2}$ (twice the usual half).

use tch::Tensor;

use super::{Generator, left};
use crate::native::Real;

pub(super) struct JensenShannon;

impl Generator for JensenShannon {
    fn value(&self, u: &Tensor) -> Tensor {
        u.xlogy(u) - (u + 1.0) * ((u - 1.0) * 0.5).log1p()
    }

    fn derivative(&self, u: &Tensor) -> Tensor {
        u.log() - ((u - 1.0) * 0.5).log1p()
    }

    fn derivative_at(&self, u: f64) -> f64 {
        u.ln() - (0.5 * (u - 1.0)).ln_1p()
    }

    /// $2 - e^v = 1 - (e^v - 1)$ keeps its digits near 0.
    fn conjugate(&self, v: &Tensor) -> Tensor {
        v.expm1().clamp_max(1.0).neg().log1p().neg()
    }

    fn slope(&self, v: &Tensor) -> Tensor {
        let excess = v.expm1().clamp_max(1.0);
        (&excess + 1.0) / left(&excess)
    }

    fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        let excess = v.expm1();
        let minus = excess.neg();
        (minus.log1p().neg(), (excess + 1.0) / (minus + 1.0))
    }
}

#[inline(always)]
pub(super) fn pair<T: Real>(v: T) -> (T, T) {
    let excess = v.exp_m1();
    let excess = if excess > T::one() { T::one() } else { excess };
    (
        -(-excess).ln_1p(),
        (excess + T::one()) / (T::one() - excess),
    )
}
