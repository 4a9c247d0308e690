//! The part of a configuration that is about distributions over outputs (`loss.kind: joint` and what it is
//! compared with).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ranges::{self, Wrong, check_widths, written, wrong};
use super::{Config, LayersKind, LossConfig, LossKind, MatrixKind, ModelConfig, ModelKind, Task};

/// Most samples of a row and step.
const MOST_SAMPLES: u32 = 10_000_000;

/// An f-divergence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceKind {
    /// Logistic models.
    KullbackLeibler,
    /// Tsallis of order 2: sparsemax models.
    ChiSquare,
    /// Tsallis of order 1.5.
    Entmax15,
    /// Tsallis of order `alpha`: sparse models.
    Tsallis,
    /// Its conjugate ends at 1.
    ReverseKullbackLeibler,
    /// Its conjugate ends at 1.
    SquaredHellinger,
    /// Its conjugate ends at log 2.
    JensenShannon,
}

/// A distribution over outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// All outputs alike.
    Uniform,
    /// Every label with `probability`.
    Bernoulli,
    /// Every label as often as in the training split, (n_j + 1)/(n + 2).
    Frequencies,
}

/// A network for the log-partition function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogPartitionConfig {
    /// Its form.
    pub kind: LogPartitionKind,
    /// Widths of its hidden layers (mlp, icnn).
    #[schemars(extend("minItems" = 1, "maxItems" = 64, "items" = ranges::width()))]
    pub hidden: Vec<u32>,
    /// What it is a function of.
    pub input: LogPartitionInput,
}

impl Default for LogPartitionConfig {
    fn default() -> Self {
        LogPartitionConfig {
            kind: LogPartitionKind::Mlp,
            hidden: vec![128],
            input: LogPartitionInput::X,
        }
    }
}

/// The form of a log-partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogPartitionKind {
    /// A number for each training example, and none for others.
    Table,
    /// One number.
    Constant,
    /// An affine function.
    Linear,
    /// A rectifier network.
    Mlp,
    /// An input-convex network.
    Icnn,
}

/// What a log-partition is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogPartitionInput {
    /// The features.
    X,
    /// The scores that the energy has for x, or h(x) of a `network`, as constants.
    Logits,
}

impl Config {
    /// What losses of distributions cannot be put together with, and what is for them alone.
    pub(super) fn check_likelihood(&self) -> Result<(), Wrong> {
        let (model, loss) = (&self.model, &self.loss);
        let kind = written(&loss.kind);
        if !loss.kind.is_likelihood() {
            let alone = |what: &str| format!("{what} for loss.kind: {kind}");
            if model.kind == ModelKind::Network {
                let expected = alone("unary, pairwise, spen, input_concave or picnn");
                return wrong("model.kind", expected, written(&model.kind));
            }
            if model.kind == ModelKind::Pairwise && model.matrix == MatrixKind::Full {
                return wrong("model.matrix", alone("low_rank"), written(&model.matrix));
            }
            return Ok(());
        }
        let with = |what: &str| format!("{what} with loss.kind: {kind}");
        if !matches!(
            model.kind,
            ModelKind::Unary | ModelKind::Pairwise | ModelKind::Network
        ) {
            let expected = with("unary, pairwise or network");
            return wrong("model.kind", expected, written(&model.kind));
        }
        if model.layers != LayersKind::Dtype {
            return wrong("model.layers", with("dtype"), written(&model.layers));
        }
        if self.train.replicas > 1 {
            let expected = with("1") + " (efy sweep trains several seeds)";
            return wrong("train.replicas", expected, self.train.replicas);
        }
        if self.task != Task::Multilabel {
            let only = |what: &str| format!("{what} for task {}", self.task.name());
            for (key, measure) in [
                ("loss.base_measure", Some(loss.base_measure)),
                ("loss.proposal", loss.proposal),
            ] {
                if let Some(measure) = measure.filter(|one| *one != MeasureKind::Uniform) {
                    return wrong(key, only("uniform"), written(&measure));
                }
            }
        }
        let wants_logits = model.log_partition.input == LogPartitionInput::Logits;
        if wants_logits && model.kind == ModelKind::Network && model.hidden.is_empty() {
            let expected =
                "x, since a network on [x; p] has no logits (model.hidden gives it h(x))";
            return wrong("model.log_partition.input", expected, "logits");
        }
        let in_chunks = matches!(loss.kind, LossKind::Joint | LossKind::NoiseContrastive);
        if let Some(chunk) = loss.chunk.filter(|_| !in_chunks) {
            return wrong("loss.chunk", with("none"), chunk);
        }
        if loss.kind == LossKind::MinMax && loss.samples < 2 {
            return wrong("loss.samples", with("at least 2"), loss.samples);
        }
        Ok(())
    }
}

impl ModelConfig {
    pub(super) fn check_log_partition(&self) -> Result<(), Wrong> {
        let hidden = &self.log_partition.hidden;
        check_widths("model.log_partition.hidden", hidden)?;
        check_widths("model.sampler_hidden", &self.sampler_hidden)?;
        if hidden.is_empty() {
            let expected = "at least one width (model.log_partition.kind: linear has none)";
            return wrong("model.log_partition.hidden", expected, "[]");
        }
        Ok(())
    }
}

impl LossConfig {
    pub(super) fn check_likelihood(&self) -> Result<(), Wrong> {
        if !(self.alpha.is_finite() && self.alpha >= 1.0) {
            return wrong("loss.alpha", "a number >= 1", self.alpha);
        }
        for (key, count) in [
            ("loss.samples", Some(self.samples)),
            ("loss.chunk", self.chunk),
        ] {
            if let Some(count) = count.filter(|count| !(1..=MOST_SAMPLES).contains(count)) {
                let expected = format!("a whole number from 1 to {MOST_SAMPLES}");
                return wrong(key, expected, count);
            }
        }
        // Where the conjugate ends.
        let (end, expected) = match self.divergence {
            DivergenceKind::ReverseKullbackLeibler | DivergenceKind::SquaredHellinger => {
                (1.0, "a positive number below 1")
            }
            DivergenceKind::JensenShannon => {
                (std::f64::consts::LN_2, "a positive number below log 2")
            }
            _ => (f64::INFINITY, "a positive number"),
        };
        if let Some(cap) = self.cap.filter(|cap| !(*cap > 0.0 && *cap < end)) {
            return wrong("loss.cap", expected, cap);
        }
        if !(self.probability > 0.0 && self.probability < 1.0) {
            let expected = "a probability between 0 and 1";
            return wrong("loss.probability", expected, self.probability);
        }
        Ok(())
    }
}
