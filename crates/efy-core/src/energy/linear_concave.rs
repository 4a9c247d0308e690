//! Linear-concave energies $\langle v, U(p) \rangle$.

use tch::{Device, Kind, Tensor};

use super::{Energy, Form};
use crate::{Result, shape};

/// A map U from outputs to features.
pub trait Features {
    /// The number of outputs k.
    fn outputs(&self) -> i64;

    /// $U(p)$ for `p` `[B, k]`, `[B, d]`.
    fn value(&self, p: &Tensor) -> Tensor;

    /// $J_U(p)^\top v$ for `p` `[B, k]` and `v` `[B, d]`, `[B, k]`.
    fn transposed_jacobian(&self, p: &Tensor, v: &Tensor) -> Tensor;
}

/// $\Phi(v, p) = \langle v, U(p) \rangle$: linear in v, so that the loss is convex in v, and concave in p
/// for the v that the caller allows. The paper's calibration result is about these.
#[derive(Debug)]
pub struct LinearConcave<U> {
    v: Tensor,
    features: U,
}

impl<U: Features> LinearConcave<U> {
    /// An energy with `v` `[B, d]`. That it is concave in p, for instance because U is concave and
    /// $v \ge 0$, is the caller's word: certificates rely on it.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] or [`crate::Error::Kind`] when `v` is no float matrix.
    pub fn new(v: Tensor, features: U) -> Result<Self> {
        shape::float_matrix("v", &v)?;
        Ok(LinearConcave { v, features })
    }
}

impl<U: Features> Energy for LinearConcave<U> {
    fn size(&self) -> (i64, i64) {
        (shape::size2(&self.v).0, self.features.outputs())
    }

    fn options(&self) -> (Kind, Device) {
        (self.v.kind(), self.v.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        shape::dot(&self.v, &self.features.value(p))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        self.features.transposed_jacobian(p, &self.v)
    }

    fn form(&self) -> Form<'_> {
        Form::Concave
    }
}
