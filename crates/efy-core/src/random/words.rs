//! Random words that are addressed by a counter.

use tch::{Device, Kind, Tensor};

use super::{Stream, generator};
use crate::Result;

/// Random words that are addressed by a counter: [SplitMix64](https://doi.org/10.1145/2660193.2660195)
/// (Steele, Lea and Flood 2014) from a key that ChaCha8 draws for (seed, stream, step).
///
/// Word i is a function of the key and i alone, in a dozen integer operations: rows can be drawn in any
/// order, on any number of threads, and on a GPU, with the same bits everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    key: u64,
}

const WEYL: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX: [(u32, u64); 2] = [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb)];
const LAST_SHIFT: u32 = 31;

impl Words {
    /// The words of a step of a stream.
    pub fn new(seed: u64, stream: Stream, step: u64) -> Self {
        use rand::Rng;
        let key = generator(seed, stream, step).next_u64();
        Words { key }
    }

    /// Word i.
    #[inline(always)]
    pub fn word(&self, i: u64) -> u64 {
        let mut z = self.key.wrapping_add(WEYL.wrapping_mul(i.wrapping_add(1)));
        for (shift, factor) in MIX {
            z = (z ^ (z >> shift)).wrapping_mul(factor);
        }
        z ^ (z >> LAST_SHIFT)
    }

    /// The words of all `indices` (Int64, any shape) as Int64 of the same bits, on their device.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when the indices are no integers.
    pub fn words(&self, indices: &Tensor) -> Result<Tensor> {
        mixed(
            indices
                .f_mul_scalar(WEYL as i64)?
                .f_add_scalar(self.first())?,
        )
    }

    /// Words 0 to `count` - 1 of each of `steps` steps from `first` on: `[steps, count]`, Int64 of the same
    /// bits, on `device`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when there is no room for them.
    pub(crate) fn of_steps(
        (seed, stream): (u64, Stream),
        (first, steps): (u64, i64),
        count: i64,
        device: Device,
    ) -> Result<Tensor> {
        let indices = Tensor::f_arange(count, (Kind::Int64, device))?.f_mul_scalar(WEYL as i64)?;
        let rows: Vec<Tensor> = (0..steps.unsigned_abs())
            .map(|step| {
                let words = Words::new(seed, stream, first.wrapping_add(step));
                Ok(indices.f_add_scalar(words.first())?)
            })
            .collect::<Result<_>>()?;
        mixed(Tensor::f_stack(&rows, 0)?)
    }

    /// What is mixed into word 0.
    fn first(&self) -> i64 {
        self.key.wrapping_add(WEYL) as i64
    }
}

/// The finalizer of SplitMix64.
fn mixed(mut z: Tensor) -> Result<Tensor> {
    let shifted = |z: &Tensor, shift: u32| -> Result<Tensor> {
        // The shift of a signed integer keeps the sign, which the mask takes away.
        let mask = (u64::MAX >> shift) as i64;
        let moved = z.f_bitwise_right_shift_tensor_scalar(i64::from(shift))?;
        Ok(z.f_bitwise_xor_tensor(&moved.f_bitwise_and(mask)?)?)
    };
    for (shift, factor) in MIX {
        z = shifted(&z, shift)?.f_mul_scalar(factor as i64)?;
    }
    shifted(&z, LAST_SHIFT)
}

/// A uniform number in (0, 1) from a word, as a multiple of $2^{-52}$ and a half.
#[inline(always)]
pub(crate) fn unit(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) * 2.0_f64.powi(-52)
}

/// [`unit`] of Int64 `words`, f64.
pub(crate) fn units(words: &Tensor) -> Result<Tensor> {
    let high = words
        .f_bitwise_right_shift_tensor_scalar(12_i64)?
        .f_bitwise_and((1_i64 << 52) - 1)?;
    Ok((high.f_to_kind(Kind::Double)? + 0.5) * 2.0_f64.powi(-52))
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere};

    use super::*;
    use crate::device::read;

    #[everywhere(f64)] // Integers, and f64 of them.
    fn words_of_tensors_are_those_of_numbers_and_published_ones() {
        // The first outputs of the reference implementation for the seed 1234567.
        let published = Words { key: 1_234_567 };
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        for (i, expected) in expected.into_iter().enumerate() {
            assert_eq!(published.word(i as u64), expected);
        }
        let words = Words::new(3, Stream::Outputs, 9);
        let indices = Tensor::arange(1000, (Kind::Int64, device()));
        let drawn = words.words(&indices).unwrap();
        let numbers: Vec<i64> = read::to_vec(&drawn).unwrap();
        let uniform: Vec<f64> = read::to_vec(&units(&drawn).unwrap()).unwrap();
        for (i, (number, uniform)) in numbers.into_iter().zip(uniform).enumerate() {
            assert_eq!(number as u64, words.word(i as u64));
            assert_eq!(uniform.to_bits(), unit(number as u64).to_bits());
        }
        let of_steps = Words::of_steps((3, Stream::Outputs), (8, 3), 1000, device()).unwrap();
        let difference = (of_steps.get(1) - &drawn).abs().max();
        assert_eq!(read::scalar(&difference).unwrap(), 0.0);
    }
}
