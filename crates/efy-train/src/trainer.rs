//! The training loop.

use efy_core::device::read;
use tch::Tensor;

use crate::config::TrainConfig;
use crate::observer::{Event, Observer, Observers};
use crate::optimizer::{Adam, AdamConfig};
use crate::{
    Direction, EarlyStopping, EpochOrder, Error, Measure, Metrics, Objective, Result, Split,
    StepLoss, settle_threads,
};

/// Runs epochs of mini-batches until the last one or until patience runs out, and leaves the best
/// weights by the validation metric in the model.
pub struct Trainer<'a> {
    config: &'a TrainConfig,
    observers: Observers<'a>,
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Steps that were made.
    pub steps: u64,
    /// Epochs that were begun.
    pub epochs: u64,
    /// The step whose weights were kept.
    pub best_step: u64,
    /// Its epoch.
    pub best_epoch: u64,
    /// The validation metrics there.
    pub validation: Metrics,
}

impl<'a> Trainer<'a> {
    /// A trainer that tells its observers what happens, in their order.
    pub fn new(config: &'a TrainConfig, observers: Vec<Box<dyn Observer + 'a>>) -> Self {
        let observers = observers.into();
        Trainer { config, observers }
    }

    /// Trains.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss is not finite at a log point; what the objective and the
    /// observers report.
    pub fn fit(&mut self, objective: &mut dyn Objective) -> Result<Outcome> {
        let config = self.config;
        let mut optimizer = self.begin(objective, config.epochs, 0)?;
        let mut stopping = EarlyStopping::new(Direction::of(&config.monitor), config.patience);
        let mut interval = Interval::default();
        let mut outcome = Outcome {
            steps: 0,
            epochs: 0,
            best_step: 0,
            best_epoch: 0,
            validation: Metrics::default(),
        };
        let mut best: Option<Tensor> = None;
        for epoch in 1..=config.epochs {
            outcome.epochs = epoch;
            self.epoch(objective, &mut optimizer, &mut interval, &mut outcome)?;
            let last = epoch == config.epochs;
            if !(last || epoch.is_multiple_of(config.eval_every.max(1))) {
                continue;
            }
            let metrics = objective.evaluate(Split::Validation)?;
            self.tell(&Event::metrics(
                outcome.steps,
                epoch,
                Split::Validation,
                &metrics,
            ))?;
            let monitored = metrics.get(&config.monitor).unwrap_or(f64::NAN);
            if stopping.improved(monitored) {
                best = Some(objective.parameters().flat().copy());
                (outcome.best_step, outcome.best_epoch) = (outcome.steps, epoch);
                outcome.validation = metrics;
            }
            if stopping.exhausted() {
                break;
            }
        }
        self.log(&mut interval, outcome.steps, outcome.epochs)?;
        if let Some(best) = best {
            objective.parameters().assign(&best)?;
        }
        self.tell(&Event::Finished)?;
        Ok(outcome)
    }

    /// Trains a fresh objective for as many epochs as were best in an earlier training, without looking at
    /// validation data, and keeps the last weights; see [`TrainConfig::refit`]. Steps and epochs are
    /// counted on from there.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn refit(&mut self, objective: &mut dyn Objective, earlier: &Outcome) -> Result<Outcome> {
        let mut optimizer = self.begin(objective, earlier.best_epoch, earlier.steps)?;
        let mut interval = Interval::default();
        let mut outcome = earlier.clone();
        for epoch in 1..=earlier.best_epoch {
            outcome.epochs = epoch;
            self.epoch(objective, &mut optimizer, &mut interval, &mut outcome)?;
        }
        self.log(&mut interval, outcome.steps, outcome.epochs)?;
        self.tell(&Event::Finished)?;
        outcome.epochs = earlier.epochs + earlier.best_epoch;
        outcome.best_step = outcome.steps;
        Ok(outcome)
    }

    /// A fresh optimizer for so many epochs after `from` steps.
    fn begin(&mut self, objective: &mut dyn Objective, epochs: u64, from: u64) -> Result<Adam> {
        let config = self.config;
        let (weights, examples) = (objective.parameters().flat().numel(), objective.examples());
        settle_threads(config.batch_size.min(examples), weights);
        let steps_an_epoch = examples.div_ceil(config.batch_size.max(1)) as u64;
        self.tell(&Event::Started {
            steps: from + steps_an_epoch * epochs,
            from,
        })?;
        let adam = AdamConfig {
            lr: config.lr,
            weight_decay: config.weight_decay,
            ..AdamConfig::default()
        };
        Ok(Adam::new(adam, objective.parameters())?)
    }

    /// One pass over the training examples, in the order of `outcome.epochs`.
    fn epoch(
        &mut self,
        objective: &mut dyn Objective,
        optimizer: &mut Adam,
        interval: &mut Interval,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let config = self.config;
        let size = (objective.examples(), config.batch_size);
        let order = EpochOrder::new(config.seed, outcome.epochs, size, objective.device())?;
        for rows in order.batches() {
            interval.add(training_step(objective, optimizer, &rows)?);
            outcome.steps += 1;
            if outcome.steps.is_multiple_of(config.log_every.max(1)) {
                self.log(interval, outcome.steps, outcome.epochs)?;
            }
        }
        Ok(())
    }

    /// Tells the observers of metrics that were computed after training.
    ///
    /// # Errors
    /// What the observers report.
    pub fn report(&mut self, outcome: &Outcome, split: Split, metrics: &Metrics) -> Result<()> {
        self.tell(&Event::metrics(
            outcome.best_step,
            outcome.epochs,
            split,
            metrics,
        ))
    }

    /// The one read of a log interval.
    fn log(&mut self, interval: &mut Interval, step: u64, epoch: u64) -> Result<()> {
        let Some(metrics) = interval.take()? else {
            return Ok(());
        };
        self.tell(&Event::metrics(step, epoch, Split::Train, &metrics))?;
        match metrics.iter().find(|(name, _)| *name == "loss") {
            Some((_, loss)) if !loss.is_finite() => Err(Error::Diverged { step, loss }),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, event: &Event<'_>) -> Result<()> {
        self.observers.tell(event)
    }
}

/// One step: loss, gradient, update, constraints. Nothing is read back.
///
/// # Errors
/// What the objective and the optimizer report.
pub fn training_step(
    objective: &mut dyn Objective,
    optimizer: &mut Adam,
    rows: &Tensor,
) -> Result<StepLoss> {
    let mut step = objective.step(rows)?;
    let gradient = match step.gradient.take() {
        Some(gradient) => gradient,
        None => objective.parameters().gradient(&step.loss)?,
    };
    optimizer.step(objective.parameters(), gradient)?;
    objective.constrain()?;
    Ok(step)
}

/// What the steps since the last log point reported: the sum of the losses, on the device, and the
/// measures of the last step.
#[derive(Default)]
struct Interval {
    loss: Option<Tensor>,
    steps: u64,
    measures: Vec<(&'static str, Measure)>,
}

impl Interval {
    fn add(&mut self, step: StepLoss) {
        let loss = step.loss.detach();
        match &mut self.loss {
            Some(sum) => {
                let _ = sum.g_add_(&loss);
            }
            None => self.loss = Some(loss.copy()),
        }
        self.steps += 1;
        self.measures = step.metrics;
    }

    /// The mean loss and the measures with one read; `None` if there was no step.
    fn take(&mut self) -> Result<Option<Metrics>> {
        let Some(loss) = self.loss.take() else {
            return Ok(None);
        };
        let steps = std::mem::take(&mut self.steps) as f64;
        let (names, tensors): (Vec<_>, Vec<_>) = std::mem::take(&mut self.measures)
            .into_iter()
            .map(|(name, measure)| (name, measure()))
            .unzip();
        let all: Vec<&Tensor> = std::iter::once(&loss).chain(&tensors).collect();
        let values = read::scalars(&all)?;
        let mut metrics = Metrics::default();
        metrics.set("loss", values[0] / steps);
        names
            .into_iter()
            .zip(&values[1..])
            .for_each(|(name, &value)| metrics.set(name, value));
        Ok(Some(metrics))
    }
}
