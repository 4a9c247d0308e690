//! Gaussian numbers of many steps at once, made where they are needed.

use tch::{Device, Kind, Tensor};

use super::{Stream, words};
use crate::Result;
use crate::native::normal::BLOCK;

/// What `native::normal` draws on the host for consecutive steps, made on a device: the same words to the
/// last bit, and the same Gaussian numbers but for the rounding of logarithm, sine and cosine.
#[derive(Debug)]
pub(crate) struct Gaussian {
    /// Standard Gaussian matrices, `[steps, n, d]`.
    pub(crate) numbers: Tensor,
    /// Four words of 32 bits beside those of each row, `[steps, 4, n]`, Int64.
    pub(crate) spare: Tensor,
}

impl Gaussian {
    /// The words that a step takes from the stream.
    pub(crate) fn words((n, d): (i64, i64)) -> i64 {
        let block = BLOCK as i64;
        (n + block - 1).div_euclid(block) * (d + 4) * block
    }

    /// Matrices `[n, d]` of `steps` steps from `first` on: about 260 launches for all of them.
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
        let words = words(stream, (first, steps), Gaussian::words((n, d)), device)?;
        let words = words.f_view([steps, -1, (d + 4) * block])?;
        // Of each block, the first half of the Gaussian words gives radii, the second angles.
        let pairs = d * block / 2;
        let double = |t: Tensor| t.f_to_kind(Kind::Double);
        let radii = words
            .narrow(2, 0, pairs)
            .bitwise_right_shift_tensor_scalar(1);
        let radii = ((double(radii)? + 0.5) * 0.5_f64.powi(31)).log() * -2.0;
        let radii = radii.sqrt();
        let turn = std::f64::consts::TAU * 0.5_f64.powi(32);
        let angles = double(words.narrow(2, pairs, pairs))? * turn;
        let numbers = Tensor::f_cat(&[&radii * angles.cos(), radii * angles.sin()], 2)?;
        let by_row = |t: Tensor, columns: i64| -> Result<Tensor> {
            let t = t.f_view([steps, -1, columns, block])?.transpose(2, 3);
            Ok(t.f_reshape([steps, -1, columns])?.narrow(1, 0, n))
        };
        let spare = words.narrow(2, d * block, 4 * block).contiguous();
        Ok(Gaussian {
            numbers: by_row(numbers.f_to_kind(kind)?, d)?,
            spare: by_row(spare, 4)?.transpose(1, 2).contiguous(),
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
        let words: Vec<i64> = read::to_vec(&drawn.spare).unwrap();
        for step in 0..3_usize {
            let key = (seed, Stream::Particles, 40 + step as u64);
            let host = normal::tensor(key, (n, d), (Kind::Double, Device::Cpu)).unwrap();
            let found = drawn.numbers.get(step as i64).to_device(Device::Cpu);
            let error = (found.to_kind(Kind::Double) - host).abs().max();
            let tolerance = efy_test::by_kind(1e-12, 1e-6);
            assert!(read::scalar(&error).unwrap() < tolerance, "{error}");
            for block in 0..2 {
                let mut expected = vec![0; 4 * BLOCK];
                normal::spare_words(key, block, d as usize, &mut expected);
                for (number, expected) in expected.chunks_exact(BLOCK).enumerate() {
                    let row = (4 * step + number) * n as usize;
                    let found = &words[row..][..n as usize][block * BLOCK..];
                    let same = (found.iter().zip(expected)).all(|(&a, &b)| a == i64::from(b));
                    assert!(same, "step {step}, block {block}, word {number}");
                }
            }
        }
        assert_eq!(drawn.numbers.device(), device());
    }
}
