//! The negative log-likelihood with the exact log-partition.

use tch::Kind;

use super::base_measure::BaseMeasure;
use super::enumeration::count;
use super::log_partition;
use super::log_partition::ExactMethod;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue};
use super::objective::refuse_more;
use crate::Result;

/// $\log \sum_{y'} q(y') e^{g(x, y')} - g(x, y)$: maximum likelihood, where
/// [`log_partition()`] has a method. Its gradient in the scores of a linear coupling is
/// $\mathbb E_{p_g}[y'] - y$.
#[derive(Debug, Clone)]
pub struct ExactLikelihood {
    base: BaseMeasure,
}

impl ExactLikelihood {
    /// Maximum likelihood of models with this base measure.
    pub fn new(base: BaseMeasure) -> Self {
        ExactLikelihood { base }
    }
}

impl LikelihoodLoss for ExactLikelihood {
    fn name(&self) -> &'static str {
        "exact_likelihood"
    }

    fn base(&self) -> &BaseMeasure {
        &self.base
    }

    fn auxiliary(&self) -> Auxiliary {
        Auxiliary::Nothing
    }

    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue> {
        batch.check(&self.base)?;
        if ExactMethod::of(&self.base, batch.energy) == Some(ExactMethod::Enumeration) {
            refuse_more(self.name(), batch.energy, count(&self.base))?;
        }
        let rows = log_partition(&self.base, batch.energy)? - batch.energy.value(batch.target);
        Ok(LikelihoodValue::of(rows.mean(None::<Kind>)))
    }
}
