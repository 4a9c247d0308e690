//! Squared Hellinger, $f(u) = (\sqrt u - 1)^2$.

use tch::Tensor;

use super::{Generator, left};
use crate::native::Real;

pub(super) struct SquaredHellinger;

impl Generator for SquaredHellinger {
    fn value(&self, u: &Tensor) -> Tensor {
        (u.sqrt() - 1.0).square()
    }

    fn derivative(&self, u: &Tensor) -> Tensor {
        1.0 - u.rsqrt()
    }

    fn derivative_at(&self, u: f64) -> f64 {
        1.0 - 1.0 / u.sqrt()
    }

    fn conjugate(&self, v: &Tensor) -> Tensor {
        let v = v.clamp_max(1.0);
        &v / left(&v)
    }

    fn slope(&self, v: &Tensor) -> Tensor {
        left(&v.clamp_max(1.0)).reciprocal().square()
    }

    fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        let inverse = left(v).reciprocal();
        (v * &inverse, inverse.square())
    }
}

#[inline(always)]
pub(super) fn pair<T: Real>(v: T) -> (T, T) {
    let v = if v > T::one() { T::one() } else { v };
    let inverse = T::one() / (T::one() - v);
    (v * inverse, inverse * inverse)
}
