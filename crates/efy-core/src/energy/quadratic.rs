//! The pairwise energy $\Phi((u, U), p) = \langle u, p \rangle + \frac12 \langle p, U p \rangle$.

use tch::{Device, Kind, Tensor};

use super::{Coupling, Energy, Form};
use crate::{Result, shape};

/// The linear-quadratic energy: unary scores u and a coupling U between outputs.
///
/// Concave in p when U is negative semidefinite, as $U = -AA^\top$ always is.
#[derive(Debug)]
pub struct Quadratic {
    u: Tensor,
    coupling: Coupling,
}

impl Quadratic {
    /// An energy with `u` `[B, k]` and U, dense `[k, k]` or `[B, k, k]`, or of low rank `[k, m]` or
    /// `[B, k, m]`.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when the
    /// tensors do not fit together.
    ///
    /// ```
    /// use efy_core::energy::{Coupling, Energy, Quadratic};
    /// use tch::Tensor;
    ///
    /// let u = Tensor::from_slice(&[1.0, 2.0]).reshape([1, 2]);
    /// let a = Tensor::from_slice(&[1.0, 1.0]).reshape([2, 1]);
    /// let energy = Quadratic::new(u, Coupling::LowRank(a))?;
    /// let p = Tensor::from_slice(&[1.0, 1.0]).reshape([1, 2]);
    /// assert_eq!(energy.value(&p), Tensor::from_slice(&[3.0 - 0.5 * 4.0]));
    /// # Ok::<(), efy_core::Error>(())
    /// ```
    pub fn new(u: Tensor, coupling: Coupling) -> Result<Self> {
        shape::float_matrix("u", &u)?;
        coupling.check(&u)?;
        Ok(Quadratic { u, coupling })
    }
}

impl Energy for Quadratic {
    fn size(&self) -> (i64, i64) {
        shape::size2(&self.u)
    }

    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let quadratic = match &self.coupling {
            Coupling::Dense(_) => shape::dot(p, &self.coupling.apply(p)) * 0.5,
            Coupling::LowRank(a) => {
                super::coupling::times(p, a)
                    .square()
                    .sum_dim_intlist(-1, false, None)
                    * -0.5
            }
        };
        shape::dot(&self.u, p) + quadratic
    }

    fn values(&self, points: &Tensor) -> Tensor {
        let matrix = &super::by_row(self.coupling.tensor(), self.u.size()[0]);
        let product = points.matmul(matrix);
        let quadratic = match &self.coupling {
            Coupling::Dense(_) => shape::dot(&product, points) * 0.5,
            Coupling::LowRank(_) => shape::row_sum(&product.square()) * -0.5,
        };
        shape::products(&self.u, points) + quadratic
    }

    /// The gradient at the midpoint, as for every quadratic function.
    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        Some(self.coupling.add_applied(&self.u, &p.lerp(q, 0.5)))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        if self.u.device() == Device::Cpu {
            &self.u + self.coupling.apply(p)
        } else {
            self.coupling.fused(&self.u, p)
        }
    }

    fn hessian_product(&self, _p: &Tensor, q: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        self.coupling.apply(q)
    }

    fn form(&self) -> Form<'_> {
        Form::Quadratic {
            u: &self.u,
            coupling: &self.coupling,
        }
    }
}
