//! The training objective of tasks with examples: a model, its data and a loss.

use std::rc::Rc;

use efy_core::device::Phase;
use efy_core::energy::Energy;
use efy_core::loss::{Found, Loss, LossValue};
use efy_core::parameters::Parameters;
use efy_models::Model;
use efy_train::optimizer::OnNonFinite;
use efy_train::{Measure, Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Tensor};

use super::placement::Source;
use super::{Outputs, Splits, build};
use crate::config::Config;

/// Rows that are evaluated at once.
const EVALUATION_ROWS: i64 = 4096;
/// Names of what a checkpoint has of an objective.
const STEPS: &str = "steps";
const WARM: &str = "warm_starts";

/// A model, its data and its loss.
pub struct Supervised {
    splits: Splits,
    outputs: Box<dyn Outputs>,
    /// The training examples.
    train: Source,
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

impl Supervised {
    /// Builds model and loss as the configuration says, for these splits, whose labels it encodes.
    ///
    /// # Errors
    /// [`efy_core::Error`] for parameters out of range or when there is no room.
    pub fn new(config: &Config, splits: Splits) -> efy_core::Result<Self> {
        let outputs = build::outputs(config, splits.get(Split::Train).y.size()[1])?;
        let splits = splits.try_map_labels(|y| outputs.encode(y))?;
        let train = splits.get(Split::Train);
        let size = (train.x.size()[1] as usize, train.y.size()[1] as usize);
        let device = splits.device();
        let model = build::model(&config.model, size, config.train.seed, device)?;
        // On the device wherever the examples are: every step writes them.
        let warm = match config.solver.warm_start {
            true => Some(outputs.domain()?.start(&train.y).to_device(device)),
            false => None,
        };
        let loss = |evaluation| {
            let seed = config.train.seed;
            build::loss(
                &config.loss,
                &config.solver,
                outputs.as_ref(),
                seed,
                evaluation,
            )
        };
        Ok(Supervised {
            model,
            training: loss(false)?,
            evaluation: loss(true)?,
            warm,
            written_out: true,
            steps: 0,
            unseen: config.train.on_nonfinite == OnNonFinite::Skip && device != Device::Cpu,
            replaced: Vec::new(),
            train: Source::new(train, splits.placement(), device),
            splits,
            outputs,
        })
    }

    /// What the energy is over.
    pub fn outputs(&self) -> &dyn Outputs {
        self.outputs.as_ref()
    }

    /// The data; labels are encoded as [`Outputs::encode`] says.
    pub fn splits(&self) -> &Splits {
        &self.splits
    }

    /// Whether training batches are copied from pinned memory; see [`HostBatches::is_pinned`](efy_train::HostBatches::is_pinned).
    pub fn is_pinned(&self) -> bool {
        matches!(&self.train, Source::Host(host) if host.is_pinned())
    }

    /// Tries prediction and loss on the first training example.
    ///
    /// # Errors
    /// Those of the model, the solver and the loss, which may have no method for so many labels.
    pub fn rehearse(&self) -> efy_core::Result<()> {
        let _guard = tch::no_grad_guard();
        let train = self.splits.get(Split::Train);
        let first = |all: &Tensor| all.narrow(0, 0, 1).to_device(self.splits.device());
        let energy = self.model.energy(&first(&train.x))?;
        let _prediction = self.evaluation.predict(energy.as_ref(), None)?;
        let _loss = self
            .training
            .loss(energy.as_ref(), &first(&train.y), None)?;
        Ok(())
    }

    /// What the task makes of inputs `x` `[n, d]` on any device, `[n, m]`: see [`Outputs::outcome`].
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn predict(&self, x: &Tensor) -> efy_core::Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let _phase = Phase::Predict.enter();
        let parts: Vec<Tensor> = chunks(x.size()[0])
            .map(|(from, count)| {
                let part = x.narrow(0, from, count).to_device(self.splits.device());
                let energy = self.encode(&part)?;
                let p = self.evaluation.predict(energy.as_ref(), None)?.argmax;
                self.outputs.outcome(energy.as_ref(), &p)
            })
            .collect::<efy_core::Result<_>>()?;
        if parts.is_empty() {
            let width = self.outputs.outcome_width();
            let options = (x.kind(), self.splits.device());
            return Ok(Tensor::f_zeros([0, width], options)?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }
}

impl Supervised {
    fn encode(&self, x: &Tensor) -> efy_core::Result<Box<dyn Energy>> {
        let _phase = Phase::Encode.enter();
        self.model.energy(x)
    }

    /// The mean loss with its graph, or with its gradient where both can be had without autograd.
    fn compare(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        start: Option<&Tensor>,
    ) -> efy_core::Result<(Tensor, Option<Tensor>, Found)> {
        self.written_out &= x.device() == Device::Cpu;
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

fn chunks(rows: i64) -> impl Iterator<Item = (i64, i64)> {
    (0..rows)
        .step_by(EVALUATION_ROWS as usize)
        .map(move |from| (from, EVALUATION_ROWS.min(rows - from)))
}

impl Objective for Supervised {
    fn examples(&self) -> usize {
        self.splits.get(Split::Train).rows.len()
    }

    fn device(&self) -> Device {
        self.splits.device()
    }

    fn rows_device(&self) -> Device {
        match self.train {
            Source::Device(..) => self.splits.device(),
            Source::Host(_) => Device::Cpu,
        }
    }

    fn announce(&mut self, batches: &[Tensor]) -> efy_train::Result<()> {
        self.train.announce(batches)
    }

    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        let (rows, x, y) = self.train.batch(rows)?;
        let start = self.warm.as_ref().map(|warm| warm.index_select(0, &rows));
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
                true => {
                    let centre = self.outputs.centre();
                    let finite = point.nan_to_num(centre, centre, centre);
                    warm.index_copy_(0, &rows, &finite)
                }
                false => warm.index_copy_(0, &rows, point),
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
        let _phase = Phase::Evaluate.enter();
        let examples = self.splits.get(split);
        let mut sums = self.outputs.sums();
        let mut source = Source::new(examples, self.splits.placement(), self.splits.device());
        let ranges: Vec<(i64, i64)> = chunks(examples.rows.len() as i64).collect();
        source.each(&ranges, &mut |x, y| {
            let energy = self.encode(x)?;
            let LossValue { per_row, solution } = self.evaluation.loss(energy.as_ref(), y, None)?;
            let prediction = match solution {
                Found::Prediction(prediction) => prediction,
                _ => self.evaluation.predict(energy.as_ref(), None)?,
            };
            let outcome = self.outputs.outcome(energy.as_ref(), &prediction.argmax)?;
            sums.add(&outcome, y, &per_row, &prediction.report.converged);
            Ok(())
        })?;
        Ok(sums.finish()?)
    }
}
