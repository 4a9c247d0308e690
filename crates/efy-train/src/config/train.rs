//! The section `train` of every configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::optimizer::{OnNonFinite, OptimizerKind, Schedule};
use crate::{Error, Result};

/// Most examples of a step.
const LARGEST_BATCH: usize = 1 << 24;
/// Most models side by side.
const MOST_REPLICAS: u64 = 1024;

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
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// Learning rate, of which the schedule takes a fraction.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// How the learning rate changes during training.
    #[serde(deserialize_with = "super::section")]
    pub schedule: Schedule,
    /// L2 regularization: lambda in lambda/2 ||w||^2, on the weights of networks, not on biases and not
    /// on a shared coupling. With adamw the weights shrink by lr times lambda a step instead.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
    /// How much of the last direction stays in the next, in [0, 1) (sgd).
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub momentum: f64,
    /// Nesterov's momentum (sgd).
    pub nesterov: bool,
    /// Decay of the mean of the gradient, in [0, 1) (adam, adamw).
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Decay of the mean of its square, in [0, 1) (adam, adamw).
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// Added to the root of the mean square (adam, adamw).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub epsilon: f64,
    /// The largest norm of the gradient of all weights; a longer one is scaled down to it. None or 0: any.
    #[schemars(range(min = 0))]
    pub clip_norm: Option<f64>,
    /// Parts that a batch is computed in, one after the other: less memory, the same gradient.
    #[schemars(range(min = 1))]
    pub accumulate: u64,
    /// What happens when a loss or a gradient is not finite.
    pub on_nonfinite: OnNonFinite,
    /// Seed of everything random: initial weights, splits, order.
    pub seed: u64,
    /// Models that are trained side by side, in the same launches, with the seeds `seed`, `seed + 1`, ...
    /// Each has a run directory of its own under `replicas` and ends as it would alone.
    #[schemars(range(min = 1, max = 1024))]
    pub replicas: u64,
    /// Steps between two reads of the training loss from the device.
    #[schemars(range(min = 1))]
    pub log_every: u64,
    /// Epochs between two evaluations of the validation split.
    #[schemars(range(min = 1))]
    pub eval_every: u64,
    /// Evaluations without an improvement after which training stops; 0: never.
    pub patience: u64,
    /// The validation metric that decides which weights are kept: loss or unconverged; for multilabel
    /// hamming_accuracy, subset_accuracy, micro_f1, macro_f1 or example_f1; for label_ranking kendall_tau,
    /// spearman, top1_accuracy, pairwise_accuracy or exact_accuracy; for imitation action_error, or with `rollout.every` a
    /// return.
    pub monitor: String,
    /// When the best epoch is known, train once more from the beginning for as many epochs, on training and
    /// validation examples together, and keep those weights.
    pub refit: bool,
    /// Let CUDA devices round the factors of f32 matrix products to TF32, 11 bits of precision, which is
    /// faster on those that can. Without effect on the CPU; not with `model.dtype: f64`.
    pub tf32: bool,
    /// Write the metrics for TensorBoard as well, into `events.out.tfevents.*` of the run directory.
    pub tensorboard: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 100,
            batch_size: 100,
            optimizer: OptimizerKind::default(),
            lr: 1e-3,
            schedule: Schedule::default(),
            weight_decay: 0.0,
            momentum: 0.9,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clip_norm: None,
            accumulate: 1,
            on_nonfinite: OnNonFinite::default(),
            seed: 0,
            replicas: 1,
            log_every: 50,
            eval_every: 1,
            patience: 10,
            monitor: "loss".to_owned(),
            refit: false,
            tf32: false,
            tensorboard: true,
        }
    }
}

impl TrainConfig {
    /// Batches of an epoch over so many examples.
    pub(crate) fn steps_an_epoch(&self, examples: usize) -> u64 {
        examples.div_ceil(self.batch_size.max(1)) as u64
    }

    /// The seeds of all replicas.
    pub fn seeds(&self) -> impl Iterator<Item = u64> {
        let first = self.seed;
        (0..self.replicas).map(move |replica| first.wrapping_add(replica))
    }

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
            ("accumulate", self.accumulate),
            ("log_every", self.log_every),
            ("eval_every", self.eval_every),
            ("replicas", self.replicas),
        ];
        if let Some((key, count)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return wrong(key, "a positive integer", &count);
        }
        if self.batch_size > LARGEST_BATCH {
            let expected = format!("at most {LARGEST_BATCH} examples");
            return wrong("batch_size", &expected, &self.batch_size);
        }
        if self.replicas > MOST_REPLICAS {
            let expected = format!("at most {MOST_REPLICAS}");
            return wrong("replicas", &expected, &self.replicas);
        }
        if self.replicas > 1 && self.refit {
            // Each replica has another best epoch.
            let found = format!("replicas: {} with refit: true", self.replicas);
            return wrong("replicas", "1 where train.refit is true", &found);
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return wrong("lr", "a positive number", &self.lr);
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return wrong("weight_decay", "a number >= 0", &self.weight_decay);
        }
        let fractions = [
            ("momentum", self.momentum),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
        ];
        for (key, value) in fractions {
            if !(0.0..1.0).contains(&value) {
                return wrong(key, "a number in [0, 1)", &value);
            }
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return wrong("epsilon", "a positive number", &self.epsilon);
        }
        if let Some(norm) = self.clip_norm
            && !(norm.is_finite() && norm >= 0.0)
        {
            return wrong("clip_norm", "a number >= 0", &norm);
        }
        if self.nesterov && self.optimizer == OptimizerKind::Sgd && self.momentum == 0.0 {
            return wrong("nesterov", "false without momentum", &self.nesterov);
        }
        match self.schedule.fault() {
            Some((key, expected, found)) => wrong(&format!("schedule.{key}"), expected, &found),
            None => Ok(()),
        }
    }
}
