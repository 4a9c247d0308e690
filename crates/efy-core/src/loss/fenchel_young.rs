//! The generalized Fenchel-Young loss.

use tch::{Kind, Tensor};

use crate::domain::Domain;
use crate::energy::{Energy, Form};
use crate::regularizer::Regularizer;
use crate::solver::{Problem, Solution, Solver};
use crate::{Result, shape};

/// $L(v, y) = \Omega^\Phi(v) + \Omega(y) - \Phi(v, y)$ with the generalized conjugate
/// $\Omega^\Phi(v) = \max_{p \in C} \Phi(v, p) - \Omega(p)$ (Blondel et al. 2022, section 4).
///
/// Nonnegative, and zero exactly when y is the regularized prediction $\hat y(v)$. By the envelope
/// theorem $\nabla_v L = \nabla_v \Phi(v, \hat y) - \nabla_v \Phi(v, y)$ with $\hat y$ held constant: the
/// solver is never differentiated.
///
/// ```
/// use efy_core::{domain::Cube, energy::{Coupling, Quadratic}, loss::FenchelYoung};
/// use efy_core::{regularizer::Gini, solver::Auto};
/// use tch::{Device, Kind, Tensor};
///
/// let loss = FenchelYoung::new(Gini::new(1.0)?, Cube, Auto::default());
/// let u = Tensor::randn([8, 5], (Kind::Float, Device::Cpu)).set_requires_grad(true);
/// let a = Tensor::randn([5, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
/// let energy = Quadratic::new(u.shallow_clone(), Coupling::LowRank(a.shallow_clone()))?;
/// let labels = Tensor::zeros([8, 5], (Kind::Float, Device::Cpu));
///
/// let value = loss.loss(&energy, &labels, None)?;
/// value.mean().backward();
/// let residual = (&value.solution.argmax - &labels) / 8.0;
/// assert!(u.grad().allclose(&residual, 1e-5, 1e-6, false));
/// # Ok::<(), efy_core::Error>(())
/// ```
pub struct FenchelYoung {
    regularizer: Box<dyn Regularizer>,
    domain: Box<dyn Domain>,
    solver: Box<dyn Solver>,
}

/// The loss of a batch.
#[derive(Debug)]
pub struct LossValue {
    /// $L(v_i, y_i)$, `[B]`, with the autograd graph to the energy's parameters. Computed at the
    /// solver's point, it is at most [`gap`](crate::solver::Report::gap) too small.
    pub per_row: Tensor,
    /// The regularized predictions and how they were found.
    pub solution: Solution,
}

impl LossValue {
    /// The mean over the batch: what is minimized.
    pub fn mean(&self) -> Tensor {
        self.per_row.mean(None::<Kind>)
    }
}

impl FenchelYoung {
    /// A loss from a regularizer, a domain, and the solver that finds the regularized prediction.
    pub fn new(
        regularizer: impl Regularizer + 'static,
        domain: impl Domain + 'static,
        solver: impl Solver + 'static,
    ) -> Self {
        Self::from_parts(Box::new(regularizer), Box::new(domain), Box::new(solver))
    }

    /// As [`new`](Self::new), for parts chosen at run time.
    pub fn from_parts(
        regularizer: Box<dyn Regularizer>,
        domain: Box<dyn Domain>,
        solver: Box<dyn Solver>,
    ) -> Self {
        FenchelYoung {
            regularizer,
            domain,
            solver,
        }
    }

    /// The regularized prediction $\hat y(v) = \arg\max_{p \in C} \Phi(v, p) - \Omega(p)$ of each row,
    /// from `start` `[B, k]` if given.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn predict(&self, energy: &dyn Energy, start: Option<&Tensor>) -> Result<Solution> {
        let problem = Problem {
            energy,
            regularizer: self.regularizer.as_ref(),
            domain: self.domain.as_ref(),
        };
        self.solver.solve(&problem, start)
    }

    /// The loss of each row at `target` `[B, k]`, a point of the domain.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when the target
    /// does not fit the energy; those of the solver.
    pub fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue> {
        shape::matrix_of("target", target, energy.size(), energy.options())?;
        let solution = self.predict(energy, start)?;
        let stable = match energy.form() {
            Form::Linear { u } => self
                .regularizer
                .linear_loss(u, target, self.domain.as_ref()),
            _ => None,
        };
        let per_row = stable.unwrap_or_else(|| {
            let omega = self.regularizer.difference(target, &solution.argmax);
            energy.difference(&solution.argmax, target) + omega
        });
        Ok(LossValue { per_row, solution })
    }
}
