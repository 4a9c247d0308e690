//! Metropolis chains that swap two items of a linear energy's output, on the CPU.

use tch::{Kind, Tensor};

use super::{Real, by_chunks, real};
use crate::Result;
use crate::device::read;
use crate::random::{Words, unit};

/// Below this many proposals, other threads are not worth waking.
const WORTH_THREADS: usize = 4096;

/// See `joint::swap_metropolis`: what item i of k has are the `block` numbers
/// from i `block` on.
pub(crate) fn swap_metropolis(
    u: &Tensor,
    start: &Tensor,
    sizes: (i64, i64),
    steps: usize,
    words: &Words,
    first_row: i64,
) -> Result<Tensor> {
    match u.kind() {
        Kind::Double => run::<f64>(u, start, sizes, steps, words, first_row),
        _ => run::<f32>(u, start, sizes, steps, words, first_row),
    }
}

fn run<T: Real>(
    u: &Tensor,
    start: &Tensor,
    (k, block): (i64, i64),
    steps: usize,
    words: &Words,
    first_row: i64,
) -> Result<Tensor> {
    let (k, block) = (k as u64, block as usize);
    let n = k as usize * block;
    let scores: Vec<T> = read::to_vec(u)?;
    let mut states: Vec<T> = read::to_vec(start)?;
    let rows = states.len() / n;
    let chain = |row: usize, state: &mut [T]| {
        let scores = &scores[row * n..(row + 1) * n];
        let first = (first_row as u64 + row as u64) * 2 * steps as u64;
        for step in 0..steps as u64 {
            let word = words.word(first + 2 * step);
            let i = ((word >> 32) * k) >> 32;
            let other = (((word & u64::from(u32::MAX)) * (k - 1)) >> 32) + 1;
            let (i, j) = (i as usize, ((i + other) % k) as usize);
            let mut gain = T::zero();
            for c in 0..block {
                let (a, b) = (i * block + c, j * block + c);
                gain += (scores[a] - scores[b]) * (state[b] - state[a]);
            }
            if real::<T>(unit(words.word(first + 2 * step + 1)).ln()) < gain {
                for c in 0..block {
                    state.swap(i * block + c, j * block + c);
                }
            }
        }
    };
    by_chunks(&mut states, n.max(1), rows * steps >= WORTH_THREADS, chain);
    Ok(Tensor::f_from_slice(&states)?.f_view(start.size().as_slice())?)
}
