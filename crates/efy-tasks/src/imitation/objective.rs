//! The training objective of a policy: its loss on demonstrations, and now and then its return.

use efy_core::device::read;
use efy_core::parallel::{Alone, Collective, Part};
use efy_core::parameters::Parameters;
use efy_train::{Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Tensor};

use super::policy::Acting;
use super::{ActionBox, Arena, returns};
use crate::supervised::Supervised;

/// What a checkpoint has of it.
const VALIDATIONS: &str = "validations";
const LEARNER: &str = "learner";

/// A [`Supervised`] learner of actions that is also judged by acting.
pub struct Imitation {
    learner: Supervised,
    action_box: ActionBox,
    arena: Arena,
    /// Validations from one with episodes to the next; 0: none has any.
    every: u64,
    /// Validations so far.
    validations: u64,
}

impl Imitation {
    /// A learner and where it is judged, in every `every`-th validation and in the test; 0: in the test alone.
    pub fn new(learner: Supervised, arena: Arena, every: u32) -> Self {
        Imitation {
            learner,
            action_box: ActionBox::of(arena.spec()),
            arena,
            every: every.into(),
            validations: 0,
        }
    }

    /// The model with its data.
    pub fn learner(&self) -> &Supervised {
        &self.learner
    }

    /// Where it is judged.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// What episodes say, as [`returns::values`]. The first process acts, and the others hear of it: on another machine
    /// a last digit may round in another way, and a state that it leads to be another one.
    fn act(&mut self, split: Split, collective: &mut dyn Collective) -> crate::Result<Vec<f64>> {
        let values = match collective.rank() {
            0 => self.values(split)?,
            _ => [0.0; returns::COUNT],
        };
        let sum = Tensor::f_from_slice(&values).map_err(efy_core::Error::from)?;
        Ok(read::to_vec(&collective.sum(sum)?)?)
    }

    fn values(&mut self, split: Split) -> crate::Result<[f64; returns::COUNT]> {
        let mut policy = Acting {
            learner: &self.learner,
            scaling: self.learner.splits().scaling(),
            action_box: &self.action_box,
        };
        let episodes = match split {
            Split::Test => self.arena.test(&mut policy)?,
            _ => self.arena.validation(&mut policy)?,
        };
        Ok(returns::values(&episodes, self.arena.references()))
    }
}

impl Objective for Imitation {
    fn examples(&self) -> usize {
        self.learner.examples()
    }

    fn device(&self) -> Device {
        self.learner.device()
    }

    fn rows_device(&self) -> Device {
        self.learner.rows_device()
    }

    fn announce(&mut self, batches: &[Tensor]) -> efy_train::Result<()> {
        self.learner.announce(batches)
    }

    fn parameters(&self) -> &Parameters {
        self.learner.parameters()
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        self.learner.step(rows)
    }

    fn part(&mut self, part: Part) {
        self.learner.part(part);
    }

    fn gather(&mut self, collective: &mut dyn Collective) -> efy_train::Result<()> {
        self.learner.gather(collective)
    }

    fn constrain(&mut self) -> efy_train::Result<()> {
        self.learner.constrain()
    }

    fn rewind(&mut self) -> efy_train::Result<()> {
        self.learner.rewind()
    }

    fn state(&self) -> efy_train::Result<State> {
        let mut state = State::default();
        state.put(VALIDATIONS, &self.validations)?;
        state.nest(LEARNER, self.learner.state()?);
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> efy_train::Result<()> {
        self.validations = state.get(VALIDATIONS)?;
        self.learner.restore(&state.inner(LEARNER))
    }

    fn evaluate(&mut self, split: Split) -> efy_train::Result<Metrics> {
        self.evaluate_with(split, &mut Alone)
            .map(|mut all| all.pop().unwrap_or_default())
    }

    /// Pairs are shared; episodes are in lockstep, and the first process acts in all of them.
    fn evaluate_with(
        &mut self,
        split: Split,
        collective: &mut dyn Collective,
    ) -> efy_train::Result<Vec<Metrics>> {
        let mut all = self.learner.evaluate_with(split, collective)?;
        let acts = match split {
            Split::Train => false,
            Split::Validation => {
                self.validations += 1;
                self.every > 0 && self.validations.is_multiple_of(self.every)
            }
            Split::Test => true,
        };
        for metrics in all.iter_mut().filter(|_| acts) {
            let values = self.act(split, collective);
            let values = values.map_err(|error| efy_train::Error::Task(Box::new(error)))?;
            returns::put(metrics, &values);
        }
        Ok(all)
    }
}
