//! What happens to a block of particles: restarts, the move, and what the neurons need of it.

use std::hint::black_box;

use multiversion::multiversion;

use super::blocks::Blocks;
use super::kernel::{self, Pair, Sums, TILE};
use super::unit::Unit;
use crate::flow::Renewal;
use crate::native::Real;
use crate::native::lanes::Lanes;
use crate::native::normal::{self, BLOCK};

/// One move of all particles.
#[derive(Clone, Copy)]
pub(super) struct Move<T> {
    /// h.
    pub(super) step: T,
    /// $\sqrt{2h/\beta}$.
    pub(super) noise: T,
    /// $h/(\beta s^2)$.
    pub(super) base: T,
    pub(super) sphere: bool,
}

/// What a thread works with.
pub(super) struct Scratch<T, const L: usize> {
    pub(super) sums: Sums<T, L>,
    pub(super) force: Vec<Lanes<T, L>>,
    pub(super) pair: Pair<T, L>,
    pub(super) words: Vec<u32>,
    pub(super) noise: Vec<T>,
}

/// Puts particles of a block of each group back to the data.
pub(super) fn renew<T: Real, const L: usize>(
    data: &Blocks<T, L>,
    blocks: &mut [Lanes<T, L>],
    (index, live): (usize, usize),
    (half, groups): (usize, usize),
    renewal: Renewal,
    scratch: &mut Scratch<T, L>,
) {
    let size = data.size();
    match renewal {
        Renewal::None => {}
        Renewal::All => {
            for (group, x) in blocks.chunks_exact_mut(size).enumerate() {
                let first = (group * half + index * BLOCK) % data.n;
                // The copy of a whole block is what restarts at every iteration cost.
                if first.is_multiple_of(BLOCK)
                    && first + live <= data.n
                    && data.live(first / BLOCK) == live
                {
                    x.copy_from_slice(&data.lanes[first / BLOCK * size..][..size]);
                    continue;
                }
                for slot in 0..live {
                    data.copy_point((first + slot) % data.n, x, slot);
                }
            }
        }
        Renewal::Each { probability, key } => {
            let d = scratch.noise.len() / BLOCK;
            let words = &mut scratch.words[..4 * BLOCK];
            normal::spare_words(key, index, d, words);
            for (x, words) in blocks
                .chunks_exact_mut(size)
                .take(groups)
                .zip(words.chunks_exact(2 * BLOCK))
            {
                let (decisions, choices) = words.split_at(BLOCK);
                for slot in 0..live {
                    let restart =
                        normal::restart(decisions[slot], choices[slot], probability, data.n);
                    if let Some(i) = restart {
                        data.copy_point(i, x, slot);
                    }
                }
            }
        }
    }
}

/// $x \leftarrow P(x - h\nabla f(x) - h/(\beta s^2)\, x \pm \sqrt{2h/\beta}\, z)$ for the points of a block.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn move_block<T: Real, U: Unit, const L: usize>(
    _unit: U,
    (tiles, pushes, e): (&[[T; TILE]], &[[T; TILE]], usize),
    (motion, sign): (Move<T>, T),
    (d, live): (usize, usize),
    x: &mut [Lanes<T, L>],
    scratch: &mut Scratch<T, L>,
) {
    let vectors = x.len() / e;
    let force = &mut scratch.force;
    kernel::forces::<T, U, L>((tiles, pushes), e, x, force, &mut scratch.pair);
    let (noise, _) = scratch.noise.as_chunks::<L>();
    let scale = sign * motion.noise;
    // black_box: the optimizer would otherwise take one lane of many registers at a time, by gathers.
    for ((x, force), z) in x.iter_mut().zip(force.iter()).zip(noise).take(d * vectors) {
        let x = black_box(x);
        let here = *x;
        let moved = here.plus(-motion.step, force).plus(scale, &Lanes(*z));
        *x = moved.plus(-motion.base, &here);
    }
    if motion.sphere {
        // Coordinate by coordinate, so that all loops run over neighbours.
        let lengths = &mut force[..vectors];
        lengths.fill(Lanes::zero());
        for x in x.chunks_exact(vectors) {
            for (length, x) in lengths.iter_mut().zip(x) {
                let x = black_box(x);
                *length = length.plus_product(x, x);
            }
        }
        for length in lengths.iter_mut() {
            let length = black_box(length);
            *length = length.map(|square| T::one() / square.sqrt());
        }
        for x in x.chunks_exact_mut(vectors) {
            for (length, x) in lengths.iter().zip(x) {
                let x = black_box(x);
                *x = Lanes::zero().plus_product(x, length);
            }
        }
    }
    for slot in live..vectors * L {
        for x in x[slot / L..].iter_mut().step_by(vectors) {
            x.0[slot % L] = T::zero();
        }
    }
}

/// Adds the points of a block to the sums.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn add_block<T: Real, U: Unit, const L: usize>(
    _unit: U,
    (tiles, e): (&[[T; TILE]], usize),
    x: &[Lanes<T, L>],
    sums: &mut Sums<T, L>,
) {
    sums.add::<U>(tiles, e, x);
}
