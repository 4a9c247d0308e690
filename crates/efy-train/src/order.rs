//! The order of the examples.

use efy_core::Result;
use efy_core::device::Phase;
use efy_core::parallel::Part;
use efy_core::random::{Stream, generator};
use rand::seq::SliceRandom;
use tch::{Device, Tensor};

/// The permutation of one epoch, a function of (seed, epoch), resident on the device: a batch is a
/// view of it.
#[derive(Debug)]
pub struct EpochOrder {
    indices: Tensor,
    batch: i64,
    part: (usize, usize),
}

impl EpochOrder {
    /// The order of epoch `epoch` over `examples` examples in batches of `batch`; the last one may be
    /// smaller.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the indices cannot be put on the device.
    pub fn new(
        seed: u64,
        epoch: u64,
        (examples, batch): (usize, usize),
        device: Device,
    ) -> Result<Self> {
        let one = Self::of_replicas([seed], epoch, (examples, batch), device)?;
        Ok(EpochOrder {
            indices: one.indices.f_view([-1])?,
            ..one
        })
    }

    /// The orders of replicas, one for each seed, over as many examples each, which follow each other:
    /// batches are `[R, B]`, and the indices of replica r begin at r times `examples`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_replicas(
        seeds: impl IntoIterator<Item = u64>,
        epoch: u64,
        (examples, batch): (usize, usize),
        device: Device,
    ) -> Result<Self> {
        let _phase = Phase::Data.enter();
        let mut indices = Vec::new();
        for (replica, seed) in (0..).zip(seeds) {
            let first = replica * examples as i64;
            let mut own: Vec<i64> = (first..first + examples as i64).collect();
            own.shuffle(&mut generator(seed, Stream::Order, epoch));
            indices.extend(own);
        }
        let indices = Tensor::f_from_slice(&indices)?.f_to_device(device)?;
        Ok(EpochOrder {
            indices: indices.f_view([-1, examples.max(1) as i64])?,
            batch: batch.max(1) as i64,
            part: (0, 1),
        })
    }

    /// The part of every batch that falls to process `rank` of `world`: together they make the batches that
    /// one process would.
    #[must_use]
    pub fn part(self, rank: usize, world: usize) -> Self {
        EpochOrder {
            part: (rank, world),
            ..self
        }
    }

    /// The batches of the epoch: indices `[B]`, or `[R, B]` of R replicas.
    pub fn batches(&self) -> impl Iterator<Item = Tensor> + '_ {
        self.parts().map(|(rows, _)| rows)
    }

    /// As [`batches`](Self::batches), and which rows of the whole batch they are.
    pub fn parts(&self) -> impl Iterator<Item = (Tensor, Part)> + '_ {
        let total = self.indices.size().last().copied().unwrap_or(0);
        let (rank, world) = self.part;
        (0..total).step_by(self.batch as usize).map(move |from| {
            let part = Part::of_process(self.batch.min(total - from), rank, world);
            let rows = self.indices.narrow(-1, from + part.first, part.count);
            (rows, part)
        })
    }
}

#[cfg(test)]
mod tests {
    use efy_core::device::read;
    use efy_test::{assert_here, device, everywhere};

    use super::*;

    #[everywhere]
    fn the_parts_of_all_processes_make_the_batches_of_one() {
        let batches = |rank, world| -> Vec<Vec<i64>> {
            let order = EpochOrder::new(3, 1, (10, 4), device()).unwrap();
            let order = order.part(rank, world);
            let read = |batch: Tensor| {
                assert_here("batch", &batch);
                read::to_vec(&batch).unwrap()
            };
            order.batches().map(read).collect()
        };
        let parts: Vec<_> = (0..3).map(|rank| batches(rank, 3)).collect();
        for (index, whole) in batches(0, 1).into_iter().enumerate() {
            let together: Vec<i64> = parts.iter().flat_map(|part| part[index].clone()).collect();
            assert_eq!(together, whole);
        }
    }

    #[everywhere]
    fn replicas_have_the_orders_of_their_seeds() {
        let size = (10, 4);
        let together = EpochOrder::of_replicas([3, 9], 2, size, device()).unwrap();
        for (replica, seed) in [(0, 3), (1, 9)] {
            let alone = EpochOrder::new(seed, 2, size, device()).unwrap();
            for (both, own) in together.batches().zip(alone.batches()) {
                assert_eq!(both.get(replica) - 10 * replica, own);
            }
        }
    }

    #[everywhere]
    fn every_epoch_visits_every_example_once_in_another_order() {
        let epoch = |number| {
            let order = EpochOrder::new(3, number, (10, 4), device()).unwrap();
            let batches: Vec<Vec<i64>> = order
                .batches()
                .map(|batch| {
                    assert_here("batch", &batch);
                    read::to_vec(&batch).unwrap()
                })
                .collect();
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
            batches.concat()
        };
        let (first, second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        assert_eq!(first, epoch(0));
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..10).collect::<Vec<i64>>());
        }
    }
}
