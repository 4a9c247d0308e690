//! The margin loss of structured support vector machines.

use tch::{Kind, Tensor};

use crate::Result;
use crate::domain::Domain;
use crate::energy::{Energy, augmented};
use crate::shape;
use crate::solver::Solver;

use super::{FenchelYoung, Found, Loss, LossValue, MeanGradient, MeanLoss, target};
use crate::regularizer::NoRegularizer;

/// How wrong p is when y is true, `c(p, y)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cost {
    /// $\sum_i y_i + (1 - 2 y_i) p_i$, for labels the number of wrong ones; linear in p, so that the
    /// augmented problem is as easy as the one without: $u$ becomes $u + (1 - 2y)$.
    #[default]
    Hamming,
    /// $\frac12 \|p - y\|^2$, for targets that are no labels. It is convex in p: the augmented objective is
    /// concave only if $U \preceq -I$ (with a regularizer, $U \preceq -I + \nabla^2\Omega$).
    ///
    /// Otherwise solvers find a local maximum, the loss is a lower bound of the true one, and the
    /// certificate's gap is infinite (for a linear energy on a box coordinate ascent, and with it
    /// `Auto` on the CPU, does find the maximum: a better end for each coordinate). Where y itself is
    /// better than that local maximum, y is taken: loss and gradient are 0.
    Squared,
}

/// $L(v, y) = \max_{p \in C} [\Phi(v, p) + c(p, y)] - \Phi(v, y)$, or with a regularizer
/// $\max_{p \in C} [\Phi(v, p) + c(p, y) - \Omega(p)] + \Omega(y) - \Phi(v, y)$.
///
/// $\nabla_v L = \nabla_v \Phi(v, p^\star) - \nabla_v \Phi(v, y)$ with $p^\star$ the maximizer, held
/// constant. At least 0 for y in C, and at least the loss without a cost: the perceptron's, or the
/// Fenchel-Young loss. The cost is there in training only: the prediction is the argmax of
/// $\Phi - \Omega$, for the unregularized loss that of $\Phi$.
///
/// The structured hinge loss (Taskar et al. 2003, Tsochantaridis et al. 2005) relaxed from labels to C.
pub struct Margin {
    inner: FenchelYoung,
    cost: Cost,
    name: &'static str,
}

impl Margin {
    /// The loss without a regularizer.
    pub fn new(cost: Cost, domain: impl Domain + 'static, solver: impl Solver + 'static) -> Self {
        Self::from_parts(cost, Box::new(domain), Box::new(solver))
    }

    /// As [`new`](Self::new), for parts chosen at run time.
    pub fn from_parts(cost: Cost, domain: Box<dyn Domain>, solver: Box<dyn Solver>) -> Self {
        Margin {
            inner: FenchelYoung::from_parts(Box::new(NoRegularizer), domain, solver),
            cost,
            name: "margin",
        }
    }

    /// The Fenchel-Young loss with a cost added to its energy.
    pub fn regularized(cost: Cost, loss: FenchelYoung) -> Self {
        Margin {
            inner: loss,
            cost,
            name: "regularized_margin",
        }
    }

    /// $\Phi(v, p) + c(p, y) - c(0, y)$.
    fn augment<'a>(&self, energy: &'a dyn Energy, target: &Tensor) -> Result<Box<dyn Energy + 'a>> {
        target::check(energy, target)?;
        let target = target.detach();
        match self.cost {
            Cost::Hamming => augmented(energy, &(1.0 - target * 2.0), 0.0),
            Cost::Squared => augmented(energy, &target.neg(), 1.0),
        }
    }

    /// $c(y, y)$, `[B]`, which is 0 for labels.
    fn own_cost(&self, target: &Tensor) -> Option<Tensor> {
        match self.cost {
            Cost::Hamming => Some(shape::dot(target, &(1.0 - target)) * 2.0),
            Cost::Squared => None,
        }
    }
}

impl Loss for Margin {
    fn name(&self) -> &'static str {
        self.name
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
        let augmented = self.augment(energy, target)?;
        let LossValue { per_row, solution } = self.inner.loss(augmented.as_ref(), target, start)?;
        let per_row = match self.own_cost(target) {
            Some(own) => per_row + own,
            None => per_row.clamp_min(0.0),
        };
        let solution = Found::Other(solution);
        Ok(LossValue { per_row, solution })
    }

    fn mean_loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<MeanLoss<Found>> {
        let Some(own) = self.own_cost(target) else {
            let LossValue { per_row, solution } = self.loss(energy, target, start)?;
            let mean = per_row.mean(None::<Kind>);
            return Ok(MeanLoss { mean, solution });
        };
        let augmented = self.augment(energy, target)?;
        let MeanLoss { mean, solution } =
            self.inner.mean_loss(augmented.as_ref(), target, start)?;
        let mean = mean + own.mean(None::<Kind>);
        let solution = Found::Other(solution);
        Ok(MeanLoss { mean, solution })
    }

    fn mean_gradient(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        let Some(own) = self.own_cost(target) else {
            return Ok(None);
        };
        let augmented = self.augment(energy, target)?;
        let found = self
            .inner
            .mean_gradient(augmented.as_ref(), target, start)?;
        Ok(found.map(|gradient| MeanGradient {
            mean: gradient.mean + own.mean(None::<Kind>),
            ..gradient
        }))
    }
}
