//! The binary negentropy on a knapsack: one threshold a row.

use std::cmp::Ordering;

use tch::{Kind, Tensor};

use super::coordinates::{STEPS, root as batched_root};
use crate::native::{Real, RowKernel, real, root};

/// Logits that are nothing but 0 or 1 to every kind.
const SATURATED: f64 = 800.0;

/// $p_i = \sigma(t_i - \tau)$ with $\text{min} \le \sum_i p_i \le \text{max}$, and after the k labels the
/// threshold: $\tau = 0$ if the sum is in bounds for that, else the root for the bound that is broken.
///
/// What is solved is $\log \sum_i p_i - \log \sum_i (1 - p_i) = \log m - \log(k - m)$: both sums are free of
/// cancellation, and for equal logits the left-hand side is linear in $\tau$. It is solved for the
/// distance of $\tau$ from the logit after the m largest, so that large logits do not hide small
/// differences.
pub(crate) struct Fermi {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl RowKernel for Fermi {
    fn width(&self, k: usize) -> usize {
        k + 1
    }

    fn cost(&self, _k: usize) -> usize {
        256
    }

    fn row<T: Real>(&self, t: &[T], _number: T, out: &mut [T]) {
        let Some((tau, p)) = out.split_last_mut() else {
            return;
        };
        p.copy_from_slice(t);
        let sum = sums(t, T::zero()).0;
        *tau = if !sum.is_finite() {
            T::nan()
        } else if sum > real(self.max) {
            shift(p, self.max)
        } else if sum < real(self.min) {
            shift(p, self.min)
        } else {
            T::zero()
        };
        if tau.is_nan() {
            return p.fill(T::nan());
        }
        p.iter_mut().for_each(|p| *p = sigmoid(*p).0);
    }

    fn batched(&self, t: &Tensor, _number: &Tensor) -> Tensor {
        let k = t.size()[1];
        let row_sum = |t: &Tensor| t.sum_dim_intlist(-1, true, None::<Kind>);
        let total = row_sum(&t.sigmoid());
        let many = total.gt(self.max);
        let inside = total.ge(self.min).logical_and(&total.le(self.max));
        let target = total.full_like(self.min).masked_fill(&many, self.max);
        let (sorted, _) = t.sort(-1, true);
        let next = target.clamp(0.0, k as f64 - 1.0).to_kind(Kind::Int64);
        let anchor = sorted.gather(-1, &next, false);
        let near = t - &anchor;
        let odds = (target.log() - (k as f64 - &target).log()).clamp(-SATURATED, SATURATED);
        let smallest = near.amin([-1].as_slice(), true) - &odds;
        let largest = near.amax([-1].as_slice(), true) - &odds;
        let offset = batched_root(STEPS, smallest, largest, |offset| {
            let shifted = &near - offset;
            let p = shifted.sigmoid();
            let rest = shifted.neg().sigmoid();
            let (up, down) = (row_sum(&p), row_sum(&rest));
            let slope = -row_sum(&(p * rest)) * (up.reciprocal() + down.reciprocal());
            (up.log() - down.log() - &odds, slope)
        });
        let none = near.amax([-1].as_slice(), true) + SATURATED;
        let all = near.amin([-1].as_slice(), true) - SATURATED;
        let offset = none.where_self(&target.le(0.0), &offset);
        let offset = all.where_self(&target.ge(k as f64), &offset);
        let p = t.where_self(&inside, &(near - &offset)).sigmoid();
        let tau = (anchor + offset).masked_fill(&inside, 0.0);
        Tensor::cat(&[p, tau], -1)
    }
}

/// Turns the logits t into $t - \tau$ with $\sum_i \sigma(t_i - \tau) = m$ and returns $\tau$.
fn shift<T: Real>(t: &mut [T], m: f64) -> T {
    let k = t.len() as f64;
    let mut sorted = t.to_vec();
    let next = (m.max(0.0) as usize).min(t.len() - 1);
    let descending = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(Ordering::Equal);
    let anchor = *sorted.select_nth_unstable_by(next, descending).1;
    let (mut smallest, mut largest) = (T::infinity(), T::neg_infinity());
    for t in t.iter_mut() {
        *t -= anchor;
        smallest = smallest.min(*t);
        largest = largest.max(*t);
    }
    let offset = if m <= 0.0 {
        largest + real(SATURATED)
    } else if m >= k {
        smallest - real(SATURATED)
    } else {
        let odds = real::<T>(m).ln() - real::<T>(k - m).ln();
        root(smallest - odds, largest - odds, T::one(), |offset| {
            let (p, rest, spread) = sums(t, offset);
            (
                p.ln() - rest.ln() - odds,
                -spread * (p.recip() + rest.recip()),
            )
        })
    };
    t.iter_mut().for_each(|t| *t -= offset);
    anchor + offset
}

/// $\sum_i p_i$, $\sum_i (1 - p_i)$ and $\sum_i p_i (1 - p_i)$ with $p_i = \sigma(t_i - \tau)$.
fn sums<T: Real>(t: &[T], tau: T) -> (T, T, T) {
    let mut sums = (T::zero(), T::zero(), T::zero());
    for &t in t {
        let (p, rest) = sigmoid(t - tau);
        sums = (sums.0 + p, sums.1 + rest, sums.2 + p * rest);
    }
    sums
}

/// $\sigma(t)$ and $1 - \sigma(t)$.
fn sigmoid<T: Real>(t: T) -> (T, T) {
    let e = (-t.abs()).exp();
    let large = (T::one() + e).recip();
    if t >= T::zero() {
        (large, e * large)
    } else {
        (e * large, large)
    }
}
