//! What the labels of a row say together.

use serde::{Deserialize, Serialize};

use super::csv_table::Role;

/// What the labels of a row say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Which of them hold: each is 0 or 1.
    #[default]
    Sets,
    /// Their order: each is its rank, 1 for the best, k for the worst, without ties.
    Rankings,
}

impl Targets {
    /// Both kinds.
    pub const ALL: [Targets; 2] = [Targets::Sets, Targets::Rankings];

    /// The name of the folder of such data sets, in the cache and in a mirror.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Targets::Sets => "multilabel",
            Targets::Rankings => "label_ranking",
        }
    }

    /// The targets in words, for messages.
    #[must_use]
    pub fn written_out(self) -> &'static str {
        match self {
            Targets::Sets => "sets of labels",
            Targets::Rankings => "rankings",
        }
    }

    /// How a column of a CSV file is read that has a label.
    pub(crate) fn role(self) -> Role<'static> {
        match self {
            Targets::Sets => Role::Label,
            Targets::Rankings => Role::Rank,
        }
    }

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn is_sets(&self) -> bool {
        *self == Targets::Sets
    }
}
