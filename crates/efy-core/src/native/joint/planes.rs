//! Sets as planes of bits: a word holds one label of 64 samples.
//!
//! What a label adds to the scores of 16 samples is an addition under a mask, and so is what 16 samples add to its gradient:
//! the bits are the masks as they are drawn. Of a matrix product an addition is left, for each label and sample twice.

use std::hint::black_box;
use std::ops::Range;

use multiversion::multiversion;

use super::weights::{PARTS, Sums, total};
use super::{Coding, Row};
use crate::divergence::Conjugate;
use crate::joint::{BaseMeasure, Space, word_threshold as threshold, words_per_row};
use crate::native::{Real, real};
use crate::random::HalfWords;

/// Samples of a word.
const BLOCK: usize = 64;
/// Samples side by side.
const LANES: usize = PARTS;
/// Fewer labels of samples than this are done before another thread is awake.
const WORTH_THREADS: usize = 1 << 19;

/// The sets of a base measure. Of each block of samples, one after the other, a word for each label; bits past the
/// last sample count for nothing.
pub(crate) struct Planes {
    base: BaseMeasure,
    k: usize,
}

impl Planes {
    pub(super) fn of(base: &BaseMeasure) -> Self {
        Planes {
            base: base.clone(),
            k: base.items() as usize,
        }
    }
}

impl Coding for Planes {
    type Unit = u64;
    /// Weights that have yet to be summed over lanes, for each label.
    type Scratch<T: Real> = Vec<[T; LANES]>;

    fn units(&self, samples: usize) -> usize {
        samples.div_ceil(BLOCK) * self.k
    }

    fn draw(
        &self,
        words: &HalfWords,
        (row, samples): (i64, i64),
        range: Range<i64>,
        planes: &mut [u64],
    ) {
        let k = self.k as i64;
        let start = row * words_per_row(&self.base, samples);
        let item_word =
            |sample: i64, item: usize| words.word((start + sample * k + item as i64) as u64) as i64;
        let blocks = planes.chunks_exact_mut(self.k);
        let blocks = blocks.zip((range.start..).step_by(BLOCK));
        match self.base.space() {
            Space::BernoulliSets { probabilities } => {
                let thresholds: Vec<i64> = probabilities.iter().map(|&p| threshold(p)).collect();
                for (planes, first) in blocks {
                    let samples = first..range.end.min(first + BLOCK as i64);
                    for (item, (plane, &threshold)) in
                        planes.iter_mut().zip(&thresholds).enumerate()
                    {
                        let there = samples
                            .clone()
                            .map(|sample| item_word(sample, item) < threshold);
                        *plane = there
                            .zip(0..)
                            .fold(0, |bits, (there, s)| bits | u64::from(there) << s);
                    }
                }
            }
            Space::Subsets { size } => {
                let mut keys = vec![(0, 0); self.k];
                for (planes, first) in blocks {
                    planes.fill(0);
                    let samples = first..range.end.min(first + BLOCK as i64);
                    for (sample, s) in samples.zip(0..) {
                        for (item, key) in keys.iter_mut().enumerate() {
                            *key = (item_word(sample, item), item);
                        }
                        keys.sort_unstable();
                        let chosen = keys.iter().take(*size as usize);
                        chosen.for_each(|&(_, item)| planes[item] |= 1 << s);
                    }
                }
            }
            _ => {
                let stride = samples as u64 / BLOCK as u64 + u64::from(samples % BLOCK as i64 > 0);
                for (planes, first) in blocks {
                    uniform(
                        words,
                        start as u64 + first as u64 / BLOCK as u64,
                        stride,
                        planes,
                    );
                }
            }
        }
    }

    fn write<T: Real>(&self, planes: &[u64], out: &mut [T]) {
        let blocks = out.chunks_mut(BLOCK * self.k);
        for (out, planes) in blocks.zip(planes.chunks_exact(self.k)) {
            for (out, s) in out.chunks_exact_mut(self.k).zip(0..) {
                for (out, plane) in out.iter_mut().zip(planes) {
                    *out = if plane >> s & 1 == 1 {
                        T::one()
                    } else {
                        T::zero()
                    };
                }
            }
        }
    }

    fn read<T: Real>(&self, outputs: &[T], planes: &mut [u64]) {
        let half = real::<T>(0.5);
        planes.fill(0);
        let blocks = outputs.chunks(BLOCK * self.k);
        for (outputs, planes) in blocks.zip(planes.chunks_exact_mut(self.k)) {
            for (output, s) in outputs.chunks_exact(self.k).zip(0..) {
                for (plane, &y) in planes.iter_mut().zip(output) {
                    *plane |= u64::from(y > half) << s;
                }
            }
        }
    }

    fn worth_threads(&self, rows: usize, samples: usize) -> bool {
        rows * samples * self.k >= WORTH_THREADS
    }

    fn scratch<T: Real>(&self, _samples: usize) -> Vec<[T; LANES]> {
        vec![[T::zero(); LANES]; self.k]
    }

    fn pass<T: Real>(
        &self,
        row: &Row<'_, T, u64>,
        conjugate: &Conjugate,
        sums: &mut Vec<[T; LANES]>,
        gradient: &mut [T],
    ) -> (T, T) {
        pass(row, conjugate, sums, gradient)
    }
}

/// Every `stride`th word from `first` on.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn uniform(words: &HalfWords, first: u64, stride: u64, planes: &mut [u64]) {
    for (plane, item) in planes.iter_mut().zip(0..) {
        *plane = words.word(first + item * stride);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn pass<T: Real>(
    row: &Row<'_, T, u64>,
    conjugate: &Conjugate,
    sums: &mut [[T; LANES]],
    gradient: &mut [T],
) -> (T, T) {
    let mut weighed = Sums::new();
    sums.fill([T::zero(); LANES]);
    let blocks = row.units.chunks_exact(row.theta.len());
    for (planes, first) in blocks.zip((0..).step_by(BLOCK)) {
        let count = (row.samples - first).min(BLOCK);
        let lanes = count.div_ceil(LANES);
        let mut values = [[-row.tau; LANES]; 4];
        add_scores(planes, row.theta, lanes, &mut values);
        let values_of_samples = values.as_flattened_mut();
        weighed.weigh(conjugate, &mut values_of_samples[..count]);
        values_of_samples[count..].fill(T::zero());
        add_weights(planes, &values, lanes, sums);
    }
    for (gradient, sums) in gradient.iter_mut().zip(&*sums) {
        *gradient = total(sums);
    }
    weighed.totals()
}

/// Adds the scores of the labels that are there: all 64 samples at once, or as many registers as there are.
#[inline(always)]
fn add_scores<T: Real>(planes: &[u64], theta: &[T], lanes: usize, values: &mut [[T; LANES]; 4]) {
    // A compiler that knows the bit of a lane tests it where another would do for all; and labels are not for lanes.
    let shifts = black_box([16, 32, 48]);
    if lanes == 4 {
        let [mut a, mut b, mut c, mut d] = *values;
        for (&plane, &theta) in planes.iter().zip(theta) {
            let (plane, theta) = (black_box(plane), [theta; LANES]);
            a = plus(a, plane, &theta);
            b = plus(b, plane >> shifts[0], &theta);
            c = plus(c, plane >> shifts[1], &theta);
            d = plus(d, plane >> shifts[2], &theta);
        }
        *values = [a, b, c, d];
        return;
    }
    for (values, shift) in values
        .iter_mut()
        .zip([0].into_iter().chain(shifts))
        .take(lanes)
    {
        let mut sum = *values;
        for (&plane, &theta) in planes.iter().zip(theta) {
            sum = plus(sum, black_box(plane) >> shift, &[theta; LANES]);
        }
        *values = sum;
    }
}

/// Adds the weights of the samples where a label is, for each label.
#[inline(always)]
fn add_weights<T: Real>(
    planes: &[u64],
    weights: &[[T; LANES]; 4],
    lanes: usize,
    sums: &mut [[T; LANES]],
) {
    let shifts = black_box([16, 32, 48]);
    if lanes == 4 {
        let [a, b, c, d] = *weights;
        for (&plane, sum) in planes.iter().zip(sums) {
            let plane = black_box(plane);
            // Two sums that do not wait for each other.
            let even = plus(plus(*sum, plane, &a), plane >> shifts[1], &c);
            let odd = plus([T::zero(); LANES], plane >> shifts[0], &b);
            let odd = plus(odd, plane >> shifts[2], &d);
            for l in 0..LANES {
                sum[l] = even[l] + odd[l];
            }
        }
        return;
    }
    for (weights, shift) in weights
        .iter()
        .zip([0].into_iter().chain(shifts))
        .take(lanes)
    {
        let weights = *weights;
        for (&plane, sum) in planes.iter().zip(sums.iter_mut()) {
            *sum = plus(*sum, black_box(plane) >> shift, &weights);
        }
    }
}

/// Adds where the lane's bit is set, an addition under a mask.
#[inline(always)]
fn plus<T: Real>(mut sum: [T; LANES], mask: u64, terms: &[T; LANES]) -> [T; LANES] {
    const BITS: [u32; LANES] = {
        let mut bits = [0; LANES];
        let mut l = 0;
        while l < LANES {
            bits[l] = 1 << l;
            l += 1;
        }
        bits
    };
    let mask = u32::from(mask as u16);
    for l in 0..LANES {
        sum[l] += if mask & BITS[l] != 0 {
            terms[l]
        } else {
            T::zero()
        };
    }
    sum
}
