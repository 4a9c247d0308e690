//! Mirror ascent with the regularizer as its own mirror map.

use tch::Tensor;

use super::certificate::epsilon;
use super::iterate::iterate;
use super::line_search::{Objective, Search, Trial};
use super::network::Slope;
use super::step::{by_curvature, energy_curvature, scalar};
use super::{Options, Problem, Solution, Solver, Step};
use crate::energy::{Coupling, Form, add_times};
use crate::regularizer::Separable;
use crate::{Result, shape};

/// $\theta^+ = \theta + w\,(\nabla\Phi(p) - \theta)$ with $p = \nabla\Omega^*(\theta) =
/// \arg\max_{p \in C} \langle\theta, p\rangle - \Omega(p)$.
///
/// It needs nothing but this argmax: on the cube with the binary negentropy it is
/// $\mathrm{logit}\,p^+ = (\mathrm{logit}\,p + \eta\nabla\Phi(p)/\gamma)/(1 + \eta)$ for the implicit
/// step, on the simplex with Shannon's $p^+ \propto p^{1-\eta} e^{\eta\nabla\Phi(p)/\gamma}$,
/// exponentiated gradient, for the explicit one. $\theta$ lives in the dual space, so that no step ever
/// meets an entropy's infinite slope. For concave energies it converges linearly,
/// $1 - w$ an iteration.
///
/// The step $\eta$ is measured with $\Omega$ itself as mirror map: where a text measures it with
/// $\Omega/\gamma$, its $\eta\gamma$ is the $\eta$ here. With a known step an iteration on a quadratic
/// energy is three launches for the binary negentropy, else one more than the argmax has and two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mirror {
    /// How $\eta$ is chosen. [`Step::Curvature`] is
    /// $m/\lambda_{\max}(-\nabla^2\Phi)$ with m the regularizer's modulus of strong convexity, the
    /// inverse of the smoothness of $-\Phi$ relative to $\Omega$; it needs a quadratic or network energy.
    pub step: Step,
    /// What w is, given $\eta$.
    pub update: MirrorUpdate,
    /// When to stop.
    pub options: Options,
}

/// How a step of mirror ascent on $F = \Phi - \Omega$ treats $\Omega$.
///
/// Both are the same family of updates: an explicit step $\eta$ is an implicit one of
/// $\eta/(1 - \eta)$. They differ only for [`Step::Fixed`]; the others choose the same w for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MirrorUpdate {
    /// Only $\Phi$ is linearized: $w = \eta/(1 + \eta)$.
    #[default]
    Implicit,
    /// F is linearized: $w = \eta$.
    Explicit,
}

impl Default for Mirror {
    fn default() -> Self {
        Mirror {
            step: Step::Automatic,
            update: MirrorUpdate::Implicit,
            options: Options::default(),
        }
    }
}

impl Solver for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        self.step.validate()?;
        let start = problem.start(start)?;
        if !problem.has_argmax()? {
            let hint = "it needs a regularizer with a closed-form argmax on the domain";
            return Err(problem.unsupported(self.name(), hint));
        }
        let modulus = problem.regularizer.modulus(problem.domain);
        let step = self.step.resolve(by_curvature(problem) && modulus > 0.0);
        let curvature = match step {
            Step::Curvature => energy_curvature(problem)?,
            _ => None,
        };
        match (step, curvature) {
            (Step::Fixed(eta), _) => {
                let weight = match self.update {
                    MirrorUpdate::Implicit => eta / (1.0 + eta),
                    MirrorUpdate::Explicit => eta,
                };
                self.solve_known(problem, &start, &scalar(problem, weight)?)
            }
            (Step::Curvature, Some(curvature)) if modulus > 0.0 => {
                let weight = (curvature + modulus).reciprocal() * modulus;
                self.solve_known(problem, &start, &weight)
            }
            (Step::Backtracking { initial }, _) => self.solve_searched(problem, &start, initial),
            _ => {
                let hint =
                    "step: curvature needs a quadratic or network energy and strong convexity";
                Err(problem.unsupported(self.name(), hint))
            }
        }
    }
}

impl Mirror {
    /// With w known, a scalar or `[B, 1]`.
    fn solve_known(
        &self,
        problem: &Problem<'_>,
        start: &Tensor,
        weight: &Tensor,
    ) -> Result<Solution> {
        let link = Link::new(problem);
        let gradient = Gradient::new(problem, link.scale());
        let (mut p, theta) = dual_start(problem, start);
        let mut theta = theta * link.scale();
        iterate(problem, &self.options, self.name(), start, || {
            let _ = theta.lerp_tensor_(&gradient.at(problem, &p), weight);
            p = match link {
                Link::Sigmoid { .. } => theta.sigmoid(),
                Link::General => problem.argmax(&theta, self.name())?,
            };
            Ok(p.shallow_clone())
        })
    }

    /// With a step that is searched for, row by row.
    fn solve_searched(
        &self,
        problem: &Problem<'_>,
        start: &Tensor,
        initial: f64,
    ) -> Result<Solution> {
        let mut search = Search::new(problem, initial)?;
        let (mut p, mut theta) = dual_start(problem, start);
        let moved = |theta: &Tensor, gradient: &Tensor, eta: &Tensor| {
            theta.lerp_tensor(gradient, &(eta / (eta + 1.0)))
        };
        iterate(problem, &self.options, self.name(), start, || {
            let gradient = problem.energy.gradient(&p);
            let omega = problem.regularizer.value(&p);
            let noise = omega.abs() * (8.0 * epsilon(omega.kind()));
            let propose = |eta: &Tensor| {
                let dual = moved(&theta, &gradient, eta);
                let point = problem.argmax(&dual, self.name())?;
                let d = &point - &p;
                let there =
                    problem.regularizer.value(&point) - &omega - shape::dot(&theta, &d) + &noise;
                let both = shape::dot(&(dual - &theta), &d);
                Ok(Trial {
                    point,
                    distance: Some((there.unsqueeze(-1), both.unsqueeze(-1))),
                })
            };
            let objective = Objective {
                value: &|p| problem.energy.value(p),
                gradient: &|p| problem.energy.gradient(p),
            };
            let found = search.step(&objective, &p, &gradient, &propose)?;
            theta = moved(&theta, &gradient, &found.eta);
            p = problem.argmax(&theta, self.name())?;
            Ok(p.shallow_clone())
        })
    }
}

/// p and $\theta = \nabla\Omega(p)$, p being in the interior where the slope is infinite at the boundary.
fn dual_start(problem: &Problem<'_>, start: &Tensor) -> (Tensor, Tensor) {
    let p = if problem.regularizer.is_steep() {
        problem.interior(start)
    } else {
        start.shallow_clone()
    };
    let theta = problem.regularizer.gradient(&p);
    (p, theta)
}

/// $\nabla\Omega^*$, of `scale` times $\theta$.
#[derive(Clone, Copy)]
enum Link {
    /// One launch: $\sigma$, of $\theta/\gamma$.
    Sigmoid { gamma: f64 },
    /// [`Regularizer::argmax`](crate::regularizer::Regularizer::argmax).
    General,
}

impl Link {
    fn new(problem: &Problem<'_>) -> Self {
        match problem.regularizer.separable() {
            Some(Separable::BinaryEntropy { gamma })
                if problem.domain.bounds() == Some((0.0, 1.0)) =>
            {
                Link::Sigmoid { gamma }
            }
            _ => Link::General,
        }
    }

    fn scale(self) -> f64 {
        match self {
            Link::Sigmoid { gamma } => 1.0 / gamma,
            Link::General => 1.0,
        }
    }
}

/// A multiple of $\nabla\Phi(p)$; one launch for a quadratic energy whose matrices serve many rows.
enum Gradient {
    Dense { u: Tensor, matrix: Tensor },
    PerRow { u: Tensor, coupling: Coupling },
    Network { u: Tensor, slope: Slope },
    General { scale: f64 },
}

impl Gradient {
    fn new(problem: &Problem<'_>, scale: f64) -> Self {
        let (u, coupling) = match problem.energy.form() {
            Form::Quadratic { u, coupling } => (u, coupling),
            Form::Network { u, prior } => {
                let minus = Tensor::from(-scale).to_kind(u.kind());
                return Gradient::Network {
                    u: u.detach() * scale,
                    slope: Slope::new(prior, &minus),
                };
            }
            _ => return Gradient::General { scale },
        };
        let u = u.detach() * scale;
        if coupling.shared() || coupling.tensor().size()[0] < u.size()[0] {
            let matrix = coupling.dense() * scale;
            return Gradient::Dense { u, matrix };
        }
        let coupling = match coupling {
            Coupling::Dense(matrix) => Coupling::Dense(matrix.detach() * scale),
            Coupling::LowRank(a) => Coupling::LowRank(a.detach() * scale.sqrt()),
        };
        Gradient::PerRow { u, coupling }
    }

    fn at(&self, problem: &Problem<'_>, p: &Tensor) -> Tensor {
        match self {
            Gradient::Dense { u, matrix } => add_times(u, p, matrix),
            Gradient::PerRow { u, coupling } => u + coupling.apply(p),
            Gradient::Network { u, slope } => slope.add_to(u, p),
            Gradient::General { scale } => problem.energy.gradient(p) * *scale,
        }
    }
}
