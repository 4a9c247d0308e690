//! The training objective of tasks with examples: a model, its data and a loss.

use std::ops::Range;

use efy_core::device::Phase;
use efy_core::parallel::{Alone, Collective, Part, own};
use efy_core::parameters::Parameters;
use efy_train::optimizer::OnNonFinite;
use efy_train::{Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Tensor};

use super::inference::Inference;
use super::learner::{Learner, Place, Rows};
use super::likelihood::Likelihood;
use super::outputs::Layout;
use super::placement::Source;
use super::tally::Tally;
use super::{Outputs, Splits, build};
use crate::config::Config;

/// Names of what a checkpoint has of an objective.
const STEPS: &str = "steps";
const WARM: &str = "warm_starts";

/// A model, its data and its loss.
pub struct Supervised {
    splits: Splits,
    outputs: Box<dyn Outputs>,
    /// The training examples.
    train: Source,
    learner: Box<dyn Learner>,
    /// The point that the loss found last for every training example, `[n, k]`.
    warm: Option<Tensor>,
    /// Updates so far.
    steps: u64,
    /// The rows that come next, if that was said.
    part: Option<Part>,
    /// The examples whose starts have changed here since all processes had the same.
    moved: Vec<Tensor>,
    /// Whether steps that are not finite are skipped without anybody looking.
    unseen: bool,
    /// Estimated and exact log-partitions of the split that was evaluated last.
    compared: Option<(Split, [Vec<f64>; 2])>,
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
        let learner: Box<dyn Learner> = match config.loss.kind.is_likelihood() {
            true => Box::new(Likelihood::new(config, train, device)?),
            false => {
                let shape = (size, seeds);
                Box::new(Inference::new(config, outputs.as_ref(), shape, device)?)
            }
        };
        // On the device wherever the examples are: every step writes them.
        let warm = match build::starts(config) {
            // Chains begin at the labels.
            true if config.loss.kind.is_likelihood() => Some(train.y.copy().to_device(device)),
            true => Some(outputs.domain()?.start(&train.y).to_device(device)),
            false => None,
        };
        Ok(Supervised {
            learner,
            warm,
            steps: 0,
            part: None,
            moved: Vec::new(),
            unseen: config.train.on_nonfinite == OnNonFinite::Skip && !looks,
            compared: None,
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

    /// What an outcome has.
    pub fn layout(&self) -> Layout {
        self.learner.layout()
    }

    /// Estimated and exact log-partitions of a split's examples, if it was the last to be evaluated and has both.
    pub fn log_partitions(&self, split: Split) -> Option<&[Vec<f64>; 2]> {
        let compared = self.compared.as_ref();
        compared
            .filter(|(of, _)| *of == split)
            .map(|(_, values)| values)
    }

    /// How many models lie side by side.
    fn count(&self) -> i64 {
        self.parameters().replicas()
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
        let outputs = self.outputs.as_ref();
        self.learner
            .rehearse(outputs, &first(&train.x), &first(&train.y))
    }

    /// What the task makes of inputs `x` `[n, d]` on any device, `[n, m]`: see [`Outputs::outcome`] and
    /// [`layout`](Self::layout).
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn predict(&self, x: &Tensor) -> efy_core::Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let _phase = Phase::Predict.enter();
        let outputs = self.outputs.as_ref();
        let parts: Vec<Tensor> = chunks(x.size()[0], self.learner.rows_at_once(None))
            .map(|(from, count)| {
                let x = x.narrow(0, from, count).to_device(self.splits.device());
                self.learner.outcome(outputs, &x)
            })
            .collect::<efy_core::Result<_>>()?;
        if parts.is_empty() {
            let width = self.layout().width(outputs);
            let options = (x.kind(), self.splits.device());
            return Ok(Tensor::f_zeros([0, width], options)?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
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
        let rows = self.learner.rows_at_once(None);
        let count = self.splits.get(split).rows.len() / replicas as usize;
        let pieces = pieces((0..count, count), rows / replicas);
        self.each(split, &pieces, &mut |x, _| {
            let outcome = self.learner.outcome(self.outputs.as_ref(), x)?;
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

    /// Calls `visit` with inputs and labels of pieces of a split.
    fn each(
        &self,
        split: Split,
        pieces: &[(i64, Part)],
        visit: &mut dyn FnMut(&Tensor, &Tensor) -> efy_train::Result<()>,
    ) -> efy_train::Result<()> {
        let examples = self.splits.get(split);
        let replicas = self.count();
        let mut source = Source::new(examples, self.splits.placement(), self.splits.device());
        let ranges: Vec<(i64, i64)> = pieces
            .iter()
            .map(|(from, part)| (*from, part.count))
            .collect();
        source.each((replicas, &ranges), visit)
    }
}

/// Ranges of at most `most` rows: (first row, rows).
fn chunks(rows: i64, most: i64) -> impl Iterator<Item = (i64, i64)> {
    let most = most.max(1);
    (0..rows)
        .step_by(most as usize)
        .map(move |from| (from, most.min(rows - from)))
}

/// Starts `[n, k]`, of which each process has changed the rows in `moved`, as all of them have to know them.
fn newest(
    warm: &Tensor,
    moved: &[Tensor],
    collective: &mut dyn Collective,
) -> efy_core::Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let options = (warm.kind(), warm.device());
    let (n, k) = (warm.size()[0], warm.size()[1]);
    let mut changed = Tensor::f_zeros([n, 1], options)?;
    for rows in moved {
        let _ = changed.f_index_fill_(0, rows, 1.0)?;
    }
    // A start that is no number stays where it is: it must not reach others through a product.
    let own = warm.f_where_self(&changed.f_gt(0.5)?, &warm.f_zeros_like()?)?;
    let all = collective.sum(Tensor::f_cat(&[own, changed], 1)?.f_reshape([-1])?)?;
    let all = all.f_view([n, k + 1])?;
    let (found, changed) = (all.f_narrow(1, 0, k)?, all.f_narrow(1, k, 1)?);
    Ok(found.f_where_self(&changed.f_gt(0.5)?, warm)?)
}

/// A range of `examples` in pieces: the first row of each, and which rows they are of those that are scored at once, at
/// most `most`, where all are.
fn pieces((range, examples): (Range<usize>, usize), most: i64) -> Vec<(i64, Part)> {
    let (begin, end) = (range.start as i64, range.end as i64);
    chunks(examples as i64, most)
        .filter_map(|(from, of)| {
            let (first, last) = (begin.max(from), end.min(from + of));
            let part = Part::whole(of).inner(first - from, last - first);
            (first < last).then_some((first, part))
        })
        .collect()
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
        // All processes had the same at the end of the epoch before.
        self.moved.clear();
        self.train.announce(batches)
    }

    fn parameters(&self) -> &Parameters {
        self.learner.parameters()
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        let (rows, x, y) = self.train.batch(rows)?;
        let start = self.warm.as_ref().map(|warm| warm.index_select(0, &rows));
        let each = rows.size()[0] / self.count();
        let found = self.learner.step(&Rows {
            rows: &rows,
            x: &x,
            y: &y,
            start: start.as_ref(),
            update: self.steps,
            part: self.part.take().unwrap_or(Part::whole(each)),
        })?;
        self.replaced.push((rows.shallow_clone(), start));
        if let (Some(warm), Some(point)) = (&mut self.warm, &found.point) {
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
        Ok(StepLoss {
            loss: found.loss,
            gradient: found.gradient,
            metrics: found.metrics,
        })
    }

    fn part(&mut self, part: Part) {
        self.part = Some(part);
    }

    fn constrain(&mut self) -> efy_train::Result<()> {
        self.steps += 1;
        let moved = self.replaced.drain(..).map(|(rows, _)| rows);
        if self.warm.is_some() {
            self.moved.extend(moved);
        }
        Ok(self.learner.constrain()?)
    }

    fn rewind(&mut self) -> efy_train::Result<()> {
        for (rows, start) in self.replaced.drain(..).rev() {
            if let (Some(warm), Some(start)) = (&mut self.warm, start) {
                let _ = warm.index_copy_(0, &rows, &start);
            }
        }
        Ok(())
    }

    /// Warm starts live on the process that had their examples last.
    fn gather(&mut self, collective: &mut dyn Collective) -> efy_train::Result<()> {
        let moved = std::mem::take(&mut self.moved);
        match &mut self.warm {
            Some(warm) if collective.world() > 1 => *warm = newest(warm, &moved, collective)?,
            _ => {}
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
        self.evaluate_with(split, &mut Alone)
    }

    /// Each process looks at its part of the split.
    fn evaluate_with(
        &mut self,
        split: Split,
        collective: &mut dyn Collective,
    ) -> efy_train::Result<Vec<Metrics>> {
        let _guard = tch::no_grad_guard();
        let _phase = Phase::Evaluate.enter();
        let replicas = self.count();
        let outputs = self.outputs.as_ref();
        let task = outputs.sums();
        let mut tallies: Vec<Tally> = (0..replicas).map(|_| Tally::default()).collect();
        let most = self.learner.rows_at_once(Some(split));
        let examples = self.splits.get(split).rows.len() / replicas as usize;
        // With fewer examples than processes, all look at all of them.
        let collective: &mut dyn Collective = match examples < collective.world() {
            true => &mut Alone,
            false => collective,
        };
        let range = own(examples, collective);
        let pieces = pieces((range, examples), most / replicas);
        let mut next = pieces.iter();
        self.each(split, &pieces, &mut |x, y| {
            let Some(&(first, part)) = next.next() else {
                return Err(efy_train::Error::State(
                    "more rows than a split has".to_owned(),
                ));
            };
            let scored = self
                .learner
                .score(outputs, (x, y), Place { split, first, part })?;
            let rows = part.count;
            for (index, tally) in (0..).zip(&mut tallies) {
                let own = |t: &Tensor| t.narrow(0, index * rows, rows);
                let (outcome, y) = (own(&scored.outcome), own(y));
                let (loss, converged) = (own(&scored.loss), own(&scored.converged));
                tally.add(task.of(&outcome, &y, &loss, &converged));
            }
            if let (Some(found), [tally]) = (scored.log_partition, tallies.as_mut_slice()) {
                tally.compare(found);
            }
            Ok(())
        })?;
        let finished: Vec<_> = tallies
            .into_iter()
            .map(|tally| Ok(tally.finish((task.as_ref(), examples), collective)?))
            .collect::<efy_train::Result<_>>()?;
        let (metrics, mut compared): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
        self.compared = compared.pop().flatten().map(|values| (split, values));
        Ok(metrics)
    }
}
