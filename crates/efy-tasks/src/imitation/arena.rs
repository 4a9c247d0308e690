//! Where a policy acts to be judged.

use efy_envs::{Environment, Episode, Policy, Purpose, Record, Returns, Spec, rollout, starts};
use serde::{Deserialize, Serialize};

use super::source::{Place, Yardstick};
use crate::Result;
use crate::config::RolloutConfig;

/// The seed of random actions.
const RANDOM_SEED: u64 = 0;

/// Returns that others are measured by: means over the test episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// Of uniform actions.
    pub random: f64,
    /// Of the expert; of demonstrations from a file, the mean of their returns.
    pub expert: f64,
}

impl References {
    /// A return with random actions at 0 and the expert at 1.
    #[must_use]
    pub fn normalized(&self, total: f64) -> f64 {
        (total - self.random) / (self.expert - self.random)
    }
}

/// Copies of an environment and the episodes that policies are judged by: the same for all policies and all times.
pub struct Arena {
    environments: Vec<Box<dyn Environment>>,
    spec: Spec,
    validation: Vec<u64>,
    test: Vec<u64>,
    references: References,
}

impl Arena {
    /// Environments of a configuration, and the returns of random actions and of the expert in the test episodes.
    ///
    /// # Errors
    /// For an unknown environment; what environments and policies report.
    pub fn new(place: &Place, config: &RolloutConfig, expert: Yardstick) -> Result<Self> {
        let side_by_side = config.episodes.max(config.test_episodes) as usize;
        let environments = place.environments(side_by_side)?;
        let spec = match environments.first() {
            Some(first) => first.spec().clone(),
            None => return Err(efy_envs::Error::NoEnvironments.into()),
        };
        let mut arena = Arena {
            environments,
            spec,
            validation: starts(Purpose::Selection, 0, config.episodes as usize),
            test: starts(Purpose::Evaluation, 0, config.test_episodes as usize),
            references: References {
                random: f64::NAN,
                expert: f64::NAN,
            },
        };
        let mut random = efy_envs::Random::new(&arena.spec, RANDOM_SEED);
        arena.references = References {
            random: mean(&arena.test(&mut random)?),
            expert: match expert {
                Yardstick::Policy(mut policy) => mean(&arena.test(policy.as_mut())?),
                Yardstick::Return(reached) => reached,
            },
        };
        Ok(arena)
    }

    /// What the environment expects and gives.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What returns are measured by.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.references
    }

    /// A policy in the validation episodes.
    ///
    /// # Errors
    /// What environments and policy report.
    pub fn validation(&mut self, policy: &mut dyn Policy) -> Result<Vec<Episode>> {
        act(&mut self.environments, policy, &self.validation)
    }

    /// A policy in the test episodes.
    ///
    /// # Errors
    /// As [`validation`](Self::validation).
    pub fn test(&mut self, policy: &mut dyn Policy) -> Result<Vec<Episode>> {
        act(&mut self.environments, policy, &self.test)
    }
}

fn act(
    environments: &mut [Box<dyn Environment>],
    policy: &mut dyn Policy,
    seeds: &[u64],
) -> Result<Vec<Episode>> {
    Ok(rollout(environments, policy, seeds, Record::Returns)?)
}

fn mean(episodes: &[Episode]) -> f64 {
    Returns::of(episodes.iter().map(|episode| episode.total)).mean
}
