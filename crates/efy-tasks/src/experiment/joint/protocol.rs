//! What the protocol of an experiment says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Test splits, each with its own choice of settings.
    pub seeds: u64,
    /// The validation metric that settings are chosen by; ties go to the smaller loss.
    pub select: String,
    /// Test metrics that get a table, the main one first.
    pub metrics: Vec<Shown>,
    /// The data sets.
    pub data: Vec<Column>,
    /// The names of those to run on; none: all.
    #[serde(default)]
    pub only: Vec<String>,
    /// How many points of a grid are tried at most, from its first on; none: all.
    #[serde(default)]
    pub most_points: Option<usize>,
    /// What is compared with what.
    pub comparisons: Vec<Comparison>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    pub _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    pub deviations: Vec<String>,
}

/// A metric in a table.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    /// Its name.
    pub metric: String,
    /// In words.
    pub title: String,
    /// What it is multiplied with.
    #[serde(default = "one")]
    pub scale: f64,
    /// Decimals.
    #[serde(default = "two")]
    pub decimals: usize,
    /// Whether larger is better, where one is.
    pub larger: Option<bool>,
}

fn one() -> f64 {
    1.0
}

fn two() -> usize {
    2
}

/// A data set: a column of the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    /// The head of the column.
    pub name: String,
    /// Changes of the configuration.
    pub set: Vec<String>,
}

/// Settings that share a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
    /// The stem of its files.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// How far below the paper's number counts as the same, in the unit of the table.
    #[serde(default)]
    pub margin: f64,
    /// Log-partitions of so many unseen inputs are drawn beside exact ones.
    #[serde(default)]
    pub curves: usize,
    /// Changes of the configuration for all settings.
    #[serde(default)]
    pub set: Vec<String>,
    /// Keys and the values that are tried, for all settings.
    #[serde(default)]
    pub grid: Map<String, Value>,
    /// What is compared.
    pub settings: Vec<Setting>,
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
    /// Keys and the values that are tried, in addition to the comparison's or instead.
    #[serde(default)]
    pub grid: Map<String, Value>,
    /// The paper's numbers by data set, where they are known.
    #[serde(default)]
    pub paper: BTreeMap<String, f64>,
}

impl Protocol {
    /// The data sets to run on.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a name in `only` that is no data set's.
    pub fn columns(&self, origin: &str) -> Result<Vec<&Column>> {
        grid::columns(origin, &self.data, &self.only, |column| &column.name)
    }

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
    fn every_point_of_every_setting_is_a_configuration() {
        for name in [
            "joint-multilabel",
            "joint-ranking",
            "joint-logpartition",
            "joint-tau",
        ] {
            let text = find(name).unwrap().protocol;
            let whole: Value = efy_train::config::from_text(name, text, &[]).unwrap();
            let quick: Vec<String> = serde_json::from_value(whole["quick"].clone()).unwrap();
            for sets in [Vec::new(), quick] {
                let protocol: Protocol = efy_train::config::from_text(name, text, &sets).unwrap();
                for column in protocol.columns(name).unwrap() {
                    for comparison in &protocol.comparisons {
                        for setting in &comparison.settings {
                            for point in grid::points(&comparison.grid, &setting.grid) {
                                let changes = [&column.set, &comparison.set, &setting.set, &point];
                                let changes = changes.map(Vec::as_slice);
                                let config = protocol.config(name, &changes).unwrap();
                                let known = config.task.metrics();
                                let loss = protocol.select == "loss";
                                assert!(loss || known.contains(&protocol.select.as_str()));
                            }
                        }
                    }
                }
            }
        }
    }
}
