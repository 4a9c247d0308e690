//! The numbers that runs are compared by.

use serde::Deserialize;

use super::trial::Look;
use crate::experiment::Scale;

/// A number of a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    #[default]
    Kl,
    Fisher,
    TotalVariation,
    Gap,
}

impl Metric {
    pub const ALL: [Metric; 4] = [
        Metric::Kl,
        Metric::Fisher,
        Metric::TotalVariation,
        Metric::Gap,
    ];

    /// Reads it off.
    pub fn value(self) -> fn(&Look) -> f64 {
        match self {
            Metric::Kl => |look| look.kl,
            Metric::Fisher => |look| look.fisher,
            Metric::TotalVariation => |look| look.total_variation,
            Metric::Gap => |look| look.gap,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Kl => "KL divergence",
            Metric::Fisher => "Fisher divergence",
            Metric::TotalVariation => "total variation",
            Metric::Gap => "duality gap",
        }
    }

    /// In names of files.
    pub fn stem(self) -> &'static str {
        match self {
            Metric::Kl => "kl",
            Metric::Fisher => "fisher",
            Metric::TotalVariation => "total-variation",
            Metric::Gap => "gap",
        }
    }

    /// The scale that it is drawn on.
    pub fn scale(self) -> Scale {
        match self {
            Metric::TotalVariation => Scale::Linear,
            _ => Scale::Log,
        }
    }
}
