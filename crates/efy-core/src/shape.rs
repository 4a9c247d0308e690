//! Checks of what comes in from outside, and the two reductions that everything is made of.

use tch::{Kind, Tensor};

use crate::{Error, Result};

/// t, multiplied unless the factor is 1.
pub(crate) fn scaled(t: &Tensor, factor: f64) -> Tensor {
    match factor {
        1.0 => t.shallow_clone(),
        _ => t * factor,
    }
}

/// $1 - t$ in one launch.
pub(crate) fn complement(t: &Tensor) -> Tensor {
    t.rsub_scalar(1.0)
}

/// Rows B and columns k of a tensor that is known to be a matrix.
pub(crate) fn size2(t: &Tensor) -> (i64, i64) {
    match t.size().as_slice() {
        [rows, columns] => (*rows, *columns),
        _ => (0, 0),
    }
}

/// $\langle a, b \rangle$ for each row, `[B]`.
pub(crate) fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum_dim_intlist(-1, false, None)
}

/// $\langle u_b, p_{bj} \rangle$ for m points a row, `[B, m]`: `points` are `[m, k]` for all rows or
/// `[B, m, k]`.
pub(crate) fn products(u: &Tensor, points: &Tensor) -> Tensor {
    if points.dim() == 2 {
        u.matmul(&points.tr())
    } else {
        points.bmm(&u.unsqueeze(2)).squeeze_dim(2)
    }
}

/// The sum over each row, `[B]`.
pub(crate) fn row_sum(a: &Tensor) -> Tensor {
    a.sum_dim_intlist(-1, false, None)
}

/// Refuses anything but an f32 or f64 matrix.
pub(crate) fn float_matrix(what: &'static str, t: &Tensor) -> Result<()> {
    if t.dim() != 2 {
        return Err(Error::Shape {
            what,
            expected: "[B, k]".to_owned(),
            found: t.size(),
        });
    }
    match t.kind() {
        Kind::Float | Kind::Double => Ok(()),
        found => Err(Error::Kind {
            what,
            expected: "Float or Double".to_owned(),
            found,
        }),
    }
}

/// Refuses a tensor whose kind or device is not that of `other`.
pub(crate) fn like(what: &'static str, t: &Tensor, other: &Tensor) -> Result<()> {
    placed(what, t, other.kind(), other.device())
}

/// Refuses a tensor that is not `[rows, k]` of this kind on this device.
pub(crate) fn matrix_of(
    what: &'static str,
    t: &Tensor,
    (rows, k): (i64, i64),
    (kind, device): (Kind, tch::Device),
) -> Result<()> {
    tensor_of(what, t, &[rows, k], (kind, device))
}

/// Refuses a tensor that is not of this shape and kind on this device.
pub(crate) fn tensor_of(
    what: &'static str,
    t: &Tensor,
    shape: &[i64],
    (kind, device): (Kind, tch::Device),
) -> Result<()> {
    if t.size() != shape {
        return Err(Error::Shape {
            what,
            expected: format!("{shape:?}"),
            found: t.size(),
        });
    }
    placed(what, t, kind, device)
}

fn placed(what: &'static str, t: &Tensor, kind: Kind, device: tch::Device) -> Result<()> {
    if t.kind() != kind {
        return Err(Error::Kind {
            what,
            expected: format!("{kind:?}"),
            found: t.kind(),
        });
    }
    if t.device() != device {
        return Err(Error::Placement {
            what,
            expected: device,
            found: t.device(),
        });
    }
    Ok(())
}
