//! One training, its scores, and nothing on disk.

use std::fmt;

use efy_train::{Metrics, Objective, Split, Trainer};
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::config::Config;
use crate::data::Dataset;
use crate::supervised::{Splits, Supervised, refit};
use crate::{Error, Result};

/// A training to be made, on the CPU.
#[derive(Debug, Serialize)]
pub(super) struct Training<'a> {
    pub config: Config,
    /// Whether the test split is scored. It is not while settings are chosen.
    pub scored: bool,
    /// The data that the configuration names.
    #[serde(skip)]
    pub data: &'a Dataset,
    /// What progress calls it.
    #[serde(skip)]
    pub label: String,
}

impl fmt::Display for Training<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trained {
    /// Why it has no scores: the loss was no longer finite.
    pub diverged: Option<String>,
    /// Epochs that were begun.
    pub epochs: u64,
    /// The step whose weights were kept.
    pub best_step: u64,
    /// The scores there on the validation split.
    pub validation: Metrics,
    /// Those on the test split, if asked for.
    pub test: Option<Metrics>,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.validation.get("hamming_accuracy") {
            Some(accuracy) => write!(f, "validation hamming_accuracy {accuracy:.4}"),
            None => f.write_str("diverged"),
        }
    }
}

impl Training<'_> {
    /// Trains.
    ///
    /// # Errors
    /// What data, model and solver report. That the loss diverged is a result.
    pub fn run(&self) -> Result<Trained> {
        let config = &self.config;
        let options = (config.model.dtype.kind(), Device::Cpu);
        let splits = Splits::new(self.data, &config.data, config.train.seed, options)?;
        let mut objective = Supervised::new(config, splits)?;
        let mut trainer = Trainer::new(&config.train, Vec::new());
        let trained = match trainer.fit(&mut objective) {
            Ok(outcome) if self.scored && config.train.refit => {
                match refit(&mut trainer, config, self.data, Device::Cpu, &outcome) {
                    Err(Error::Train(error)) => Err(error),
                    other => {
                        let (again, outcome) = other?;
                        objective = again;
                        Ok(outcome)
                    }
                }
            }
            trained => trained,
        };
        let outcome = match trained {
            Err(error @ efy_train::Error::Diverged { .. }) => {
                return Ok(Trained {
                    diverged: Some(error.to_string()),
                    epochs: 0,
                    best_step: 0,
                    validation: Metrics::default(),
                    test: None,
                });
            }
            outcome => outcome.map_err(Error::from)?,
        };
        let test = match self.scored {
            true => Some(objective.evaluate(Split::Test)?),
            false => None,
        };
        Ok(Trained {
            diverged: None,
            epochs: outcome.epochs,
            best_step: outcome.best_step,
            validation: outcome.validation,
            test,
        })
    }
}
