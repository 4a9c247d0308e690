//! Everything of a training that changes with its steps, beside the weights and the objective.

use efy_core::parameters::Parameters;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::Outcome;
use super::interval::Interval;
use crate::early_stopping::Progress;
use crate::optimizer::Optimizer;
use crate::{Collective, Objective, Result, State, TrainConfig};

/// A training between two of its steps.
pub(crate) struct Session {
    /// Steps that were made.
    pub(crate) steps: u64,
    /// The epoch in progress, from 1.
    pub(crate) epoch: u64,
    /// What each of the models has of its own that are trained side by side.
    pub(crate) replicas: Vec<Replica>,
    /// How the first training ended, in the second one.
    pub(crate) earlier: Option<Outcome>,
    /// Batches of the epoch in progress that are done.
    pub(crate) batch: u64,
    /// Whether the evaluation at the end of the epoch in progress is done.
    pub(crate) evaluated: bool,
    /// The last epoch, unless it stops early.
    pub(crate) last_epoch: u64,
    /// The parts that a batch is computed in.
    pub(crate) parts: u64,
    /// How many processes trained it when it was stored.
    pub(crate) world: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) interval: Interval,
    /// The best weights so far, flat, of those replicas that have any.
    pub(crate) best: Option<Tensor>,
}

/// One of the models.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Replica {
    /// Its best step, and where it ended if it has.
    pub(crate) outcome: Outcome,
    /// What early stopping knows of it.
    pub(crate) progress: Progress,
    /// Whether it has best weights.
    pub(crate) kept: bool,
    /// Whether its patience has run out. Others may go on; it is computed with them and not looked at.
    pub(crate) ended: bool,
    /// Steps in a row without a finite loss and gradient.
    pub(crate) skipped: u64,
    /// Steps without an update that have been reported.
    pub(crate) reported_faults: u64,
}

impl Replica {
    /// Keeps its weights as they are now, in its part of the `best` of all.
    pub(crate) fn keep(
        &mut self,
        (index, best): (usize, &mut Option<Tensor>),
        parameters: &Parameters,
        (step, epoch): (u64, u64),
    ) -> Result<()> {
        match best {
            None => *best = Some(parameters.flat().copy()),
            Some(best) => parameters.copy_replica(index as i64, best)?,
        }
        self.kept = true;
        (self.outcome.best_step, self.outcome.best_epoch) = (step, epoch);
        Ok(())
    }
}

const WORLD: &str = "world";
const OPTIMIZER: &str = "optimizer";
const REPLICA: &str = "replica";
const INTERVAL: &str = "interval";
const OBJECTIVE: &str = "objective";

impl Session {
    /// A training that has not begun.
    pub(crate) fn new(
        config: &TrainConfig,
        objective: &dyn Objective,
        earlier: Option<Outcome>,
    ) -> Result<Self> {
        let last_epoch = earlier.as_ref().map_or(config.epochs, |fit| fit.best_epoch);
        let total = config.steps_an_epoch(objective.examples()) * last_epoch;
        let replica = Replica {
            outcome: earlier.clone().unwrap_or_default(),
            progress: Progress::default(),
            kept: false,
            ended: false,
            skipped: 0,
            reported_faults: 0,
        };
        let replicas = objective.parameters().replicas() as usize;
        Ok(Session {
            steps: replica.outcome.steps,
            epoch: 1,
            replicas: vec![replica; replicas],
            earlier,
            batch: 0,
            evaluated: false,
            last_epoch,
            parts: config.accumulate,
            world: 1,
            optimizer: Optimizer::new(config, objective.parameters(), total)?,
            interval: Interval::default(),
            best: None,
        })
    }

    /// All of it, with the state of the objective, where processes have brought theirs together.
    pub(crate) fn state(
        &mut self,
        objective: &dyn Objective,
        collective: &mut dyn Collective,
    ) -> Result<State> {
        let mut state = State::default();
        state.put(WORLD, &collective.world())?;
        state.put("steps", &self.steps)?;
        state.put("epoch", &self.epoch)?;
        for (index, replica) in self.replicas.iter().enumerate() {
            state.put(format!("{REPLICA}.{index}"), replica)?;
        }
        state.put("earlier", &self.earlier)?;
        state.put("batch", &self.batch)?;
        state.put("evaluated", &self.evaluated)?;
        state.put("parts", &self.parts)?;
        state.nest(OPTIMIZER, self.optimizer.state()?);
        state.nest(INTERVAL, self.interval.state(collective)?);
        state.nest(OBJECTIVE, objective.state()?);
        Ok(state)
    }

    /// Puts back what [`state`](Self::state) gave; the best weights are not part of it.
    pub(crate) fn restore(&mut self, state: &State, objective: &mut dyn Objective) -> Result<()> {
        let device: Device = objective.device();
        // Checkpoints had none before there could be more than one.
        self.world = state.get(WORLD).unwrap_or(1);
        self.steps = state.get("steps")?;
        self.epoch = state.get("epoch")?;
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            *replica = state.get(&format!("{REPLICA}.{index}"))?;
        }
        self.earlier = state.get("earlier")?;
        self.batch = state.get("batch")?;
        self.evaluated = state.get("evaluated")?;
        self.parts = state.get("parts")?;
        self.optimizer.restore(&state.inner(OPTIMIZER))?;
        self.interval = Interval::restore(&state.inner(INTERVAL), device)?;
        objective.restore(&state.inner(OBJECTIVE))
    }

    /// Steps without an update that have been reported, of each replica.
    pub(crate) fn reported_faults(&self) -> Vec<u64> {
        let replicas = self.replicas.iter();
        replicas.map(|replica| replica.reported_faults).collect()
    }

    /// The outcome of the first training in a stored state of the second one.
    pub(crate) fn earlier_of(state: &State) -> Result<Option<Outcome>> {
        state.get("earlier")
    }
}
