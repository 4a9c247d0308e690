//! The one place that reads a tensor back to the host.
//!
//! On a GPU each call waits until everything that was launched before it is done. Inside a training
//! step there must be none; elsewhere one call for many numbers is better than many calls. The
//! banned methods are listed in `clippy.toml`.
#![allow(clippy::disallowed_methods)]

use tch::{Kind, Tensor, kind::Element};

use crate::{Error, Result};

/// All elements of a tensor in row-major order, converted to `T`.
///
/// # Errors
/// [`crate::Error::Torch`] when the copy fails, as it does for an error of an earlier kernel.
pub fn to_vec<T: Element + Copy>(tensor: &Tensor) -> Result<Vec<T>> {
    let mut values = vec![T::ZERO; tensor.numel()];
    fill(tensor, &mut values)?;
    Ok(values)
}

/// As [`to_vec`], into memory that is there already.
///
/// # Errors
/// As [`to_vec`], and [`Error::Shape`] when there are not as many elements.
pub fn fill<T: Element + Copy>(tensor: &Tensor, values: &mut [T]) -> Result<()> {
    let count = values.len();
    if tensor.numel() != count {
        return Err(Error::Shape {
            what: "values",
            expected: format!("{count} elements"),
            found: tensor.size(),
        });
    }
    // `f_to_kind` and `f_contiguous` cost a dispatch each even where there is nothing to do.
    if tensor.kind() == T::KIND && tensor.is_contiguous() {
        tensor.f_copy_data(values, count)?;
    } else {
        let flat = tensor.detach().f_to_kind(T::KIND)?.f_contiguous()?;
        flat.f_copy_data(values, count)?;
    }
    Ok(())
}

/// The value of a tensor with one element.
///
/// # Errors
/// As [`to_vec`], and [`crate::Error::Torch`] when there is not exactly one element.
pub fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(f64::try_from(&tensor.detach().f_to_kind(Kind::Double)?)?)
}
