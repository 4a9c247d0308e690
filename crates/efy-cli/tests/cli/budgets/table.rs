//! The files with the budgets, and the page of the book that shows them.

use std::fmt::{Debug, Write as _};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::support::workspace;

/// A line of a file: an algorithm, the settings that it differs from the default run in, and counts.
pub(super) trait Row:
    Serialize + DeserializeOwned + Debug + PartialEq + Send + Sync
{
    type Counts: Send;

    fn algorithm(&self) -> &str;
    fn settings(&self) -> &str;
    /// The same algorithm with these counts.
    fn with(&self, counts: Self::Counts) -> Self;
}

macro_rules! row {
    ($row:ident, $counts:ident, $($name:ident: $what:literal),* $(,)?) => {
        /// A line of the file; counts that are not there yet are 0.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $row {
            pub(super) algorithm: String,
            pub(super) settings: String,
            $(#[doc = $what] #[serde(default)] pub(super) $name: u64,)*
        }

        pub(super) struct $counts {
            $(pub(super) $name: u64,)*
        }

        impl Row for $row {
            type Counts = $counts;

            fn algorithm(&self) -> &str {
                &self.algorithm
            }

            fn settings(&self) -> &str {
                &self.settings
            }

            fn with(&self, counts: $counts) -> Self {
                $row {
                    algorithm: self.algorithm.clone(),
                    settings: self.settings.clone(),
                    $($name: counts.$name,)*
                }
            }
        }

        impl $row {
            const COLUMNS: &'static [(&'static str, &'static str)] = &[$((stringify!($name), $what)),*];

            fn counts(&self) -> Vec<u64> {
                vec![$(self.$name),*]
            }
        }
    };
}

row!(
    Training, TrainingCounts,
    launches: "Launches of a step, without iterations of the solver.",
    iteration: "Launches of an iteration.",
    encode: "Of `launches`: the network computes the energies.",
    solve: "Of `launches`: before and after the iterations.",
    loss: "Of `launches`: the batch, the loss and the rest.",
    gradient: "Of `launches`: autograd.",
    update: "Of `launches`: the optimizer.",
    syncs: "Waits in a step, whatever the iterations.",
    h2d: "Copies from the host in a step; each is a wait, too.",
);

row!(
    Evaluation, EvaluationCounts,
    launches: "Launches for the metrics of a batch, without iterations of the solver.",
    iteration: "Launches of an iteration.",
    look: "Launches of a look at which rows are done.",
    syncs: "Waits, whatever the iterations.",
    predict: "Launches for the predictions of a batch, without iterations of the solver.",
    predict_iteration: "Launches of an iteration.",
    predict_look: "Launches of a look.",
    predict_syncs: "Waits, before the predictions are read.",
);

/// The rows of a file of the workspace.
pub(super) fn read<T: Row>(name: &str) -> Vec<T> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(workspace().join(name))
        .unwrap();
    let rows: Result<_, csv::Error> = reader.deserialize().collect();
    rows.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Writes a file anew.
pub(super) fn write<T: Row>(name: &str, rows: &[T]) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).unwrap();
    }
    let bytes = writer.into_inner().unwrap();
    efy_train::files::write_atomically(&workspace().join(name), &bytes).unwrap();
}

const HEAD: &str = "\
# Launches and waits on CUDA

<!-- Generated from benches/launches.csv and benches/evaluations.csv; a test keeps it equal to them. -->

A small network on a GPU waits for launches, not for arithmetic: each costs some microseconds, however few numbers it is
for. And a step that reads something back waits for everything that was launched before. Both can be counted exactly
without a GPU, on a stand-in ([Testing CUDA without a GPU](cuda-testing.md)), and these are the counts. Tests hold the
program to them, in both directions: a change that launches more fails, and so does one that launches less and does not
say so here.

The number of launches depends on the algorithm, not on the size of the data. Exceptions are methods that go through the
labels one by one (`coordinate_ascent`, Gibbs sampling, the exact log-likelihood); the counts are for 4 labels. A launch
is an operator of libtorch that computes something on the device, which is one kernel for most; views are none.
Settings are what differs from the default configuration: the pairwise energy, Fenchel-Young loss, Gini regularizer,
`auto` as solver, and Adam.

";

/// The page of the book.
pub(super) fn page(training: &[Training], evaluations: &[Evaluation]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(
        "## A training step\n\nWith n iterations of the solver, a step is `launches` + n `iteration`.\n\n",
    );
    let rows = training
        .iter()
        .map(|row| (row.algorithm(), row.settings(), row.counts()));
    section(&mut text, Training::COLUMNS, rows);
    text.push_str(
        "## Evaluation and prediction\n\nOf a batch of up to 4096 examples. After 40, 80, 160, ... iterations \
         of the solver the device looks which rows are done. The host does not wait for the answer, and stops when it has heard \
         that all are.\n\n",
    );
    let rows = evaluations
        .iter()
        .map(|row| (row.algorithm(), row.settings(), row.counts()));
    section(&mut text, Evaluation::COLUMNS, rows);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn section<'a>(
    text: &mut String,
    columns: &[(&str, &str)],
    rows: impl Iterator<Item = (&'a str, &'a str, Vec<u64>)>,
) {
    for (name, what) in columns {
        writeln!(text, "- `{name}`: {what}").unwrap();
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    writeln!(text, "\n| algorithm | {} | settings |", names.join(" | ")).unwrap();
    writeln!(text, "|---|{}---|", "---:|".repeat(names.len())).unwrap();
    for (algorithm, settings, counts) in rows {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let settings: Vec<String> = settings
            .split_whitespace()
            .map(|set| format!("`{set}`"))
            .collect();
        writeln!(
            text,
            "| {algorithm} | {} | {} |",
            counts.join(" | "),
            settings.join(" ")
        )
        .unwrap();
    }
    text.push('\n');
}
