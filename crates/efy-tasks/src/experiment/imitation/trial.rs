//! One policy: trained, and judged where it acts.

use std::fmt;

use efy_train::{Metrics, Objective, Split, Trainer};
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::Result;
use crate::config::Config;
use crate::data::Cache;
use crate::imitation::{Lesson, Prepared};

/// A training to be made, on the CPU.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    pub config: Config,
    /// What progress calls it.
    #[serde(skip)]
    pub label: String,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Why it has no metrics: the loss was no longer finite.
    pub diverged: Option<String>,
    /// Mean returns in the test episodes.
    pub expert: f64,
    pub random: f64,
    /// Pairs in training.
    pub pairs: u64,
    pub best_step: u64,
    pub validation: Metrics,
    pub test: Metrics,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.test.get("return") {
            Some(found) => write!(f, "return {found:.1} (expert {:.1})", self.expert),
            None => f.write_str("diverged"),
        }
    }
}

impl Trial {
    /// Trains and lets the policy act.
    ///
    /// # Errors
    /// What environments, model and solver report. That the loss diverged is a result.
    pub fn run(&self, cache: &Cache) -> Result<Outcome> {
        let config = &self.config;
        let lesson = Lesson::new(config, cache)?;
        let prepared = Prepared::new(config, lesson, Device::Cpu)?;
        let mut objective = prepared.into_objective();
        let references = *objective.arena().references();
        let mut outcome = Outcome {
            diverged: None,
            expert: references.expert,
            random: references.random,
            pairs: objective.examples() as u64,
            best_step: 0,
            validation: Metrics::default(),
            test: Metrics::default(),
        };
        match Trainer::new(&config.train, Vec::new()).fit(&mut objective) {
            Err(error @ efy_train::Error::Diverged { .. }) => {
                outcome.diverged = Some(error.to_string());
                return Ok(outcome);
            }
            trained => {
                let trained = trained?;
                outcome.best_step = trained.best_step;
                outcome.validation = trained.validation;
            }
        }
        outcome.test = objective.evaluate(Split::Test)?;
        Ok(outcome)
    }
}
