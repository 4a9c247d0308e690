//! What a task gives the trainer.

use efy_core::parallel::{Collective, Part};
use efy_core::parameters::Parameters;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::{Metrics, Result, State};

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// What is learned from.
    Train,
    /// What hyper-parameters and the number of epochs are chosen on.
    Validation,
    /// What is looked at once, at the end.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// The name in files: `train`, `validation`, `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

/// The loss of one training step, still on the device.
pub struct StepLoss {
    /// The scalar to minimize, `[]`, with its graph unless the gradient is given; of replicas, each one's
    /// own, `[R]`.
    pub loss: Tensor,
    /// Its gradient in the flat parameters, `[P]` or `[R P]`, where the objective has one without autograd.
    pub gradient: Option<Tensor>,
    /// Scalars that are worth knowing, of replicas `[R]`, computed for the last step before a log point only.
    pub metrics: Vec<(&'static str, Measure)>,
}

/// Computes a scalar on the device, or one for each replica.
pub type Measure = Box<dyn FnOnce() -> Tensor>;

/// A model with its data and loss.
pub trait Objective {
    /// The number of training examples, of each replica where there are several.
    fn examples(&self) -> usize;

    /// Where the data and the weights live.
    fn device(&self) -> Device;

    /// Where the indices of examples have to be: the CPU for examples that stay in host memory.
    fn rows_device(&self) -> Device {
        self.device()
    }

    /// Told before an epoch, or before what is left of one, which batches [`step`](Self::step) will be called
    /// with, in this order, whole or in parts. Whoever has to fetch examples can begin.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn announce(&mut self, _batches: &[Tensor]) -> Result<()> {
        Ok(())
    }

    /// The weights.
    fn parameters(&self) -> &Parameters;

    /// The mean loss of the training examples whose indices are in `rows` `[B]` (Int64, on
    /// [`rows_device`](Self::rows_device)), or of replicas `[R, B]` (see
    /// [`EpochOrder::of_replicas`](crate::EpochOrder::of_replicas)). Must not read a tensor back.
    ///
    /// # Errors
    /// Whatever the model and the loss report.
    fn step(&mut self, rows: &Tensor) -> Result<StepLoss>;

    /// Told before each call of [`step`](Self::step) which rows of the batch it is called with: the batch may be computed in
    /// parts, one after the other or in several processes. What is drawn for a row must be a function of its place in the
    /// whole batch and of the number of the update, and never of the part.
    fn part(&mut self, _part: Part) {}

    /// Whether [`step`](Self::step) moves the weights itself, as a flow of particles and neurons does, which
    /// descends no one loss: then there is no gradient, and the optimizer only watches that the loss is finite.
    fn moves_weights(&self) -> bool {
        false
    }

    /// [`step`](Self::step) of an objective that moves its weights itself, together with other processes: each moves its
    /// part of the particles. By default each moves all of them.
    ///
    /// # Errors
    /// As [`step`](Self::step), and those of the sum.
    fn step_with(&mut self, rows: &Tensor, _collective: &mut dyn Collective) -> Result<StepLoss> {
        self.step(rows)
    }

    /// Brings together what processes hold parts of beside the weights: warm starts, chains, particles. Called on all of them
    /// before [`state`](Self::state), and at the end of every epoch unless it moves its weights itself.
    ///
    /// # Errors
    /// Those of the sum.
    fn gather(&mut self, _collective: &mut dyn Collective) -> Result<()> {
        Ok(())
    }

    /// Called after every update, on every process, whether or not a row of the batch was its own: puts weights back where they have to be. Must not read a tensor back.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn constrain(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes back what the calls of [`step`](Self::step) since the last update changed beside the loss: warm
    /// starts, counters. Must not read a tensor back.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    /// What it needs beside its weights to go on later: warm starts, chains, particles, counters. Called
    /// between two updates.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn state(&self) -> Result<State> {
        Ok(State::default())
    }

    /// Puts back what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// [`crate::Error::State`] naming what does not fit.
    fn restore(&mut self, _state: &State) -> Result<()> {
        Ok(())
    }

    /// All metrics of a split with the current weights.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn evaluate(&mut self, split: Split) -> Result<Metrics>;

    /// [`evaluate`](Self::evaluate) for each of its replicas: by default there is one.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    fn evaluate_replicas(&mut self, split: Split) -> Result<Vec<Metrics>> {
        Ok(vec![self.evaluate(split)?])
    }

    /// [`evaluate_replicas`](Self::evaluate_replicas) together with other processes, all of which get the same. By default each
    /// looks at the whole split.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and those of the sum.
    fn evaluate_with(
        &mut self,
        split: Split,
        _collective: &mut dyn Collective,
    ) -> Result<Vec<Metrics>> {
        self.evaluate_replicas(split)
    }
}
