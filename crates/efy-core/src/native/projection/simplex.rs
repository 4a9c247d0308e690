//! The scaled simplex.

use multiversion::multiversion;

use super::{LANES, RowMap, centred, largest, padded};
use crate::native::lanes::total;
use crate::native::{Real, real};

/// $\max(x - \tau, 0)$ with $\sum_i \max(x_i - \tau, 0) = s$.
///
/// Newton's method on this convex, decreasing, piecewise linear function of $\tau$ (the algorithm of
/// Michelot 1986), from the left: it rises monotonically to the root, which it meets exactly. At each
/// step the value or the slope is halved, so that there are at most about
/// $\log_2 k + \log_2 \epsilon^{-1}$ steps, and usually five: passes without branches that beat sorting.
pub(super) struct Simplex {
    pub(super) scale: f64,
}

impl RowMap for Simplex {
    fn work(&self, k: usize) -> usize {
        8 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        project(rows, k, real(self.scale));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn project<T: Real>(rows: &mut [T], k: usize, scale: T) {
    let mut y = padded::<T>(k);
    for row in rows.chunks_exact_mut(k) {
        y.as_flattened_mut()[..k].copy_from_slice(row);
        let (top, nan) = largest(&y);
        if nan {
            row.fill(T::nan());
            continue;
        }
        for value in &mut y.as_flattened_mut()[..k] {
            *value = centred(*value, top);
        }
        let tau = threshold(&y, scale);
        for (value, y) in row.iter_mut().zip(y.as_flattened()) {
            let p = *y - tau;
            *value = if p > T::zero() { p } else { T::zero() };
        }
    }
}

/// $\tau$ for a row whose largest element is 0.
#[inline(always)]
pub(super) fn threshold<T: Real>(y: &[[T; LANES]], scale: T) -> T {
    let mut tau = -scale;
    loop {
        let (mut sum, mut count) = ([T::zero(); LANES], [T::zero(); LANES]);
        for y in y {
            for lane in 0..LANES {
                let above = y[lane] > tau;
                sum[lane] += if above { y[lane] } else { T::zero() };
                count[lane] += if above { T::one() } else { T::zero() };
            }
        }
        let next = (total(sum) - scale) / total(count);
        // Written so that a NaN, which there is none of, would end it.
        if !(next > tau && next < T::zero()) {
            return tau;
        }
        tau = next;
    }
}
