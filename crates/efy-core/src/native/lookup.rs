//! The sampled joint objective of linear couplings, with its gradients, in one pass over rows.
//!
//! A sample is a few bytes. $\langle \theta, y \rangle$ is a sum of table entries, one for each byte, the
//! weights $f^{*\prime}(\langle\theta, y\rangle - \tau)$ are added up by byte, and the gradient is read off
//! these sums: for labels an eighth of the multiplications of a matrix product, and nothing but bits drawn. Where
//! there are few samples tables are not worth it, and labels are taken one by one, eight side by side.

use multiversion::multiversion;

use super::elementary::Elementary;
use super::{Codes, Real, by_chunks, real};
use crate::divergence::{Conjugate, Divergence};

/// Batches with less work than this, in table entries read, are done by one thread before another is awake.
const WORTH_THREADS: usize = 32768;
const PARTS: usize = 16;
/// With fewer samples it takes longer to make the tables of eight labels than to do without.
const WORTH_TABLES: usize = 96;

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

/// Value and gradients of the mean over rows.
pub(crate) struct Gradients<T> {
    /// $\hat J$.
    pub(crate) mean: f64,
    /// In $\theta$, `[B, n]`.
    pub(crate) theta: Vec<T>,
    /// In $\tau$, `[B]`.
    pub(crate) tau: Vec<T>,
    /// The mean ratio of each row, `[B]`.
    pub(crate) ratio: Vec<T>,
}

/// The objective at the samples that `fill` writes for a row.
pub(crate) fn joint<T: Real>(
    codes: &Codes,
    rows: &Rows<'_, T>,
    conjugate: &Conjugate,
    fill: impl Fn(usize, &mut [u8]) + Sync,
) -> Gradients<T> {
    match codes.alphabet() {
        ..=16 => run::<T, 16>(codes, rows, conjugate, fill),
        17..=64 => run::<T, 64>(codes, rows, conjugate, fill),
        _ => run::<T, 256>(codes, rows, conjugate, fill),
    }
}

fn run<T: Real, const S: usize>(
    codes: &Codes,
    rows: &Rows<'_, T>,
    conjugate: &Conjugate,
    fill: impl Fn(usize, &mut [u8]) + Sync,
) -> Gradients<T> {
    let count = rows.tau.len();
    let n = rows.theta.len() / count.max(1);
    let (groups, samples) = (codes.groups(), rows.samples);
    let positions: Vec<T> = codes.positions().iter().map(|&p| real(p)).collect();
    let mut theta = vec![T::zero(); rows.theta.len()];
    // A few rows a task, so that its buffers are made once.
    let chunk = count.div_ceil(4 * rayon::current_num_threads()).max(1);
    let threads = count * samples * groups >= WORTH_THREADS;
    let scale = real::<T>(1.0 / count.max(1) as f64);
    let of_sample = real::<T>(1.0 / samples.max(1) as f64);
    let few = codes.is_sets() && samples < WORTH_TABLES;
    let solve = |index: usize, gradients: &mut [T]| -> Vec<(f64, T)> {
        let mut bytes = vec![0_u8; samples * groups];
        let mut lanes = vec![[T::zero(); 8]; if few { groups } else { 0 }];
        let mut tables = vec![[T::zero(); S]; if few { 0 } else { groups }];
        let mut values = vec![T::zero(); samples];
        let each = gradients.chunks_exact_mut(n).enumerate();
        each.map(|(offset, gradient)| {
            let row = index * chunk + offset;
            let cells = row * n..(row + 1) * n;
            let (theta, target) = (&rows.theta[cells.clone()], &rows.target[cells]);
            fill(row, &mut bytes);
            let tau = rows.tau[row];
            let row = Row {
                theta,
                positions: &positions,
                bytes: &bytes,
                tau,
            };
            let out = (&mut values[..], &mut *gradient);
            let sums = match few {
                true => by_label(&row, conjugate, &mut lanes, out),
                false => by_table(codes, &row, conjugate, &mut tables, out),
            };
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
    let ratio: Vec<T> = outcomes.into_iter().map(|(_, ratio)| ratio).collect();
    Gradients {
        mean: total / count.max(1) as f64,
        theta,
        tau: ratio.iter().map(|&r| (T::one() - r) * scale).collect(),
        ratio,
    }
}

/// What a row is made of.
struct Row<'a, T> {
    theta: &'a [T],
    positions: &'a [T],
    bytes: &'a [u8],
    tau: T,
}

/// Leaves $\sum_j r_j y_j$ in the gradient; returns the sums of $f^*$ and of the weights.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn by_table<T: Real, const S: usize>(
    codes: &Codes,
    row: &Row<'_, T>,
    conjugate: &Conjugate,
    tables: &mut [[T; S]],
    (values, gradient): (&mut [T], &mut [T]),
) -> (T, T) {
    codes.tabulate(row.theta, row.positions, tables);
    look_up(tables, row.bytes, row.tau, values);
    let sums = weights(conjugate, values);
    add_up(tables, row.bytes, values);
    codes.fold(tables, row.positions, gradient);
    sums
}

/// The same for sets, one label in each lane.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn by_label<T: Real>(
    row: &Row<'_, T>,
    conjugate: &Conjugate,
    lanes: &mut [[T; 8]],
    (values, gradient): (&mut [T], &mut [T]),
) -> (T, T) {
    let zero = T::zero();
    let groups = lanes.len();
    for (lanes, theta) in lanes.iter_mut().zip(row.theta.chunks(8)) {
        *lanes = [zero; 8];
        lanes[..theta.len()].copy_from_slice(theta);
    }
    for (value, bytes) in values.iter_mut().zip(row.bytes.chunks_exact(groups)) {
        let mut sums = [zero; 8];
        for (lanes, &byte) in lanes.iter().zip(bytes) {
            for (bit, (sum, &score)) in sums.iter_mut().zip(lanes).enumerate() {
                *sum += if byte >> bit & 1 == 1 { score } else { zero };
            }
        }
        *value = sums.iter().fold(-row.tau, |sum, &lane| sum + lane);
    }
    let sums = weights(conjugate, values);
    for (group, gradient) in gradient.chunks_mut(8).enumerate() {
        let mut lanes = [zero; 8];
        let own = row.bytes.iter().skip(group).step_by(groups);
        for (&weight, &byte) in values.iter().zip(own) {
            for (bit, lane) in lanes.iter_mut().enumerate() {
                *lane += if byte >> bit & 1 == 1 { weight } else { zero };
            }
        }
        for (gradient, lane) in gradient.iter_mut().zip(lanes) {
            *gradient = lane;
        }
    }
    sums
}

/// $\langle\theta, y_j\rangle - \tau$, four samples side by side: each waits for its own sum only.
#[inline(always)]
fn look_up<T: Real, const S: usize>(tables: &[[T; S]], bytes: &[u8], tau: T, values: &mut [T]) {
    let groups = tables.len();
    let (blocks, rest) = values.as_chunks_mut::<4>();
    let (head, tail) = bytes.split_at(blocks.len() * 4 * groups);
    for (values, bytes) in blocks.iter_mut().zip(head.chunks_exact(4 * groups)) {
        let (a, bytes) = bytes.split_at(groups);
        let (b, bytes) = bytes.split_at(groups);
        let (c, d) = bytes.split_at(groups);
        let mut sums = [-tau; 4];
        for ((((table, &a), &b), &c), &d) in tables.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] += table[usize::from(a) % S];
            sums[1] += table[usize::from(b) % S];
            sums[2] += table[usize::from(c) % S];
            sums[3] += table[usize::from(d) % S];
        }
        *values = sums;
    }
    for (value, bytes) in rest.iter_mut().zip(tail.chunks_exact(groups)) {
        let entries = tables.iter().zip(bytes);
        *value = entries.fold(-tau, |sum, (table, &byte)| {
            sum + table[usize::from(byte) % S]
        });
    }
}

/// Replaces values v by $f^{*\prime}(v)$; returns the sums of $f^*$ and $f^{*\prime}$, each in 16 partial
/// sums.
#[inline(always)]
fn weights<T: Real>(conjugate: &Conjugate, values: &mut [T]) -> (T, T) {
    let cap = real::<T>(conjugate.cap());
    match conjugate.divergence() {
        Divergence::KullbackLeibler => map(values, |v| {
            let capped = if v > cap { cap } else { v };
            let slope = exp(capped);
            (slope - T::one() + slope * (v - capped), slope)
        }),
        _ => map(values, |v| conjugate.pair(v)),
    }
}

#[inline(always)]
fn map<T: Real>(values: &mut [T], pair: impl Fn(T) -> (T, T)) -> (T, T) {
    let mut sums = [[T::zero(); PARTS]; 2];
    let (blocks, rest) = values.as_chunks_mut::<PARTS>();
    for block in blocks {
        for (lane, value) in block.iter_mut().enumerate() {
            let (conjugate, slope) = pair(*value);
            *value = slope;
            sums[0][lane] += conjugate;
            sums[1][lane] += slope;
        }
    }
    for value in rest {
        let (conjugate, slope) = pair(*value);
        *value = slope;
        sums[0][0] += conjugate;
        sums[1][0] += slope;
    }
    let total = |parts: [T; PARTS]| parts.iter().fold(T::zero(), |sum, &part| sum + part);
    (total(sums[0]), total(sums[1]))
}

/// $e^x$ without a call, so that the loop around it vectorizes.
#[inline(always)]
fn exp<T: Elementary>(x: T) -> T {
    let small = (-x.abs()).exp_of_negative();
    if x > T::zero() {
        T::one() / small
    } else {
        small
    }
}

/// The sums of weights by byte, in place of the tables.
#[inline(always)]
fn add_up<T: Real, const S: usize>(sums: &mut [[T; S]], bytes: &[u8], weights: &[T]) {
    for table in sums.iter_mut() {
        table.fill(T::zero());
    }
    for (bytes, &weight) in bytes.chunks_exact(sums.len()).zip(weights) {
        if weight == T::zero() {
            continue;
        }
        for (sums, &byte) in sums.iter_mut().zip(bytes) {
            sums[usize::from(byte) % S] += weight;
        }
    }
}
