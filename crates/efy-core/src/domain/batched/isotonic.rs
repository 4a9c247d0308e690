//! Projections that are isotonic regressions, in f64.

use tch::{Kind, Tensor};

use super::{centred, columns};
use crate::device::constants;

/// Elements of the largest intermediate tensor: 64 MB.
const MOST_ELEMENTS: i64 = 1 << 23;

/// $s - v$ on the sorted row s, where v is the closest decreasing sequence to $s - w$; gaps of s are cut
/// to $w_1 - w_k$, across which no block of v reaches.
pub(in crate::domain) fn permutahedron(z: &Tensor, weights: &[f64]) -> Tensor {
    let _guard = tch::no_grad_guard();
    let k = columns(z);
    let weights = constants(weights, (Kind::Double, z.device()));
    let widest = weights.get(0) - weights.get(-1);
    let (sorted, order) = z.to_kind(Kind::Double).sort_stable(true, -1, true);
    let above = Tensor::cat(
        &[&sorted.narrow(-1, 0, 1), &sorted.narrow(-1, 0, k - 1)],
        -1,
    );
    let levels = centred(&above, &sorted)
        .minimum(&widest)
        .cumsum(-1, None)
        .neg();
    let fitted = decreasing(&(&levels - weights));
    let projected = (levels - fitted).to_kind(z.kind());
    z.zeros_like().scatter(-1, &order, &projected)
}

/// The closest decreasing sequence, clipped.
pub(in crate::domain) fn order_simplex(z: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let z64 = z.to_kind(Kind::Double);
    let infinite = z64.isinf();
    let largest = z64
        .masked_fill(&infinite, 0.0)
        .abs()
        .amax([-1].as_slice(), true);
    // No mean with an infinite element and k - 1 finite ones lies between 0 and 1.
    let stand_in = z64.sign() * (largest + 1.0) * (2 * columns(z)) as f64;
    decreasing(&stand_in.where_self(&infinite, &z64))
        .clamp(0.0, 1.0)
        .to_kind(z.kind())
}

/// Least squares under $v_1 \ge v_2 \ge \dots$ by
/// $v_i = \min_{a \le i} \max_{b \ge i} \mathrm{mean}(y_a, \dots, y_b)$: some twenty launches and $O(k^2)$ work for as
/// many rows as fit into memory.
pub(crate) fn decreasing(y: &Tensor) -> Tensor {
    let k = columns(y);
    let rows = y.size()[0];
    let chunk = (MOST_ELEMENTS / (k * k).max(1)).max(1);
    if rows <= chunk {
        return min_max(y, k);
    }
    let parts: Vec<Tensor> = (0..rows)
        .step_by(chunk as usize)
        .map(|from| min_max(&y.narrow(0, from, chunk.min(rows - from)), k))
        .collect();
    Tensor::cat(&parts, 0)
}

fn min_max(y: &Tensor, k: i64) -> Tensor {
    let index = Tensor::arange(k, (y.kind(), y.device()));
    // Where b < a the number means nothing and is not looked at.
    let count = (index.unsqueeze(0) - index.unsqueeze(-1) + 1.0).clamp_min(1.0);
    // A block's sum is the difference of two that go over the whole row. It loses no digits: y is split into
    // multiples of the last place of a bound on all sums, whose sums are exact, and a small rest.
    let bound = y.abs().amax([-1].as_slice(), true) * (2 * k) as f64;
    let coarse = (y + &bound) - bound;
    let sums = |part: &Tensor| {
        let upto = part.cumsum(-1, None);
        upto.unsqueeze(-2) - (&upto - part).unsqueeze(-1)
    };
    let means = (sums(&coarse) + sums(&(y - &coarse))) / count;
    let (largest, _) = means.flip([-1].as_slice()).cummax(-1);
    let (smallest, _) = largest.flip([-1].as_slice()).cummin(-2);
    smallest.diagonal(0, -2, -1).contiguous()
}
