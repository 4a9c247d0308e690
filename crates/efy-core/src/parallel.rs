//! What several processes that compute one thing together know of each other.
//!
//! There is one operation, a sum: gradients, particles' means, and by zeros in the places of the others
//! whatever each process has a part of.

use std::ops::Range;

use tch::Tensor;

use crate::{Error, Result};

/// Processes that compute one thing together, in the same order.
pub trait Collective {
    /// Which of them this one is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn world(&self) -> usize;

    /// $\sum_r t_r$ over all processes, each with a tensor of the same length and kind, f32 or f64: of one dimension, on the
    /// device of this one's. All of them get the same bits, and the same again with the same number of them.
    ///
    /// # Errors
    /// [`Error::Peer`] when another one does not answer.
    fn sum(&mut self, tensor: Tensor) -> Result<Tensor>;
}

/// A process on its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn world(&self) -> usize {
        1
    }

    fn sum(&mut self, tensor: Tensor) -> Result<Tensor> {
        Ok(tensor)
    }
}

/// Which of `count` things, in their order, fall to process `rank` of `world`.
pub fn share(count: usize, rank: usize, world: usize) -> Range<usize> {
    let world = world.max(1);
    count * rank / world..count * (rank + 1) / world
}

/// [`share`] of a process among others.
pub fn own(count: usize, collective: &dyn Collective) -> Range<usize> {
    share(count, collective.rank(), collective.world())
}

/// All rows of a matrix `[n, d]` on every process, of which each has those that fall to it, or all of them and only
/// those right.
///
/// # Errors
/// As [`Collective::sum`].
pub fn gather(own_rows: &Tensor, rows: usize, collective: &mut dyn Collective) -> Result<Tensor> {
    if collective.world() == 1 {
        return Ok(own_rows.shallow_clone());
    }
    let range = own(rows, collective);
    let (first, count) = (range.start as i64, range.len() as i64);
    let mut size = own_rows.size();
    let own = match size[0] == rows as i64 {
        true => own_rows.f_narrow(0, first, count)?,
        false => own_rows.shallow_clone(),
    };
    size[0] = rows as i64;
    let mut all = Tensor::f_zeros(&size, (own_rows.kind(), own_rows.device()))?;
    all.f_narrow(0, first, count)?.f_copy_(&own)?;
    all = collective.sum(all.f_reshape([-1])?)?;
    Ok(all.f_view(size.as_slice())?)
}

/// Some rows of a batch, in their order: of a batch in parts, or of what several processes share. What is drawn for a row
/// is a function of its place in the whole batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first of them.
    pub first: i64,
    /// How many there are; of replicas, of each.
    pub count: i64,
    /// Rows of the whole batch; of replicas, of each.
    pub of: i64,
}

impl Part {
    /// All rows.
    pub fn whole(rows: i64) -> Self {
        Part {
            first: 0,
            count: rows,
            of: rows,
        }
    }

    /// The part of a batch of `rows` that falls to process `rank` of `world`.
    pub fn of_process(rows: i64, rank: usize, world: usize) -> Self {
        let range = share(rows as usize, rank, world);
        Part {
            first: range.start as i64,
            count: range.len() as i64,
            of: rows,
        }
    }

    /// `count` rows of these, from the row `first` of these on.
    #[must_use]
    pub fn inner(self, first: i64, count: i64) -> Self {
        Part {
            first: self.first + first,
            count,
            of: self.of,
        }
    }

    /// The share of these rows in a mean over the batch.
    pub fn weight(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// Those of the numbers `[n, R, of, k]` that belong to these rows, drawn one after the other by `next`: `[n, R, count, k]`.
    pub(crate) fn pick(
        self,
        (rounds, rows, k): (usize, usize, usize),
        mut next: impl FnMut() -> f64,
    ) -> Vec<f64> {
        let replicas = rows / self.count.max(1) as usize;
        let mut numbers = Vec::with_capacity(rounds * rows * k);
        for _ in 0..rounds * replicas {
            for row in 0..self.of {
                let own = (self.first..self.first + self.count).contains(&row);
                for _ in 0..k {
                    let number = next();
                    if own {
                        numbers.push(number);
                    }
                }
            }
        }
        numbers
    }
}

/// The error of a process whose peers are gone.
pub fn lost(message: impl Into<String>) -> Error {
    Error::Peer(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_of_it_in_order_and_differ_by_one_at_most() {
        for (count, world) in [(10, 3), (2, 4), (0, 2), (7, 1)] {
            let shares: Vec<_> = (0..world).map(|rank| share(count, rank, world)).collect();
            let all: Vec<usize> = shares.iter().cloned().flatten().collect();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            let sizes = shares.iter().map(ExactSizeIterator::len);
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        }
    }

    #[test]
    fn the_numbers_of_parts_are_those_of_the_whole() {
        let draw = |part: Part, replicas: i64| {
            let mut number = 0.0;
            part.pick((2, (part.count * replicas) as usize, 3), || {
                number += 1.0;
                number
            })
        };
        for replicas in [1, 2] {
            let whole = draw(Part::whole(5), replicas);
            let parts = [(0, 2), (2, 3)].map(|(first, count)| {
                let part = Part::whole(5).inner(first, count);
                (count, draw(part, replicas))
            });
            let mut both = Vec::new();
            for round in 0..2 * replicas as usize {
                for (count, numbers) in &parts {
                    let size = *count as usize * 3;
                    both.extend_from_slice(&numbers[round * size..][..size]);
                }
            }
            assert_eq!(both, whole);
        }
    }
}
