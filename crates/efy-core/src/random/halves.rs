//! Random words whose mixing is cheap on a device.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::{Stream, generator};
use crate::Result;

/// Random words that are addressed by a counter, as [`Words`](super::Words), with Doug Lea's mixing function of a Weyl
/// sequence (Steele and Vigna, *LXM: Better Splittable Pseudorandom Number Generators*, OOPSLA 2021): both of its shifts are by
/// half a word. Of a tensor's words the halves are views, so that a shift with its exclusive or is one operation
/// and all of a word takes 6, where words that are shifted by other numbers take 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfWords {
    /// Below $2^{62}$, so that counters do not wrap around.
    key: u64,
}

const WEYL: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xdaba_0b6e_b093_22e3;

impl HalfWords {
    /// The words of a step of a stream.
    pub fn new(seed: u64, stream: Stream, step: u64) -> Self {
        use rand::Rng;
        let key = generator(seed, stream, step).next_u64() >> 2;
        HalfWords { key }
    }

    /// Word i.
    #[inline(always)]
    pub fn word(&self, i: u64) -> u64 {
        let mut z = WEYL.wrapping_mul(self.key.wrapping_add(i));
        z = (z ^ (z >> 32)).wrapping_mul(FACTOR);
        z = (z ^ (z >> 32)).wrapping_mul(FACTOR);
        z ^ (z >> 32)
    }

    /// Words `first` to `first + count - 1` as Int64 of the same bits, `[count]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when there is no room for them.
    pub fn range(&self, first: i64, count: i64, device: Device) -> Result<Tensor> {
        let first = WEYL.wrapping_mul((self.key as i64 + first) as u64);
        mix(multiples(count, device)?.f_add_scalar(first as i64)?)
    }

    /// The words of all `indices` (Int64, any shape) as Int64 of the same bits, on their device.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when the indices are no integers.
    pub fn words(&self, indices: &Tensor) -> Result<Tensor> {
        let mut counters = indices.f_add_scalar(self.key as i64)?;
        let _ = counters.f_mul_scalar_(WEYL as i64)?;
        mix(counters)
    }
}

/// Most counters that are kept: 8 MiB.
const MOST: i64 = 1 << 20;

/// The first `count` multiples of the Weyl constant, which are the same in each step: kept for one device a thread, unless
/// there are very many.
fn multiples(count: i64, device: Device) -> Result<Tensor> {
    thread_local! {
        static KNOWN: RefCell<Option<Tensor>> = const { RefCell::new(None) };
    }
    let make = || -> Result<Tensor> {
        let mut counters = Tensor::f_arange(count, (Kind::Int64, device))?;
        let _ = counters.f_mul_scalar_(WEYL as i64)?;
        Ok(counters)
    };
    if count > MOST {
        return make();
    }
    KNOWN.with_borrow_mut(|known| {
        let fits = |t: &&Tensor| t.device() == device && t.numel() as i64 >= count;
        if let Some(t) = known.as_ref().filter(fits) {
            return Ok(t.f_narrow(0, 0, count)?);
        }
        Ok(known.insert(make()?).shallow_clone())
    })
}

/// Mixes counters where they are.
fn mix(mut z: Tensor) -> Result<Tensor> {
    let words = z.f_view([-1, 1])?;
    // On little-endian machines, which is what libtorch's devices are.
    let halves = words.f_view_dtype(Kind::Int)?;
    let (mut low, high) = (halves.f_select(1, 0)?, halves.f_select(1, 1)?);
    let _ = low.f_bitwise_xor_tensor_(&high)?;
    for _ in 0..2 {
        let _ = z.f_mul_scalar_(FACTOR as i64)?;
        let _ = low.f_bitwise_xor_tensor_(&high)?;
    }
    Ok(z)
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere};

    use super::*;
    use crate::device::read;

    #[everywhere(f64)] // Integers.
    fn words_of_tensors_are_those_of_numbers() {
        let words = HalfWords::new(3, Stream::Outputs, 9);
        let drawn = words.range(5, 1000, device()).unwrap();
        let numbers: Vec<i64> = read::to_vec(&drawn).unwrap();
        for (i, number) in numbers.into_iter().enumerate() {
            assert_eq!(number as u64, words.word(5 + i as u64));
        }
        // More than before and then fewer: multiples that are kept serve both.
        let more = words.range(2, 1003, device()).unwrap();
        assert_eq!(more.narrow(0, 3, 1000), drawn);
        assert_eq!(
            words.range(5, 10, device()).unwrap(),
            drawn.narrow(0, 0, 10)
        );
        let indices = Tensor::arange_start(5, 1005, (Kind::Int64, device())).view([10, 100]);
        let difference = (words.words(&indices).unwrap().view([-1]) - drawn).abs();
        assert_eq!(read::scalar(&difference.max()).unwrap(), 0.0);
    }

    /// Every bit, and whether it is that of the next word, of the word a bit further, and of the same word of the
    /// next step: each is 1 as often as not, within five standard deviations.
    #[test]
    fn bits_are_fair_and_independent_of_their_neighbours() {
        const COUNT: u64 = 1 << 16;
        let (here, next) = (
            HalfWords::new(1, Stream::Outputs, 0),
            HalfWords::new(1, Stream::Outputs, 1),
        );
        let mut ones = [[0_u64; 64]; 4];
        for i in 0..COUNT {
            let word = here.word(i);
            let values = [
                word,
                word ^ here.word(i + 1),
                word ^ word.rotate_left(1),
                word ^ next.word(i),
            ];
            for (ones, value) in ones.iter_mut().zip(values) {
                for (bit, ones) in ones.iter_mut().enumerate() {
                    *ones += value >> bit & 1;
                }
            }
        }
        let bound = 5.0 * 0.5 * (COUNT as f64).sqrt();
        for ones in ones.iter().flatten() {
            assert!((*ones as f64 - 0.5 * COUNT as f64).abs() < bound, "{ones}");
        }
    }

    /// A bit of the counter changes each bit of the word as often as not.
    #[test]
    fn a_change_of_the_counter_changes_half_of_the_bits() {
        let words = HalfWords { key: 0 };
        for flipped in 0..40 {
            let counts: u64 = (0..4096_u64)
                .map(|i| u64::from((words.word(i) ^ words.word(i ^ 1 << flipped)).count_ones()))
                .sum();
            let mean = counts as f64 / 4096.0;
            assert!((mean - 32.0).abs() < 0.5, "{flipped}: {mean}");
        }
    }
}
