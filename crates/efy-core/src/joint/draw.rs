//! Draws from a base measure: the same bits on the CPU, by native loops, and elsewhere, in a fixed number
//! of tensor operations.

use std::ops::Range;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::base_measure::{BaseMeasure, Space};
use crate::Result;
use crate::device::{constant_integers, constants};
use crate::native::{Codes, Coding, Real};
use crate::random::HalfWords;

/// Samples of a row that start at a multiple of this start at a whole word: of uniform sets a word holds one label of so many
/// samples.
pub(crate) const ALIGNED: i64 = 64;
/// Numbers that one task of the native path writes.
const TASK: usize = 1 << 14;

/// $P(\text{word} < t) = \pi$ for a signed word.
pub(crate) fn threshold(probability: f64) -> i64 {
    let scaled = (probability * 2.0_f64.powi(64)).round();
    // Saturates at both ends.
    (scaled - 2.0_f64.powi(63)) as i64
}

/// Words of one row with `samples` samples: of uniform sets those of a label follow each other, of others those of a sample.
pub(crate) fn words_per_row(base: &BaseMeasure, samples: i64) -> i64 {
    match base.space() {
        Space::UniformSets => base.items() * blocks(samples),
        _ => samples * base.items(),
    }
}

/// Words for one label of so many samples.
fn blocks(samples: i64) -> i64 {
    (samples + ALIGNED - 1) / ALIGNED
}

/// Samples `range` of `rows` rows from `first` on, each of `samples` samples, `[B, m, n]`.
pub(crate) struct Request<'a> {
    pub(crate) base: &'a BaseMeasure,
    pub(crate) words: HalfWords,
    pub(crate) first: i64,
    pub(crate) rows: i64,
    pub(crate) samples: i64,
    /// Starts at a multiple of [`ALIGNED`].
    pub(crate) range: Range<i64>,
}

impl Request<'_> {
    /// `[B, m, n]` of this kind on this device.
    pub(crate) fn draw(&self, (kind, device): (Kind, Device)) -> Result<Tensor> {
        match (device, kind, Codes::of(self.base)) {
            (Device::Cpu, Kind::Double, Some(Codes::Sets(sets))) => self.native::<f64, _>(&sets),
            (Device::Cpu, Kind::Float, Some(Codes::Sets(sets))) => self.native::<f32, _>(&sets),
            (Device::Cpu, Kind::Double, Some(Codes::Permutations(ranks))) => {
                self.native::<f64, _>(&ranks)
            }
            (Device::Cpu, Kind::Float, Some(Codes::Permutations(ranks))) => {
                self.native::<f32, _>(&ranks)
            }
            _ => self.batched((kind, device)),
        }
    }

    fn size(&self) -> [i64; 3] {
        let count = self.range.end - self.range.start;
        [self.rows, count, self.base.outputs()]
    }

    fn native<T: Real, C: Coding>(&self, coding: &C) -> Result<Tensor> {
        let [rows, count, n] = self.size();
        let (count, n) = (count as usize, n as usize);
        // Whole rows, or a piece of one row that starts at a whole word.
        let step = (TASK / n.max(1)).max(1).next_multiple_of(ALIGNED as usize);
        let mut out = vec![T::zero(); rows as usize * count * n];
        let pieces = count.div_ceil(step).max(1);
        let tasks: Vec<(usize, &mut [T])> = out
            .chunks_mut((count * n).max(1))
            .flat_map(|row| row.chunks_mut((step * n).max(1)))
            .enumerate()
            .collect();
        let work = |(task, out): (usize, &mut [T])| {
            let (row, piece) = ((task / pieces) as i64, task % pieces);
            let from = self.range.start + (piece * step) as i64;
            let range = from..from + (out.len() / n) as i64;
            let mut units = vec![C::Unit::default(); coding.units(out.len() / n)];
            let row = (self.first + row, self.samples);
            coding.draw(&self.words, row, range, &mut units);
            coding.write(&units, out);
        };
        if tasks.len() > 1 {
            tasks.into_par_iter().for_each(work);
        } else {
            tasks.into_iter().for_each(work);
        }
        Ok(Tensor::f_from_slice(&out)?.f_view(self.size())?)
    }

    /// In tensor operations.
    pub(crate) fn batched(&self, (kind, device): (Kind, Device)) -> Result<Tensor> {
        let [rows, count, _] = self.size();
        let k = self.base.items();
        match self.base.space() {
            Space::UniformSets => {
                let bytes = self.bit_words(device)?.f_view_dtype(Kind::Uint8)?;
                let length = (count + 7) / 8;
                let bytes = bytes.f_narrow(2, 0, length)?.f_unsqueeze(3)?;
                // A bit where it is, and then what makes it 1: the products are exact.
                let powers = [0, 1, 2, 3, 4, 5, 6, 7].map(|bit| 2.0_f64.powi(bit));
                let masks = constants(&powers, (Kind::Uint8, device));
                let inverses = constants(&powers.map(f64::recip), (kind, device));
                let bits = bytes
                    .f_bitwise_and_tensor(&masks)?
                    .f_mul(&inverses)?
                    .f_view([rows, k, length * 8])?;
                Ok(bits.f_narrow(2, 0, count)?.f_transpose(1, 2)?)
            }
            Space::BernoulliSets { probabilities } => {
                let words = self.item_words(device)?;
                let thresholds: Vec<i64> = probabilities.iter().map(|&p| threshold(p)).collect();
                let thresholds = constant_integers(&thresholds, device);
                Ok(words.f_lt_tensor(&thresholds)?.f_to_kind(kind)?)
            }
            Space::Subsets { size } => {
                let ranks = ranks(&self.item_words(device)?)?;
                Ok(ranks.f_lt(*size)?.f_to_kind(kind)?)
            }
            Space::Permutahedron { .. } | Space::Birkhoff => {
                let ranks = ranks(&self.item_words(device)?)?;
                self.base.encode_ranks(&ranks, kind)
            }
        }
    }

    /// For each label words whose bits are the samples, Int64 `[B, k, m/64]`.
    fn bit_words(&self, device: Device) -> Result<Tensor> {
        let [rows, count, _] = self.size();
        let (k, all) = (self.base.items(), blocks(self.samples));
        let (from, some) = (self.range.start / ALIGNED, blocks(count));
        if some == all {
            return Ok(self
                .words_from(0, k * all, device)?
                .f_view([rows, k, all])?);
        }
        let options = (Kind::Int64, device);
        let labels = Tensor::f_arange(rows * k, options)? + self.first * k;
        let labels = labels.f_view([rows, k, 1])?;
        let places = Tensor::f_arange(some, options)? + from;
        self.words.words(&(labels * all + places))
    }

    /// A word for each item of each sample, Int64 `[B, m, k]`.
    fn item_words(&self, device: Device) -> Result<Tensor> {
        let [rows, count, _] = self.size();
        let k = self.base.items();
        let words = self.words_from(self.range.start * k, count * k, device)?;
        Ok(words.f_view([rows, count, k])?)
    }

    /// `length` words of every row, Int64 `[B, length]`.
    fn words_from(&self, from: i64, length: i64, device: Device) -> Result<Tensor> {
        let options = (Kind::Int64, device);
        let per_row = words_per_row(self.base, self.samples);
        // All words of some rows follow each other.
        if from == 0 && length == per_row {
            let (first, count) = (self.first * per_row, self.rows * per_row);
            let words = self.words.range(first, count, device)?;
            return Ok(words.f_view([self.rows, length])?);
        }
        let rows = Tensor::f_arange(self.rows, options)? + self.first;
        let indices = (rows * per_row + from).unsqueeze(1) + Tensor::f_arange(length, options)?;
        self.words.words(&indices)
    }
}

/// The rank of each element among those of its last dimension.
fn ranks(words: &Tensor) -> Result<Tensor> {
    Ok(words.f_argsort(-1, false)?.f_argsort(-1, false)?)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Both on the CPU, where alone there are native loops.
    #[test]
    fn native_and_batched_draws_are_the_same_bits_whole_or_in_pieces() {
        let bernoulli = |k: i64| (1..=k).map(|i| i as f64 / (k + 1) as f64).collect();
        for k in [1, 3, 8, 9, 16, 20, 33, 64, 70, 130] {
            for base in [
                BaseMeasure::uniform_sets(k).unwrap(),
                BaseMeasure::bernoulli_sets(bernoulli(k)).unwrap(),
                BaseMeasure::subsets(k, k / 3).unwrap(),
                BaseMeasure::permutahedron(k).unwrap(),
                BaseMeasure::birkhoff(k.min(20)).unwrap(),
            ] {
                let request = |first, rows, range| Request {
                    base: &base,
                    words: HalfWords::new(5, Stream::Outputs, 2),
                    first,
                    rows,
                    samples: 77,
                    range,
                };
                let options = (Kind::Double, Device::Cpu);
                let all = request(0, 4, 0..77).draw(options).unwrap();
                assert_eq!(all.size(), [4, 77, base.outputs()]);
                assert_eq!(
                    all,
                    request(0, 4, 0..77).batched(options).unwrap(),
                    "{base:?}"
                );
                let piece = request(2, 2, 64..77).draw(options).unwrap();
                assert_eq!(piece, all.narrow(0, 2, 2).narrow(1, 64, 13), "{base:?}");
                assert_eq!(piece, request(2, 2, 64..77).batched(options).unwrap());
            }
        }
    }
}
