//! Training in several processes: what each of them does, and what they tell each other.

use tch::Tensor;

use crate::Result;

/// Processes that train one model together. All hold the same weights; each takes its part of every
/// batch, and they average their gradients before the update.
pub trait Collective {
    /// Which of them this one is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn world(&self) -> usize;

    /// $\sum_r n_r g_r / \sum_r n_r$ over all processes: `flat` is the gradient `[P]` and the loss `[1]` of
    /// this one, one after the other, means over its `rows` examples. All of them get the same bits.
    ///
    /// # Errors
    /// [`crate::Error::Task`] when another one does not answer.
    fn average(&mut self, flat: Tensor, rows: usize) -> Result<Tensor>;
}

/// A process that trains on its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn world(&self) -> usize {
        1
    }

    fn average(&mut self, flat: Tensor, _rows: usize) -> Result<Tensor> {
        Ok(flat)
    }
}
