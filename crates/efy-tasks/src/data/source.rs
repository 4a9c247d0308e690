//! Data sets in the user's own files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::csv_table::{self, LabelColumns, Role};
use super::dataset::Dataset;
use super::mulan;
use super::schema::Schema;
use super::targets::Targets;
use crate::{Error, Result};

/// The files of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// ARFF files with an XML file that lists the labels.
    Arff {
        /// Training rows, or all rows.
        train: PathBuf,
        /// Test rows, where there is a split.
        test: Option<PathBuf>,
        /// The label list.
        labels: PathBuf,
    },
    /// CSV files with a header.
    Csv {
        /// Training rows, or all rows.
        train: PathBuf,
        /// Test rows, where there is a split.
        test: Option<PathBuf>,
        /// Which columns are labels.
        labels: LabelColumns,
        /// What they say.
        #[serde(default, skip_serializing_if = "Targets::is_sets")]
        targets: Targets,
    },
}

impl Source {
    /// ARFF files found by name: beside `foo.arff` the labels are in `foo.xml`; beside
    /// `foo-train.arff` the test rows are in `foo-test.arff`, if there is one, and the labels in
    /// `foo.xml`. What is given is not looked for. Each file may also end in `.gz`.
    ///
    /// # Errors
    /// When no label list is given or found.
    pub fn arff(train: &Path, test: Option<&Path>, labels: Option<&Path>) -> Result<Self> {
        let stem = stem(train);
        let base = stem.strip_suffix("-train").unwrap_or(&stem);
        let beside = |name: String| {
            let plain = train.with_file_name(&name);
            let gzipped = train.with_file_name(name + ".gz");
            [plain, gzipped].into_iter().find(|path| path.is_file())
        };
        let test = match test {
            Some(test) => Some(test.to_owned()),
            None if base != stem => beside(format!("{base}-test.arff")),
            None => None,
        };
        let labels = labels
            .map(Path::to_owned)
            .or_else(|| beside(format!("{base}.xml")));
        let labels = labels.ok_or_else(|| {
            let message =
                format!("the label list {base}.xml is not beside it and no other is given");
            Error::input(train, None, message)
        })?;
        Ok(Self::Arff {
            train: train.to_owned(),
            test,
            labels,
        })
    }

    /// A CSV file and, if there is a split, one with the test rows.
    #[must_use]
    pub fn csv(train: &Path, test: Option<&Path>, labels: LabelColumns) -> Self {
        Self::Csv {
            train: train.to_owned(),
            test: test.map(Path::to_owned),
            labels,
            targets: Targets::Sets,
        }
    }

    /// As [`csv`](Self::csv), for rankings: the label columns hold ranks, or one column holds whole rankings.
    #[must_use]
    pub fn rankings(train: &Path, test: Option<&Path>, labels: LabelColumns) -> Self {
        Self::Csv {
            train: train.to_owned(),
            test: test.map(Path::to_owned),
            labels,
            targets: Targets::Rankings,
        }
    }

    /// What the labels of a row say.
    #[must_use]
    pub fn targets(&self) -> Targets {
        match self {
            Self::Arff { .. } => Targets::Sets,
            Self::Csv { targets, .. } => *targets,
        }
    }

    /// A name for the data set: the training file's without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        let (Self::Arff { train, .. } | Self::Csv { train, .. }) = self;
        let stem = stem(train);
        stem.strip_suffix("-train").unwrap_or(&stem).to_owned()
    }

    /// Reads the data set.
    ///
    /// # Errors
    /// When a file cannot be read or does not say what it should.
    pub fn read(&self, name: &str) -> Result<Dataset> {
        match self {
            Self::Arff {
                train,
                test,
                labels,
            } => mulan::read(name, train, test.as_deref(), labels),
            Self::Csv {
                train,
                test,
                labels,
                targets,
            } => read_csv(name, (train, test.as_deref()), (labels, *targets)),
        }
    }
}

fn read_csv(
    name: &str,
    (train, test): (&Path, Option<&Path>),
    (labels, targets): (&LabelColumns, Targets),
) -> Result<Dataset> {
    let train = csv_table::read(train, &|column| labels.role(column, targets.role()))?;
    let schema = Schema::of_table(&train, &labels.of_table(&train)?)?;
    let test = match test {
        Some(path) => {
            let known = schema.roles(targets.role());
            Some(csv_table::read(path, &|column| match labels {
                LabelColumns::Ranked(name) if name == column => Role::Ranking(Some(&schema.labels)),
                _ => known(column),
            })?)
        }
        None => None,
    };
    Dataset::of_tables(name, (schema, targets), &train, test.as_ref())
}

/// File name without `.gz` and without the ending before that.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.')
        .map_or(name, |(stem, _)| stem)
        .to_owned()
}
