//! Soft ranks and soft sorting: projections onto permutahedra.

use tch::{Kind, Tensor};

use super::Rows;
use crate::Result;
use crate::domain::batched;
use crate::error::positive;
use crate::native::projection;

/// The ranks of each row of `theta` `[.., k]`, 1 for the largest element and k for the smallest, made
/// continuous: the projection of $-\theta / \varepsilon$ onto the convex hull of all permutations of
/// $(k, \dots, 1)$ (Blondel, Teboul, Berthet, Djolonga 2020).
///
/// Below a strength $\varepsilon$ that depends on the gaps in $\theta$ they are the ranks themselves, with
/// derivative 0; for large $\varepsilon$ all approach $(k + 1) / 2$. Elements that are near enough share
/// the ranks of a block, by their distances from its mean.
///
/// ```
/// use efy_core::functions::soft_rank;
/// use tch::Tensor;
///
/// let theta = Tensor::from_slice(&[0.2_f64, 2.0, 0.1]);
/// let expected = Tensor::from_slice(&[2.45_f64, 1.0, 2.55]);
/// assert!(soft_rank(&theta, 1.0)?.allclose(&expected, 0.0, 1e-12, false));
/// # Ok::<(), efy_core::Error>(())
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] or [`crate::Error::Kind`] for anything but rows of floating-point numbers,
/// [`crate::Error::Parameter`] unless `strength` is a positive number.
pub fn soft_rank(theta: &Tensor, strength: f64) -> Result<Tensor> {
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    let z = &rows.theta / -positive("strength", strength)?;
    if z.numel() == 0 {
        return rows.restore(&z);
    }
    let (sorted, order) = z.sort_stable(true, -1, true);
    let ranks = descending(&z);
    let blocks = Blocks::new(&sorted, &ranks);
    let p = blocks.deviations(&sorted) + blocks.means(&ranks.expand_as(&z));
    rows.restore(&z.zeros_like().scatter(-1, &order, &p))
}

/// Each row of `theta` `[.., k]` in decreasing order, made continuously differentiable almost everywhere:
/// the projection of $(k, \dots, 1) / \varepsilon$ onto the convex hull of all permutations of $\theta$
/// (Blondel, Teboul, Berthet, Djolonga 2020).
///
/// Below a strength $\varepsilon$ that depends on the gaps in $\theta$ it is the sorted row itself; elements
/// that are nearer than $1 / \varepsilon$ allows are drawn apart around their mean.
///
/// ```
/// use efy_core::functions::soft_sort;
/// use tch::Tensor;
///
/// let theta = Tensor::from_slice(&[5.0_f64, 1.0, 2.0]);
/// let expected = Tensor::from_slice(&[11.0_f64 / 3.0, 8.0 / 3.0, 5.0 / 3.0]);
/// assert!(soft_sort(&theta, 1.0)?.allclose(&expected, 0.0, 1e-12, false));
/// # Ok::<(), efy_core::Error>(())
/// ```
///
/// # Errors
/// As [`soft_rank`].
pub fn soft_sort(theta: &Tensor, strength: f64) -> Result<Tensor> {
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    let z = descending(&rows.theta) / positive("strength", strength)?;
    if rows.theta.numel() == 0 {
        return rows.restore(&rows.theta);
    }
    let (sorted, _) = rows.theta.sort_stable(true, -1, true);
    let z = z.expand_as(&sorted).contiguous();
    let blocks = Blocks::new(&z, &sorted);
    rows.restore(&(blocks.deviations(&z) + blocks.means(&sorted)))
}

/// (k, ..., 1) for rows like these.
fn descending(rows: &Tensor) -> Tensor {
    let k = rows.size()[1];
    k as f64 - Tensor::arange(k, (rows.kind(), rows.device()))
}

/// The blocks of the isotonic regression of $s - w$, both decreasing. The projection of s onto the
/// permutahedron of w is then $s - B s + B w$ with B the mean over a block: linear, so that autograd's
/// derivative is exact.
struct Blocks {
    /// The first index of each element's block, `[B, k]`.
    first: Tensor,
    /// Its number of elements, `[B, k]`.
    count: Tensor,
}

impl Blocks {
    fn new(s: &Tensor, w: &Tensor) -> Self {
        let _guard = tch::no_grad_guard();
        let difference = s.detach().to_kind(Kind::Double) - w.detach();
        let fitted =
            projection::decreasing(&difference).unwrap_or_else(|| batched::decreasing(&difference));
        let k = fitted.size()[1];
        let falls = fitted.diff(1, -1, None::<Tensor>, None::<Tensor>).ne(0.0);
        let index = Tensor::arange(k, (Kind::Int64, s.device()));
        let starts = falls.constant_pad_nd([1, 0]).to_kind(Kind::Int64) * index;
        let (first, _) = starts.cummax(-1);
        let ones = s.detach().ones_like();
        let count = ones
            .zeros_like()
            .scatter_add(-1, &first, &ones)
            .gather(-1, &first, false);
        Blocks { first, count }
    }

    /// B x.
    fn means(&self, x: &Tensor) -> Tensor {
        let sums = x.zeros_like().scatter_add(-1, &self.first, x);
        sums.gather(-1, &self.first, false) / &self.count
    }

    /// x - B x, from differences to the block's first element: no cancellation for large x.
    fn deviations(&self, x: &Tensor) -> Tensor {
        let near = x - x.detach().gather(-1, &self.first, false);
        let means = self.means(&near);
        near - means
    }
}
