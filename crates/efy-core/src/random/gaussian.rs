//! Gaussian numbers of many steps at once, made where they are needed.

use tch::{Device, Kind, Tensor};

use super::{Stream, Words};
use crate::Result;
use crate::native::normal::{BLOCK, words_of_block};

/// What `native::normal` draws on the host for consecutive steps, made on a device: the same words to the
/// last bit, and the same Gaussian numbers but for the rounding of logarithm, sine and cosine.
#[derive(Debug)]
pub(crate) struct Gaussian {
    /// Standard Gaussian matrices, `[steps, n, d]`.
    pub(crate) numbers: Tensor,
    /// Four words of 32 bits beside those of each row: of each of two groups of rows one that decides and
    /// one that chooses, `[steps, 2, n]` each, Int64.
    pub(crate) spare: (Tensor, Tensor),
}

impl Gaussian {
    /// The words of 64 bits that a step takes from the stream.
    pub(crate) fn words((n, d): (i64, i64)) -> i64 {
        let blocks = (n + BLOCK as i64 - 1).div_euclid(BLOCK as i64);
        blocks * words_of_block(d as usize) as i64
    }

    /// Matrices `[n, d]` of `steps` steps from `first` on: one launch for each step, and 50 for all of them.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when there is no room for them.
    pub(crate) fn draw(
        stream: (u64, Stream),
        (first, steps): (u64, i64),
        (n, d): (i64, i64),
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let block = BLOCK as i64;
        let pairs = d * block / 2;
        let each = words_of_block(d as usize) as i64;
        let words = Words::of_steps(stream, (first, steps), Gaussian::words((n, d)), device)?;
        let words = words.f_view([steps, -1, each])?;
        let lower = |words: &Tensor, shift: i64, mask: i64| {
            words
                .bitwise_right_shift_tensor_scalar(shift)
                .bitwise_and(mask)
        };
        let of_pairs = words.narrow(2, 0, pairs);
        let u = lower(&of_pairs, 1, (1 << 31) - 1).f_to_kind(Kind::Double)? + 0.5;
        let radii = ((u * 0.5_f64.powi(31)).log() * -2.0).sqrt();
        // The sign of the upper half takes away whole turns.
        let upper = of_pairs.bitwise_right_shift_tensor_scalar(32);
        let angles = upper.f_to_kind(Kind::Double)? * (std::f64::consts::TAU * 0.5_f64.powi(32));
        let numbers = Tensor::f_cat(&[&radii * angles.cos(), radii * angles.sin()], 2)?;
        let numbers = numbers.f_to_kind(kind)?.f_view([steps, -1, d, block])?;
        let numbers = numbers.transpose(2, 3).f_reshape([steps, -1, d])?;
        let spare = |words: Tensor| -> Result<Tensor> {
            let by_group = words.f_view([steps, -1, 2, block])?.transpose(1, 2);
            Ok(by_group.f_reshape([steps, 2, -1])?.narrow(2, 0, n))
        };
        let words = words.narrow(2, pairs, 2 * block).contiguous();
        Ok(Gaussian {
            numbers: numbers.narrow(1, 0, n),
            spare: (
                spare(lower(&words, 0, (1 << 32) - 1))?,
                spare(lower(&words, 32, (1 << 32) - 1))?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere, place};

    use super::*;
    use crate::device::read;
    use crate::native::normal;

    #[everywhere]
    fn numbers_and_words_are_those_of_the_host() {
        let (n, d, seed) = (300, 5, 11);
        let drawn = Gaussian::draw((seed, Stream::Particles), (40, 3), (n, d), place()).unwrap();
        for step in 0..3_usize {
            let key = (seed, Stream::Particles, 40 + step as u64);
            let host = normal::tensor(key, (n, d), (Kind::Double, Device::Cpu)).unwrap();
            let found = drawn.numbers.get(step as i64).to_device(Device::Cpu);
            let error = (found.to_kind(Kind::Double) - host).abs().max();
            let tolerance = efy_test::by_kind(1e-12, 1e-6);
            assert!(read::scalar(&error).unwrap() < tolerance, "{error}");
            let spare = [&drawn.spare.0, &drawn.spare.1].map(|words| {
                let words: Vec<i64> = read::to_vec(&words.get(step as i64)).unwrap();
                words
            });
            for block in 0..2 {
                let mut expected = vec![0; 4 * BLOCK];
                normal::spare_words(key, block, d as usize, &mut expected);
                for (number, expected) in expected.chunks_exact(BLOCK).enumerate() {
                    let row = number / 2 * n as usize;
                    let found = &spare[number % 2][row..][..n as usize][block * BLOCK..];
                    let same = (found.iter().zip(expected)).all(|(&a, &b)| a == i64::from(b));
                    assert!(same, "step {step}, block {block}, word {number}");
                }
            }
        }
        assert_eq!(drawn.numbers.device(), device());
    }
}
