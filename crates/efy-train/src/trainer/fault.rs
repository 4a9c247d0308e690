//! A loss or gradient that is not finite: what led to it is kept, so that it can be looked at.

use std::path::{Path, PathBuf};

use efy_core::device::read;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::session::Session;
use super::step::gradient_in_parts;
use super::{Trainer, order};
use crate::checkpoint::{CheckpointConfig, Checkpoints, Snapshot};
use crate::files::write_json;
use crate::{Error, Objective, Part, Result, TrainConfig};

/// The file beside the checkpoint of the moment before.
pub const FAULT: &str = "fault.json";

/// What was found in a step that did not give finite numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The step, from 1.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: u64,
    /// The training examples of its batch, by their place in the training split.
    pub examples: Vec<i64>,
    /// The loss, as text: `NaN`, `inf`, or a number.
    pub loss: String,
    /// The norm of its gradient, as text. It can be infinite although each element is finite.
    pub gradient_norm: String,
    /// Tensors of the model with a gradient that is not finite.
    pub gradients: Vec<String>,
    /// Tensors of the model that are not finite themselves.
    pub weights: Vec<String>,
}

impl Fault {
    /// Whether nothing is wrong after all.
    pub fn is_finite(&self) -> bool {
        let finite = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
        finite(&self.loss) && finite(&self.gradient_norm)
    }
}

impl Trainer<'_> {
    /// Keeps the moment before `step`, whose weights are still there, and says that training ends.
    pub(super) fn fault(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
        step: u64,
        loss: Option<&Tensor>,
    ) -> Error {
        let kept = self.keep_fault(objective, session, step);
        let loss = loss.and_then(|loss| read::scalar(loss).ok());
        match kept {
            Ok((dump, fault)) => Error::Diverged {
                step,
                loss: fault.loss.parse().unwrap_or(f64::NAN),
                dump,
            },
            // What happened is worth more than what could not be written about it.
            Err(_) => Error::Diverged {
                step,
                loss: loss.unwrap_or(f64::NAN),
                dump: None,
            },
        }
    }

    fn keep_fault(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
        step: u64,
    ) -> Result<(Option<PathBuf>, Fault)> {
        if session.replicas.len() > 1 {
            // What is kept is for one model; the step is made again when it is trained alone.
            return Err(Error::State("several replicas".to_owned()));
        }
        if objective.moves_weights() {
            // There is no moment before: what it moved cannot be taken back.
            return Err(Error::State("a flow".to_owned()));
        }
        let an_epoch = self.steps_an_epoch(objective).max(1);
        let back = session.steps.saturating_sub(step.saturating_sub(1));
        let done = ((session.epoch - 1) * an_epoch + session.batch).saturating_sub(back);
        session.steps -= back;
        (session.epoch, session.batch) = (done / an_epoch + 1, done % an_epoch);
        let rows = batch(self.config, objective, session)?;
        let snapshot = self.snapshot(objective, session)?;
        let fault = examine(objective, session, &rows)?;
        let Some(saving) = self.saving.as_ref().filter(|_| self.leads()) else {
            return Ok((None, fault));
        };
        let folder = &saving.faults;
        let checkpoints = Checkpoints::new(folder, "", &CheckpointConfig::default());
        let path = checkpoints.save(&snapshot)?;
        write_json(&folder.join(FAULT), &fault)?;
        Ok((Some(path), fault))
    }
}

/// Makes the step after a snapshot once more and says what is not finite in it.
///
/// # Errors
/// [`Error::State`] when the snapshot is of another model; what the objective reports.
pub fn replay(
    config: &TrainConfig,
    objective: &mut dyn Objective,
    snapshot: &Snapshot,
) -> Result<Fault> {
    let earlier = Session::earlier_of(&snapshot.state)?;
    let mut session = Session::new(config, objective, earlier)?;
    snapshot.restore(objective.parameters())?;
    session.restore(&snapshot.state, objective)?;
    let rows = batch(config, objective, &session)?;
    examine(objective, &session, &rows)
}

/// The batch that comes next.
fn batch(config: &TrainConfig, objective: &dyn Objective, session: &Session) -> Result<Tensor> {
    let order = order(config, objective, session)?;
    let found = order.batches().nth(session.batch as usize);
    found.ok_or_else(|| Error::State("batch: there is none after the last one".to_owned()))
}

/// Loss and gradient of a batch, without an update.
fn examine(objective: &mut dyn Objective, session: &Session, rows: &Tensor) -> Result<Fault> {
    let whole = Part::whole(rows.size().last().copied().unwrap_or(0));
    let (made, gradient) = gradient_in_parts(objective, (rows, whole), session.parts)?;
    objective.rewind()?;
    let parameters = objective.parameters();
    Ok(Fault {
        step: session.steps + 1,
        epoch: session.epoch,
        examples: read::to_vec(rows)?,
        loss: format!("{:?}", read::scalar(&made.loss)?),
        gradient_norm: format!("{:?}", read::scalar(&gradient.norm())?),
        gradients: not_finite(parameters.named(), &gradient)?,
        weights: not_finite(parameters.named(), parameters.flat())?,
    })
}

/// Names of the tensors whose part of a flat buffer is not finite.
fn not_finite(named: &[(String, Tensor)], flat: &Tensor) -> Result<Vec<String>> {
    let finite: Vec<bool> = read::to_vec(&flat.isfinite())?;
    let mut from = 0;
    let mut names = Vec::new();
    for (name, tensor) in named {
        let part = &finite[from..from + tensor.numel()];
        if part.contains(&false) {
            names.push(name.clone());
        }
        from += tensor.numel();
    }
    Ok(names)
}

/// The directory of the newest fault of a run.
pub fn newest_fault(faults: &Path) -> Result<Option<Snapshot>> {
    Checkpoints::new(faults, "", &CheckpointConfig::default()).newest(&mut |_| {})
}
