//! What the protocol of a multilabel experiment says.

use std::num::NonZeroU64;

use serde::Deserialize;
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
    /// How often every point is trained to be chosen or not, each time with other rows held out.
    pub draws: NonZeroU64,
    /// How often a chosen setting is trained.
    pub seeds: u64,
    /// The validation metric that settings and epochs are chosen by; ties go to the smaller loss.
    pub select: String,
    /// The data sets.
    pub data: Vec<Column>,
    /// The names of those to run on; none: all.
    #[serde(default)]
    pub only: Vec<String>,
    /// What is compared with what.
    pub comparisons: Vec<Comparison>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    pub _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    pub deviations: Vec<String>,
}

/// A data set: a column of the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    /// The head of the column.
    pub name: String,
    /// Changes of the configuration.
    pub set: Vec<String>,
    /// The best accuracy in the paper, in percent, where it is known.
    pub paper: Option<f64>,
}

/// Settings that share a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
    /// The stem of its files.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// The names of the data sets it is made on; none: all.
    #[serde(default)]
    pub data: Vec<String>,
    /// Whether its numbers are comparable with the paper's.
    #[serde(default)]
    pub paper: bool,
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

impl Comparison {
    /// Whether it is made on a data set.
    pub fn covers(&self, column: &Column) -> bool {
        self.data.is_empty() || self.data.contains(&column.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::find;

    fn protocol(sets: &[String]) -> Protocol {
        let text = find("fy-multilabel").unwrap().protocol;
        efy_train::config::from_text("fy-multilabel", text, sets).unwrap()
    }

    #[test]
    fn every_point_of_every_setting_is_a_configuration() {
        let protocol = protocol(&[]);
        for column in &protocol.data {
            for comparison in &protocol.comparisons {
                for setting in &comparison.settings {
                    for point in grid::points(&comparison.grid, &setting.grid) {
                        let changes = [&column.set, &comparison.set, &setting.set, &point];
                        let changes = changes.map(Vec::as_slice);
                        protocol.config("fy-multilabel", &changes).unwrap();
                    }
                }
            }
        }
        let names: Vec<&String> = protocol.data.iter().map(|column| &column.name).collect();
        let covered = protocol
            .comparisons
            .iter()
            .flat_map(|comparison| &comparison.data);
        covered.for_each(|name| assert!(names.contains(&name), "{name}"));
    }

    #[test]
    fn the_changes_of_a_quick_run_are_changes_of_the_protocol() {
        let text = find("fy-multilabel").unwrap().protocol;
        let whole: Value = efy_train::config::from_text("p", text, &[]).unwrap();
        let quick: Vec<String> = serde_json::from_value(whole["quick"].clone()).unwrap();
        assert!(protocol(&quick).seeds < protocol(&[]).seeds);
        assert!(protocol(&quick).draws < protocol(&[]).draws);
        protocol(&quick).columns("p").unwrap();
    }
}
