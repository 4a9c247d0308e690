//! The section `train` of every configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Most examples of a step.
const LARGEST_BATCH: usize = 1 << 24;

/// How long, how fast and in what order to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training split at most.
    #[schemars(range(min = 1))]
    pub epochs: u64,
    /// Examples a step.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub batch_size: usize,
    /// Learning rate of Adam.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// L2 regularization: lambda in lambda/2 ||w||^2, on the weights of networks, not on biases and not
    /// on a shared coupling.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
    /// Seed of everything random: initial weights, splits, order.
    pub seed: u64,
    /// Steps between two reads of the training loss from the device.
    #[schemars(range(min = 1))]
    pub log_every: u64,
    /// Epochs between two evaluations of the validation split.
    #[schemars(range(min = 1))]
    pub eval_every: u64,
    /// Evaluations without an improvement after which training stops; 0: never.
    pub patience: u64,
    /// The validation metric that decides which weights are kept.
    pub monitor: String,
    /// When the best epoch is known, train once more from the beginning for as many epochs, on training and
    /// validation examples together, and keep those weights.
    pub refit: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 100,
            batch_size: 100,
            lr: 1e-3,
            weight_decay: 0.0,
            seed: 0,
            log_every: 50,
            eval_every: 1,
            patience: 10,
            monitor: "loss".to_owned(),
            refit: false,
        }
    }
}

impl TrainConfig {
    /// Checks ranges; `origin` tells where the value of a key came from.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key.
    pub fn validate(&self, origin: &dyn Fn(&str) -> String) -> Result<()> {
        let wrong = |key: &str, expected: &str, found: &dyn std::fmt::Display| {
            let key = format!("train.{key}");
            let message = format!("{key}: expected {expected}, found {found}");
            Err(Error::Config {
                origin: origin(&key),
                message,
            })
        };
        let counts = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size as u64),
            ("log_every", self.log_every),
            ("eval_every", self.eval_every),
        ];
        if let Some((key, count)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return wrong(key, "a positive integer", &count);
        }
        if self.batch_size > LARGEST_BATCH {
            let expected = format!("at most {LARGEST_BATCH} examples");
            return wrong("batch_size", &expected, &self.batch_size);
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return wrong("lr", "a positive number", &self.lr);
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return wrong("weight_decay", "a number >= 0", &self.weight_decay);
        }
        Ok(())
    }
}
