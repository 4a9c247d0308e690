//! What a sweep is described by: one YAML file, every key checked.

use std::path::{Path, PathBuf};

use efy_train::config::nearest;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Slurm;
use super::parameter::{Choice, Parameter};
use super::space::grid_size;
use crate::config::Config;
use crate::{Error, Result};

/// More trials than this are a slip of the pen.
const MOST_TRIALS: usize = 10_000;

/// The configuration of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// The configuration that is varied, a file; relative to this one.
    pub base: PathBuf,
    /// The name of the sweep and of its directory [default: the name of the file].
    #[serde(default)]
    pub name: Option<String>,
    /// How settings are chosen.
    #[serde(default)]
    pub method: Method,
    /// How many settings are drawn (random).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// Seed of the draws (random). Trial i depends on this and on i alone: more trials keep the earlier ones.
    #[serde(default)]
    pub seed: u64,
    /// What is varied: keys of the configuration, such as train.lr, and what they are varied over.
    pub parameters: IndexMap<String, Parameter>,
    /// How often each setting is trained: with the seed of the base configuration and the ones after it.
    #[serde(default = "one")]
    pub seeds: usize,
    /// The validation metric that the best setting is chosen by, as a mean over seeds [default:
    /// train.monitor of the base configuration].
    #[serde(default)]
    pub monitor: Option<String>,
    /// What Slurm gives each trial, for --sbatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<Slurm>,
}

/// How settings are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All combinations, the last key varying fastest.
    #[default]
    Grid,
    /// Independent draws.
    Random,
}

fn one() -> usize {
    1
}

impl SweepConfig {
    /// Reads the file of a sweep. What it says is not checked yet.
    ///
    /// # Errors
    /// [`efy_train::Error`] naming file and key, what was expected and what was found.
    pub(super) fn load(path: &Path) -> Result<Self> {
        Ok(efy_train::config::load(path, &[])?)
    }

    /// What is varied, if everything is as it should be but for the configurations themselves. `origin` is
    /// what messages call the file.
    pub(super) fn choices(&self, origin: &str) -> Result<Vec<(String, Choice)>> {
        let wrong = |key: &str, message: String| Err(wrong(origin, key, &message));
        if self.parameters.is_empty() {
            return wrong("parameters", "expected at least one key".to_owned());
        }
        self.check_keys(origin)?;
        let mut choices = Vec::with_capacity(self.parameters.len());
        for (key, parameter) in &self.parameters {
            let place = format!("parameters.{key}");
            match parameter.choice() {
                Ok(choice) => choices.push((key.clone(), choice)),
                Err(("", message)) => return wrong(&place, message),
                Err((part, message)) => return wrong(&format!("{place}.{part}"), message),
            }
        }
        self.check_method(origin, &choices)?;
        let settings = self.trials.or_else(|| grid_size(&choices));
        let trials = settings.and_then(|settings| settings.checked_mul(self.seeds));
        match trials {
            Some(trials) if trials <= MOST_TRIALS => {}
            trials => {
                let found = trials.map_or("far more".to_owned(), |trials| trials.to_string());
                let message = format!("expected at most {MOST_TRIALS} trials, found {found}");
                return wrong("parameters", message);
            }
        }
        Ok(choices)
    }

    fn check_method(&self, origin: &str, choices: &[(String, Choice)]) -> Result<()> {
        let wrong = |key: &str, message: &str| Err(wrong(origin, key, message));
        if self.seeds == 0 {
            return wrong("seeds", "expected a positive integer, found 0");
        }
        match (self.method, self.trials) {
            (Method::Grid, Some(_)) => {
                return wrong("trials", "is for method random, not for grid");
            }
            (Method::Random, None) => return wrong("trials", "missing; method random needs it"),
            (Method::Random, Some(0)) => {
                return wrong("trials", "expected a positive integer, found 0");
            }
            _ => {}
        }
        for (key, choice) in choices {
            let Choice::Range(interval) = choice else {
                continue;
            };
            let key = format!("parameters.{key}.points");
            match (self.method, interval.points) {
                (Method::Grid, None) => {
                    return wrong(
                        &key,
                        "missing; a grid needs the number of points of a range",
                    );
                }
                (Method::Random, Some(_)) => {
                    return wrong(&key, "is for method grid, not for random");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keys that cannot be varied, whatever the configuration says.
    fn check_keys(&self, origin: &str) -> Result<()> {
        let keys = || self.parameters.keys();
        for key in keys() {
            let wrong = |message: &str| Err(wrong(origin, &format!("parameters.{key}"), message));
            let whole = format!("{key}.");
            if let Some(part) = keys().find(|other| other.starts_with(&whole)) {
                return wrong(&format!("sets {part} as well, which is varied on its own"));
            }
            match key.as_str() {
                "name" => return wrong("every trial has a name of its own, from the sweep's"),
                "train" | "train.seed" if self.seeds > 1 => {
                    return wrong("sets the seed, and so does seeds; choose one of them");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The name: that of the file, unless it is said.
    pub(super) fn resolve_name(&self, path: &Path) -> Result<String> {
        let (name, given) = match &self.name {
            Some(name) => (name.clone(), true),
            None => {
                let stem = path.file_stem().unwrap_or_default();
                (stem.to_string_lossy().into_owned(), false)
            }
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            let expected = "expected letters, digits, -, _ and .";
            let message = match given {
                true => format!("{expected}, found {name:?}"),
                false => format!("missing; {expected}, which the name of the file is not"),
            };
            return Err(wrong(&path.display().to_string(), "name", &message));
        }
        Ok(name)
    }

    /// The metric that decides: the base's, unless it is said.
    pub(super) fn resolve_monitor(&self, origin: &str, base: &Config) -> Result<String> {
        let Some(monitor) = &self.monitor else {
            return Ok(base.train.monitor.clone());
        };
        let metrics = base.task.metrics();
        if metrics.contains(&monitor.as_str()) {
            return Ok(monitor.clone());
        }
        let guess = nearest(monitor, metrics.iter().copied())
            .map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
        let known = metrics.join(", ");
        let message = format!("expected one of {known}, found {monitor}{guess}");
        Err(wrong(origin, "monitor", &message))
    }
}

/// Something wrong with a key of the file `origin`.
pub(super) fn wrong(origin: &str, key: &str, message: &str) -> Error {
    efy_train::Error::Config {
        origin: origin.to_owned(),
        message: format!("{key}: {message}"),
    }
    .into()
}
