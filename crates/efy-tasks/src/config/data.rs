//! The section `data`: where the examples come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::density::TeacherKind;
use crate::data::LabelColumns;
use crate::supervised::Resident;

/// Where the examples come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A data set by name: embedded, fetched or imported (`efy data list`). Ignored when `path` is set.
    pub name: String,
    /// A file of your own instead: ARFF (labels from the XML file beside it) or CSV; rankings are CSV, and
    /// without one of the three keys below they begin with the counts n,d,k. Points (task density) are CSV, a
    /// point a line, or npy.
    pub path: Option<PathBuf>,
    /// A density to draw examples from instead (task density).
    pub teacher: Option<TeacherKind>,
    /// Its neurons, vectors that are brought to unit length (teacher neurons).
    pub teacher_neurons: Option<Vec<Vec<f64>>>,
    /// Its amplitudes a_k: the energy is the mean of a_k max(0, <z_k, x>), the density exp(-energy) (teacher neurons).
    pub teacher_amplitudes: Option<Vec<f64>>,
    /// Examples that are drawn from the teacher, with the seed.
    #[schemars(range(min = 2, max = 16_777_216))]
    pub samples: u32,
    /// Examples of the validation and of the test split that are drawn from it.
    #[schemars(range(min = 2, max = 16_777_216))]
    pub test_samples: u32,
    /// The expert to learn from, which acts in its environment when the run begins (task imitation): a committed one or
    /// linear_plant, whose controller is optimal.
    pub expert: Option<String>,
    /// Demonstrations to learn from instead (task imitation): a file, or the name of imported ones.
    pub demonstrations: Option<PathBuf>,
    /// The environment that policies act in; none: that of the expert or of the demonstrations (task imitation).
    pub environment: Option<String>,
    /// How much its actuators push in the same direction, from 0 to below 1; none: 0.8 (environment linear_plant).
    #[schemars(range(min = 0, max = 1))]
    pub coupling: Option<f64>,
    /// How many episodes are learned from (task imitation).
    #[schemars(range(min = 1, max = 100_000))]
    pub episodes: u32,
    /// Of each episode, every so many steps, from a place drawn with the seed (task imitation).
    #[schemars(range(min = 1, max = 100_000))]
    pub subsample: u32,
    /// The test examples for `path`; without them a test split is drawn.
    pub test_path: Option<PathBuf>,
    /// The XML file that lists the labels of an ARFF file, if it does not lie beside it.
    pub labels_path: Option<PathBuf>,
    /// The label columns of a CSV file, by name.
    pub label_columns: Option<Vec<String>>,
    /// The label columns of a CSV file, by the beginning of their names.
    pub label_prefix: Option<String>,
    /// The column of a CSV file that holds whole rankings such as a>b>c (label_ranking).
    pub ranking_column: Option<String>,
    /// The fraction of the training split that is held out to choose weights on, drawn with the seed.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub validation: f64,
    /// The fraction of all examples that is drawn as test split when the data have none.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub test: f64,
    /// Cross-validation instead, when the data have no test split: parts of all examples, drawn with the seed,
    /// of which one is the test split.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub folds: Option<u32>,
    /// Which of them, counted from 0 (folds).
    #[schemars(range(max = 999_999))]
    pub fold: u32,
    /// Scale every feature to mean 0 and variance 1 on the training split.
    pub standardize: bool,
    /// Leave out examples without any label.
    pub drop_empty: bool,
    /// Where the examples live during training. What is in host memory is copied batch by batch, ahead of
    /// its use.
    pub resident: Resident,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            name: "yeast".to_owned(),
            path: None,
            teacher: None,
            teacher_neurons: None,
            teacher_amplitudes: None,
            samples: 10_000,
            test_samples: 20_000,
            expert: None,
            demonstrations: None,
            environment: None,
            coupling: None,
            episodes: 11,
            subsample: 20,
            test_path: None,
            labels_path: None,
            label_columns: None,
            label_prefix: None,
            ranking_column: None,
            validation: 0.25,
            test: 0.2,
            folds: None,
            fold: 0,
            standardize: true,
            drop_empty: false,
            resident: Resident::Auto,
        }
    }
}

impl DataConfig {
    /// Which columns of the CSV file are labels, as far as it is said.
    pub(crate) fn columns(&self) -> Option<LabelColumns> {
        let ranked = self.ranking_column.clone().map(LabelColumns::Ranked);
        let names = || self.label_columns.clone().map(LabelColumns::Names);
        let prefix = || self.label_prefix.clone().map(LabelColumns::Prefix);
        ranked.or_else(names).or_else(prefix)
    }

    /// Paths are relative to where the command was run; a run directory must not depend on that.
    pub(crate) fn make_absolute(&mut self) -> efy_train::Result<()> {
        // What is no file may be a name.
        let demonstrations = (self.demonstrations.as_mut()).filter(|path| path.exists());
        let paths = [&mut self.path, &mut self.test_path, &mut self.labels_path];
        for path in paths.into_iter().flatten().chain(demonstrations) {
            *path = std::path::absolute(&*path).map_err(|cause| efy_train::Error::File {
                path: path.clone(),
                action: "find",
                cause,
            })?;
        }
        Ok(())
    }
}
