//! Scalar products of four vectors at a time in lanes, each product rounded together with the sum that it goes to: one
//! instruction in place of two, and the same bits with and without hardware for it.
//!
//! For callers that are compiled for the fused instruction where there is one; without, it is a slow function.

use std::hint::black_box;

use super::Real;

/// Four numbers in every lane.
pub(super) type Four<T, const L: usize> = [[T; L]; 4];

/// `sum + weight * x` in every lane.
#[inline(always)]
pub(super) fn plus<T: Real, const L: usize>(mut sum: [T; L], weight: T, x: &[T; L]) -> [T; L] {
    for lane in 0..L {
        sum[lane] = weight.mul_add(x[lane], sum[lane]);
    }
    sum
}

/// `sum` and the four `weights[i] * x[i]` in every lane, one after the other.
#[inline(always)]
pub(super) fn plus_four<T: Real, const L: usize>(
    sum: [T; L],
    weights: &[T; 4],
    x: &Four<T, L>,
) -> [T; L] {
    let sum = plus(plus(sum, weights[0], &x[0]), weights[1], &x[1]);
    plus(plus(sum, weights[2], &x[2]), weights[3], &x[3])
}

/// `dots[i] + weights[i] * x` in every lane.
#[inline(always)]
pub(super) fn plus_dots<T: Real, const L: usize>(
    dots: Four<T, L>,
    weights: &[T; 4],
    x: &[T; L],
) -> Four<T, L> {
    let [a, b, c, d] = dots;
    [
        plus(a, weights[0], x),
        plus(b, weights[1], x),
        plus(c, weights[2], x),
        plus(d, weights[3], x),
    ]
}

/// `sum_j weights[i][j] * x[j]` in every lane.
#[inline(always)]
pub(super) fn dots<T: Real, const L: usize>(weights: [&[T]; 4], x: &[[T; L]]) -> Four<T, L> {
    let [a, b, c, d] = weights;
    let mut dots = [[T::zero(); L]; 4];
    for ((((x, &a), &b), &c), &d) in x.iter().zip(a).zip(b).zip(c).zip(d) {
        dots = plus_dots(dots, &[a, b, c, d], x);
    }
    dots
}

/// `out[j] += sum_i weights[i][j] * x[i]` in every lane.
#[inline(always)]
pub(super) fn add_outers<T: Real, const L: usize>(
    out: &mut [[T; L]],
    weights: [&[T]; 4],
    x: &Four<T, L>,
) {
    let [a, b, c, d] = weights;
    for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        // black_box: the optimizer would otherwise take a lane of many elements at a time, by gathers.
        let out = black_box(out);
        *out = plus_four(*out, &[a, b, c, d], x);
    }
}
