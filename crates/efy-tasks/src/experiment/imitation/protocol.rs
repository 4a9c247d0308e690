//! What the protocol of an imitation experiment says.

use serde::Deserialize;
use serde_json::Value;

use super::trial::Outcome;
use crate::Result;
use crate::config::Config;
use crate::experiment::grid;

/// The protocol.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protocol {
    /// The heading of the report.
    pub title: String,
    /// What is done, in Markdown.
    pub about: String,
    /// The configuration that all others are changes of.
    pub base: Value,
    /// How often each setting is trained.
    pub seeds: u64,
    /// What is measured.
    pub measure: Measure,
    /// What is varied along the horizontal axis.
    pub vary: Vary,
    /// The environments: a table and a figure each.
    pub environments: Vec<Column>,
    /// The names of those to run on; none: all.
    #[serde(default)]
    pub only: Vec<String>,
    /// What is compared.
    pub settings: Vec<Setting>,
    /// What should come of it.
    #[serde(default)]
    pub goals: Vec<Goal>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    pub _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    pub deviations: Vec<String>,
}

/// A number of a trained policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    /// The mean return, random actions at 0 and the expert at 1.
    NormalizedReturn,
    /// What the mean cost of an episode, the negative return, is above the expert's in the same episodes.
    CostGap,
}

impl Measure {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Measure::NormalizedReturn => "normalized return",
            Measure::CostGap => "cost above the expert's",
        }
    }

    /// The number, where it is finite.
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        let value = match self {
            Measure::NormalizedReturn => outcome.test.get("return_normalized")?,
            Measure::CostGap => outcome.expert - outcome.test.get("return")?,
        };
        Some(value).filter(|value| value.is_finite())
    }
}

/// What is varied.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vary {
    /// A key of configurations.
    pub key: String,
    /// The label of the axis.
    pub label: String,
    /// Its values, increasing.
    pub values: Vec<f64>,
}

/// An environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    /// Its name in files.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// Changes of the configuration.
    pub set: Vec<String>,
}

/// A setting: a row of the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    /// The head of the row.
    pub name: String,
    /// Changes of the configuration.
    #[serde(default)]
    pub set: Vec<String>,
}

/// A bound of the mean over seeds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Goal {
    pub environment: String,
    pub setting: String,
    /// The value of what is varied.
    pub at: f64,
    /// The bounds are times the same number of this setting.
    pub times: Option<String>,
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
}

impl Protocol {
    /// The base configuration with changes, the last one counting.
    ///
    /// # Errors
    /// [`efy_train::Error::Config`] naming the change.
    pub fn config(&self, origin: &str, changes: &[&[String]]) -> Result<Config> {
        grid::config(origin, &self.base, changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::find;

    #[test]
    fn every_trial_is_a_configuration_and_every_goal_names_one() {
        for name in ["imitation", "imitation-coupling"] {
            let text = find(name).unwrap().protocol;
            let whole: Value = efy_train::config::from_text(name, text, &[]).unwrap();
            let quick: Vec<String> = serde_json::from_value(whole["quick"].clone()).unwrap();
            for sets in [Vec::new(), quick] {
                let protocol: Protocol = efy_train::config::from_text(name, text, &sets).unwrap();
                for column in &protocol.environments {
                    for setting in &protocol.settings {
                        for value in &protocol.vary.values {
                            let varied = [format!("{}={value}", protocol.vary.key)];
                            let changes = [&column.set[..], &setting.set, &varied];
                            protocol.config(name, &changes).unwrap();
                        }
                    }
                }
                let has_setting =
                    |name: &String| protocol.settings.iter().any(|one| one.name == *name);
                for goal in &protocol.goals {
                    assert!(
                        protocol
                            .environments
                            .iter()
                            .any(|one| one.name == goal.environment)
                    );
                    assert!(has_setting(&goal.setting) && goal.times.iter().all(has_setting));
                }
            }
        }
    }
}
