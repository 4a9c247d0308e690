//! The generalized Fenchel-Young loss.

use tch::{Kind, Tensor};

use crate::Result;
use crate::device::Phase;
use crate::domain::Domain;
use crate::energy::{Energy, Form};
use crate::native::{self, Comparison};
use crate::regularizer::Regularizer;
use crate::solver::{Problem, Solution, Solver};

use super::bregman::objective_difference;
use super::envelope::{self, Envelope};
use super::{Found, Loss, LossValue, MeanGradient, MeanLoss, target};

/// $L(v, y) = \Omega^\Phi(v) + \Omega(y) - \Phi(v, y)$ with the generalized conjugate
/// $\Omega^\Phi(v) = \max_{p \in C} \Phi(v, p) - \Omega(p)$ (Blondel et al. 2022).
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
/// let value = loss.mean_loss(&energy, &labels, None)?;
/// value.mean.backward();
/// let residual = (&value.solution.argmax - &labels) / 8.0;
/// assert!(u.grad().allclose(&residual, 1e-5, 1e-6, false));
/// # Ok::<(), efy_core::Error>(())
/// ```
pub struct FenchelYoung {
    regularizer: Box<dyn Regularizer>,
    domain: Box<dyn Domain>,
    solver: Box<dyn Solver>,
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
        let _phase = Phase::Solve.enter();
        self.solver.solve(&self.problem(energy), start)
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
        target::check(energy, target)?;
        let solution = self.predict(energy, start)?;
        let per_row = self.loss_at(energy, target, &solution.argmax);
        Ok(LossValue { per_row, solution })
    }

    /// The mean of [`loss`](Self::loss) over the batch: what training minimizes, at a fraction of the
    /// cost.
    ///
    /// On the CPU, value and envelope gradient of a linear or low-rank quadratic energy come from one
    /// native pass over the rows, and autograd is given a linear function that has them.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn mean_loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<MeanLoss> {
        target::check(energy, target)?;
        let solution = self.predict(energy, start)?;
        let argmax = &solution.argmax;
        let problem = self.problem(energy);
        let mean = if let Some(rows) = self.stable_loss(energy, target) {
            rows.mean(None::<Kind>)
        } else if native::comparable(&problem) {
            native_mean(&problem, argmax, target)?
        } else if let Some(gradient) = self.discrete_gradient(energy, argmax, target) {
            // One product over all rows: the cheapest way there and back.
            let rows = Tensor::from(1.0 / argmax.size()[0].max(1) as f64);
            (argmax - target).reshape([-1]).dot(&gradient.reshape([-1])) * rows
        } else {
            self.loss_at(energy, target, argmax).mean(None::<Kind>)
        };
        Ok(MeanLoss { mean, solution })
    }

    /// The mean loss and its gradient in the energy's parameters, without autograd; `None`, before
    /// anything is solved, where there is no pass written out for it (see [`mean_loss`](Self::mean_loss);
    /// other devices have the same in tensor operations).
    ///
    /// For callers that know how to propagate the gradient through their network themselves.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn mean_gradient(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        let problem = self.problem(energy);
        if !problem.on_cpu() || matches!(energy.form(), Form::Network { .. }) {
            return self.batched_gradient(energy, target, start);
        }
        if !native::comparable(&problem) || self.stable_loss(energy, target).is_some() {
            return Ok(None);
        }
        target::check(energy, target)?;
        let solution = self.predict(energy, start)?;
        let Comparison { mean, u, factor } = native::compare(&problem, &solution.argmax, target)?;
        Ok(Some(MeanGradient {
            mean: scalar_like(mean, &u),
            u,
            shared: factor.into_iter().collect(),
            solution,
        }))
    }

    /// [`mean_gradient`](Self::mean_gradient) in tensor operations.
    fn batched_gradient(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        let regularizer = self.regularizer.as_ref();
        if !envelope::comparable(energy) {
            return Ok(None);
        }
        target::check(energy, target)?;
        let solution = self.predict(energy, start)?;
        let stable = self
            .stable_loss(energy, target)
            .map(|rows| rows.detach().mean(None::<Kind>));
        let argmax = &solution.argmax;
        let found = envelope::compare(energy, regularizer, argmax, target, stable.is_none());
        Ok(found.and_then(|Envelope { mean, u, shared }| {
            Some(MeanGradient {
                mean: stable.or(mean)?,
                u,
                shared,
                solution,
            })
        }))
    }

    /// The set that predictions lie in.
    pub fn domain(&self) -> &dyn Domain {
        self.domain.as_ref()
    }

    pub(super) fn problem<'a>(&'a self, energy: &'a dyn Energy) -> Problem<'a> {
        Problem {
            energy,
            regularizer: self.regularizer.as_ref(),
            domain: self.domain.as_ref(),
        }
    }

    /// $F(\hat y) - F(y)$ with $F = \Phi - \Omega$ and $\hat y$ a constant, `[B]`.
    pub(super) fn loss_at(&self, energy: &dyn Energy, target: &Tensor, argmax: &Tensor) -> Tensor {
        if let Some(rows) = self.stable_loss(energy, target) {
            return rows;
        }
        objective_difference(energy, self.regularizer.as_ref(), argmax, target)
    }

    /// The form of a linear energy's loss that needs no argmax and loses no digits, where there is one.
    fn stable_loss(&self, energy: &dyn Energy, target: &Tensor) -> Option<Tensor> {
        match energy.form() {
            Form::Linear { u } => self
                .regularizer
                .linear_loss(u, target, self.domain.as_ref()),
            _ => None,
        }
    }

    /// A discrete gradient of F between `argmax` and `target`, `[B, k]`, with the graph.
    fn discrete_gradient(
        &self,
        energy: &dyn Energy,
        argmax: &Tensor,
        target: &Tensor,
    ) -> Option<Tensor> {
        let omega = self.regularizer.discrete_gradient(argmax, target)?;
        Some(energy.discrete_gradient(argmax, target)? - omega)
    }
}

impl Loss for FenchelYoung {
    fn name(&self) -> &'static str {
        "fenchel_young"
    }

    fn predictor(&self) -> &FenchelYoung {
        self
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        let LossValue { per_row, solution } = self.loss(energy, target, start)?;
        let solution = Found::Prediction(solution);
        Ok(LossValue { per_row, solution })
    }

    fn mean_loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<MeanLoss<Found>> {
        let MeanLoss { mean, solution } = self.mean_loss(energy, target, start)?;
        let solution = Found::Prediction(solution);
        Ok(MeanLoss { mean, solution })
    }

    fn mean_gradient(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        self.mean_gradient(energy, target, start)
    }
}

/// The mean loss by [`native::compare`], as the function of the energy's parameters that is linear with
/// the envelope gradient and has the right value.
fn native_mean(problem: &Problem<'_>, argmax: &Tensor, target: &Tensor) -> Result<Tensor> {
    let Comparison {
        mean,
        u: u_gradient,
        factor,
    } = native::compare(problem, argmax, target)?;
    let product = |parameter: &Tensor, gradient: &Tensor| {
        parameter.reshape([-1]).dot(&gradient.reshape([-1]))
    };
    let mut linear = match problem.energy.form() {
        Form::Linear { u } | Form::Quadratic { u, .. } => product(u, &u_gradient),
        _ => u_gradient.sum(None::<Kind>),
    };
    if let (Form::Quadratic { coupling, .. }, Some(gradient)) = (problem.energy.form(), factor) {
        linear += product(coupling.tensor(), &gradient);
    }
    let offset = scalar_like(mean, &linear) - linear.detach();
    Ok(linear + offset)
}

/// A number as a tensor of the kind of another.
fn scalar_like(value: f64, like: &Tensor) -> Tensor {
    match like.kind() {
        Kind::Double => Tensor::from(value),
        _ => Tensor::from(value as f32),
    }
}
