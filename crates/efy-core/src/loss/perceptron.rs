//! The generalized perceptron loss.

use tch::Tensor;

use crate::Result;
use crate::domain::Domain;
use crate::energy::Energy;
use crate::solver::Solver;

use super::{FenchelYoung, Found, Loss, LossValue, MeanGradient, MeanLoss};
use crate::regularizer::NoRegularizer;

/// $L(v, y) = \max_{p \in C} \Phi(v, p) - \Phi(v, y)$: the generalized Fenchel-Young loss with
/// $\Omega = 0$ (LeCun et al. 2006).
///
/// At least 0. The maximizer need not be unique, and then the gradient is one of several subgradients;
/// $v = 0$ has loss 0 at every y. Linear energies take the smallest maximizing vertex. The prediction,
/// too, is the unregularized argmax: on the cube a coordinate is fractional only where the coupling
/// makes it so, and a label whose score is exactly 0 is not predicted.
pub struct Perceptron {
    inner: FenchelYoung,
}

impl Perceptron {
    /// The loss on a domain, with a solver that needs no strong convexity.
    pub fn new(domain: impl Domain + 'static, solver: impl Solver + 'static) -> Self {
        Self::from_parts(Box::new(domain), Box::new(solver))
    }

    /// As [`new`](Self::new), for parts chosen at run time.
    pub fn from_parts(domain: Box<dyn Domain>, solver: Box<dyn Solver>) -> Self {
        Perceptron {
            inner: FenchelYoung::from_parts(Box::new(NoRegularizer), domain, solver),
        }
    }
}

impl Loss for Perceptron {
    fn name(&self) -> &'static str {
        "perceptron"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.inner
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        Loss::loss(&self.inner, energy, target, start)
    }

    fn mean_loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<MeanLoss<Found>> {
        Loss::mean_loss(&self.inner, energy, target, start)
    }

    fn mean_gradient(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        self.inner.mean_gradient(energy, target, start)
    }
}
