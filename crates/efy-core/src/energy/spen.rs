//! Structured prediction energy networks: $\Phi(v, p) = \langle u, p \rangle - \Psi(p)$.

use tch::{Device, Kind, Tensor};

use super::{Energy, Form, Prior};
use crate::{Result, shape};

/// $\Phi(v, p) = \langle u, p \rangle - \Psi(p)$ with a network $\Psi$ over outputs.
///
/// With free weights it is the SPEN of Belanger and McCallum (2016), of which a solver finds a
/// stationary point; with an input-convex $\Psi$ it is concave and its maximum is certified. Which of
/// the two it is, the weights say.
///
/// With gates and biases of each row, $-\Phi$ is the partially input-convex network of Amos et al.
/// (2017) up to a constant.
#[derive(Debug)]
pub struct Spen {
    u: Tensor,
    prior: Prior,
}

impl Spen {
    /// An energy with `u` `[B, k]`.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when the
    /// tensors do not fit together.
    ///
    /// ```
    /// use efy_core::energy::{Energy, Prior, Spen};
    /// use tch::Tensor;
    ///
    /// let row = |values: &[f64]| Tensor::from_slice(values).reshape([1, -1]);
    /// let vector = |value: f64| Tensor::from_slice(&[value]);
    /// let prior = Prior::shallow(row(&[1.0, -1.0]), vector(0.0), vector(2.0))?;
    /// let energy = Spen::new(row(&[3.0, 0.5]), prior)?;
    /// // 3 + 0.5 - 2 log(1 + e^0), and its gradient u - 2 sigmoid(0) (1, -1).
    /// let p = row(&[1.0, 1.0]);
    /// assert_eq!(energy.value(&p), vector(3.5 - 2.0 * 2.0_f64.ln()));
    /// assert_eq!(energy.gradient(&p), row(&[2.0, 1.5]));
    /// # Ok::<(), efy_core::Error>(())
    /// ```
    pub fn new(u: Tensor, prior: Prior) -> Result<Self> {
        shape::float_matrix("u", &u)?;
        let (rows, k) = shape::size2(&u);
        prior.check(Some(rows), k)?;
        shape::like("W", &prior.layers()[0].input, &u)?;
        Ok(Spen { u, prior })
    }
}

impl Energy for Spen {
    fn size(&self) -> (i64, i64) {
        shape::size2(&self.u)
    }

    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        shape::dot(&self.u, p) - self.prior.value(p)
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        Some(&self.u - self.prior.discrete_gradient(p, q))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        &self.u - self.prior.gradient(p)
    }

    fn hessian_product(&self, p: &Tensor, q: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        self.prior.hessian_product(p, q).neg()
    }

    fn form(&self) -> Form<'_> {
        Form::Network {
            u: &self.u,
            prior: &self.prior,
        }
    }
}
