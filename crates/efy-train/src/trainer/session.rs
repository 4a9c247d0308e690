//! Everything of a training that changes with its steps, beside the weights and the objective.

use tch::{Device, Tensor};

use super::Outcome;
use super::interval::Interval;
use crate::optimizer::Optimizer;
use crate::{Direction, EarlyStopping, Objective, Result, State, TrainConfig};

/// A training between two of its steps.
pub(crate) struct Session {
    /// Where it is: `epochs` is the epoch in progress, from 1.
    pub(crate) outcome: Outcome,
    /// How the first training ended, in the second one.
    pub(crate) earlier: Option<Outcome>,
    /// Batches of the epoch in progress that are done.
    pub(crate) batch: u64,
    /// Whether the evaluation at the end of the epoch in progress is done.
    pub(crate) evaluated: bool,
    /// Steps in a row without a finite loss and gradient.
    pub(crate) skipped: u64,
    /// The last epoch, unless it stops early.
    pub(crate) last_epoch: u64,
    /// The parts that a batch is computed in.
    pub(crate) parts: u64,
    pub(crate) optimizer: Optimizer,
    pub(crate) stopping: EarlyStopping,
    pub(crate) interval: Interval,
    /// The best weights so far, flat.
    pub(crate) best: Option<Tensor>,
    /// Steps without an update that have been reported.
    pub(crate) reported_faults: u64,
}

const OPTIMIZER: &str = "optimizer";
const STOPPING: &str = "early_stopping";
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
        let steps_an_epoch = objective.examples().div_ceil(config.batch_size.max(1)) as u64;
        let total = steps_an_epoch * last_epoch;
        Ok(Session {
            outcome: Outcome {
                epochs: 1,
                ..earlier.clone().unwrap_or_default()
            },
            earlier,
            batch: 0,
            evaluated: false,
            skipped: 0,
            last_epoch,
            parts: config.accumulate,
            optimizer: Optimizer::new(config, objective.parameters(), total)?,
            stopping: EarlyStopping::new(Direction::of(&config.monitor), config.patience),
            interval: Interval::default(),
            best: None,
            reported_faults: 0,
        })
    }

    /// All of it, with the state of the objective.
    pub(crate) fn state(&mut self, objective: &dyn Objective) -> Result<State> {
        let mut state = State::default();
        state.put("outcome", &self.outcome)?;
        state.put("earlier", &self.earlier)?;
        state.put("batch", &self.batch)?;
        state.put("evaluated", &self.evaluated)?;
        state.put("skipped", &self.skipped)?;
        state.put("parts", &self.parts)?;
        state.put("reported_faults", &self.reported_faults)?;
        state.put(STOPPING, &self.stopping.progress())?;
        state.nest(OPTIMIZER, self.optimizer.state()?);
        state.nest(INTERVAL, self.interval.state()?);
        state.nest(OBJECTIVE, objective.state()?);
        Ok(state)
    }

    /// Puts back what [`state`](Self::state) gave; the best weights are not part of it.
    pub(crate) fn restore(&mut self, state: &State, objective: &mut dyn Objective) -> Result<()> {
        let device: Device = objective.device();
        self.outcome = state.get("outcome")?;
        self.earlier = state.get("earlier")?;
        self.batch = state.get("batch")?;
        self.evaluated = state.get("evaluated")?;
        self.skipped = state.get("skipped")?;
        self.parts = state.get("parts")?;
        self.reported_faults = state.get("reported_faults")?;
        self.stopping.restore(state.get(STOPPING)?);
        self.optimizer.restore(&state.inner(OPTIMIZER))?;
        self.interval = Interval::restore(&state.inner(INTERVAL), device)?;
        objective.restore(&state.inner(OBJECTIVE))
    }

    /// The outcome of the first training in a stored state of the second one.
    pub(crate) fn earlier_of(state: &State) -> Result<Option<Outcome>> {
        state.get("earlier")
    }
}
