//! Energies from a closure.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::{Energy, Form, by_autograd};
use crate::Result;
use crate::shape;

type Map = Box<dyn Fn(&Tensor) -> Tensor>;

/// $\Phi(v, \cdot)$ as a closure from `p` `[B, k]` to `[B]`.
///
/// Its gradient comes from autograd, unless a closure for it is given too, which is what to do when
/// inference has to be fast.
///
/// ```
/// use efy_core::energy::{Custom, Energy};
/// use tch::{Kind, Tensor};
///
/// let u = Tensor::from_slice(&[1.0, 2.0]).reshape([1, 2]);
/// let shape = u.shallow_clone();
/// let energy = Custom::new(&shape, move |p| {
///     (&u * p - p.pow_tensor_scalar(4)).sum_dim_intlist(-1, false, None::<Kind>)
/// })?
/// .concave();
/// let p = Tensor::from_slice(&[0.5, 1.0]).reshape([1, 2]);
/// let _guard = tch::no_grad_guard();
/// assert_eq!(energy.gradient(&p), Tensor::from_slice(&[0.5, -2.0]).reshape([1, 2]));
/// # Ok::<(), efy_core::Error>(())
/// ```
pub struct Custom {
    size: (i64, i64),
    options: (Kind, Device),
    value: Map,
    gradient: Option<Map>,
    concave: bool,
}

impl Custom {
    /// An energy for `p` of the size, kind and device of `like` `[B, k]`.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] or [`crate::Error::Kind`] when `like` is no float matrix.
    pub fn new(like: &Tensor, value: impl Fn(&Tensor) -> Tensor + 'static) -> Result<Self> {
        shape::float_matrix("like", like)?;
        Ok(Custom {
            size: shape::size2(like),
            options: (like.kind(), like.device()),
            value: Box::new(value),
            gradient: None,
            concave: false,
        })
    }

    /// Takes $\nabla_p\Phi$ from a closure from `p` `[B, k]` to `[B, k]`.
    #[must_use]
    pub fn with_gradient(mut self, gradient: impl Fn(&Tensor) -> Tensor + 'static) -> Self {
        self.gradient = Some(Box::new(gradient));
        self
    }

    /// Says that the energy is concave in p: certificates rely on it.
    #[must_use]
    pub fn concave(mut self) -> Self {
        self.concave = true;
        self
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("size", &self.size)
            .field("options", &self.options)
            .field("concave", &self.concave)
            .finish_non_exhaustive()
    }
}

impl Energy for Custom {
    fn size(&self) -> (i64, i64) {
        self.size
    }

    fn options(&self) -> (Kind, Device) {
        self.options
    }

    fn value(&self, p: &Tensor) -> Tensor {
        (self.value)(p)
    }

    /// Without a closure of its own, by autograd: with a graph while gradients are switched on.
    fn gradient(&self, p: &Tensor) -> Tensor {
        match &self.gradient {
            Some(gradient) => gradient(p),
            None => by_autograd::gradient(self, p),
        }
    }

    fn form(&self) -> Form<'_> {
        if self.concave {
            Form::Concave
        } else {
            Form::General
        }
    }
}
