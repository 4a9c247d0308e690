//! Rankings as bytes: the rank of each item.
//!
//! A score is a sum of table entries, one for each item; weights are added up by item and rank, and the gradient is read off
//! these sums.

use std::ops::Range;

use multiversion::multiversion;

use super::weights::Sums;
use super::{Coding, Row};
use crate::divergence::Conjugate;
use crate::joint::{BaseMeasure, Space, words_per_row};
use crate::native::{Real, real};
use crate::random::HalfWords;

/// Ranks that fit into a byte.
const MOST_ITEMS: i64 = 256;
/// Fewer table entries than this are read before another thread is awake.
const WORTH_THREADS: usize = 32768;

/// The permutations of a base measure, of each sample a byte for each item.
pub(crate) struct Ranks {
    base: BaseMeasure,
    k: usize,
    /// The values of ranks on the permutahedron; none for the Birkhoff polytope.
    positions: Vec<f64>,
}

/// What a row is computed in.
pub(crate) struct Scratch<T> {
    /// An entry for each item and rank.
    tables: Vec<T>,
    positions: Vec<T>,
    /// One of each sample.
    values: Vec<T>,
}

impl Ranks {
    /// `None` for more than 256 items.
    pub(super) fn of(base: &BaseMeasure) -> Option<Self> {
        let positions = match base.space() {
            Space::Permutahedron { positions } => positions.clone(),
            _ => Vec::new(),
        };
        (base.items() <= MOST_ITEMS).then(|| Ranks {
            base: base.clone(),
            k: base.items() as usize,
            positions,
        })
    }
}

impl Coding for Ranks {
    type Unit = u8;
    type Scratch<T: Real> = Scratch<T>;

    fn units(&self, samples: usize) -> usize {
        samples * self.k
    }

    fn draw(
        &self,
        words: &HalfWords,
        (row, samples): (i64, i64),
        range: Range<i64>,
        bytes: &mut [u8],
    ) {
        let k = self.k as i64;
        let start = row * words_per_row(&self.base, samples);
        let mut keys = vec![0; self.k];
        let mut ranks = vec![0; self.k];
        for (bytes, sample) in bytes.chunks_exact_mut(self.k).zip(range) {
            let first = start + sample * k;
            for (key, word) in keys.iter_mut().zip(first..) {
                *key = words.word(word as u64) as i64;
            }
            rank(&keys, &mut ranks);
            for (byte, &rank) in bytes.iter_mut().zip(&ranks) {
                *byte = rank as u8;
            }
        }
    }

    fn write<T: Real>(&self, bytes: &[u8], out: &mut [T]) {
        let rows = bytes.chunks_exact(self.k);
        if self.positions.is_empty() {
            out.fill(T::zero());
            let out = out.chunks_exact_mut(self.k);
            for (out, &rank) in out.zip(bytes) {
                out[usize::from(rank)] = T::one();
            }
            return;
        }
        let positions: Vec<T> = self.positions.iter().map(|&p| real(p)).collect();
        for (bytes, out) in rows.zip(out.chunks_exact_mut(self.k)) {
            for (out, &rank) in out.iter_mut().zip(bytes) {
                *out = positions[usize::from(rank)];
            }
        }
    }

    fn read<T: Real>(&self, outputs: &[T], bytes: &mut [u8]) {
        if self.positions.is_empty() {
            let half = real::<T>(0.5);
            for (byte, places) in bytes.iter_mut().zip(outputs.chunks_exact(self.k)) {
                *byte = places.iter().position(|&place| place > half).unwrap_or(0) as u8;
            }
            return;
        }
        let mut ranks = vec![0; self.k];
        for (bytes, output) in bytes
            .chunks_exact_mut(self.k)
            .zip(outputs.chunks_exact(self.k))
        {
            rank(output, &mut ranks);
            for (byte, &rank) in bytes.iter_mut().zip(&ranks) {
                *byte = rank as u8;
            }
        }
    }

    fn worth_threads(&self, rows: usize, samples: usize) -> bool {
        rows * samples * self.k >= WORTH_THREADS
    }

    fn scratch<T: Real>(&self, samples: usize) -> Scratch<T> {
        let tables = match self.k {
            ..=16 => 16,
            17..=64 => 64,
            _ => 256,
        };
        Scratch {
            tables: vec![T::zero(); self.k * tables],
            positions: self.positions.iter().map(|&p| real(p)).collect(),
            values: vec![T::zero(); samples],
        }
    }

    fn pass<T: Real>(
        &self,
        row: &Row<'_, T, u8>,
        conjugate: &Conjugate,
        scratch: &mut Scratch<T>,
        gradient: &mut [T],
    ) -> (T, T) {
        match self.k {
            ..=16 => pass::<T, 16>(row, conjugate, scratch, gradient),
            17..=64 => pass::<T, 64>(row, conjugate, scratch, gradient),
            _ => pass::<T, 256>(row, conjugate, scratch, gradient),
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn pass<T: Real, const S: usize>(
    row: &Row<'_, T, u8>,
    conjugate: &Conjugate,
    scratch: &mut Scratch<T>,
    gradient: &mut [T],
) -> (T, T) {
    let (tables, _) = scratch.tables.as_chunks_mut::<S>();
    let (positions, values) = (&scratch.positions, &mut scratch.values);
    tabulate(row.theta, positions, tables);
    look_up(tables, row.units, row.tau, values);
    let mut sums = Sums::new();
    sums.weigh(conjugate, values);
    add_up(tables, row.units, values);
    fold(tables, positions, gradient);
    sums.totals()
}

/// Tables whose entries sum to $\langle \theta, y \rangle$ over the bytes of y.
#[inline(always)]
fn tabulate<T: Real, const S: usize>(theta: &[T], positions: &[T], tables: &mut [[T; S]]) {
    if positions.is_empty() {
        let k = tables.len();
        for (table, theta) in tables.iter_mut().zip(theta.chunks_exact(k)) {
            table[..k].copy_from_slice(theta);
        }
        return;
    }
    for (table, &theta) in tables.iter_mut().zip(theta) {
        for (entry, &position) in table.iter_mut().zip(positions) {
            *entry = theta * position;
        }
    }
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

/// $\sum_j w_j y_j$ from the sums of $w_j$ by byte.
#[inline(always)]
fn fold<T: Real, const S: usize>(sums: &[[T; S]], positions: &[T], out: &mut [T]) {
    if positions.is_empty() {
        for (out, sums) in out.chunks_exact_mut(sums.len()).zip(sums) {
            out.copy_from_slice(&sums[..out.len()]);
        }
        return;
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        let products = sums.iter().zip(positions).map(|(&w, &p)| w * p);
        *out = products.fold(T::zero(), |sum, product| sum + product);
    }
}

/// Comparing all pairs, which vectorizes, is faster than sorting up to here.
const COMPARE_UP_TO: usize = 32;

/// The rank of each key; ties go by index.
fn rank<T: PartialOrd + Copy>(keys: &[T], ranks: &mut [u32]) {
    if keys.len() <= COMPARE_UP_TO {
        for (i, rank) in ranks.iter_mut().enumerate() {
            let (before, after) = keys.split_at(i);
            let key = keys[i];
            let lower = before
                .iter()
                .map(|other| u32::from(*other <= key))
                .sum::<u32>();
            *rank = lower
                + after
                    .iter()
                    .map(|other| u32::from(*other < key))
                    .sum::<u32>();
        }
        return;
    }
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (keys[a as usize], keys[b as usize]);
        a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
    });
    for (rank, &item) in order.iter().enumerate() {
        ranks[item as usize] = rank as u32;
    }
}
