//! Kullback-Leibler, $f(u) = u \log u - u + 1$.

use tch::Tensor;

use super::Generator;
use crate::native::Real;

pub(super) struct KullbackLeibler;

impl Generator for KullbackLeibler {
    fn value(&self, u: &Tensor) -> Tensor {
        u.xlogy(u) - (u - 1.0)
    }

    fn derivative(&self, u: &Tensor) -> Tensor {
        u.log()
    }

    fn derivative_at(&self, u: f64) -> f64 {
        u.ln()
    }

    fn conjugate(&self, v: &Tensor) -> Tensor {
        v.expm1()
    }

    fn slope(&self, v: &Tensor) -> Tensor {
        v.exp()
    }
}

#[inline(always)]
pub(super) fn pair<T: Real>(v: T) -> (T, T) {
    (v.exp_m1(), v.exp())
}
