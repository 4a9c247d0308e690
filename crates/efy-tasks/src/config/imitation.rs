//! The keys of task `imitation`: demonstrations, rollouts, and what a policy may be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ranges::{Wrong, written, wrong};
use super::{
    Config, CostKind, CouplingKind, LossConfig, LossKind, ModelKind, RegularizerKind, Task,
};

/// How often and how long a policy acts to be judged (task imitation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutConfig {
    /// Validations (see `train.eval_every`) from one with episodes to the next; 0: the policy acts after training alone.
    pub every: u32,
    /// Episodes of such a validation.
    #[schemars(range(min = 1, max = 10_000))]
    pub episodes: u32,
    /// Episodes after training, and of the expert and of random actions, which returns are measured by.
    #[schemars(range(min = 1, max = 10_000))]
    pub test_episodes: u32,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        RolloutConfig {
            every: 10,
            episodes: 5,
            test_episodes: 20,
        }
    }
}

/// Most episodes of a rollout.
const MOST_EPISODES: u32 = 10_000;
/// Most episodes and longest stride of demonstrations.
const MOST_DEMONSTRATIONS: u32 = 100_000;

impl Config {
    /// What task `imitation` has no meaning for, and what it needs; for the other tasks, that nothing is asked of it.
    pub(super) fn check_imitation(&self) -> Result<(), Wrong> {
        if self.task != Task::Imitation {
            return match self.loss.kind {
                LossKind::LeastSquares | LossKind::InfoNce => {
                    let expected = format!(
                        "another loss for task {} (imitation has it)",
                        self.task.name()
                    );
                    wrong("loss.kind", expected, written(&self.loss.kind))
                }
                _ if self.loss.kind.is_likelihood()
                    && self.model.kind == ModelKind::Pairwise
                    && self.model.coupling == CouplingKind::Network =>
                {
                    wrong(
                        "model.coupling",
                        "shared or predicted for likelihoods",
                        "network",
                    )
                }
                _ => Ok(()),
            };
        }
        self.check_demonstrations()?;
        for (key, count) in [
            ("rollout.episodes", self.rollout.episodes),
            ("rollout.test_episodes", self.rollout.test_episodes),
        ] {
            if count == 0 || count > MOST_EPISODES {
                let expected = format!("a whole number from 1 to {MOST_EPISODES}");
                return wrong(key, expected, count);
            }
        }
        if self.rollout.every == 0 && self.train.monitor.starts_with("return") {
            let expected = "a positive whole number where train.monitor is a return";
            return wrong("rollout.every", expected, 0);
        }
        if matches!(self.model.kind, ModelKind::Shallow | ModelKind::Network) {
            let expected = "unary, pairwise, spen, input_concave or picnn for task imitation";
            return wrong("model.kind", expected, written(&self.model.kind));
        }
        if self.train.replicas > 1 {
            let expected = "1 for task imitation (efy sweep trains several seeds)";
            return wrong("train.replicas", expected, self.train.replicas);
        }
        if self.train.refit {
            return wrong("train.refit", "false for task imitation", true);
        }
        self.loss.check_actions(self.model.kind)
    }

    fn check_demonstrations(&self) -> Result<(), Wrong> {
        let data = &self.data;
        match (&data.expert, &data.demonstrations) {
            (None, None) => {
                return wrong("data.expert", "an expert, or data.demonstrations", "none");
            }
            (Some(expert), Some(_)) => {
                return wrong("data.expert", "nothing beside data.demonstrations", expert);
            }
            _ => {}
        }
        if let Some(coupling) = data
            .coupling
            .filter(|coupling| !(0.0..1.0).contains(coupling))
        {
            return wrong("data.coupling", "a number from 0 to below 1", coupling);
        }
        for (key, count) in [
            ("data.episodes", data.episodes),
            ("data.subsample", data.subsample),
        ] {
            if count == 0 || count > MOST_DEMONSTRATIONS {
                let expected = format!("a whole number from 1 to {MOST_DEMONSTRATIONS}");
                return wrong(key, expected, count);
            }
        }
        Ok(())
    }
}

impl LossConfig {
    /// What a loss of real-valued actions in a box may be.
    fn check_actions(&self, model: ModelKind) -> Result<(), Wrong> {
        let for_actions = matches!(
            self.kind,
            LossKind::FenchelYoung
                | LossKind::Energy
                | LossKind::Perceptron
                | LossKind::Margin
                | LossKind::RegularizedMargin
                | LossKind::Mse
                | LossKind::LeastSquares
                | LossKind::InfoNce
        );
        if !for_actions {
            let expected = "fenchel_young, energy, perceptron, margin, regularized_margin, mse, least_squares or \
                            info_nce for task imitation";
            return wrong("loss.kind", expected, written(&self.kind));
        }
        let margin = matches!(self.kind, LossKind::Margin | LossKind::RegularizedMargin);
        if margin && self.cost != CostKind::Squared {
            return wrong(
                "loss.cost",
                "squared for task imitation",
                written(&self.cost),
            );
        }
        if !matches!(
            self.regularizer,
            RegularizerKind::HalfSquaredNorm | RegularizerKind::BinaryEntropy
        ) {
            let expected = "half_squared_norm or binary_entropy for task imitation";
            return wrong("loss.regularizer", expected, written(&self.regularizer));
        }
        if self.kind == LossKind::LeastSquares {
            if model != ModelKind::Unary {
                return wrong(
                    "model.kind",
                    "unary with loss.kind: least_squares",
                    written(&model),
                );
            }
            if self.regularizer != RegularizerKind::HalfSquaredNorm || self.gamma != 1.0 {
                let expected = "half_squared_norm with loss.gamma: 1 with loss.kind: least_squares";
                let found = format!("{} with {}", written(&self.regularizer), self.gamma);
                return wrong("loss.regularizer", expected, found);
            }
        }
        Ok(())
    }
}
