//! What the types of a configuration cannot say: ranges, and names that have to exist.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Config, DataConfig, Dtype, LossConfig, LossKind, MOST_STARTS, ModelConfig, ModelKind,
    RegularizerKind, SolverConfig, Task,
};

/// Longest name of a run: it becomes the name of a directory.
const LONGEST_NAME: usize = 128;
/// Widest layer, and highest rank.
const WIDEST: u32 = 1 << 16;
/// Most layers of a network.
const DEEPEST: usize = 64;
/// Most parts of a cross-validation.
const MOST_FOLDS: u32 = 1_000_000;
/// Most iterations that are differentiated: each is kept until the backward pass.
const MOST_UNROLLED: usize = 100_000;
/// Longest chain of negatives.
const LONGEST_CHAIN: usize = 1_000_000;

/// A width in JSON Schema.
pub(super) fn width() -> Value {
    json!({"type": "integer", "format": "uint32", "minimum": 1, "maximum": WIDEST})
}

/// A key whose value is out of range: key, expected, found.
pub(super) type Wrong = (&'static str, String, String);

impl Config {
    /// Checks all ranges; `origin` tells where the value of a key came from.
    pub(super) fn validate(&self, origin: &dyn Fn(&str) -> String) -> efy_train::Result<()> {
        self.train.validate(origin)?;
        self.checkpoint.validate(origin)?;
        let checked = self
            .check_names()
            .and_then(|()| self.check_precision())
            .and_then(|()| self.data.check())
            .and_then(|()| self.model.check())
            .and_then(|()| self.loss.check())
            .and_then(|()| self.solver.check())
            .and_then(|()| self.check_density())
            .and_then(|()| self.check_imitation())
            .and_then(|()| self.check_task())
            .and_then(|()| self.check_likelihood())
            .and_then(|()| self.check_replicas());
        checked.map_err(|(key, expected, found)| efy_train::Error::Config {
            origin: origin(key),
            message: format!("{key}: expected {expected}, found {found}"),
        })
    }

    fn check_precision(&self) -> Result<(), Wrong> {
        if self.train.tf32 && self.model.dtype == Dtype::F64 {
            return wrong("train.tf32", "false with model.dtype: f64", true);
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), Wrong> {
        let length = self.name.chars().count();
        if length == 0 || length > LONGEST_NAME {
            let expected = format!("1 to {LONGEST_NAME} characters");
            return wrong("name", expected, length);
        }
        let monitored = self.task.metrics();
        let monitor = self.train.monitor.as_str();
        if !monitored.contains(&monitor) {
            let guess = efy_train::config::nearest(monitor, monitored.iter().copied())
                .map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            let expected = format!("one of {}", monitored.join(", "));
            return wrong("train.monitor", expected, format!("{monitor:?}{guess}"));
        }
        Ok(())
    }

    /// What models side by side cannot share.
    fn check_replicas(&self) -> Result<(), Wrong> {
        let replicas = self.train.replicas;
        if replicas > 1 && self.loss.kind == LossKind::Contrastive {
            // Its negatives are drawn from one seed.
            let expected = "1 with loss.kind: contrastive (efy sweep trains several seeds)";
            return wrong("train.replicas", expected, replicas);
        }
        Ok(())
    }

    /// What a task has no meaning for.
    fn check_task(&self) -> Result<(), Wrong> {
        let (data, loss) = (&self.data, &self.loss);
        if matches!(self.task, Task::Density | Task::Imitation) {
            // Their keys are checked where they are.
            return Ok(());
        }
        if self.task == Task::Multilabel {
            return match &data.ranking_column {
                Some(column) => {
                    let expected =
                        "nothing for task multilabel (task: label_ranking learns rankings)";
                    wrong("data.ranking_column", expected, format!("{column:?}"))
                }
                None => Ok(()),
            };
        }
        let expected = |what: &str| format!("{what} for task {}", self.task.name());
        let (kinds, what): (&[ModelKind], _) = match loss.kind.is_likelihood() {
            true => (&[ModelKind::Unary, ModelKind::Network], "unary or network"),
            false => (&[ModelKind::Unary], "unary"),
        };
        if !kinds.contains(&self.model.kind) {
            return wrong("model.kind", expected(what), written(&self.model.kind));
        }
        let has_rankings = matches!(loss.kind, LossKind::FenchelYoung | LossKind::Perceptron);
        if !has_rankings && !loss.kind.is_likelihood() {
            let expected = expected(
                "fenchel_young, perceptron, joint, exact_likelihood, markov_chains, min_max or \
                 noise_contrastive",
            );
            return wrong("loss.kind", expected, written(&loss.kind));
        }
        if loss.kind == LossKind::FenchelYoung
            && loss.regularizer != RegularizerKind::HalfSquaredNorm
        {
            let expected = expected("half_squared_norm");
            return wrong("loss.regularizer", expected, written(&loss.regularizer));
        }
        Ok(())
    }
}

/// A value as a configuration has it.
pub(super) fn written(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

impl DataConfig {
    fn check(&self) -> Result<(), Wrong> {
        for (key, value) in [
            ("data.validation", self.validation),
            ("data.test", self.test),
        ] {
            if !(value > 0.0 && value < 1.0) {
                return wrong(key, "a fraction between 0 and 1", value);
            }
        }
        match self.folds {
            Some(folds) if !(2..=MOST_FOLDS).contains(&folds) => {
                return wrong(
                    "data.folds",
                    format!("a whole number from 2 to {MOST_FOLDS}"),
                    folds,
                );
            }
            Some(folds) if self.fold >= folds => {
                let expected = format!("a whole number below data.folds = {folds}");
                return wrong("data.fold", expected, self.fold);
            }
            None if self.fold > 0 => {
                return wrong("data.fold", "0 without data.folds", self.fold);
            }
            _ => {}
        }
        let told = [
            self.label_columns.is_some(),
            self.label_prefix.is_some(),
            self.ranking_column.is_some(),
        ];
        if self.ranking_column.is_some() && told.iter().filter(|told| **told).count() > 1 {
            let expected = "nothing beside data.label_columns and data.label_prefix";
            return wrong("data.ranking_column", expected, "a name");
        }
        Ok(())
    }
}

/// Refuses layers that are too wide or too many.
pub(super) fn check_widths(key: &'static str, widths: &[u32]) -> Result<(), Wrong> {
    if let Some(width) = widths.iter().find(|&&width| width == 0 || width > WIDEST) {
        return wrong(key, format!("widths from 1 to {WIDEST}"), width);
    }
    if widths.len() > DEEPEST {
        return wrong(key, format!("at most {DEEPEST} layers"), widths.len());
    }
    Ok(())
}

impl ModelConfig {
    fn check(&self) -> Result<(), Wrong> {
        check_widths("model.hidden", &self.hidden)?;
        check_widths("model.prior_hidden", &self.prior_hidden)?;
        self.check_log_partition()?;
        if self.prior_hidden.is_empty() {
            return wrong("model.prior_hidden", "at least one width", "[]");
        }
        if self.rank == 0 || self.rank > WIDEST {
            return wrong(
                "model.rank",
                format!("a rank from 1 to {WIDEST}"),
                self.rank,
            );
        }
        Ok(())
    }
}

impl LossConfig {
    fn check(&self) -> Result<(), Wrong> {
        let positive = [
            ("loss.gamma", Some(self.gamma)),
            ("loss.unroll_step_size", self.unroll_step_size),
            ("loss.langevin_step_size", Some(self.langevin_step_size)),
        ];
        for (key, value) in positive {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return wrong(key, "a positive number", value);
            }
        }
        for (key, count, most) in [
            ("loss.unroll_steps", self.unroll_steps, MOST_UNROLLED),
            ("loss.negative_steps", self.negative_steps, LONGEST_CHAIN),
        ] {
            if count == 0 || count > most {
                return wrong(key, format!("a whole number from 1 to {most}"), count);
            }
        }
        self.check_likelihood()
    }
}

impl SolverConfig {
    fn check(&self) -> Result<(), Wrong> {
        for (key, value) in [
            ("solver.tolerance", self.tolerance),
            ("solver.eval_tolerance", self.eval_tolerance),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(key, "a number >= 0", value);
            }
        }
        if !(1..=MOST_STARTS).contains(&self.eval_starts) {
            let expected = format!("a whole number from 1 to {MOST_STARTS}");
            return wrong("solver.eval_starts", expected, self.eval_starts);
        }
        Ok(())
    }
}

pub(super) fn wrong(
    key: &'static str,
    expected: impl Into<String>,
    found: impl Display,
) -> Result<(), Wrong> {
    Err((key, expected.into(), found.to_string()))
}
