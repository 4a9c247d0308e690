//! Checkpoints during training, and its end on request.

use std::path::PathBuf;

use efy_core::device::{Phase, read};

use super::session::Session;
use super::{OBSERVERS, Trainer};
use crate::checkpoint::{Checkpoints, Snapshot};
use crate::observer::Event;
use crate::{Error, Objective, Result};

/// Checkpoints in a row that may fail before a run that cannot save is given up.
const MOST_FAILURES: u64 = 3;

/// Where checkpoints go, and how often.
pub(super) struct Saving {
    pub(super) checkpoints: Checkpoints,
    pub(super) every: u64,
    pub(super) faults: PathBuf,
    pub(super) failures: u64,
}

impl Trainer<'_> {
    /// A checkpoint when it is due or asked for, and the end when that is asked for.
    pub(super) fn save_or_stop(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
    ) -> Result<()> {
        let step = session.steps;
        let (stop, asked) = self.asked(step);
        let due = |saving: &Saving| saving.every > 0 && step.is_multiple_of(saving.every);
        let due = self.saving.as_ref().is_some_and(due);
        if !(stop.is_some() || asked || due) {
            return Ok(());
        }
        let checkpoint = self.save(objective, session, stop.is_some())?;
        match stop {
            Some(signal) => {
                self.tell(&Event::Interrupted { step })?;
                Err(Error::Interrupted {
                    signal,
                    step,
                    checkpoint,
                })
            }
            None => Ok(()),
        }
    }

    /// The signal that asks to stop after `step`, 0 if it was to be the last one anyway, and whether a checkpoint was asked
    /// for. Several processes do what any of them had been asked before their last step.
    fn asked(&mut self, step: u64) -> (Option<usize>, bool) {
        if self.collective.world() == 1 {
            let control = &self.control;
            return (control.stops(step), control.wants_checkpoint());
        }
        let asked = std::mem::take(&mut self.asked);
        let last = self.control.is_last(step).then_some(0);
        (asked.signal().or(last), asked.save)
    }

    /// Writes a checkpoint, if this is the process that does. One that fails is tried once more; after that it is a warning, unless it is
    /// the last chance or the third in a row.
    fn save(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
        last_chance: bool,
    ) -> Result<Option<PathBuf>> {
        if self.saving.is_none() {
            return Ok(None);
        }
        let _phase = Phase::Checkpoint.enter();
        if !finite(objective)? {
            // The last good one must not be pushed out by one that nobody can go on from.
            return Ok(None);
        }
        let snapshot = self.snapshot(objective, session)?;
        if !self.leads() {
            return Ok(None);
        }
        let Some(saving) = &mut self.saving else {
            return Ok(None);
        };
        let saved = saving.checkpoints.save(&snapshot);
        match saved.or_else(|_| saving.checkpoints.save(&snapshot)) {
            Ok(path) => {
                saving.failures = 0;
                let step = snapshot.step;
                self.tell(&Event::Checkpoint { step, path: &path })?;
                Ok(Some(path))
            }
            Err(error) => {
                saving.failures += 1;
                if last_chance || saving.failures >= MOST_FAILURES {
                    return Err(Error::Unsaved(Box::new(error)));
                }
                let message = format!("no checkpoint at step {}: {error}", snapshot.step);
                self.tell(&Event::Warning { message: &message })?;
                Ok(None)
            }
        }
    }

    /// Everything as it is now.
    pub(super) fn snapshot(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
    ) -> Result<Snapshot> {
        let collective = self.collective.as_mut();
        objective.gather(collective)?;
        let mut state = session.state(objective, collective)?;
        let mut observers = self.observers.state()?;
        for (index, apart) in self.apart.iter_mut().enumerate() {
            observers.nest(&index.to_string(), apart.state()?);
        }
        state.nest(OBSERVERS, observers);
        let step = session.steps;
        Snapshot::new(step, objective.parameters(), session.best.as_ref(), state)
    }
}

/// Whether all weights are finite: a read, as saving them is.
fn finite(objective: &dyn Objective) -> Result<bool> {
    let all = objective.parameters().flat().isfinite().all();
    Ok(read::scalar(&all)? == 1.0)
}
