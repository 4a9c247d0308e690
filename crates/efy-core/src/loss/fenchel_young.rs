//! The generalized Fenchel-Young loss.

use tch::{Kind, Tensor};

use crate::domain::Domain;
use crate::energy::{self, Energy};
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
    /// The regularized predictions and how they were found.
    pub solution: Solution,
    form: Form,
}

/// The loss as it was found; reductions are left until one is asked for.
#[derive(Debug)]
enum Form {
    /// $L = \langle a, b \rangle$ for each row, a `[B, k]` without and b `[B, k]` with the graph.
    Inner(Tensor, Tensor),
    /// `[B]`.
    Rows(Tensor),
}

impl LossValue {
    /// $L(v_i, y_i)$, `[B]`, with the autograd graph to the energy's parameters. Computed at the
    /// solver's point, it is at most the certificate's [`gap`](crate::solver::Certificate::gap) too
    /// small.
    pub fn per_row(&self) -> Tensor {
        match &self.form {
            Form::Inner(a, b) => shape::dot(a, b),
            Form::Rows(rows) => rows.shallow_clone(),
        }
    }

    /// The mean over the batch, with the graph: what is minimized.
    pub fn mean(&self) -> Tensor {
        match &self.form {
            // One product over all rows: the cheapest way there and back.
            Form::Inner(a, b) => {
                let rows = Tensor::from(1.0 / a.size()[0].max(1) as f64);
                a.reshape([-1]).dot(&b.reshape([-1])) * rows
            }
            Form::Rows(rows) => rows.mean(None::<Kind>),
        }
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
        let form = self.compare(energy, target, &solution.argmax);
        Ok(LossValue { solution, form })
    }

    /// $\Phi(v, \hat y) - \Omega(\hat y) + \Omega(y) - \Phi(v, y)$ with $\hat y$ a constant.
    fn compare(&self, energy: &dyn Energy, target: &Tensor, argmax: &Tensor) -> Form {
        if let energy::Form::Linear { u } = energy.form()
            && let Some(rows) = self
                .regularizer
                .linear_loss(u, target, self.domain.as_ref())
        {
            return Form::Rows(rows);
        }
        let phi = energy.discrete_gradient(argmax, target);
        let omega = self.regularizer.discrete_gradient(argmax, target);
        match (phi, omega) {
            (Some(phi), Some(omega)) => Form::Inner(argmax - target, phi - omega),
            (Some(phi), None) => {
                let omega = self.regularizer.value(target) - self.regularizer.value(argmax);
                Form::Rows(shape::dot(&(argmax - target), &phi) + omega)
            }
            (None, _) => {
                let omega = self.regularizer.value(target) - self.regularizer.value(argmax);
                Form::Rows(energy.value(argmax) - energy.value(target) + omega)
            }
        }
    }
}
