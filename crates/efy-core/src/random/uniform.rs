//! The numbers of a generator, made where they are needed.

use tch::{Device, Kind, Tensor};

use super::{Stream, key};
use crate::Result;

/// Rounds of ChaCha8, two at a time.
const DOUBLE_ROUNDS: usize = 4;
/// "expand 32-byte k".
const CONSTANTS: [i64; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
/// The lowest 32 bits.
const WORD: i64 = 0xffff_ffff;
/// Numbers of a block: 16 words of 32 bits, two a number.
const NUMBERS: i64 = 8;

/// What [`generator`](super::generator) gives as uniform numbers in $[0, 1)$ for `steps` steps from `first`
/// on, `count` each: `[steps, count]` in f64 on `device`, bit for bit the same.
///
/// ChaCha8 on integers of 64 bits, all blocks at once: about 240 launches, however many numbers, and no copy
/// from the host.
///
/// # Errors
/// [`crate::Error::Torch`] when there is no room for them.
pub(crate) fn uniform(
    (seed, stream): (u64, Stream),
    (first, steps): (u64, i64),
    count: i64,
    device: Device,
) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let blocks = (count + NUMBERS - 1).div_euclid(NUMBERS).max(1);
    let options = (Kind::Int64, device);
    let columns = steps * blocks;
    let words = |words: &[i64]| -> Result<Tensor> {
        let rows: Vec<Tensor> = words
            .iter()
            .map(|&word| Ok(Tensor::f_full([1, columns], word, options)?))
            .collect::<Result<_>>()?;
        Ok(Tensor::f_cat(&rows, 0)?)
    };
    let key: Vec<i64> = key(seed, stream)
        .chunks_exact(4)
        .map(|bytes| {
            bytes
                .iter()
                .rev()
                .fold(0, |word, &byte| (word << 8) | i64::from(byte))
        })
        .collect();
    let initial = [
        words(&CONSTANTS)?,
        words(&key[..4])?,
        words(&key[4..])?,
        counters((first, steps), blocks, device)?,
    ];
    let mixed = rounds(initial.each_ref().map(Tensor::shallow_clone));
    let words: Vec<Tensor> = mixed.iter().zip(&initial).map(|(a, b)| a + b).collect();
    // Word after word, block after block, as the host reads them.
    let words = Tensor::f_cat(&words, 0)?.bitwise_and(WORD);
    let pairs = words.tr().f_reshape([steps, blocks * NUMBERS, 2])?;
    let (low, high) = (pairs.select(2, 0), pairs.select(2, 1));
    let bits = high
        .f_bitwise_left_shift_tensor_scalar(21)?
        .f_bitwise_or_tensor(&low.f_bitwise_right_shift_tensor_scalar(11)?)?;
    let numbers = bits.f_to_kind(Kind::Double)? * (0.5_f64).powi(53);
    Ok(numbers.f_narrow(1, 0, count)?)
}

/// The words 12 to 15 of every block, `[4, steps * blocks]`: its number, and the step.
fn counters((first, steps): (u64, i64), blocks: i64, device: Device) -> Result<Tensor> {
    let options = (Kind::Int64, device);
    let block = Tensor::f_arange(blocks, options)?.f_repeat([steps])?;
    // As bits: a step is a number of 64 of them.
    let step = (Tensor::f_arange(steps, options)? + first as i64)
        .f_unsqueeze(1)?
        .f_expand([steps, blocks], false)?
        .f_reshape([-1])?;
    let low = |t: &Tensor| t.bitwise_and(WORD);
    let high =
        |t: &Tensor| -> Result<Tensor> { Ok(low(&t.f_bitwise_right_shift_tensor_scalar(32)?)) };
    let parts = [low(&block), high(&block)?, low(&step), high(&step)?];
    Ok(Tensor::f_stack(&parts, 0)?)
}

/// The state `[4, n]` by rows, after all rounds; bits above the 32nd are of no meaning.
fn rounds(mut rows: [Tensor; 4]) -> [Tensor; 4] {
    let turned = |[a, b, c, d]: [Tensor; 4], by: i64| {
        [a, b.roll(-by, 0), c.roll(-2 * by, 0), d.roll(-3 * by, 0)]
    };
    for _ in 0..DOUBLE_ROUNDS {
        rows = turned(quarter_rounds(rows), 1);
        rows = turned(quarter_rounds(rows), -1);
    }
    rows
}

/// The four quarter rounds of all columns.
fn quarter_rounds([mut a, mut b, mut c, mut d]: [Tensor; 4]) -> [Tensor; 4] {
    let rotated = |t: Tensor, by: i64| {
        let word = t.bitwise_and(WORD);
        let left = word.bitwise_left_shift_tensor_scalar(by);
        left.bitwise_or_tensor(&word.bitwise_right_shift_tensor_scalar(32 - by))
    };
    for (first, second) in [(16, 12), (8, 7)] {
        a = &a + &b;
        d = rotated(d.bitwise_xor_tensor(&a), first);
        c = &c + &d;
        b = rotated(b.bitwise_xor_tensor(&c), second);
    }
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere};
    use rand::RngExt;

    use super::super::generator;
    use super::*;
    use crate::device::read;

    #[everywhere(f64)] // There are no others.
    fn numbers_are_those_of_the_host_to_the_last_bit() {
        for (first, count) in [(0, 37), (u64::from(u32::MAX) - 1, 8), (u64::MAX - 2, 3)] {
            let found = uniform((9, Stream::Negatives), (first, 3), count, device()).unwrap();
            let found: Vec<f64> = read::to_vec(&found).unwrap();
            let expected: Vec<f64> = (0..3)
                .flat_map(|step| {
                    let mut random = generator(9, Stream::Negatives, first + step);
                    (0..count)
                        .map(move |_| random.random())
                        .collect::<Vec<f64>>()
                })
                .collect();
            assert_eq!(found, expected, "from step {first}");
        }
    }
}
