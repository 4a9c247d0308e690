//! Training steps of any objective, one at a time: for benchmarks.

use efy_train::optimizer::Optimizer;
use efy_train::{EpochOrder, Objective, TrainConfig, settle_threads, training_step};
use tch::Tensor;

use crate::{Error, Result};

/// An objective that is being trained, epoch after epoch, by hand.
pub struct Steps {
    objective: Box<dyn Objective>,
    optimizer: Optimizer,
    order: std::vec::IntoIter<Tensor>,
    epoch: u64,
    batch: usize,
    seed: u64,
}

impl Steps {
    /// Before the first step, with batches of so many examples.
    ///
    /// # Errors
    /// What the optimizer reports.
    pub fn new(objective: Box<dyn Objective>, train: &TrainConfig, batch: usize) -> Result<Self> {
        settle_threads(batch, objective.parameters().flat().numel());
        // The rate is constant: the number of steps says nothing.
        let optimizer = Optimizer::new(train, objective.parameters(), 0)?;
        Ok(Steps {
            objective,
            optimizer,
            order: Vec::new().into_iter(),
            epoch: 0,
            batch,
            seed: train.seed,
        })
    }

    /// Makes one step: solve, gradient, update. The loss stays on the device.
    ///
    /// # Errors
    /// What model and loss report.
    pub fn step(&mut self) -> Result<Tensor> {
        let rows = match self.order.next() {
            Some(rows) => rows,
            None => self.next_epoch()?,
        };
        Ok(training_step(self.objective.as_mut(), &mut self.optimizer, &rows)?.loss)
    }

    fn next_epoch(&mut self) -> Result<Tensor> {
        self.epoch += 1;
        let size = (self.objective.examples(), self.batch);
        let order = EpochOrder::new(self.seed, self.epoch, size, self.objective.rows_device())?;
        let batches: Vec<Tensor> = order.batches().collect();
        self.objective.announce(&batches)?;
        self.order = batches.into_iter();
        self.order
            .next()
            .ok_or_else(|| Error::Usage("n: no examples".to_owned()))
    }
}
