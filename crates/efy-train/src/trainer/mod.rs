//! The training loop.

mod fault;
pub(crate) mod interval;
mod log;
mod replicas;
mod saving;
pub(crate) mod session;
mod step;
#[cfg(test)]
mod tests;

use std::path::Path;

use efy_core::device::Phase;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use self::saving::Saving;
use self::session::Session;
use self::step::Assembly;
use crate::checkpoint::{Checkpoints, Snapshot};
use crate::observer::{Event, Observer, Observers};
use crate::optimizer::{OnNonFinite, Verdict};
use crate::parallel::{Asked, Carrying, agree};
use crate::{
    Alone, Collective, Control, Direction, EarlyStopping, EpochOrder, Metrics, Objective, Part,
    Result, Split, State, TrainConfig, settle_threads,
};

pub use self::fault::{FAULT, Fault, newest_fault, replay};
pub use self::step::training_step;

/// Steps in a row without a finite loss and gradient after which skipping them is given up.
const MOST_SKIPPED: u64 = 100;
/// Under which a snapshot has the states of the observers.
const OBSERVERS: &str = "observers";

/// Runs epochs of mini-batches until the last one or until patience runs out, and leaves the best
/// weights by the validation metric in the model.
///
/// A training that was stopped at any step and goes on from its checkpoint gives the same bits as one
/// that was not: everything that changes is in the checkpoint, and everything random is a function of
/// (seed, stream, step).
pub struct Trainer<'a> {
    config: &'a TrainConfig,
    observers: Observers<'a>,
    /// Those of each replica.
    apart: Vec<Observers<'a>>,
    control: Control,
    saving: Option<Saving>,
    resume: Option<Snapshot>,
    collective: Box<dyn Collective + 'a>,
    /// What was asked of any process before the last step.
    asked: Asked,
}

/// How a training ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// A trainer that tells its observers what happens, in their order. It stores nothing and is alone.
    pub fn new(config: &'a TrainConfig, observers: Vec<Box<dyn Observer + 'a>>) -> Self {
        Trainer {
            config,
            observers: observers.into(),
            apart: Vec::new(),
            control: Control::default(),
            saving: None,
            resume: None,
            collective: Box::new(Alone),
            asked: Asked::default(),
        }
    }

    /// Observers of each replica alone, in the order of their seeds: they are told its metrics and
    /// everything that happens to all. The trainer's own hear of means over replicas.
    #[must_use]
    pub fn watching(mut self, apart: Vec<Vec<Box<dyn Observer + 'a>>>) -> Self {
        self.apart = apart.into_iter().map(Observers::from).collect();
        self
    }

    /// Looks at these requests between two steps.
    #[must_use]
    pub fn controlled(mut self, control: Control) -> Self {
        self.control = control;
        self
    }

    /// Writes a checkpoint every so many steps (0: only when it is asked to stop), and what led to a
    /// value that is not finite into a directory under `faults`.
    #[must_use]
    pub fn saving(mut self, checkpoints: Checkpoints, every: u64, faults: &Path) -> Self {
        self.saving = Some(Saving {
            checkpoints,
            every,
            faults: faults.to_owned(),
            failures: 0,
        });
        self
    }

    /// Goes on from there.
    #[must_use]
    pub fn resuming(mut self, snapshot: Option<Snapshot>) -> Self {
        self.resume = snapshot;
        self
    }

    /// Trains together with other processes, each with the same configuration and the same data. Checkpoints are written by the
    /// one of rank 0; observers are told by each process what it knows, so that the others need none.
    #[must_use]
    pub fn together(mut self, collective: Box<dyn Collective + 'a>) -> Self {
        self.collective = collective;
        self
    }

    /// Whether this process writes what is common to all.
    fn leads(&self) -> bool {
        self.collective.rank() == 0
    }

    /// Trains.
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) when a loss or gradient is not finite, or 100 in a row were not where they
    /// are skipped; [`Error::Interrupted`](crate::Error::Interrupted) when it was asked to stop, with a checkpoint
    /// if it writes any; what the objective and the observers report.
    pub fn fit(&mut self, objective: &mut dyn Objective) -> Result<Outcome> {
        let outcomes = self.fit_replicas(objective)?;
        let first = outcomes.into_iter().next();
        first.ok_or_else(|| crate::Error::State("replica: there is none".to_owned()))
    }

    /// [`fit`](Self::fit) for a model of several replicas, which are trained side by side. Each has its own
    /// order of examples, early stopping and best weights and ends as it would alone.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); one replica that diverges ends the training of all.
    pub fn fit_replicas(&mut self, objective: &mut dyn Objective) -> Result<Vec<Outcome>> {
        if let Some(snapshot) = &self.resume
            && let Some(earlier) = Session::earlier_of(&snapshot.state)?
        {
            return Ok(vec![earlier]);
        }
        let mut session = self.begin(objective, None)?;
        self.epochs(objective, &mut session)?;
        self.log(objective, &mut session)?;
        let (steps, epochs) = (session.steps, session.epoch);
        for (index, replica) in (0..).zip(&mut session.replicas) {
            let outcome = &mut replica.outcome;
            if !replica.ended {
                (outcome.steps, outcome.epochs) = (steps, epochs);
            }
            match &session.best {
                Some(best) if replica.kept => objective.parameters().assign_replica(index, best)?,
                // A metric that was never finite says nothing: the last weights are as good as any.
                _ => (outcome.best_step, outcome.best_epoch) = (outcome.steps, outcome.epochs),
            }
        }
        self.tell(&Event::Finished)?;
        Ok(session
            .replicas
            .into_iter()
            .map(|one| one.outcome)
            .collect())
    }

    /// Trains a fresh objective for as many epochs as were best in an earlier training, without looking at
    /// validation data, and keeps the last weights; see [`TrainConfig::refit`]. Steps and epochs are
    /// counted on from there. There is one replica.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn refit(&mut self, objective: &mut dyn Objective, earlier: &Outcome) -> Result<Outcome> {
        let mut session = self.begin(objective, Some(earlier.clone()))?;
        self.epochs(objective, &mut session)?;
        self.log(objective, &mut session)?;
        self.tell(&Event::Finished)?;
        Ok(Outcome {
            steps: session.steps,
            epochs: earlier.epochs + earlier.best_epoch,
            best_step: session.steps,
            ..earlier.clone()
        })
    }

    /// A session that begins, or goes on where the snapshot is.
    fn begin(
        &mut self,
        objective: &mut dyn Objective,
        earlier: Option<Outcome>,
    ) -> Result<Session> {
        let config = self.config;
        let weights = objective.parameters().flat().numel();
        settle_threads(config.batch_size.min(objective.examples()), weights);
        let mut session = Session::new(config, objective, earlier)?;
        let steps = self.steps_an_epoch(objective) * session.last_epoch;
        let start = session.steps;
        if let Some(snapshot) = self.resume.take() {
            session.best = snapshot.restore(objective.parameters())?;
            session.restore(&snapshot.state, objective)?;
            let states = snapshot.state.inner(OBSERVERS);
            self.observers.restore(&states)?;
            for (index, observers) in self.apart.iter_mut().enumerate() {
                observers.restore(&states.inner(&index.to_string()))?;
            }
            let step = session.steps;
            self.tell(&Event::Resumed { step })?;
        }
        self.begin_together(&session)?;
        let from = session.steps;
        let steps = start.min(from) + steps;
        self.tell(&Event::Started { steps, from })?;
        Ok(session)
    }

    /// Finds out whether all processes are about to do the same, and says how many there are if that has changed.
    fn begin_together(&mut self, session: &Session) -> Result<()> {
        let collective = self.collective.as_mut();
        let digits = self
            .saving
            .as_ref()
            .map(|saving| saving.checkpoints.config());
        let digits = digits.unwrap_or_default().as_bytes().chunks(2);
        let hash = digits.map(|pair| {
            pair.iter()
                .fold(0, |sum, &digit| 256 * sum + u32::from(digit))
        });
        let place = [session.steps as u32, session.world as u32];
        agree(&hash.chain(place).collect::<Vec<u32>>(), collective)?;
        let (before, now) = (session.world, collective.world());
        if session.steps > 0 && session.earlier.is_none() && before != now {
            let message = format!(
                "trained by {before} processes so far, by {now} from here on: the same up to rounding"
            );
            self.tell(&Event::Warning { message: &message })?;
        }
        Ok(())
    }

    fn steps_an_epoch(&self, objective: &dyn Objective) -> u64 {
        self.config.steps_an_epoch(objective.examples())
    }

    /// All epochs that are left.
    fn epochs(&mut self, objective: &mut dyn Objective, session: &mut Session) -> Result<()> {
        for epoch in session.epoch..=session.last_epoch {
            session.epoch = epoch;
            if !session.evaluated {
                self.epoch(objective, session)?;
                if !objective.moves_weights() {
                    // Other examples will be each process's own.
                    objective.gather(self.collective.as_mut())?;
                }
                if session.earlier.is_none() {
                    self.evaluate(objective, session)?;
                }
                session.evaluated = true;
                self.save_or_stop(objective, session)?;
            }
            if session.replicas.iter().all(|replica| replica.ended) {
                break;
            }
            if epoch < session.last_epoch {
                (session.batch, session.evaluated) = (0, false);
            }
        }
        Ok(())
    }

    /// What is left of one pass over the training examples.
    fn epoch(&mut self, objective: &mut dyn Objective, session: &mut Session) -> Result<()> {
        let config = self.config;
        let order = order(config, objective, session)?;
        let order = order.part(self.collective.rank(), self.collective.world());
        let batches: Vec<(Tensor, Part)> = order.parts().skip(session.batch as usize).collect();
        let own = batches.iter().filter(|(_, part)| part.count > 0);
        let own: Vec<Tensor> = own.map(|(rows, _)| rows.shallow_clone()).collect();
        objective.announce(&own)?;
        for (rows, part) in &batches {
            self.step(objective, session, (rows, *part))?;
            if session.steps.is_multiple_of(config.log_every.max(1)) {
                self.log(objective, session)?;
            }
            // The last step of an epoch belongs to the evaluation after it.
            if session.batch < self.steps_an_epoch(objective) {
                self.save_or_stop(objective, session)?;
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
        batch: (&Tensor, Part),
    ) -> Result<()> {
        let _phase = Phase::Step.enter();
        let mut carrying = Carrying::new(self.collective.as_mut(), &self.control);
        let mut assembly = Assembly {
            parts: session.parts,
            collective: &mut carrying,
        };
        let observers = &mut self.observers;
        let mut split = |parts: u64| {
            let message =
                format!("out of memory: batches are computed in {parts} parts from here on");
            observers.tell(&Event::Warning { message: &message })
        };
        let made = assembly.step(objective, &mut session.optimizer, batch, &mut split);
        session.parts = assembly.parts;
        let (step, verdict) = made?;
        self.asked = carrying.arrived()?;
        session.batch += 1;
        session.steps += 1;
        let stops = self.config.on_nonfinite == OnNonFinite::Stop;
        // There is a verdict on a single model only.
        if let Some(replica) = session.replicas.first_mut() {
            match verdict {
                Verdict::Updated => replica.skipped = 0,
                Verdict::NotFinite => replica.skipped += 1,
                Verdict::Unknown => {}
            }
        }
        if verdict == Verdict::NotFinite {
            objective.rewind()?;
            let too_many = session
                .replicas
                .iter()
                .any(|one| one.skipped >= MOST_SKIPPED);
            if stops || too_many {
                let number = session.steps;
                return Err(self.fault(objective, session, number, Some(&step.loss)));
            }
            return Ok(());
        }
        let unseen = verdict == Verdict::Unknown && !stops;
        session.interval.add(step, unseen, batch.1);
        Ok(())
    }

    /// Looks at the validation split when it is due.
    fn evaluate(&mut self, objective: &mut dyn Objective, session: &mut Session) -> Result<()> {
        let config = self.config;
        let (step, epoch) = (session.steps, session.epoch);
        let last = epoch == session.last_epoch;
        if !(last || epoch.is_multiple_of(config.eval_every.max(1))) {
            return Ok(());
        }
        let collective = self.collective.as_mut();
        let metrics = objective.evaluate_with(Split::Validation, collective)?;
        self.tell_metrics(
            (step, epoch, Split::Validation),
            &metrics,
            &session.replicas,
        )?;
        let mut ending = Vec::new();
        for (index, (replica, metrics)) in session.replicas.iter_mut().zip(metrics).enumerate() {
            if replica.ended {
                continue;
            }
            let mut stopping = EarlyStopping::new(Direction::of(&config.monitor), config.patience);
            stopping.restore(replica.progress);
            let monitored = metrics.get(&config.monitor).unwrap_or(f64::NAN);
            if stopping.improved(monitored) {
                let best = (index, &mut session.best);
                replica.keep(best, objective.parameters(), (step, epoch))?;
                replica.outcome.validation = metrics;
            }
            replica.progress = stopping.progress();
            if stopping.exhausted() {
                ending.push(index);
            }
        }
        self.end_replicas(&ending, objective.parameters(), session)
    }

    /// Tells the observers of metrics that were computed after training.
    ///
    /// # Errors
    /// What the observers report.
    pub fn report(&mut self, outcome: &Outcome, split: Split, metrics: &Metrics) -> Result<()> {
        let (step, epoch) = (outcome.best_step, outcome.best_epoch);
        self.observers
            .tell(&Event::metrics(step, epoch, split, metrics))
    }

    /// [`report`](Self::report) to the observers of one replica.
    ///
    /// # Errors
    /// What the observers report.
    pub fn report_replica(
        &mut self,
        index: usize,
        outcome: &Outcome,
        split: Split,
        metrics: &Metrics,
    ) -> Result<()> {
        let (step, epoch) = (outcome.best_step, outcome.best_epoch);
        match self.apart.get_mut(index) {
            Some(observers) => observers.tell(&Event::metrics(step, epoch, split, metrics)),
            None => Ok(()),
        }
    }

    fn tell(&mut self, event: &Event<'_>) -> Result<()> {
        self.observers.tell(event)?;
        let mut apart = self.apart.iter_mut();
        apart.try_for_each(|observers| observers.tell(event))
    }
}

/// What an observer of this name stored in a snapshot.
pub fn observer_state(snapshot: &Snapshot, name: &str) -> State {
    snapshot.state.inner(OBSERVERS).inner(name)
}

/// [`observer_state`] of one of the replica's own.
pub fn replica_observer_state(snapshot: &Snapshot, replica: usize, name: &str) -> State {
    let states = snapshot.state.inner(OBSERVERS);
    states.inner(&replica.to_string()).inner(name)
}

/// The order of the epoch in progress.
fn order(config: &TrainConfig, objective: &dyn Objective, session: &Session) -> Result<EpochOrder> {
    let size = (objective.examples(), config.batch_size);
    let (epoch, device) = (session.epoch, objective.rows_device());
    Ok(match session.replicas.len() {
        1 => EpochOrder::new(config.seed, epoch, size, device)?,
        _ => EpochOrder::of_replicas(config.seeds(), epoch, size, device)?,
    })
}
