//! Optimizers over the flat parameter buffer: a fixed number of operations whatever the number of
//! layers, and state that is plain tensors.

mod adam;

pub use adam::{Adam, AdamConfig};

use efy_core::device::read;
use efy_core::parameters::Parameters;
use tch::Tensor;

use crate::{Result, State, TrainConfig};

/// stub
pub struct Optimizer {
    adam: Adam,
    steps: u64,
    faults: Tensor,
}
/// stub
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// a
    Updated,
    /// b
    NotFinite,
    /// c
    Unknown,
}
impl Optimizer {
    /// stub
    pub fn new(config: &TrainConfig, parameters: &Parameters, _total: u64) -> Result<Self> {
        let adam = AdamConfig {
            lr: config.lr,
            weight_decay: config.weight_decay,
            ..AdamConfig::default()
        };
        Ok(Optimizer {
            adam: Adam::new(adam, parameters)?,
            steps: 0,
            faults: Tensor::from_slice(&[0.0, 0.0]),
        })
    }
    /// stub
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradient: Tensor,
        loss: &Tensor,
    ) -> Result<Verdict> {
        self.steps += 1;
        let sum = gradient.sum(None::<tch::Kind>) + loss.detach();
        if !read::scalar(&sum)?.is_finite() {
            return Ok(Verdict::NotFinite);
        }
        self.adam.step(parameters, gradient)?;
        Ok(Verdict::Updated)
    }
    /// stub
    pub fn faults(&self) -> &Tensor {
        &self.faults
    }
    /// stub
    pub fn state(&self) -> Result<State> {
        self.adam.state()
    }
    /// stub
    pub fn restore(&mut self, state: &State) -> Result<()> {
        self.adam.restore(state)
    }
}
