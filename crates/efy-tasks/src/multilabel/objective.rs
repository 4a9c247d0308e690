//! The multilabel training objective.

use std::rc::Rc;

use efy_core::domain::{Cube, Domain};
use efy_core::loss::{Found, Loss, LossValue};
use efy_core::parameters::Parameters;
use efy_models::Model;
use efy_train::optimizer::OnNonFinite;
use efy_train::{Measure, Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Tensor};

use super::{MetricSums, Splits, build};
use crate::config::Config;

/// Rows that are evaluated at once.
const EVALUATION_ROWS: i64 = 4096;
/// Names of what a checkpoint has of an objective.
const STEPS: &str = "steps";
const WARM: &str = "warm_starts";

/// A model, its data and its loss.
pub struct Multilabel {
    splits: Splits,
    model: Box<dyn Model>,
    training: Box<dyn Loss>,
    evaluation: Box<dyn Loss>,
    /// The point that the loss found last for every training example, `[n, k]`.
    warm: Option<Tensor>,
    /// Whether model and loss have a gradient without autograd: until a step finds that they have not.
    written_out: bool,
    /// Calls of the loss in training.
    steps: u64,
    /// Whether steps that are not finite are skipped without anybody looking.
    unseen: bool,
    /// What the last calls of `step` changed: rows and their starts.
    replaced: Vec<(Tensor, Option<Tensor>)>,
}

impl Multilabel {
    /// Builds model and loss as the configuration says, for these splits.
    ///
    /// # Errors
    /// [`efy_core::Error`] for parameters out of range or when there is no room.
    pub fn new(config: &Config, splits: Splits) -> efy_core::Result<Self> {
        let train = splits.get(Split::Train);
        let size = (train.x.size()[1] as usize, train.y.size()[1] as usize);
        let model = build::model(&config.model, size, config.train.seed, train.x.device())?;
        let warm = build::starts(config).then(|| Cube.start(&train.y));
        Ok(Multilabel {
            model,
            training: build::loss(&config.loss, &config.solver, config.train.seed, false)?,
            evaluation: build::loss(&config.loss, &config.solver, config.train.seed, true)?,
            warm,
            written_out: true,
            steps: 0,
            unseen: config.train.on_nonfinite == OnNonFinite::Skip
                && train.x.device() != Device::Cpu,
            replaced: Vec::new(),
            splits,
        })
    }

    /// The data.
    pub fn splits(&self) -> &Splits {
        &self.splits
    }

    /// Tries prediction and loss on the first training example.
    ///
    /// # Errors
    /// Those of the model, the solver and the loss, which may have no method for so many labels.
    pub fn rehearse(&self) -> efy_core::Result<()> {
        let _guard = tch::no_grad_guard();
        let train = self.splits.get(Split::Train);
        let energy = self.model.energy(&train.x.narrow(0, 0, 1))?;
        let _prediction = self.evaluation.predict(energy.as_ref(), None)?;
        let _loss = self
            .training
            .loss(energy.as_ref(), &train.y.narrow(0, 0, 1), None)?;
        Ok(())
    }

    /// The regularized predictions for inputs `x` `[n, d]`, `[n, k]`.
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn predict(&self, x: &Tensor) -> efy_core::Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let parts: Vec<Tensor> = chunks(x.size()[0])
            .map(|(from, count)| {
                let energy = self.model.energy(&x.narrow(0, from, count))?;
                Ok(self.evaluation.predict(energy.as_ref(), None)?.argmax)
            })
            .collect::<efy_core::Result<_>>()?;
        if parts.is_empty() {
            let labels = self.splits.get(Split::Train).y.size()[1];
            return Ok(Tensor::f_zeros([0, labels], (x.kind(), x.device()))?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }
}

impl Multilabel {
    /// The mean loss with its graph, or with its gradient where both can be had without autograd.
    fn compare(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        start: Option<&Tensor>,
    ) -> efy_core::Result<(Tensor, Option<Tensor>, Found)> {
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
        let energy = self.model.energy(x)?;
        let value = self.training.mean_loss(energy.as_ref(), y, start)?;
        Ok((value.mean, None, value.solution))
    }
}

fn chunks(rows: i64) -> impl Iterator<Item = (i64, i64)> {
    (0..rows)
        .step_by(EVALUATION_ROWS as usize)
        .map(move |from| (from, EVALUATION_ROWS.min(rows - from)))
}

impl Objective for Multilabel {
    fn examples(&self) -> usize {
        self.splits.get(Split::Train).rows.len()
    }

    fn device(&self) -> Device {
        self.splits.get(Split::Train).x.device()
    }

    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        let train = self.splits.get(Split::Train);
        let x = train.x.index_select(0, rows);
        let y = train.y.index_select(0, rows);
        let start = self.warm.as_ref().map(|warm| warm.index_select(0, rows));
        self.training.set_step(self.steps);
        self.steps += 1;
        self.replaced.push((
            rows.shallow_clone(),
            start.as_ref().map(Tensor::shallow_clone),
        ));
        let (loss, gradient, found) = self.compare(&x, &y, start.as_ref())?;
        if let (Some(warm), Some(point)) = (&mut self.warm, found.point()) {
            // Where nobody looks whether a step was finite, a point that is not must not stay.
            let _ = match self.unseen {
                true => warm.index_copy_(0, rows, &point.nan_to_num(0.5, 1.0, 0.0)),
                false => warm.index_copy_(0, rows, point),
            };
        }
        let mut metrics: Vec<(&'static str, Measure)> = Vec::new();
        if let Some(solution) = found.into_solution() {
            let report = Rc::new(solution.report);
            let unconverged = Rc::clone(&report);
            metrics.push(("unconverged", Box::new(move || unconverged.unconverged())));
            metrics.push(("iterations", Box::new(move || report.mean_iterations())));
        }
        Ok(StepLoss {
            loss,
            gradient,
            metrics,
        })
    }

    fn constrain(&mut self) -> efy_train::Result<()> {
        self.replaced.clear();
        Ok(self.model.constrain()?)
    }

    fn rewind(&mut self) -> efy_train::Result<()> {
        for (rows, start) in self.replaced.drain(..).rev() {
            self.steps -= 1;
            if let (Some(warm), Some(start)) = (&mut self.warm, start) {
                let _ = warm.index_copy_(0, &rows, &start);
            }
        }
        Ok(())
    }

    fn state(&self) -> efy_train::Result<State> {
        let mut state = State::default();
        state.put(STEPS, &self.steps)?;
        if let Some(warm) = &self.warm {
            state.put_tensor(WARM, warm);
        }
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> efy_train::Result<()> {
        self.steps = state.get(STEPS)?;
        if let Some(warm) = &mut self.warm {
            *warm = state.tensor(WARM, warm)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> efy_train::Result<Metrics> {
        let _guard = tch::no_grad_guard();
        let examples = self.splits.get(split);
        let mut sums = MetricSums::default();
        for (from, count) in chunks(examples.rows.len() as i64) {
            let energy = self.model.energy(&examples.x.narrow(0, from, count))?;
            let y = examples.y.narrow(0, from, count);
            let LossValue { per_row, solution } =
                self.evaluation.loss(energy.as_ref(), &y, None)?;
            let prediction = match solution {
                Found::Prediction(prediction) => prediction,
                _ => self.evaluation.predict(energy.as_ref(), None)?,
            };
            let converged = &prediction.report.converged;
            sums.add(&prediction.argmax, &y, &per_row, converged);
        }
        Ok(sums.finish()?)
    }
}
