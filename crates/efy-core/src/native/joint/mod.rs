//! The sampled joint objective of linear couplings, with its gradients, in one pass over rows.
//!
//! What is drawn is kept as it is drawn: of sets a bit for each label, of rankings a byte for each item. Scores are summed and
//! weights added up from these, without a matrix of outputs.

mod planes;
mod ranks;
mod weights;

use std::ops::Range;

use super::{Real, by_chunks, real};
use crate::divergence::Conjugate;
use crate::joint::BaseMeasure;
use crate::random::HalfWords;
use planes::Planes;
use ranks::Ranks;

/// How the outputs of a base measure are coded.
pub(crate) enum Codes {
    /// A bit for each label.
    Sets(Planes),
    /// A byte for each item.
    Permutations(Ranks),
}

/// Where coded outputs come from, and what becomes of them.
pub(crate) trait Coding: Sync {
    /// What codes consist of.
    type Unit: Copy + Default + Send + Sync;
    /// What is worked in, made once for several rows.
    type Scratch<T: Real>;

    /// Units of so many samples.
    fn units(&self, samples: usize) -> usize;

    /// Samples `range` of a row, given by its number and that of its samples; `range` begins at a multiple of 64.
    fn draw(&self, words: &HalfWords, row: (i64, i64), range: Range<i64>, units: &mut [Self::Unit]);

    /// The outputs `[m, n]` of coded ones.
    fn write<T: Real>(&self, units: &[Self::Unit], out: &mut [T]);

    /// The codes of outputs `[m, n]`: the inverse of [`write`](Self::write).
    fn read<T: Real>(&self, outputs: &[T], units: &mut [Self::Unit]);

    /// Whether it is worth while to wake threads for so many rows.
    fn worth_threads(&self, rows: usize, samples: usize) -> bool;

    /// What [`pass`](Self::pass) works in.
    fn scratch<T: Real>(&self, samples: usize) -> Self::Scratch<T>;

    /// Leaves $\sum_j r_j y_j$ in the gradient; returns the sums of $f^*$ and of the weights $r_j$.
    fn pass<T: Real>(
        &self,
        row: &Row<'_, T, Self::Unit>,
        conjugate: &Conjugate,
        scratch: &mut Self::Scratch<T>,
        gradient: &mut [T],
    ) -> (T, T);
}

/// What a row is made of.
pub(crate) struct Row<'a, T, U> {
    theta: &'a [T],
    tau: T,
    samples: usize,
    units: &'a [U],
}

impl Codes {
    /// `None` for permutations of more than 256 items.
    pub(crate) fn of(base: &BaseMeasure) -> Option<Self> {
        match base.is_permutations() {
            true => Ranks::of(base).map(Codes::Permutations),
            false => Some(Codes::Sets(Planes::of(base))),
        }
    }
}

/// What a batch of rows is made of.
pub(crate) struct Rows<'a, T> {
    /// `[B, n]`.
    pub(crate) theta: &'a [T],
    /// `[B]`.
    pub(crate) tau: &'a [T],
    /// `[B, n]`.
    pub(crate) target: &'a [T],
    /// m.
    pub(crate) samples: usize,
}

/// The samples of a batch.
pub(crate) enum Source<'a, T> {
    /// Those of a step, for rows from a number on.
    Drawn(&'a HalfWords, i64),
    /// Outputs, `[B, m, n]`.
    Given(&'a [T]),
}

/// Value and gradients of the mean over rows.
pub(crate) struct Gradients<T> {
    /// $\hat J$.
    pub(crate) mean: f64,
    /// In $\theta$, `[B, n]`.
    pub(crate) theta: Vec<T>,
    /// In $\tau$, `[B]`.
    pub(crate) tau: Vec<T>,
}

/// The objective at the samples of a source.
pub(crate) fn joint<T: Real>(
    codes: &Codes,
    rows: &Rows<'_, T>,
    conjugate: &Conjugate,
    source: &Source<'_, T>,
) -> Gradients<T> {
    match codes {
        Codes::Sets(planes) => run(planes, rows, conjugate, source),
        Codes::Permutations(ranks) => run(ranks, rows, conjugate, source),
    }
}

fn run<C: Coding, T: Real>(
    coding: &C,
    rows: &Rows<'_, T>,
    conjugate: &Conjugate,
    source: &Source<'_, T>,
) -> Gradients<T> {
    let count = rows.tau.len();
    let n = rows.theta.len() / count.max(1);
    let samples = rows.samples;
    let mut theta = vec![T::zero(); rows.theta.len()];
    // A few rows a task, so that its buffers are made once.
    let threads = coding.worth_threads(count, samples);
    let chunk = match threads {
        true => count.div_ceil(4 * rayon::current_num_threads()).max(1),
        false => count,
    };
    let scale = real::<T>(1.0 / count.max(1) as f64);
    let of_sample = real::<T>(1.0 / samples.max(1) as f64);
    let solve = |index: usize, gradients: &mut [T]| -> Vec<(f64, T)> {
        let mut units = vec![C::Unit::default(); coding.units(samples)];
        let mut scratch = coding.scratch(samples);
        let each = gradients.chunks_exact_mut(n).enumerate();
        each.map(|(offset, gradient)| {
            let row = index * chunk + offset;
            let cells = row * n..(row + 1) * n;
            let (theta, target) = (&rows.theta[cells.clone()], &rows.target[cells]);
            match source {
                Source::Drawn(words, first) => {
                    let m = samples as i64;
                    coding.draw(words, (first + row as i64, m), 0..m, &mut units);
                }
                Source::Given(outputs) => {
                    let size = samples * n;
                    coding.read(&outputs[row * size..(row + 1) * size], &mut units);
                }
            }
            let tau = rows.tau[row];
            let row = Row {
                theta,
                tau,
                samples,
                units: &units,
            };
            let sums = coding.pass(&row, conjugate, &mut scratch, gradient);
            let mut positive = 0.0;
            for ((gradient, &y), &theta) in gradient.iter_mut().zip(target).zip(theta) {
                positive += (theta * y).to_f64().unwrap_or(f64::NAN);
                *gradient = (*gradient * of_sample - y) * scale;
            }
            let tau = tau.to_f64().unwrap_or(f64::NAN);
            let mean = |sum: T| (sum * of_sample).to_f64().unwrap_or(f64::NAN);
            (tau + mean(sums.0) - positive, sums.1 * of_sample)
        })
        .collect()
    };
    let outcomes = by_chunks(&mut theta, (chunk * n).max(1), threads, solve);
    let outcomes: Vec<(f64, T)> = outcomes.into_iter().flatten().collect();
    let total: f64 = outcomes.iter().map(|(loss, _)| loss).sum();
    let ratio = outcomes.into_iter().map(|(_, ratio)| ratio);
    Gradients {
        mean: total / count.max(1) as f64,
        theta,
        tau: ratio.map(|r| (T::one() - r) * scale).collect(),
    }
}
