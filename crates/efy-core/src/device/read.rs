//! The one place that reads a tensor back to the host.
//!
//! On a GPU each call waits until everything that was launched before it is done. Inside a training
//! step there must be none; elsewhere one call for many numbers is better than many calls. The
//! banned methods are listed in `clippy.toml`.
#![allow(clippy::disallowed_methods)]

use tch::{Kind, Tensor, kind::Element};

use crate::Result;

/// All elements of a tensor in row-major order, converted to `T`.
///
/// # Errors
/// [`crate::Error::Torch`] when the copy fails, as it does for an error of an earlier kernel.
pub fn to_vec<T: Element + Copy>(tensor: &Tensor) -> Result<Vec<T>> {
    // `f_to_kind` and `f_contiguous` cost a dispatch each even where there is nothing to do.
    let ready = tensor.kind() == T::KIND && tensor.is_contiguous();
    let flat = if ready {
        tensor.shallow_clone()
    } else {
        tensor.detach().f_to_kind(T::KIND)?.f_contiguous()?
    };
    let mut values = vec![T::ZERO; flat.numel()];
    let count = values.len();
    flat.f_copy_data(&mut values, count)?;
    Ok(values)
}

/// The value of a tensor with one element.
///
/// # Errors
/// As [`to_vec`], and [`crate::Error::Torch`] when there is not exactly one element.
pub fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(f64::try_from(&tensor.detach().f_to_kind(Kind::Double)?)?)
}

/// Several one-element tensors of one device and kind with a single read.
///
/// # Errors
/// As [`to_vec`].
pub fn scalars(tensors: &[&Tensor]) -> Result<Vec<f64>> {
    let flat: Vec<Tensor> = tensors
        .iter()
        .map(|tensor| tensor.detach().to_kind(Kind::Double).reshape([1]))
        .collect();
    to_vec(&Tensor::f_cat(&flat, 0)?)
}
