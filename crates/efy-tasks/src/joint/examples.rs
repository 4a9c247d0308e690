//! The training objective of a joint model on examples that lie on its device.

use efy_core::joint::LikelihoodLoss;
use efy_core::parameters::Parameters;
use efy_models::Model;
use efy_models::joint::JointModel;
use efy_train::{Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Tensor};

const STEPS: &str = "steps";

/// A joint model, inputs `[n, d]`, outputs `[n, columns]` as the base measure writes them, and a loss without chains.
pub struct Examples {
    /// The model.
    pub model: JointModel,
    loss: Box<dyn LikelihoodLoss>,
    x: Tensor,
    y: Tensor,
    steps: u64,
}

impl Examples {
    /// The objective before its first step.
    pub fn new(model: JointModel, loss: Box<dyn LikelihoodLoss>, (x, y): (Tensor, Tensor)) -> Self {
        Examples {
            model,
            loss,
            x,
            y,
            steps: 0,
        }
    }
}

impl Objective for Examples {
    fn examples(&self) -> usize {
        self.x.size()[0] as usize
    }

    fn device(&self) -> Device {
        self.x.device()
    }

    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        let (x, y) = (self.x.index_select(0, rows), self.y.index_select(0, rows));
        let step = self.steps;
        self.steps += 1;
        let examples = (&x, Some(rows), &y);
        let (value, gradient) = self
            .model
            .mean_loss(self.loss.as_ref(), examples, (step, 0))?;
        Ok(StepLoss {
            loss: value.mean,
            gradient,
            metrics: Vec::new(),
        })
    }

    fn constrain(&mut self) -> efy_train::Result<()> {
        Ok(self.model.constrain()?)
    }

    fn rewind(&mut self) -> efy_train::Result<()> {
        self.steps -= 1;
        Ok(())
    }

    fn state(&self) -> efy_train::Result<State> {
        let mut state = State::default();
        state.put(STEPS, &self.steps)?;
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> efy_train::Result<()> {
        self.steps = state.get(STEPS)?;
        Ok(())
    }

    /// Nothing: what is made up has no metrics.
    fn evaluate(&mut self, _split: Split) -> efy_train::Result<Metrics> {
        Ok(Metrics::default())
    }
}
