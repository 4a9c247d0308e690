//! The cube between two planes of constant sum.

use tch::{Kind, Tensor};

use super::{centred, columns};

/// $\mathrm{clip}(z, 0, 1)$ where its sum lies in $[m_1, m_2]$, else $\mathrm{clip}(z - \tau, 0, 1)$ with the
/// sum at the nearer bound. About forty launches.
pub(in crate::domain) fn knapsack(z: &Tensor, min: f64, max: f64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let clipped = z.clamp(0.0, 1.0);
    let sum = total(&clipped);
    let inside = sum.ge(min).logical_and(&sum.le(max));
    let target = sum.gt(max).to_kind(z.kind()) * (max - min) + min;
    clipped.where_self(&inside, &box_section(z, &target))
}

/// $\mathrm{clip}(z - \tau, 0, 1)$ with sum `target` `[B, 1]`, between 0 and k.
///
/// With j = max(ceil(m), 1), $\tau$ lies in $[z_{(j)} - 1, z_{(j)}]$, where $z_{(j)}$ is the j-th largest
/// element: with that subtracted and everything cut to $[-1, 1]$, no scale is left. The sum is a piecewise
/// linear function of $\tau$; its values at all sorted breakpoints are prefix sums of positive numbers.
fn box_section(z: &Tensor, target: &Tensor) -> Tensor {
    let k = columns(z);
    let (sorted, _) = z.sort(-1, true);
    let rank = (target.ceil() - 1.0).clamp(0, k - 1).to_kind(Kind::Int64);
    let y = centred(z, &sorted.gather(-1, &rank, false)).clamp(-1.0, 1.0);
    // Going down, an element becomes free at y and reaches 1 at y - 1.
    let (breakpoints, order) = Tensor::cat(&[&y, &(&y - 1.0)], -1)
        .clamp(-1.0, 0.0)
        .sort(-1, true);
    let free = (order.lt(k).to_kind(z.kind()) * 2.0 - 1.0).cumsum(-1, None);
    let last = 2 * k - 1;
    let gaps = breakpoints.narrow(-1, 0, last) - breakpoints.narrow(-1, 1, last);
    let first = total(&y.clamp(0.0, 1.0));
    let rises = (gaps * free.narrow(-1, 0, last)).cumsum(-1, None);
    let sums = Tensor::cat(&[&first, &(rises + &first)], -1);
    let below = sums
        .lt_tensor(target)
        .sum_dim_intlist(-1, true, Kind::Int64);
    let piece = (below - 1).clamp(0, last);
    let at = |values: &Tensor| values.gather(-1, &piece, false);
    let tau = at(&breakpoints) - (target - at(&sums)) / at(&free).clamp_min(1.0);
    let y = y - tau.clamp(-1.0, 0.0);
    // One Newton step takes away what the prefix sums have rounded.
    let p = y.clamp(0.0, 1.0);
    let free = total(&p.gt(0.0).logical_and(&p.lt(1.0)).to_kind(z.kind())).clamp_min(1.0);
    let correction = (total(&p) - target) / free;
    (y - correction).clamp(0.0, 1.0)
}

fn total(rows: &Tensor) -> Tensor {
    rows.sum_dim_intlist(-1, true, None)
}
