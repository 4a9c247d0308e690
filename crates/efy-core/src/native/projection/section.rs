//! The cube between two planes of constant sum.

use multiversion::multiversion;

use super::{LANES, RowMap, centred, padded};
use crate::native::lanes::total;
use crate::native::{Real, real};

/// Brackets wider than this are narrowed by a selection first.
const WIDE: f64 = 32.0;
/// Newton's method alone; after that every other step is a bisection.
const NEWTON_STEPS: usize = 10;
/// No bracket of two floats needs more bisections.
const MOST_STEPS: usize = 400;

/// Where $\sum_i \mathrm{clip}(x_i, 0, 1)$ lies in $[m_1, m_2]$ that is the projection; otherwise it is
/// $\mathrm{clip}(x - \tau, 0, 1)$ with $\tau$ such that the nearer bound m is met.
///
/// $\tau$ is found by Newton's method on the piecewise linear sum, kept in a bracket (compare Cominetti,
/// Mascarenhas and Silva 2014), and exact up to rounding once the pieces are known. A wide bracket is
/// narrowed to 1 first: with j = max(ceil(m), 1), $\tau$ lies in $[x_{(j)} - 1, x_{(j)}]$, where
/// $x_{(j)}$ is the j-th largest element. That also keeps all digits of rows with a large offset.
pub(super) struct Knapsack {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl RowMap for Knapsack {
    fn fits(&self, k: usize) -> bool {
        self.min <= k as f64
    }

    fn work(&self, k: usize) -> usize {
        10 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        project(rows, k, real(self.min), real(self.max));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn project<T: Real>(rows: &mut [T], k: usize, min: T, max: T) {
    let mut y = padded::<T>(k);
    let mut selection = vec![T::zero(); k];
    for row in rows.chunks_exact_mut(k) {
        y.as_flattened_mut()[..k].copy_from_slice(row);
        let (sum, free) = section(&y, T::zero());
        if sum.is_nan() {
            row.fill(T::nan());
            continue;
        }
        let tau = if sum > max || sum < min {
            let target = if sum > max { max } else { min };
            let bracket = if sum > max {
                let top = row.iter().copied().fold(T::neg_infinity(), T::max);
                (T::zero(), top)
            } else {
                let bottom = row.iter().copied().fold(T::infinity(), T::min);
                (bottom - T::one(), T::zero())
            };
            if bracket.1 - bracket.0 <= real(WIDE) {
                let start = (sum - target) / free;
                root(&mut y, target, bracket, start)
            } else {
                selection.copy_from_slice(row);
                let pivot = at_rank(&mut selection, target);
                for value in &mut y.as_flattened_mut()[..k] {
                    *value = centred(*value, pivot).max(-T::one()).min(T::one());
                }
                root(&mut y, target, (-T::one(), T::zero()), real(-0.5))
            }
        } else {
            T::zero()
        };
        for (value, y) in row.iter_mut().zip(y.as_flattened()) {
            *value = clip(*y - tau);
        }
    }
}

/// The max(ceil(m), 1)-th largest element of a row without NaN.
fn at_rank<T: Real>(row: &mut [T], m: T) -> T {
    let rank = m.ceil().to_usize().unwrap_or(1).clamp(1, row.len()) - 1;
    let descending = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal);
    *row.select_nth_unstable_by(rank, descending).1
}

/// Moves `y` so that $\sum_i \mathrm{clip}(y_i - \tau, 0, 1) = m$ has a root close to 0, and returns it:
/// the last correction is added to differences, which costs no digits.
#[inline(always)]
fn root<T: Real>(y: &mut [[T; LANES]], target: T, bracket: (T, T), start: T) -> T {
    let (mut low, mut high) = bracket;
    let enough = T::epsilon() * target.max(T::one());
    let mut tau = start;
    for step in 0..MOST_STEPS {
        let bisect = step > NEWTON_STEPS && step % 2 == 0;
        if bisect || !(tau > low && tau < high) {
            tau = low + (high - low) * real(0.5);
            if !(tau > low && tau < high) {
                break;
            }
        }
        let (sum, free) = section(y, tau);
        let excess = sum - target;
        if excess.abs() <= enough {
            break;
        }
        if excess > T::zero() {
            low = tau;
        } else {
            high = tau;
        }
        // Infinite where nothing is free: outside of the bracket.
        tau += excess / free;
    }
    for y in y.as_flattened_mut() {
        *y -= tau;
    }
    let (sum, free) = section(y, T::zero());
    if free > T::zero() {
        (sum - target) / free
    } else {
        T::zero()
    }
}

/// $\sum_i \mathrm{clip}(y_i - \tau, 0, 1)$ and how many of the summands lie strictly inside.
#[inline(always)]
fn section<T: Real>(y: &[[T; LANES]], tau: T) -> (T, T) {
    let (mut sum, mut free) = ([T::zero(); LANES], [T::zero(); LANES]);
    for y in y {
        for lane in 0..LANES {
            let p = y[lane] - tau;
            let clipped = clip(p);
            sum[lane] += clipped;
            free[lane] += if clipped == p && p > T::zero() && p < T::one() {
                T::one()
            } else {
                T::zero()
            };
        }
    }
    (total(sum), total(free))
}

/// $\min(\max(p, 0), 1)$; a NaN stays one.
#[inline(always)]
fn clip<T: Real>(p: T) -> T {
    let above = if p < T::zero() { T::zero() } else { p };
    if above > T::one() { T::one() } else { above }
}
