//! Coordinate ascent over sets of labels for quadratic energies.

use tch::{Kind, Tensor};

use super::{Real, by_chunks, real};
use crate::Result;
use crate::device::read;
use crate::shape::size2;

/// Below this many products, other threads are not worth waking.
const WORTH_THREADS: usize = 65536;
/// Most sweeps from a start. Each but the last changes a label, and the energy never falls; with rounding it could
/// go in circles among sets that are all but equal.
const MOST_SWEEPS: usize = 10_000;

/// The best of the local maxima of $\langle u, y\rangle + \frac12\langle y, U y\rangle$ over sets y, for `u`
/// `[B, k]` and a symmetric `matrix` `[k, k]` or `[B, k, k]`, all on the CPU: see
/// [`LocalSearch`](crate::decode::LocalSearch).
pub(crate) fn local_search(u: &Tensor, matrix: &Tensor, random: &[Vec<bool>]) -> Result<Tensor> {
    match u.kind() {
        Kind::Double => run::<f64>(u, matrix, random),
        _ => run::<f32>(u, matrix, random),
    }
}

fn run<T: Real>(u: &Tensor, matrix: &Tensor, random: &[Vec<bool>]) -> Result<Tensor> {
    let (rows, k) = size2(u);
    let (rows, k) = (rows as usize, k as usize);
    let scores: Vec<T> = read::to_vec(u)?;
    let entries: Vec<T> = read::to_vec(matrix)?;
    let per_row = matrix.dim() == 3;
    let mut sets = vec![T::zero(); rows * k];
    let row = |row: usize, set: &mut [T]| {
        let from = if per_row { row * k * k } else { 0 };
        let scores = &scores[row * k..(row + 1) * k];
        Search::new(scores, &entries[from..from + k * k]).run(random, set);
    };
    let work = rows * k * k * (random.len() + 3);
    by_chunks(&mut sets, k.max(1), work >= WORTH_THREADS, row);
    let shape = [rows as i64, k as i64];
    Ok(Tensor::f_from_slice(&sets)?
        .f_view(shape)?
        .f_to_kind(u.kind())?)
}

/// One row's search.
struct Search<'a, T> {
    u: &'a [T],
    matrix: &'a [T],
    set: Vec<bool>,
    /// U y.
    field: Vec<T>,
}

impl<'a, T: Real> Search<'a, T> {
    fn new(u: &'a [T], matrix: &'a [T]) -> Self {
        Search {
            u,
            matrix,
            set: vec![false; u.len()],
            field: vec![T::zero(); u.len()],
        }
    }

    /// Writes the best set.
    fn run(&mut self, random: &[Vec<bool>], best: &mut [T]) {
        let k = self.u.len();
        let alone: Vec<bool> = self.u.iter().map(|&u| u >= T::zero()).collect();
        let fixed = [alone, vec![false; k], vec![true; k]];
        let mut most = None;
        for start in fixed.iter().chain(random) {
            let value = self.ascend(start);
            // What is not a number is better than nothing, once.
            if most.is_none_or(|most| value > most) {
                most = Some(value);
                for (best, &label) in best.iter_mut().zip(&self.set) {
                    *best = if label { T::one() } else { T::zero() };
                }
            }
        }
    }

    /// Goes up from a start; the energy there.
    fn ascend(&mut self, start: &[bool]) -> T {
        self.set.fill(false);
        self.field.fill(T::zero());
        for (i, _) in start.iter().enumerate().filter(|(_, label)| **label) {
            self.flip(i);
        }
        for _ in 0..MOST_SWEEPS {
            let mut changed = false;
            for i in 0..self.set.len() {
                let better = self.gain(i) >= T::zero();
                if better != self.set[i] {
                    self.flip(i);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let terms = self.set.iter().zip(self.u.iter().zip(&self.field));
        let half = real::<T>(0.5);
        terms
            .filter(|(label, _)| **label)
            .fold(T::zero(), |sum, (_, (&u, &field))| sum + u + half * field)
    }

    /// The energy with label i less that without it.
    fn gain(&self, i: usize) -> T {
        let own = self.matrix[i * self.u.len() + i];
        let others = match self.set[i] {
            true => self.field[i] - own,
            false => self.field[i],
        };
        self.u[i] + others + real::<T>(0.5) * own
    }

    fn flip(&mut self, i: usize) {
        let k = self.u.len();
        self.set[i] = !self.set[i];
        let sign = if self.set[i] { T::one() } else { -T::one() };
        let row = &self.matrix[i * k..(i + 1) * k];
        for (field, &entry) in self.field.iter_mut().zip(row) {
            *field += sign * entry;
        }
    }
}
