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
        Self::with_seeds(config, vec![config.train.seed], splits)
    }

    /// Replicas of the model side by side, with the splits of the seeds [`TrainConfig::seeds`](efy_train::TrainConfig::seeds),
    /// in their order, which lie on the CPU unless there is one, and go to `device` or stay in host memory.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when there is not one for each seed.
    pub fn replicas(
        config: &Config,
        splits: Vec<Splits>,
        device: Device,
    ) -> efy_core::Result<Self> {
        let seeds: Vec<u64> = config.train.seeds().take(splits.len()).collect();
        let splits = Splits::side_by_side(splits, (config.data.resident, device))?;
        Self::with_seeds(config, seeds, splits)
    }

    fn with_seeds(config: &Config, seeds: Vec<u64>, splits: Splits) -> efy_core::Result<Self> {
        let outputs = build::outputs(config, splits.get(Split::Train).y.size()[1])?;
        let splits = splits.try_map_labels(|y| outputs.encode(y))?;
        let train = splits.get(Split::Train);
        let size = (train.x.size()[1] as usize, train.y.size()[1] as usize);
        let device = splits.device();
        // A single model on the CPU looks at each step.
        let looks = device == Device::Cpu && seeds.len() == 1;
        let model = build::model(&config.model, size, seeds, device)?;
        // On the device wherever the examples are: every step writes them.
        let warm = match build::starts(config) {
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
            unseen: config.train.on_nonfinite == OnNonFinite::Skip && !looks,
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

    /// Tries prediction and loss on the first training example.
    ///
    /// # Errors
    /// Those of the model, the solver and the loss, which may have no method for so many labels.
    pub fn rehearse(&self) -> efy_core::Result<()> {
        let _guard = tch::no_grad_guard();
        let train = self.splits.get(Split::Train);
        let each = train.rows.len() as i64 / self.count();
        let first = |all: &Tensor| {
            let size = [self.count(), each, -1];
            all.view(size).select(1, 0).to_device(self.splits.device())
        };
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
        let parts: Vec<Tensor> = chunks(x.size()[0], EVALUATION_ROWS)
            .map(|(from, count)| {
                self.outcome(&x.narrow(0, from, count).to_device(self.splits.device()))
            })
            .collect::<efy_core::Result<_>>()?;
        if parts.is_empty() {
            let width = self.outputs.outcome_width();
            let options = (x.kind(), self.splits.device());
            return Ok(Tensor::f_zeros([0, width], options)?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    /// What the task makes of inputs on the device.
    fn outcome(&self, x: &Tensor) -> efy_core::Result<Tensor> {
        let energy = self.encode(x)?;
        let p = self.evaluation.predict(energy.as_ref(), None)?.argmax;
        self.outputs.outcome(energy.as_ref(), &p)
    }

    /// What the task makes of the inputs of a split, `[n, m]` for each replica.
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn predict_split(&self, split: Split) -> efy_train::Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let _phase = Phase::Predict.enter();
        let replicas = self.count();
        let mut parts: Vec<Vec<Tensor>> = (0..replicas).map(|_| Vec::new()).collect();
        self.each(split, &mut |x, _| {
            let outcome = self.outcome(x)?;
            let rows = outcome.size()[0] / replicas;
            for (index, parts) in (0..).zip(&mut parts) {
                parts.push(outcome.narrow(0, index * rows, rows));
            }
            Ok(())
        })?;
        let joined = parts.iter().map(|parts| Tensor::f_cat(parts, 0));
        Ok(joined
            .collect::<Result<_, _>>()
            .map_err(efy_core::Error::from)?)
    }

    /// Calls `visit` with inputs and labels of a split, some rows of each replica at a time.
    fn each(
        &self,
        split: Split,
        visit: &mut dyn FnMut(&Tensor, &Tensor) -> efy_train::Result<()>,
    ) -> efy_train::Result<()> {
        let examples = self.splits.get(split);
        let replicas = self.count();
        let mut source = Source::new(examples, self.splits.placement(), self.splits.device());
        let rows = examples.rows.len() as i64 / replicas;
        let ranges: Vec<(i64, i64)> = chunks(rows, EVALUATION_ROWS / replicas).collect();
        source.each((replicas, &ranges), visit)
    }

    fn encode(&self, x: &Tensor) -> efy_core::Result<Box<dyn Energy>> {
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
    ) -> efy_core::Result<(Tensor, Option<Tensor>, Found)> {
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

/// Ranges of at most `most` rows: (first row, rows).
fn chunks(rows: i64, most: i64) -> impl Iterator<Item = (i64, i64)> {
    let most = most.max(1);
    (0..rows)
        .step_by(most as usize)
        .map(move |from| (from, most.min(rows - from)))
}

impl Objective for Supervised {
    fn examples(&self) -> usize {
        self.splits.get(Split::Train).rows.len() / self.count() as usize
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

    /// The mean over replicas.
    fn evaluate(&mut self, split: Split) -> efy_train::Result<Metrics> {
        Ok(Metrics::mean(&self.evaluate_replicas(split)?))
    }

    fn evaluate_replicas(&mut self, split: Split) -> efy_train::Result<Vec<Metrics>> {
        let _guard = tch::no_grad_guard();
        let _phase = Phase::Evaluate.enter();
        let replicas = self.count();
        let mut sums: Vec<_> = (0..replicas).map(|_| self.outputs.sums()).collect();
        self.each(split, &mut |x, y| {
            let energy = self.encode(x)?;
            let LossValue { per_row, solution } = self.evaluation.loss(energy.as_ref(), y, None)?;
            let prediction = match solution {
                Found::Prediction(prediction) => prediction,
                _ => self.evaluation.predict(energy.as_ref(), None)?,
            };
            let outcome = self.outputs.outcome(energy.as_ref(), &prediction.argmax)?;
            let rows = y.size()[0] / replicas;
            for (index, sums) in (0..).zip(&mut sums) {
                let own = |t: &Tensor| t.narrow(0, index * rows, rows);
                let converged = own(&prediction.report.converged);
                sums.add(&own(&outcome), &own(y), &own(&per_row), &converged);
            }
            Ok(())
        })?;
        let finished = sums.into_iter().map(|sums| Ok(sums.finish()?));
        finished.collect()
    }
}
