//! Outputs as bytes: eight labels in one, or the rank of an item.

use std::ops::Range;

use multiversion::multiversion;

use super::{Real, real};
use crate::joint::{BaseMeasure, Space, bit_stride, word_threshold as threshold, words_per_row};
use crate::random::HalfWords;

/// Ranks that fit into a byte.
const MOST_ITEMS: i64 = 256;

/// How the outputs of a base measure are coded. A linear function of an output is a sum of table entries, one
/// for each byte, and its gradient is read off sums of weights by byte.
pub(crate) struct Codes {
    base: BaseMeasure,
    groups: usize,
    positions: Vec<f64>,
}

impl Codes {
    /// `None` for permutations of more than 256 items.
    pub(crate) fn of(base: &BaseMeasure) -> Option<Self> {
        let k = base.items();
        if base.is_permutations() && k > MOST_ITEMS {
            return None;
        }
        let positions = match base.space() {
            Space::Permutahedron { positions } => positions.clone(),
            _ => Vec::new(),
        };
        let groups = if base.is_permutations() {
            k
        } else {
            (k + 7) / 8
        };
        Some(Codes {
            base: base.clone(),
            groups: groups as usize,
            positions,
        })
    }

    /// Bytes of one output.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Values a byte takes.
    pub(super) fn alphabet(&self) -> usize {
        if self.base.is_permutations() {
            self.base.items() as usize
        } else {
            256
        }
    }

    /// The values of ranks on the permutahedron.
    pub(crate) fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// Samples `range` of row `row` with `samples` samples, one after the other.
    pub(crate) fn draw(
        &self,
        words: &HalfWords,
        (row, samples): (i64, i64),
        range: Range<i64>,
        bytes: &mut [u8],
    ) {
        let k = self.base.items();
        let start = row * words_per_row(&self.base, samples);
        let item_word =
            |sample: i64, item: usize| words.word((start + sample * k + item as i64) as u64) as i64;
        let each = bytes.chunks_exact_mut(self.groups).zip(range.clone());
        match self.base.space() {
            Space::UniformSets => {
                let stride = bit_stride(k);
                let first = start + range.start * stride / 8;
                uniform_bits(words, first as u64, stride as usize, self.groups, bytes);
            }
            Space::BernoulliSets { probabilities } => {
                let thresholds: Vec<i64> = probabilities.iter().map(|&p| threshold(p)).collect();
                for (bytes, sample) in each {
                    bytes.fill(0);
                    for (item, &threshold) in thresholds.iter().enumerate() {
                        let there = item_word(sample, item) < threshold;
                        bytes[item / 8] |= u8::from(there) << (item % 8);
                    }
                }
            }
            Space::Subsets { size } => {
                let mut keys = vec![0; k as usize];
                let mut ranks = vec![0; k as usize];
                for (bytes, sample) in each {
                    bytes.fill(0);
                    fill_keys(&mut keys, |item| item_word(sample, item));
                    rank(&keys, &mut ranks);
                    for (item, &rank) in ranks.iter().enumerate() {
                        bytes[item / 8] |= u8::from(i64::from(rank) < *size) << (item % 8);
                    }
                }
            }
            Space::Permutahedron { .. } | Space::Birkhoff => {
                let mut keys = vec![0; k as usize];
                let mut ranks = vec![0; k as usize];
                for (bytes, sample) in each {
                    fill_keys(&mut keys, |item| item_word(sample, item));
                    rank(&keys, &mut ranks);
                    for (byte, &rank) in bytes.iter_mut().zip(&ranks) {
                        *byte = rank as u8;
                    }
                }
            }
        }
    }

    /// The outputs `[m, n]` of coded ones; `positions` are those of the ranks.
    pub(crate) fn write<T: Real>(&self, bytes: &[u8], positions: &[T], out: &mut [T]) {
        let n = self.base.outputs() as usize;
        let rows = bytes.chunks_exact(self.groups).zip(out.chunks_exact_mut(n));
        match self.base.space() {
            Space::Permutahedron { .. } => rows.for_each(|(bytes, out)| {
                for (out, &rank) in out.iter_mut().zip(bytes) {
                    *out = positions[usize::from(rank)];
                }
            }),
            Space::Birkhoff => rows.for_each(|(bytes, out)| {
                out.fill(T::zero());
                for (out, &rank) in out.chunks_exact_mut(bytes.len()).zip(bytes) {
                    out[usize::from(rank)] = T::one();
                }
            }),
            _ => rows.for_each(|(bytes, out)| {
                for (out, &byte) in out.chunks_mut(8).zip(bytes) {
                    for (bit, out) in out.iter_mut().enumerate() {
                        *out = if byte >> bit & 1 == 1 {
                            T::one()
                        } else {
                            T::zero()
                        };
                    }
                }
            }),
        }
    }

    /// The bytes of outputs `[m, n]`: the inverse of [`write`](Self::write).
    pub(crate) fn read<T: Real>(&self, outputs: &[T]) -> Vec<u8> {
        let half = real::<T>(0.5);
        let n = self.base.outputs() as usize;
        let mut bytes = vec![0_u8; outputs.len() / n.max(1) * self.groups];
        let mut ranks = vec![0; self.groups];
        let rows = bytes.chunks_exact_mut(self.groups);
        for (bytes, output) in rows.zip(outputs.chunks_exact(n)) {
            match self.base.space() {
                Space::Permutahedron { .. } => {
                    rank(output, &mut ranks);
                    for (byte, &rank) in bytes.iter_mut().zip(&ranks) {
                        *byte = rank as u8;
                    }
                }
                Space::Birkhoff => {
                    for (byte, row) in bytes.iter_mut().zip(output.chunks_exact(self.groups)) {
                        *byte = row.iter().position(|&entry| entry > half).unwrap_or(0) as u8;
                    }
                }
                _ => {
                    for (byte, labels) in bytes.iter_mut().zip(output.chunks(8)) {
                        let bits = labels.iter().enumerate();
                        *byte = bits.fold(0, |byte, (bit, &y)| byte | u8::from(y > half) << bit);
                    }
                }
            }
        }
        bytes
    }

    /// Whether outputs are sets, eight labels a byte.
    pub(super) fn is_sets(&self) -> bool {
        !self.base.is_permutations()
    }

    /// Tables whose entries sum to $\langle \theta, y \rangle$ over the bytes of y.
    #[inline(always)]
    pub(super) fn tabulate<T: Real, const S: usize>(
        &self,
        theta: &[T],
        positions: &[T],
        tables: &mut [[T; S]],
    ) {
        match self.base.space() {
            Space::Permutahedron { .. } => {
                for (table, &theta) in tables.iter_mut().zip(theta) {
                    for (entry, &position) in table.iter_mut().zip(positions) {
                        *entry = theta * position;
                    }
                }
            }
            Space::Birkhoff => {
                for (table, theta) in tables.iter_mut().zip(theta.chunks_exact(self.groups)) {
                    table[..theta.len()].copy_from_slice(theta);
                }
            }
            _ => {
                for (table, theta) in tables.iter_mut().zip(theta.chunks(8)) {
                    table[0] = T::zero();
                    let mut size = 1;
                    for &theta in theta {
                        let (without, with) = table.split_at_mut(size);
                        for (with, &without) in with.iter_mut().zip(&*without) {
                            *with = without + theta;
                        }
                        size *= 2;
                    }
                    // Bits past the last item, where the drawn bytes have any, count for nothing.
                    while size < S {
                        table.copy_within(..size, size);
                        size *= 2;
                    }
                }
            }
        }
    }

    /// $\sum_j w_j y_j$ from the sums of $w_j$ by byte, which are used up.
    #[inline(always)]
    pub(super) fn fold<T: Real, const S: usize>(
        &self,
        sums: &mut [[T; S]],
        positions: &[T],
        out: &mut [T],
    ) {
        match self.base.space() {
            Space::Permutahedron { .. } => {
                for (out, sums) in out.iter_mut().zip(sums) {
                    let products = sums.iter().zip(positions).map(|(&w, &p)| w * p);
                    *out = products.fold(T::zero(), |sum, product| sum + product);
                }
            }
            Space::Birkhoff => {
                for (out, sums) in out.chunks_exact_mut(self.groups).zip(sums) {
                    out.copy_from_slice(&sums[..out.len()]);
                }
            }
            _ => {
                for (out, sums) in out.chunks_mut(8).zip(sums) {
                    let mut size = S;
                    for bit in (0..8).rev() {
                        size /= 2;
                        let (without, with) = sums[..2 * size].split_at_mut(size);
                        if let Some(out) = out.get_mut(bit) {
                            *out = sum(with);
                        }
                        for (without, &with) in without.iter_mut().zip(&*with) {
                            *without += with;
                        }
                    }
                }
            }
        }
    }
}

/// The first `groups` bytes of every `stride` bytes of the words from `first` on.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn uniform_bits(words: &HalfWords, first: u64, stride: usize, groups: usize, bytes: &mut [u8]) {
    if stride >= 8 {
        let per_sample = (stride / 8) as u64;
        let mut next = first;
        for sample in bytes.chunks_exact_mut(groups) {
            let (whole, rest) = sample.as_chunks_mut::<8>();
            let count = whole.len() as u64;
            for (bytes, i) in whole.iter_mut().zip(0..) {
                *bytes = words.word(next + i).to_le_bytes();
            }
            if !rest.is_empty() {
                let word = words.word(next + count).to_le_bytes();
                for (byte, drawn) in rest.iter_mut().zip(word) {
                    *byte = drawn;
                }
            }
            next += per_sample;
        }
        return;
    }
    if stride == groups {
        let (whole, rest) = bytes.as_chunks_mut::<8>();
        let count = whole.len() as u64;
        for (bytes, i) in whole.iter_mut().zip(0..) {
            *bytes = words.word(first + i).to_le_bytes();
        }
        let word = words.word(first + count).to_le_bytes();
        for (byte, drawn) in rest.iter_mut().zip(word) {
            *byte = drawn;
        }
        return;
    }
    let per_word = 8 / stride;
    for (samples, i) in bytes.chunks_mut(per_word * groups).zip(0..) {
        let word = words.word(first + i).to_le_bytes();
        for (sample, word) in samples
            .chunks_exact_mut(groups)
            .zip(word.chunks_exact(stride))
        {
            sample.copy_from_slice(&word[..groups]);
        }
    }
}

/// The sum in 16 partial sums, which vectorizes.
#[inline(always)]
fn sum<T: Real>(values: &[T]) -> T {
    let mut parts = [T::zero(); 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for (part, &value) in parts.iter_mut().zip(block) {
            *part += value;
        }
    }
    let sum = parts.iter().fold(T::zero(), |sum, &part| sum + part);
    rest.iter().fold(sum, |sum, &value| sum + value)
}

fn fill_keys(keys: &mut [i64], key: impl Fn(usize) -> i64) {
    for (item, slot) in keys.iter_mut().enumerate() {
        *slot = key(item);
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
