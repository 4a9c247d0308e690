//! The Euclidean ball and its surface.

use tch::Tensor;

use super::columns;

/// Rows with a norm above the radius, scaled.
pub(in crate::domain) fn ball(z: &Tensor, radius: f64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let Polar { direction, norm } = Polar::of(z);
    z.where_self(&norm.le(radius), &(direction * radius))
}

/// All rows, scaled; 0 becomes $r e_1$.
pub(in crate::domain) fn sphere(z: &Tensor, radius: f64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let Polar { direction, norm } = Polar::of(z);
    let index = Tensor::arange(columns(z), (z.kind(), z.device()));
    let axis = index.eq(0.0).to_kind(z.kind());
    axis.where_self(&norm.eq(0.0), &direction) * radius
}

/// Rows as unit vectors and norms.
struct Polar {
    /// `[B, k]`, 0 where the norm is.
    direction: Tensor,
    /// `[B, 1]`.
    norm: Tensor,
}

impl Polar {
    /// Divides by the largest element first: no square overflows, and infinite elements count as equal.
    fn of(z: &Tensor) -> Self {
        let size = z.abs();
        let largest = size.amax([-1].as_slice(), true);
        let scaled = z
            .sign()
            .where_self(&size.eq_tensor(&largest), &(z / &largest));
        let norm = scaled.square().sum_dim_intlist(-1, true, None).sqrt();
        // A row that is not 0 has an element of size 1.
        Polar {
            direction: scaled / norm.clamp_min(1.0),
            norm: norm * largest,
        }
    }
}
