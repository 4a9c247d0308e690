//! Least squares of the scores, which knows no domain.

use tch::Tensor;

use crate::energy::{Energy, Form};
use crate::{Error, Result, shape};

use super::{FenchelYoung, Found, Loss, LossValue, target};

/// $L(v, y) = \frac12\|u - y\|^2$ for a linear energy $\langle u, p\rangle$: ordinary regression, the baseline that
/// learns without the domain.
///
/// It is the Fenchel-Young loss of $\frac12\|p\|^2$ on all of $\mathbb{R}^k$. Where y lies on the bound of a box, a score
/// beyond the bound is penalized although the prediction, the projection of u onto the box, is right; the loss on
/// the box does not do that. Predictions are those of the regularizer, domain and solver given, which should be
/// $\frac12\|p\|^2$ with strength 1, whose argmax is that projection.
pub struct LeastSquares {
    predictor: FenchelYoung,
}

impl LeastSquares {
    /// Least squares with predictions by `predictor`.
    pub fn new(predictor: FenchelYoung) -> Self {
        LeastSquares { predictor }
    }
}

impl Loss for LeastSquares {
    fn name(&self) -> &'static str {
        "least_squares"
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
        let Form::Linear { u } = energy.form() else {
            return Err(Error::Unsupported {
                solver: "least_squares",
                problem: "an energy that is not linear: it has no scores to compare".to_owned(),
                hint: "mse through the argmax",
            });
        };
        Ok(LossValue {
            per_row: shape::row_sum(&(u - target).square()) * 0.5,
            solution: Found::Nothing,
        })
    }
}
