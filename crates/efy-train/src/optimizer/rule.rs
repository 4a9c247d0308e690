//! What a step does, whatever computes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::TrainConfig;

/// The update rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam; weight decay is a part of the gradient.
    #[default]
    Adam,
    /// Adam with weight decay beside the gradient.
    #[serde(rename = "adamw")]
    AdamW,
    /// Gradient descent, by default with momentum.
    Sgd,
}

/// What happens when the loss or the gradient of a step is not finite. Such a step never changes weights or
/// moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnNonFinite {
    /// Training ends; no later step changes them either.
    #[default]
    Stop,
    /// The step is left out.
    Skip,
}

/// The hyper-parameters of an update, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) rule: Rule,
    /// $\lambda$.
    pub(super) weight_decay: f64,
    /// The largest norm of the gradient.
    pub(super) clip: Option<f64>,
    /// Whether the first fault is the last update.
    pub(super) sticky: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Adam(Adam),
    Sgd { momentum: f64, nesterov: bool },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Adam {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    epsilon: f64,
    /// Whether weight decay stands beside the gradient.
    decoupled: bool,
}

/// Which step it is, from 1, and its learning rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) rate: f64,
}

impl Plan {
    pub(super) fn new(config: &TrainConfig) -> Self {
        let adam = |decoupled| {
            Rule::Adam(Adam {
                beta1: config.beta1,
                beta2: config.beta2,
                epsilon: config.epsilon,
                decoupled,
            })
        };
        Plan {
            rule: match config.optimizer {
                OptimizerKind::Adam => adam(false),
                OptimizerKind::AdamW => adam(true),
                OptimizerKind::Sgd => Rule::Sgd {
                    momentum: config.momentum,
                    nesterov: config.nesterov,
                },
            },
            weight_decay: config.weight_decay,
            clip: config.clip_norm.filter(|&norm| norm > 0.0),
            sticky: config.on_nonfinite == OnNonFinite::Stop,
        }
    }

    /// The names of the tensors that are kept from step to step, each `[P]`.
    pub(super) fn moments(&self) -> &'static [&'static str] {
        match self.rule {
            Rule::Adam(_) => &["first", "second"],
            Rule::Sgd { momentum, .. } if momentum > 0.0 => &["momentum"],
            Rule::Sgd { .. } => &[],
        }
    }

    /// $\lambda$ where weight decay is a part of the gradient, else 0.
    pub(super) fn coupled_decay(&self) -> f64 {
        match self.rule {
            Rule::Adam(Adam {
                decoupled: true, ..
            }) => 0.0,
            _ => self.weight_decay,
        }
    }

    /// $\eta_t \lambda$ where weight decay stands beside the gradient, else 0.
    pub(super) fn decoupled_decay(&self, step: Step) -> f64 {
        step.rate * (self.weight_decay - self.coupled_decay())
    }
}

impl Adam {
    /// $(\eta, \epsilon)$ that give with the moments as they are what $(\eta_t, \epsilon)$ give with
    /// corrected ones: $\eta_t \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)$ and $\epsilon \sqrt{1 - \beta_2^t}$.
    pub(super) fn corrected(&self, step: Step) -> (f64, f64) {
        let power = i32::try_from(step.number).unwrap_or(i32::MAX);
        let first = 1.0 - self.beta1.powi(power);
        let second = (1.0 - self.beta2.powi(power)).sqrt();
        (step.rate * second / first, self.epsilon * second)
    }
}
