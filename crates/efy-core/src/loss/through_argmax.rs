//! Losses of the argmax that differentiate the argmax.

use tch::Tensor;

use crate::energy::Energy;
use crate::shape;
use crate::{Error, Result};

use super::{Criterion, FenchelYoung, Found, Loss, LossValue, implicit, target, unrolled};

/// $L(v, y) = \ell(\hat y(v), y)$: an ordinary loss of the regularized prediction, whose gradient needs
/// the derivative of the argmax. What the Fenchel-Young loss does without.
///
/// [`Criterion::CrossEntropy`] is named `cross_entropy`, [`Criterion::SquaredError`] `mse`. Not convex in
/// v even where the Fenchel-Young loss is, and without gradient where the prediction sits in a corner.
pub struct ThroughArgmax {
    predictor: FenchelYoung,
    criterion: Criterion,
    differentiation: Differentiation,
}

/// How the argmax is differentiated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Differentiation {
    /// By the implicit function theorem at the solver's point: $(-\nabla^2_{pp} F)\, q = \nabla_p \ell$ on
    /// the free coordinates, then $q^\top \partial_v \nabla_p \Phi$.
    ///
    /// On boxes and the simplex. $-\nabla^2 F$ must be invertible there, as it is when F is strongly
    /// concave; the gradient is not finite when it is singular. One linear solve a row: by the
    /// Woodbury identity for couplings of low rank, by elimination for dense ones, and by conjugate
    /// gradients with [`Energy::hessian_product`] for general energies.
    Implicit,
    /// Back-propagation through the iterations of a gradient method with a fixed step, from the start:
    /// projected gradient, or for [steep](crate::regularizer::Regularizer::is_steep) regularizers
    /// mirror ascent with $\Omega$ as mirror map. The graph grows with every iteration, and the loss is
    /// that of the last iterate, not of the argmax.
    Unrolled {
        /// T.
        iterations: usize,
        /// $\eta$; `None`: from the curvature of a linear or quadratic energy, $1/M$ for projected
        /// gradient, $m/M$ for mirror ascent, M being a bound on the curvature (with that of
        /// $\Omega$ for projected gradient) and m the modulus of $\Omega$.
        step: Option<f64>,
    },
}

impl ThroughArgmax {
    /// A criterion of the predictions of `predictor`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no iterations or a step that is not positive.
    pub fn new(
        predictor: FenchelYoung,
        criterion: Criterion,
        differentiation: Differentiation,
    ) -> Result<Self> {
        let wrong = |name, expected, found| {
            Err(Error::Parameter {
                name,
                expected,
                found,
            })
        };
        match differentiation {
            Differentiation::Unrolled { iterations: 0, .. } => {
                wrong("unroll_steps", "a positive integer", "0".to_owned())
            }
            Differentiation::Unrolled {
                step: Some(step), ..
            } if !(step.is_finite() && step > 0.0) => {
                wrong("unroll_step_size", "a positive number", step.to_string())
            }
            _ => Ok(ThroughArgmax {
                predictor,
                criterion,
                differentiation,
            }),
        }
    }

    /// Value and graph at the solver's point.
    fn implicit(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        let problem = self.predictor.problem(energy);
        implicit::check(&problem)?;
        let solution = self.predictor.predict(energy, start)?;
        let argmax = &solution.argmax;
        let value = self.criterion.value(argmax, target);
        let slope = energy.gradient(argmax);
        let per_row = if slope.requires_grad() {
            let gradient = self.criterion.gradient(argmax, target);
            let q = implicit::adjoint(&problem, argmax, &gradient)?;
            let linear = shape::dot(&q, &slope);
            value + (&linear - linear.detach())
        } else {
            value
        };
        let solution = Found::Prediction(solution);
        Ok(LossValue { per_row, solution })
    }
}

impl Loss for ThroughArgmax {
    fn name(&self) -> &'static str {
        match self.criterion {
            Criterion::CrossEntropy => "cross_entropy",
            Criterion::SquaredError => "mse",
        }
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        match self.differentiation {
            Differentiation::Implicit => self.implicit(energy, target, start),
            Differentiation::Unrolled { iterations, step } => {
                let problem = self.predictor.problem(energy);
                let (last, solution) = unrolled::solve(&problem, start, iterations, step)?;
                Ok(LossValue {
                    per_row: self.criterion.value(&last, target),
                    solution: Found::Other(solution),
                })
            }
        }
    }
}
