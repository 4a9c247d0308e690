//! The unary energy $\Phi(u, p) = \langle u, p \rangle$.

use tch::{Device, Kind, Tensor};

use super::{Energy, Form};
use crate::{Result, shape};

/// $\Phi(u, p) = \langle u, p \rangle$: with it the generalized Fenchel-Young loss is the ordinary one.
#[derive(Debug)]
pub struct Linear {
    u: Tensor,
}

impl Linear {
    /// An energy with `u` `[B, k]`.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] or [`crate::Error::Kind`] when `u` is no float matrix.
    pub fn new(u: Tensor) -> Result<Self> {
        shape::float_matrix("u", &u)?;
        Ok(Linear { u })
    }
}

impl Energy for Linear {
    fn size(&self) -> (i64, i64) {
        shape::size2(&self.u)
    }

    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        shape::dot(&self.u, p)
    }

    fn values(&self, points: &Tensor) -> Tensor {
        shape::products(&self.u, points)
    }

    fn discrete_gradient(&self, _p: &Tensor, _q: &Tensor) -> Option<Tensor> {
        Some(self.u.shallow_clone())
    }

    fn gradient(&self, _p: &Tensor) -> Tensor {
        self.u.shallow_clone()
    }

    fn hessian_product(&self, _p: &Tensor, q: &Tensor) -> Tensor {
        q.zeros_like()
    }

    fn form(&self) -> Form<'_> {
        Form::Linear { u: &self.u }
    }
}
