//! The seam between physics and policies.

use crate::{Error, Pose, Result};

/// What an environment expects and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name it is made by.
    pub name: String,
    /// Numbers in an observation, d.
    pub observation: usize,
    /// Lower bounds of the action, `[k]`.
    pub low: Vec<f64>,
    /// Upper bounds of the action, `[k]`.
    pub high: Vec<f64>,
    /// Steps after which an episode ends, whatever the state.
    pub max_steps: usize,
}

impl Spec {
    /// Numbers in an action, k.
    pub fn action(&self) -> usize {
        self.low.len()
    }
}

/// What a step brings beside the next observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// The reward of the step.
    pub reward: f64,
    /// Whether the state ends the episode (the limit of steps is not a state's doing).
    pub terminated: bool,
}

/// One environment: a state, moved by actions.
pub trait Environment: Send {
    /// What it expects and gives.
    fn spec(&self) -> &Spec;

    /// Begins an episode and writes its first observation, `[d]`. The start is a function of `seed` alone.
    ///
    /// # Errors
    /// Where `observation` has another length.
    fn reset(&mut self, seed: u64, observation: &mut [f64]) -> Result<()>;

    /// Takes a step with an action, `[k]`, and writes the next observation, `[d]`. Actions outside of the bounds are
    /// clipped where the original environment does so.
    ///
    /// # Errors
    /// Where a slice has another length, or the state is no longer finite.
    fn step(&mut self, action: &[f64], observation: &mut [f64]) -> Result<Transition>;

    /// Whether a step is worth another thread: some microseconds or more.
    fn is_heavy(&self) -> bool {
        false
    }

    /// What it looks like now, if it looks like anything.
    fn pose(&self) -> Option<Pose> {
        None
    }
}

/// Acts for a batch of environments.
pub trait Policy {
    /// Writes `actions`, `[count, k]` row by row, for `observations`, `[count, d]`. Rows are independent.
    ///
    /// # Errors
    /// Whatever keeps the policy from acting, as [`Error::Policy`](crate::Error::Policy).
    fn act(&mut self, count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()>;

    /// The same policy for another thread, which then need not wait for this one at every step. `None` where one call for
    /// all rows is better: a network's.
    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        None
    }
}

/// Refuses an action or an observation of the wrong length, and an action that is not a number.
pub(crate) fn check(spec: &Spec, action: Option<&[f64]>, observation: &[f64]) -> Result<()> {
    if observation.len() != spec.observation {
        return Err(Error::Length {
            what: "observation",
            expected: spec.observation,
            found: observation.len(),
        });
    }
    let Some(action) = action else { return Ok(()) };
    if action.len() != spec.action() {
        return Err(Error::Length {
            what: "action",
            expected: spec.action(),
            found: action.len(),
        });
    }
    match action.iter().position(|a| !a.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::Action {
            environment: spec.name.clone(),
            index,
            value: action[index],
        }),
    }
}
