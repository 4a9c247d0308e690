//! Learning by inference: energies whose regularized maximum is the prediction, and the losses of
//! [`efy_core::loss`].

use std::rc::Rc;

use efy_core::Result;
use efy_core::device::Phase;
use efy_core::energy::Energy;
use efy_core::loss::{Found, Loss, LossValue};
use efy_core::parameters::Parameters;
use efy_models::Model;
use efy_train::{Measure, Split};
use tch::{Device, Tensor};

use super::learner::{EVALUATION_ROWS, Learner, Place, Rows, Scored, Stepped};
use super::outputs::Layout;
use super::{Outputs, build};
use crate::config::Config;

/// A model, its loss in training and its loss when metrics are computed.
pub(super) struct Inference {
    model: Box<dyn Model>,
    training: Box<dyn Loss>,
    evaluation: Box<dyn Loss>,
    /// Whether model and loss have a gradient without autograd: until a step finds that they have not.
    written_out: bool,
}

impl Inference {
    /// Replicas with these seeds, for so many features and outputs.
    pub(super) fn new(
        config: &Config,
        outputs: &dyn Outputs,
        (size, seeds): ((usize, usize), Vec<u64>),
        device: Device,
    ) -> Result<Self> {
        let loss = |evaluation| {
            let seed = config.train.seed;
            build::loss(&config.loss, &config.solver, outputs, seed, evaluation)
        };
        Ok(Inference {
            model: build::model(&config.model, size, seeds, device)?,
            training: loss(false)?,
            evaluation: loss(true)?,
            written_out: true,
        })
    }

    /// How many models lie side by side.
    fn count(&self) -> i64 {
        self.model.parameters().replicas()
    }

    /// The means over the rows of each replica, `[R]`, of something of each row, `[B]`.
    fn means(&self, of_rows: &Tensor) -> Tensor {
        of_rows
            .reshape([self.count(), -1])
            .mean_dim([1_i64].as_slice(), false, None)
    }

    fn encode(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        let _phase = Phase::Encode.enter();
        self.model.energy(x)
    }

    /// The mean loss, of each replica, with its graph, or with its gradient where both can be had without
    /// autograd.
    fn compare(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<(Tensor, Option<Tensor>, Found)> {
        if self.count() > 1 {
            let energy = self.encode(x)?;
            let value = self.training.loss(energy.as_ref(), y, start)?;
            return Ok((self.means(&value.per_row), None, value.solution));
        }
        if self.written_out {
            if let Some(pass) = self.model.pass(x)?
                && let Some(native) = self
                    .training
                    .mean_gradient(pass.energy.as_ref(), y, start)?
            {
                let gradient = self.model.gradient(&pass, &native)?;
                return Ok((native.mean, Some(gradient), Found::Other(native.solution)));
            }
            self.written_out = false;
        }
        let energy = self.encode(x)?;
        let value = self.training.mean_loss(energy.as_ref(), y, start)?;
        Ok((value.mean, None, value.solution))
    }
}

impl Learner for Inference {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn constrain(&self) -> Result<()> {
        self.model.constrain()
    }

    fn rehearse(&self, _outputs: &dyn Outputs, x: &Tensor, y: &Tensor) -> Result<()> {
        let energy = self.model.energy(x)?;
        let _prediction = self.evaluation.predict(energy.as_ref(), None)?;
        let _loss = self.training.loss(energy.as_ref(), y, None)?;
        Ok(())
    }

    fn step(&mut self, batch: &Rows<'_>) -> Result<Stepped> {
        self.training.set_step(batch.update);
        self.training.set_part(Some(batch.part));
        let (loss, gradient, found) = self.compare(batch.x, batch.y, batch.start)?;
        let point = found.point().map(Tensor::shallow_clone);
        let mut metrics: Vec<(&'static str, Measure)> = Vec::new();
        if let Some(solution) = found.into_solution() {
            let report = Rc::new(solution.report);
            let unconverged = Rc::clone(&report);
            let replicas = self.count();
            metrics.push((
                "unconverged",
                Box::new(move || unconverged.unconverged(replicas)),
            ));
            metrics.push((
                "iterations",
                Box::new(move || report.mean_iterations(replicas)),
            ));
        }
        Ok(Stepped {
            loss,
            gradient,
            point,
            metrics,
        })
    }

    fn layout(&self) -> Layout {
        Layout::default()
    }

    fn outcome(&self, outputs: &dyn Outputs, x: &Tensor) -> Result<Tensor> {
        let energy = self.encode(x)?;
        let p = self.evaluation.predict(energy.as_ref(), None)?.argmax;
        outputs.outcome(energy.as_ref(), &p)
    }

    fn rows_at_once(&self, _split: Option<Split>) -> i64 {
        EVALUATION_ROWS
    }

    fn score(
        &self,
        outputs: &dyn Outputs,
        (x, y): (&Tensor, &Tensor),
        place: Place,
    ) -> Result<Scored> {
        self.evaluation.set_part(Some(place.part));
        let energy = self.encode(x)?;
        let LossValue { per_row, solution } = self.evaluation.loss(energy.as_ref(), y, None)?;
        let prediction = match solution {
            Found::Prediction(prediction) => prediction,
            _ => self.evaluation.predict(energy.as_ref(), None)?,
        };
        Ok(Scored {
            outcome: outputs.outcome(energy.as_ref(), &prediction.argmax)?,
            loss: per_row,
            converged: prediction.report.converged,
            log_partition: None,
        })
    }
}
