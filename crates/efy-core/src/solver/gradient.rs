//! Projected gradient ascent, plain and accelerated.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::iterate::iterate;
use super::line_search::{LONGEST_STEP, Objective, Search, Trial};
use super::momentum::Extrapolation;
use super::network::Slope;
use super::step::{by_curvature, energy_curvature, quadratic_regularizer, scalar};
use super::{Momentum, Options, Problem, Solution, Solver, Step};
use crate::energy::{Coupling, Form, add_times, minus_times};
use crate::{Result, native};

/// $q = P_C(z + \eta \nabla F(z))$ with $F = \Phi - \Omega$, each row with its own step, and momentum in
/// z. The line search has the semantics of jaxopt's `ProjectedGradient`.
///
/// For every domain, and every regularizer whose slope is finite at the domain's ends. With a known
/// step an iteration on a quadratic energy is three launches; on the CPU it is a native loop when the
/// domain is a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectedGradient {
    /// How $\eta$ is chosen.
    pub step: Step,
    /// How z is chosen.
    pub momentum: Momentum,
    /// When to stop.
    pub options: Options,
}

impl Default for ProjectedGradient {
    fn default() -> Self {
        ProjectedGradient {
            step: Step::Backtracking { initial: 1.0 },
            momentum: Momentum::None,
            options: Options::default(),
        }
    }
}

impl ProjectedGradient {
    /// The accelerated method with backtracking and restarts.
    pub fn fista() -> Self {
        ProjectedGradient {
            momentum: Momentum::Nesterov { restart: true },
            ..ProjectedGradient::default()
        }
    }
}

impl Solver for ProjectedGradient {
    fn name(&self) -> &'static str {
        match self.momentum {
            Momentum::None => "projected_gradient",
            _ => "fista",
        }
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        self.step.validate()?;
        if problem.regularizer.is_steep() {
            let hint = "an entropy's slope is infinite at the boundary: use mirror or auto";
            return Err(problem.unsupported(self.name(), hint));
        }
        let quadratic = problem.has_structure() && quadratic_regularizer(problem).is_some();
        let known = by_curvature(problem) && quadratic_regularizer(problem).is_some();
        let solver = ProjectedGradient {
            step: self.step.resolve(known),
            ..*self
        };
        solver.momentum.validate(solver.step)?;
        let start = problem.start(start)?;
        let rates = Rates::new(&solver, problem)?;
        if problem.on_cpu() && quadratic && problem.domain.bounds().is_some() {
            return native::projected_gradient(&solver, problem, &start, rates.step.as_ref());
        }
        solver.solve_batched(problem, &start, rates)
    }
}

impl ProjectedGradient {
    /// The tensor path, for any device, any energy and any domain.
    pub(super) fn solve_batched(
        &self,
        problem: &Problem<'_>,
        start: &Tensor,
        rates: Rates,
    ) -> Result<Solution> {
        let mut stepper = Stepper::new(self, problem, &rates)?;
        let mut extrapolation = Extrapolation::new(self.momentum, problem, rates.beta.as_ref())?;
        let mut p = start.shallow_clone();
        let mut z = start.shallow_clone();
        // Only a quadratic regularizer is defined where momentum leaves the domain.
        let stay = self.momentum != Momentum::None && quadratic_regularizer(problem).is_none();
        iterate(problem, &self.options, self.name(), start, || {
            let q = stepper.step(problem, &z)?;
            z = extrapolation.next(&z, &p, &q);
            if stay {
                z = problem.domain.project(&z);
            }
            p = q;
            Ok(p.shallow_clone())
        })
    }
}

/// Steps and momentum that are known before the first iteration: scalars or `[B, 1]`.
pub(crate) struct Rates {
    /// $\eta$, unless it is searched for.
    pub(super) step: Option<Tensor>,
    /// $\beta$, if it is constant.
    beta: Option<Tensor>,
}

impl Rates {
    pub(super) fn new(solver: &ProjectedGradient, problem: &Problem<'_>) -> Result<Self> {
        let (step, beta) = match solver.step {
            Step::Automatic | Step::Backtracking { .. } => (None, None),
            Step::Fixed(eta) => (Some(scalar(problem, eta)?), None),
            Step::Curvature => {
                let (Some(bound), Some((curvature, _))) =
                    (energy_curvature(problem)?, quadratic_regularizer(problem))
                else {
                    let hint = "step: curvature needs a quadratic or network energy and a quadratic regularizer";
                    return Err(problem.unsupported(solver.name(), hint));
                };
                // Without a regularizer or interactions there is no curvature at all.
                let mut bound = bound + curvature;
                if curvature < 1.0 / LONGEST_STEP {
                    bound = bound.clamp_min(1.0 / LONGEST_STEP);
                }
                let beta = solver.momentum.constant(problem, &bound)?;
                (Some(bound.reciprocal()), beta)
            }
        };
        Ok(Rates { step, beta })
    }

    /// Constant momentum on the host, for the native loop.
    pub(crate) fn modulus_root(problem: &Problem<'_>) -> f64 {
        problem.regularizer.modulus(problem.domain).sqrt()
    }
}

/// I, made once for a size and device.
fn identity(k: i64, (kind, device): (Kind, Device)) -> Result<Tensor> {
    thread_local! {
        static LAST: RefCell<Option<Tensor>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        let fits = |t: &&Tensor| t.size()[0] == k && t.kind() == kind && t.device() == device;
        if let Some(eye) = last.as_ref().filter(fits) {
            return Ok(eye.shallow_clone());
        }
        let eye = Tensor::f_eye(k, (kind, device))?;
        *last = Some(eye.shallow_clone());
        Ok(eye)
    })
}

/// One gradient step on all rows.
enum Stepper {
    /// $P(c + z T)$ with $T = I + \eta (U - c I)$: quadratic energies, known step; two launches.
    Affine { constant: Tensor, matrix: Tensor },
    /// $P(c + (1 - \eta c_\Omega) z - \eta \nabla\Psi(z))$: network energies, known step.
    Network {
        constant: Tensor,
        shrinkage: Tensor,
        slope: Slope,
    },
    /// Any energy, known step.
    Known { eta: Tensor },
    /// Any energy, step searched for.
    Searched(Search),
}

impl Stepper {
    fn new(solver: &ProjectedGradient, problem: &Problem<'_>, rates: &Rates) -> Result<Self> {
        let Some(eta) = &rates.step else {
            let initial = match solver.step {
                Step::Backtracking { initial } => initial,
                _ => 1.0,
            };
            return Ok(Stepper::Searched(Search::new(problem, initial)?));
        };
        match (problem.energy.form(), quadratic_regularizer(problem)) {
            (Form::Quadratic { u, coupling }, Some(omega)) => {
                Stepper::affine(u, coupling, omega, eta)
            }
            (Form::Network { u, prior }, Some((curvature, slope))) => Ok(Stepper::Network {
                constant: (u.detach() - slope) * eta,
                shrinkage: 1.0 - eta * curvature,
                slope: Slope::new(prior, &eta.neg()),
            }),
            _ => Ok(Stepper::Known {
                eta: eta.shallow_clone(),
            }),
        }
    }

    fn affine(
        u: &Tensor,
        coupling: &Coupling,
        (curvature, slope): (f64, f64),
        eta: &Tensor,
    ) -> Result<Self> {
        if u.device() != Device::Cpu
            && let Coupling::LowRank(a) = coupling
            && coupling.shared()
        {
            return Stepper::thin(u, a, (curvature, slope), eta);
        }
        let eye = Tensor::f_eye(u.size()[1], (u.kind(), u.device()))?;
        let eta_matrix = if eta.dim() == 2 {
            eta.unsqueeze(-1)
        } else {
            eta.shallow_clone()
        };
        // Rows with the same matrix have the same step.
        let eta_matrix = match (coupling.shared(), coupling.tensor().size()[0]) {
            (false, blocks) if eta_matrix.dim() == 3 => {
                eta_matrix.reshape([blocks, -1, 1, 1]).select(1, 0)
            }
            _ => eta_matrix,
        };
        let matrix = (coupling.dense() - &eye * curvature) * eta_matrix + &eye;
        Ok(Stepper::Affine {
            constant: (u.detach() - slope) * eta,
            matrix,
        })
    }

    /// [`affine`](Self::affine) for $U = -AA^\top$ in fewer launches.
    fn thin(u: &Tensor, a: &Tensor, (curvature, slope): (f64, f64), eta: &Tensor) -> Result<Self> {
        let a = a.detach();
        let eye = identity(u.size()[1], (u.kind(), u.device()))?;
        let diagonal = eye.addcmul(&eye, &(eta * -curvature));
        let matrix = minus_times(&diagonal, &a, &(&a * eta).tr());
        Ok(Stepper::Affine {
            constant: (u.detach() - slope) * eta,
            matrix,
        })
    }

    fn step(&mut self, problem: &Problem<'_>, z: &Tensor) -> Result<Tensor> {
        let project = |moved: &Tensor| problem.domain.project(moved);
        Ok(match self {
            Stepper::Affine { constant, matrix } => project(&add_times(constant, z, matrix)),
            Stepper::Network {
                constant,
                shrinkage,
                slope,
            } => project(&slope.add_to(&constant.addcmul(z, shrinkage), z)),
            Stepper::Known { eta } => project(&(z + problem.gradient(z) * &*eta)),
            Stepper::Searched(search) => {
                let gradient = problem.gradient(z);
                let objective = Objective {
                    value: &|p| problem.value(p),
                    gradient: &|p| problem.gradient(p),
                };
                let propose = |eta: &Tensor| {
                    Ok(Trial {
                        point: project(&(z + &gradient * eta)),
                        distance: None,
                    })
                };
                search.step(&objective, z, &gradient, &propose)?.point
            }
        })
    }
}
