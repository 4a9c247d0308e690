//! Proximal gradient ascent, plain and accelerated.

use tch::Tensor;

use super::iterate::iterate;
use super::line_search::{Objective, Search, Trial};
use super::momentum::Extrapolation;
use super::step::{by_curvature, energy_curvature, scalar};
use super::{Momentum, Options, Problem, Solution, Solver, Step};
use crate::Result;

/// A step where nothing bounds it from above: the energy is linear.
const LONG_STEP: f64 = 1e3;

/// $q = \mathrm{prox}_{\eta\Omega}(z + \eta\nabla\Phi(z))$, the proximal map being over C: only $\Phi$ is
/// linearized, so that $\Omega$ may be anything with a
/// [`prox`](crate::regularizer::Regularizer::prox), however steep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProximalGradient {
    /// How $\eta$ is chosen.
    pub step: Step,
    /// How z is chosen.
    pub momentum: Momentum,
    /// When to stop.
    pub options: Options,
}

impl Default for ProximalGradient {
    /// The accelerated method with restarts.
    fn default() -> Self {
        ProximalGradient {
            step: Step::Automatic,
            momentum: Momentum::Nesterov { restart: true },
            options: Options::default(),
        }
    }
}

impl ProximalGradient {
    /// Whether the regularizer has a proximal map on the domain.
    pub(super) fn applies(problem: &Problem<'_>) -> Result<bool> {
        let none = Tensor::f_empty([0, problem.energy.size().1], problem.energy.options())?;
        let eta = scalar(problem, 1.0)?;
        let (regularizer, domain) = (problem.regularizer, problem.domain);
        Ok(regularizer.prox(&none, &eta, domain).is_some())
    }

    fn prox(&self, problem: &Problem<'_>, x: &Tensor, eta: &Tensor) -> Result<Tensor> {
        problem
            .regularizer
            .prox(x, eta, problem.domain)
            .ok_or_else(|| problem.unsupported(self.name(), "its regularizer needs a prox"))
    }

    /// Step and constant momentum, if they are known before the first iteration.
    fn rates(&self, problem: &Problem<'_>, curvature: Option<Tensor>) -> Result<Rates> {
        match (self.step, curvature) {
            (Step::Fixed(eta), _) => Ok((Some(scalar(problem, eta)?), None)),
            (Step::Curvature, Some(curvature)) => {
                let modulus = problem.regularizer.modulus(problem.domain);
                let curvature = curvature.clamp_min(modulus.max(1.0) / LONG_STEP);
                let beta = self.momentum.constant(problem, &(&curvature + modulus))?;
                Ok((Some(curvature.reciprocal()), beta))
            }
            (Step::Curvature, None) => {
                let hint = "step: curvature needs a quadratic or network energy";
                Err(problem.unsupported(self.name(), hint))
            }
            _ => Ok((None, None)),
        }
    }
}

/// $\eta$ and $\beta$, scalars or `[B, 1]`.
type Rates = (Option<Tensor>, Option<Tensor>);

impl Solver for ProximalGradient {
    fn name(&self) -> &'static str {
        "proximal_gradient"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        self.step.validate()?;
        let start = problem.start(start)?;
        if !Self::applies(problem)? {
            let hint = "it needs a regularizer with a proximal map on the domain: use auto";
            return Err(problem.unsupported(self.name(), hint));
        }
        let solver = ProximalGradient {
            step: self.step.resolve(by_curvature(problem)),
            ..*self
        };
        let curvature = match solver.step {
            Step::Curvature => energy_curvature(problem)?,
            _ => None,
        };
        solver.momentum.validate(solver.step)?;
        let (eta, beta) = solver.rates(problem, curvature)?;
        let initial = match solver.step {
            Step::Backtracking { initial } => initial,
            _ => 1.0,
        };
        let mut search = Search::new(problem, initial)?;
        let mut extrapolation = Extrapolation::new(self.momentum, problem, beta.as_ref())?;
        let (mut p, mut z) = (start.shallow_clone(), start.shallow_clone());
        iterate(problem, &self.options, self.name(), &start, || {
            let gradient = problem.energy.gradient(&z);
            let to = |eta: &Tensor| self.prox(problem, &(&z + &gradient * eta), eta);
            let q = match &eta {
                Some(eta) => to(eta)?,
                None => {
                    let objective = Objective {
                        value: &|p| problem.energy.value(p),
                        gradient: &|p| problem.energy.gradient(p),
                    };
                    let propose = |eta: &Tensor| {
                        Ok(Trial {
                            point: to(eta)?,
                            distance: None,
                        })
                    };
                    search.step(&objective, &z, &gradient, &propose)?.point
                }
            };
            z = extrapolation.next(&z, &p, &q);
            p = q;
            Ok(p.shallow_clone())
        })
    }
}
