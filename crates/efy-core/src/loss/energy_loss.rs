//! The energy loss.

use tch::Tensor;

use crate::Result;
use crate::energy::Energy;

use super::{FenchelYoung, Found, Loss, LossValue, target};

/// $L(v, y) = -\Phi(v, y)$ with $\nabla_v L = -\nabla_v \Phi(v, y)$: only the truth is pulled up, nothing is
/// pushed down (LeCun et al. 2006).
///
/// Unbounded below: unless v is bounded or regularized, weights grow forever and the energy collapses
/// to one that is large everywhere. Its value says nothing of the quality of predictions, which should
/// be watched instead. No solver runs in training; predictions are those of the regularizer, domain
/// and solver given.
pub struct EnergyLoss {
    predictor: FenchelYoung,
}

impl EnergyLoss {
    /// The energy loss with predictions by `predictor`.
    pub fn new(predictor: FenchelYoung) -> Self {
        EnergyLoss { predictor }
    }
}

impl Loss for EnergyLoss {
    fn name(&self) -> &'static str {
        "energy"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        _start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        Ok(LossValue {
            per_row: energy.value(target).neg(),
            solution: Found::Nothing,
        })
    }
}
