//! One training, its scores, and nothing on disk.

use std::fmt;

use efy_train::{Metrics, Objective, Outcome, Split, Trainer};
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::config::Config;
use crate::data::Dataset;
use crate::supervised::{Splits, Supervised};
use crate::{Error, Result};

/// A training to be made, on the CPU.
#[derive(Debug, Serialize)]
pub(super) struct Training<'a> {
    pub config: Config,
    /// After a choice: train for so many epochs on all training rows, the validation rows among them, and
    /// score the test rows. Before it: find the best epoch, and leave the test rows alone.
    pub epochs: Option<u64>,
    /// Log-partitions of so many test rows are wanted.
    pub curves: usize,
    /// The data with the test split of the seed.
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
    /// The best epoch, or that of the weights that were scored.
    pub epoch: u64,
    /// Scores on the validation split, or on the test split after a choice.
    pub scores: Metrics,
    /// Estimated and exact log-partitions of the first test rows.
    pub curve: Vec<(f64, f64)>,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.diverged, self.scores.get("loss")) {
            (None, Some(loss)) => write!(f, "epoch {}, loss {loss:.4}", self.epoch),
            _ => f.write_str("diverged"),
        }
    }
}

impl Training<'_> {
    /// Trains.
    ///
    /// # Errors
    /// What data, model and loss report. That the loss diverged is a result.
    pub fn run(&self) -> Result<Trained> {
        match self.made() {
            Err(Error::Train(error @ efy_train::Error::Diverged { .. })) => Ok(Trained {
                diverged: Some(error.to_string()),
                epoch: 0,
                scores: Metrics::default(),
                curve: Vec::new(),
            }),
            made => made,
        }
    }

    fn made(&self) -> Result<Trained> {
        let config = &self.config;
        let options = (config.model.dtype.kind(), Device::Cpu);
        let mut trainer = Trainer::new(&config.train, Vec::new());
        let Some(epochs) = self.epochs else {
            let splits = Splits::new(self.data, &config.data, config.train.seed, options)?;
            let outcome = trainer.fit(&mut Supervised::new(config, splits)?)?;
            return Ok(Trained {
                diverged: None,
                epoch: outcome.best_epoch,
                scores: outcome.validation,
                curve: Vec::new(),
            });
        };
        let splits = Splits::refit(self.data, &config.data, config.train.seed, options)?;
        let mut objective = Supervised::new(config, splits)?;
        let earlier = Outcome {
            steps: 0,
            epochs: 0,
            best_step: 0,
            best_epoch: epochs,
            validation: Metrics::default(),
        };
        trainer.refit(&mut objective, &earlier)?;
        let scores = objective.evaluate(Split::Test)?;
        let curve = match objective.log_partitions(Split::Test) {
            Some([estimated, exact]) => {
                let pairs = estimated.iter().copied().zip(exact.iter().copied());
                pairs.take(self.curves).collect()
            }
            None => Vec::new(),
        };
        Ok(Trained {
            diverged: None,
            epoch: epochs,
            scores,
            curve,
        })
    }
}
