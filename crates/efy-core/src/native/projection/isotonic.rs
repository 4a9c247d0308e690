//! Projections that are isotonic regressions.

use super::order::Order;
use super::{RowMap, centred, wide};
use crate::native::{Real, real};

/// $p = s - v$ on the sorted row s, where v is the closest decreasing sequence to $s - w$ (Negrinho and
/// Martins 2014; Blondel et al. 2020), in O(k log k).
///
/// Gaps of s above $w_1 - w_k$ are cut to that first: no block of v reaches across them, and neither
/// infinities nor large offsets are left.
pub(super) struct Permutahedron<'a> {
    pub(super) weights: &'a [f64],
}

impl RowMap for Permutahedron<'_> {
    fn fits(&self, k: usize) -> bool {
        k == self.weights.len()
    }

    fn work(&self, k: usize) -> usize {
        8 * k * (1 + k.ilog2() as usize)
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        let widest = self.weights[0] - self.weights[k - 1];
        let mut order = Order::default();
        let mut pool = Pool::default();
        let mut sorted = vec![0.0; k];
        for row in sound(rows, k) {
            order.descending(row);
            let (mut level, mut above) = (0.0, wide(row[order.coordinates[0]]));
            for (sorted, &i) in sorted.iter_mut().zip(&order.coordinates) {
                let value = wide(row[i]);
                level -= centred(above, value).min(widest);
                above = value;
                *sorted = level;
            }
            let pairs = sorted.iter().zip(self.weights);
            pool.decreasing(pairs.map(|(s, w)| s - w));
            let fitted = pool.values();
            for ((&i, sorted), v) in order.coordinates.iter().zip(&sorted).zip(fitted) {
                row[i] = real(sorted - v);
            }
        }
    }
}

/// The rows without a NaN; one with a NaN becomes NaN throughout.
fn sound<T: Real>(rows: &mut [T], k: usize) -> impl Iterator<Item = &mut [T]> {
    rows.chunks_exact_mut(k).filter_map(|row| {
        let sound = !row.iter().any(|value| value.is_nan());
        if !sound {
            row.fill(T::nan());
        }
        sound.then_some(row)
    })
}

/// The closest decreasing sequence.
pub(super) struct Decreasing;

impl RowMap for Decreasing {
    fn work(&self, k: usize) -> usize {
        8 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        let mut pool = Pool::default();
        for row in sound(rows, k) {
            pool.decreasing(row.iter().map(|&value| wide(value)));
            for (value, fitted) in row.iter_mut().zip(pool.values()) {
                *value = real(fitted);
            }
        }
    }
}

/// The closest decreasing sequence, clipped.
pub(super) struct OrderSimplex;

impl RowMap for OrderSimplex {
    fn work(&self, k: usize) -> usize {
        8 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        let mut pool = Pool::default();
        for row in sound(rows, k) {
            let finite = row
                .iter()
                .map(|&value| wide(value).abs())
                .filter(|size| size.is_finite());
            // No mean with an infinite element and k - 1 finite ones lies between 0 and 1.
            let bound = 2.0 * k as f64 * (finite.fold(0.0, f64::max) + 1.0);
            pool.decreasing(row.iter().map(|&value| wide(value).clamp(-bound, bound)));
            for (value, fitted) in row.iter_mut().zip(pool.values()) {
                *value = real(fitted.clamp(0.0, 1.0));
            }
        }
    }
}

/// Blocks of adjacent elements that share their mean.
#[derive(Default)]
struct Pool {
    blocks: Vec<Block>,
}

struct Block {
    sum: f64,
    count: usize,
    mean: f64,
}

impl Pool {
    /// Least squares under $v_1 \ge v_2 \ge \dots$: pools adjacent violators, in O(k).
    fn decreasing(&mut self, values: impl Iterator<Item = f64>) {
        self.blocks.clear();
        for value in values {
            let (mut sum, mut count, mut mean) = (value, 1, value);
            while let Some(last) = self.blocks.pop_if(|last| last.mean < mean) {
                sum += last.sum;
                count += last.count;
                mean = sum / count as f64;
            }
            self.blocks.push(Block { sum, count, mean });
        }
    }

    /// v.
    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let block = |block: &Block| std::iter::repeat_n(block.mean, block.count);
        self.blocks.iter().flat_map(block)
    }
}
