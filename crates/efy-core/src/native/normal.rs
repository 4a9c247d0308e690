//! Gaussian numbers in blocks, each a function of (seed, stream, step) and of its place: the [`Words`] of the step, made
//! Gaussian by the method of Box and Muller in the lanes of the vector registers.
//!
//! A matrix `[n, d]` is drawn in blocks of [`BLOCK`] rows, block after block, so that any thread can draw any block, and
//! a GPU all of them. Of a word of 64 bits the lower half is a radius and the upper one an angle in both kinds: f32
//! and f64 see the same numbers up to rounding, none larger than 6.7.

use multiversion::multiversion;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, kind::Element};

use super::Real;
use crate::Result;
use crate::random::{Gaussian, Stream, Words};

/// Rows of a block.
pub(crate) const BLOCK: usize = 256;

/// (seed, stream, step).
pub(crate) type Key = (u64, Stream, u64);

/// Words of 64 bits that a block takes: one for two Gaussian numbers, and two a row for whatever else is drawn for it.
pub(crate) fn words_of_block(d: usize) -> usize {
    (d + 4) * BLOCK / 2
}

/// A standard Gaussian block, number k of row r at `k * BLOCK + r`. `words` has the same length, `d * BLOCK`.
pub(super) fn block<T: Normal>(key: Key, block: usize, d: usize, words: &mut [u32], out: &mut [T]) {
    let (radii, angles) = words.split_at_mut(d * BLOCK / 2);
    draw(key, block * words_of_block(d), radii, angles);
    box_muller(words, out);
}

/// What else is drawn for the rows of a block, `[4 * BLOCK]`: of the first group of rows a word each that decides and
/// one that chooses, and the same of the second.
pub(crate) fn spare_words(key: Key, block: usize, d: usize, words: &mut [u32]) {
    let mut first = block * words_of_block(d) + d * BLOCK / 2;
    for words in words.chunks_exact_mut(2 * BLOCK) {
        let (decisions, choices) = words.split_at_mut(BLOCK);
        draw(key, first, decisions, choices);
        first += BLOCK;
    }
}

/// Lower and upper halves of the words from `first` on.
fn draw((seed, stream, step): Key, first: usize, lower: &mut [u32], upper: &mut [u32]) {
    halves(Words::new(seed, stream, step), first as u64, lower, upper);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx2"))]
fn halves(source: Words, first: u64, lower: &mut [u32], upper: &mut [u32]) {
    for (i, (lower, upper)) in lower.iter_mut().zip(upper).enumerate() {
        let word = source.word(first + i as u64);
        *lower = word as u32;
        *upper = (word >> 32) as u32;
    }
}

/// A standard Gaussian matrix `[n, d]`, made where it is needed.
pub(crate) fn tensor(
    key: Key,
    (n, d): (i64, i64),
    (kind, device): (Kind, Device),
) -> Result<Tensor> {
    fn rows<T: Normal + Element>(key: Key, (n, d): (usize, usize)) -> Result<Tensor> {
        let mut out = vec![T::zero(); n * d];
        let fill = |(index, rows): (usize, &mut [T])| {
            let mut words = vec![0; d * BLOCK];
            let mut numbers = vec![T::zero(); d * BLOCK];
            block(key, index, d, &mut words, &mut numbers);
            for (r, row) in rows.chunks_exact_mut(d).enumerate() {
                let column = numbers.iter().skip(r).step_by(BLOCK);
                row.iter_mut().zip(column).for_each(|(out, &z)| *out = z);
            }
        };
        out.par_chunks_mut(d.max(1) * BLOCK)
            .enumerate()
            .for_each(fill);
        Ok(Tensor::f_from_slice(&out)?.f_view([n as i64, d as i64])?)
    }
    if device != Device::Cpu {
        let (seed, stream, step) = key;
        let drawn = Gaussian::draw((seed, stream), (step, 1), (n, d), (kind, device))?;
        return Ok(drawn.numbers.f_select(0, 0)?);
    }
    let size = (n as usize, d as usize);
    match kind {
        Kind::Double => rows::<f64>(key, size),
        _ => rows::<f32>(key, size),
    }
}

/// The first half of the words gives the radii, the second the angles of as many pairs.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx2"))]
fn box_muller<T: Normal>(words: &[u32], out: &mut [T]) {
    let half = words.len() / 2;
    let (radii, angles) = words.split_at(half);
    let (cosines, sines) = out.split_at_mut(half);
    for (((&r, &t), cos), sin) in radii.iter().zip(angles).zip(cosines).zip(sines) {
        let radius = T::radius(r);
        let (c, s) = T::turn(t);
        *cos = radius * c;
        *sin = radius * s;
    }
}

/// What Box and Muller's method takes, from words.
pub(crate) trait Normal: Real {
    /// $\sqrt{-2 \log u}$ with $u = (\lfloor w/2 \rfloor + \frac12)\, 2^{-31}$.
    fn radius(word: u32) -> Self;

    /// Cosine and sine of $2\pi w / 2^{32}$.
    fn turn(word: u32) -> (Self, Self);
}

macro_rules! normal {
    ($type:ty, bits: $bits:ty, $mantissa:literal, $bias:literal, terms: $log_terms:literal, $turn_terms:literal) => {
        impl Normal for $type {
            #[inline(always)]
            fn radius(word: u32) -> Self {
                let u = ((word >> 1) as i32 as $type + 0.5) * (1.0 / 2_147_483_648.0);
                // u = 2^n (1 + x): log u = n log 2 + 2 artanh s with s = x/(2 + x), |s| < 0.18.
                let bits = u.to_bits();
                let one: $bits = $bias << $mantissa;
                let fraction = <$type>::from_bits((bits & ((1 << $mantissa) - 1)) | one);
                let large = fraction > std::f64::consts::SQRT_2 as $type;
                let fraction = if large { 0.5 * fraction } else { fraction };
                let n = (bits >> $mantissa) as i32 - $bias + large as i32;
                let s = (fraction - 1.0) / (fraction + 1.0);
                let square = s * s;
                let mut sum: $type = 0.0;
                let mut i = $log_terms;
                while i > 0 {
                    sum = (sum + 1.0 / (2 * i + 1) as $type) * square;
                    i -= 1;
                }
                let log = n as $type * std::f64::consts::LN_2 as $type + (2.0 * s + 2.0 * s * sum);
                let square = -2.0 * log;
                // Rounding may have made u one.
                (if square > 0.0 { square } else { 0.0 }).sqrt()
            }

            /// A quarter of a turn is taken out, what is left lies within an eighth.
            #[inline(always)]
            fn turn(word: u32) -> (Self, Self) {
                let quarter = word.wrapping_add(1 << 29) >> 30;
                let rest = word.wrapping_sub(quarter << 30) as i32;
                let x = rest as $type * (std::f64::consts::PI / 2_147_483_648.0) as $type;
                let square = x * x;
                let (mut cos, mut sin): ($type, $type) = (1.0, 1.0);
                let mut i = $turn_terms;
                while i > 0 {
                    cos = 1.0 - cos * square * (1.0 / ((2 * i - 1) * (2 * i)) as $type);
                    sin = 1.0 - sin * square * (1.0 / ((2 * i) * (2 * i + 1)) as $type);
                    i -= 1;
                }
                sin *= x;
                let (c, s) = if quarter & 1 == 0 {
                    (cos, sin)
                } else {
                    (sin, cos)
                };
                let c = if quarter.wrapping_add(1) & 2 == 0 {
                    c
                } else {
                    -c
                };
                (c, if quarter & 2 == 0 { s } else { -s })
            }
        }
    };
}

normal!(f32, bits: u32, 23, 127, terms: 5, 5);
normal!(f64, bits: u64, 52, 1023, terms: 11, 9);

/// Whether a row restarts, with probability p, and at which of n points: from its two words.
#[inline(always)]
pub(crate) fn restart(decision: u32, choice: u32, p: f64, n: usize) -> Option<usize> {
    let restarts = f64::from(decision) < p * 4_294_967_296.0;
    restarts.then(|| ((u64::from(choice) * n as u64) >> 32) as usize)
}

#[cfg(test)]
mod tests {
    use efy_test::{by_kind, device, everywhere, number, place};

    use super::*;

    #[test]
    fn eq_box_muller_is_that_of_the_standard_library() {
        let words = (0..200_000_u32).map(|i| i.wrapping_mul(2_654_435_761));
        for word in words.chain([0, 1, 2, u32::MAX, u32::MAX - 1, 1 << 29, 1 << 30, 1 << 31]) {
            let u = (f64::from(word >> 1) + 0.5) / 2_147_483_648.0;
            let radius = (-2.0 * u.ln()).sqrt();
            let (sin, cos) = (std::f64::consts::TAU * f64::from(word) / 4_294_967_296.0).sin_cos();
            let (c, s) = f64::turn(word);
            assert!(
                (f64::radius(word) - radius).abs() < 1e-14 * (1.0 + radius),
                "{word}"
            );
            assert!((c - cos).abs() < 1e-15 && (s - sin).abs() < 1e-15, "{word}");
            let (c, s) = f32::turn(word);
            assert!((f64::from(c) - cos).abs() < 2e-7 && (f64::from(s) - sin).abs() < 2e-7);
            // Of the square: near u = 1 the root magnifies the rounding of u.
            let square = f64::from(f32::radius(word)).powi(2);
            let error = (square - radius * radius).abs();
            assert!(error < 2e-7 + 2e-6 * radius * radius, "{word} {error}");
        }
    }

    #[everywhere]
    fn moments_are_those_of_the_standard_gaussian_and_blocks_do_not_repeat() {
        let key = (3, Stream::Particles, 7);
        let z = tensor(key, (20_000, 5), place()).unwrap();
        for (power, moment) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)] {
            let found = number(&z.pow_tensor_scalar(power).mean(None));
            assert!(
                (found - moment).abs() < 0.02 * 3.0_f64.powi(power as i32 / 2),
                "{power}: {found}"
            );
        }
        let other = tensor((3, Stream::Particles, 8), (20_000, 5), place()).unwrap();
        let products = [
            (&z * &other).mean(None),
            (z.narrow(0, 0, 256) * z.narrow(0, 256, 256)).mean(None),
            (z.narrow(1, 0, 4) * z.narrow(1, 1, 4)).mean(None),
        ];
        let found = products.map(|mean| number(&mean));
        assert!(found.iter().all(|mean| mean.abs() < 0.1), "{found:?}");
        let double = tensor(key, (20_000, 5), (Kind::Double, device())).unwrap();
        let largest = |difference: Tensor| number(&difference.abs().max());
        assert!(largest(z.to_kind(Kind::Double) - double) < by_kind(1e-15, 1e-3));
        assert_eq!(
            largest(tensor(key, (300, 5), place()).unwrap() - z.narrow(0, 0, 300)),
            0.0
        );
    }
}
