//! Regularizers by name.

use efy_core::Result;
use efy_core::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, NoRegularizer, OneSidedShannon,
    Regularizer, Shannon, Tsallis,
};
use serde::Deserialize;

use super::domain::DomainSpec;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RegularizerSpec {
    HalfSquaredNorm {
        #[serde(default = "one")]
        gamma: f64,
    },
    Gini {
        #[serde(default = "one")]
        gamma: f64,
    },
    BinaryEntropy {
        #[serde(default = "one")]
        gamma: f64,
    },
    OneSidedShannon {
        #[serde(default = "one")]
        gamma: f64,
    },
    Shannon {
        #[serde(default = "one")]
        gamma: f64,
    },
    Tsallis {
        alpha: f64,
        #[serde(default = "one")]
        gamma: f64,
    },
    BinaryTsallis {
        alpha: f64,
        #[serde(default = "one")]
        gamma: f64,
    },
    None {},
}

fn one() -> f64 {
    1.0
}

impl RegularizerSpec {
    /// The regularizer; the binary entropy of a general box is that of the box.
    pub(super) fn build(&self, domain: &DomainSpec) -> Result<Box<dyn Regularizer>> {
        Ok(match *self {
            RegularizerSpec::HalfSquaredNorm { gamma } => Box::new(HalfSquaredNorm::new(gamma)?),
            RegularizerSpec::Gini { gamma } => Box::new(Gini::new(gamma)?),
            RegularizerSpec::BinaryEntropy { gamma } => match domain.box_bounds() {
                Some((low, high)) => Box::new(BinaryEntropy::on_box(gamma, low, high)?),
                None => Box::new(BinaryEntropy::new(gamma)?),
            },
            RegularizerSpec::OneSidedShannon { gamma } => Box::new(OneSidedShannon::new(gamma)?),
            RegularizerSpec::Shannon { gamma } => Box::new(Shannon::new(gamma)?),
            RegularizerSpec::Tsallis { alpha, gamma } => Box::new(Tsallis::new(alpha, gamma)?),
            RegularizerSpec::BinaryTsallis { alpha, gamma } => {
                Box::new(BinaryTsallis::new(alpha, gamma)?)
            }
            RegularizerSpec::None {} => Box::new(NoRegularizer),
        })
    }
}
