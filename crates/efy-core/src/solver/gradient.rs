//! Projected gradient ascent, plain and accelerated.

use tch::{Device, Kind, Tensor};

use super::certificate::epsilon;
use super::iterate::iterate;
use super::{Options, Problem, Solution, Solver};
use crate::energy::{Coupling, Form};
use crate::regularizer::Separable;
use crate::{Error, Result, native, shape};

/// Line searches halve the step at most this often an iteration, as jaxopt's.
pub(crate) const MOST_HALVINGS: usize = 15;
/// A step at most this long is reset to 1 before it is doubled, as jaxopt's.
pub(crate) const SHORTEST_STEP: f64 = 1e-6;

/// $q = P_C(z + \eta \nabla F(z))$ with $F = \Phi - \Omega$, each row with its own step, and momentum in
/// z. The line search has the semantics of jaxopt's `ProjectedGradient`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectedGradient {
    /// How $\eta$ is chosen.
    pub step: Step,
    /// How z is chosen.
    pub momentum: Momentum,
    /// When to stop.
    pub options: Options,
}

/// The step $\eta$ of a gradient method.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// The same for all rows and iterations.
    Fixed(f64),
    /// $1/M$ with M an upper bound on the curvature of F. Quadratic energies with quadratic
    /// regularizers only; with it an iteration is three launches.
    Curvature,
    /// Halved until $f(q) \le f(z) + \langle \nabla f(z), d\rangle + \frac{1}{2\eta}\|d\|^2$ with
    /// $f = -F$ and $d = q - z$, at most 15 times, and doubled before the next iteration.
    ///
    /// Near the maximum the difference of two values is all rounding, and a test with slack accepts
    /// steps that are too long; $\langle \nabla f(q) - \nabla f(z), d \rangle \le \frac{1}{\eta}\|d\|^2$,
    /// the same for quadratic f and free of cancellation, is asked for as well.
    Backtracking {
        /// The first step tried.
        initial: f64,
    },
}

/// The extrapolated point $z = q + \beta (q - p)$ of a gradient method, p being the previous iterate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Momentum {
    /// $\beta = 0$: plain projected gradient.
    None,
    /// $\beta = (t - 1)/t^+$, $t^+ = (1 + \sqrt{1 + 4 t^2})/2$: FISTA.
    Nesterov {
        /// Starts again at $t = 1$ for a row whose momentum points downhill,
        /// $\langle z - q, q - p \rangle > 0$ (O'Donoghue and Candes 2015).
        restart: bool,
    },
    /// $\beta = (\sqrt{M} - \sqrt{m})/(\sqrt{M} + \sqrt{m})$ with $m$ the regularizer's modulus of strong
    /// convexity: linear convergence for concave energies. Needs [`Step::Curvature`].
    Constant,
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

    fn validate(&self) -> Result<()> {
        self.options.validate()?;
        let invalid = |name, expected, found: String| {
            Err(Error::Parameter {
                name,
                expected,
                found,
            })
        };
        match self.step {
            Step::Fixed(eta) | Step::Backtracking { initial: eta }
                if !(eta.is_finite() && eta > 0.0) =>
            {
                invalid("solver.step", "a positive number", eta.to_string())
            }
            Step::Fixed(_) | Step::Backtracking { .. } if self.momentum == Momentum::Constant => {
                invalid(
                    "solver.momentum",
                    "step: curvature with constant momentum",
                    "another".into(),
                )
            }
            _ => Ok(()),
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
        self.validate()?;
        let quadratic = match problem.regularizer.separable() {
            Some(Separable::Quadratic { curvature, .. }) => Some(curvature),
            Some(_) => {
                let hint = "an entropy's slope is infinite at the boundary: use mirror or auto";
                return Err(problem.unsupported(self.name(), hint));
            }
            None => None,
        };
        let start = problem.start(start)?;
        let rates = Rates::new(self, problem, quadratic)?;
        let on_box = problem.domain.bounds().is_some();
        if problem.on_cpu() && problem.has_structure() && quadratic.is_some() && on_box {
            return native::projected_gradient(self, problem, &start, rates.step.as_ref());
        }
        self.solve_batched(problem, &start, rates)
    }
}

impl ProjectedGradient {
    /// The tensor path, for any device and any energy.
    pub(super) fn solve_batched(
        &self,
        problem: &Problem<'_>,
        start: &Tensor,
        rates: Rates,
    ) -> Result<Solution> {
        let mut stepper = Stepper::new(self, problem, &rates)?;
        let mut extrapolation = Extrapolation::new(self.momentum, problem, &rates)?;
        let mut p = start.shallow_clone();
        let mut z = start.shallow_clone();
        iterate(problem, &self.options, self.name(), start, || {
            let q = stepper.step(problem, &z);
            z = extrapolation.next(&z, &p, &q);
            p = q;
            p.shallow_clone()
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
    pub(super) fn new(
        solver: &ProjectedGradient,
        problem: &Problem<'_>,
        curvature: Option<f64>,
    ) -> Result<Self> {
        let options = problem.energy.options();
        let scalar = |value: f64| Tensor::f_full([] as [i64; 0], value, options);
        match solver.step {
            Step::Backtracking { .. } => Ok(Rates {
                step: None,
                beta: None,
            }),
            Step::Fixed(eta) => Ok(Rates {
                step: Some(scalar(eta)?),
                beta: None,
            }),
            Step::Curvature => {
                let bound = match (problem.energy.form(), curvature) {
                    (Form::Linear { .. }, Some(c)) => scalar(c)?,
                    (Form::Quadratic { coupling, .. }, Some(c)) => coupling.curvature_bound() + c,
                    _ => {
                        let hint = "step: curvature needs a quadratic energy and regularizer";
                        return Err(problem.unsupported(solver.name(), hint));
                    }
                };
                // Without a regularizer or interactions there is no curvature at all.
                let bound = bound.clamp_min(f64::from(f32::MIN_POSITIVE));
                let modulus = problem.regularizer.modulus(problem.domain).sqrt();
                let root = bound.sqrt();
                let beta = (&root - modulus) / (&root + modulus);
                let beta = (solver.momentum == Momentum::Constant).then_some(beta);
                Ok(Rates {
                    step: Some(bound.reciprocal()),
                    beta,
                })
            }
        }
    }

    /// Constant momentum on the host, for the native loop.
    pub(crate) fn modulus_root(problem: &Problem<'_>) -> f64 {
        problem.regularizer.modulus(problem.domain).sqrt()
    }
}

/// One gradient step on all rows.
enum Stepper {
    /// $P(c + z T)$ with $T = I + \eta (U - c I)$: quadratic energies, known step; two launches.
    Affine { constant: Tensor, matrix: Tensor },
    /// Any energy, known step.
    Known { eta: Tensor },
    /// Any energy, step searched for; `eta` is `[B, 1]`.
    Search { eta: Tensor, epsilon: f64 },
}

impl Stepper {
    fn new(solver: &ProjectedGradient, problem: &Problem<'_>, rates: &Rates) -> Result<Self> {
        let (kind, device) = problem.energy.options();
        let rows = problem.energy.size().0;
        let Some(eta) = &rates.step else {
            let initial = match solver.step {
                Step::Backtracking { initial } => initial,
                _ => 1.0,
            };
            let epsilon = epsilon(kind);
            let eta = Tensor::f_full([rows, 1], initial, (kind, device))?;
            return Ok(Stepper::Search { eta, epsilon });
        };
        Ok(
            match (problem.energy.form(), problem.regularizer.separable()) {
                (
                    Form::Quadratic { u, coupling },
                    Some(Separable::Quadratic { curvature, slope }),
                ) => Stepper::affine(u, coupling, curvature, slope, eta, (kind, device))?,
                _ => Stepper::Known {
                    eta: eta.shallow_clone(),
                },
            },
        )
    }

    fn affine(
        u: &Tensor,
        coupling: &Coupling,
        curvature: f64,
        slope: f64,
        eta: &Tensor,
        options: (Kind, Device),
    ) -> Result<Self> {
        let eye = Tensor::f_eye(u.size()[1], options)?;
        let dense = match coupling {
            Coupling::Dense(matrix) => matrix.detach(),
            Coupling::LowRank(a) => a.matmul(&a.transpose(-1, -2)).neg().detach(),
        };
        let eta_matrix = if eta.dim() == 2 {
            eta.unsqueeze(-1)
        } else {
            eta.shallow_clone()
        };
        let matrix = (dense - &eye * curvature) * eta_matrix + &eye;
        Ok(Stepper::Affine {
            constant: (u.detach() - slope) * eta,
            matrix,
        })
    }

    fn step(&mut self, problem: &Problem<'_>, z: &Tensor) -> Tensor {
        match self {
            Stepper::Affine { constant, matrix } if matrix.dim() == 2 => {
                problem.domain.project(&constant.addmm(z, matrix))
            }
            Stepper::Affine { constant, matrix } => {
                let moved = constant.unsqueeze(1).baddbmm(&z.unsqueeze(1), matrix, 1, 1);
                problem.domain.project(&moved.squeeze_dim(1))
            }
            Stepper::Known { eta } => problem.domain.project(&(z + problem.gradient(z) * &*eta)),
            Stepper::Search { eta, epsilon } => {
                let (q, next) = search(problem, z, eta, *epsilon);
                *eta = next;
                q
            }
        }
    }
}

/// Backtracking on every row; returns the new iterate and the next step to try.
fn search(problem: &Problem<'_>, z: &Tensor, eta: &Tensor, epsilon: f64) -> (Tensor, Tensor) {
    let objective =
        |p: &Tensor| (problem.energy.value(p) - problem.regularizer.value(p)).unsqueeze(-1);
    let gradient = problem.gradient(z);
    let before = objective(z);
    let mut eta = eta.shallow_clone();
    let mut q = z.shallow_clone();
    let mut accepted = eta.zeros_like().to_kind(Kind::Bool);
    let slack = 1.0 + 8.0 * epsilon;
    for _ in 0..MOST_HALVINGS {
        let trial = problem.domain.project(&(z + &gradient * &eta));
        let d = &trial - z;
        let slope = shape::dot(&d, &gradient).unsqueeze(-1);
        let square = shape::dot(&d, &d).unsqueeze(-1);
        let bend = shape::dot(&d, &(&gradient - problem.gradient(&trial))).unsqueeze(-1);
        let flat = (&eta * bend).le_tensor(&(&square * slack));
        let ascent = &eta * (&before - objective(&trial) + slope);
        let enough = ascent
            .le_tensor(&(square * 0.5 + epsilon))
            .logical_and(&flat);
        q = q.where_self(&accepted, &trial);
        accepted = accepted.logical_or(&enough);
        eta = eta.where_self(&accepted, &(&eta * 0.5));
    }
    let grown = &eta * 2.0;
    (q, grown.masked_fill(&eta.le(SHORTEST_STEP), 1.0))
}

/// $z = q + \beta(q - p)$.
enum Extrapolation {
    None,
    Constant { weight: Tensor },
    Sequence { t: f64 },
    Restarting { t: Tensor },
}

impl Extrapolation {
    fn new(momentum: Momentum, problem: &Problem<'_>, rates: &Rates) -> Result<Self> {
        Ok(match (momentum, &rates.beta) {
            (Momentum::None, _) => Extrapolation::None,
            (Momentum::Constant, Some(beta)) => Extrapolation::Constant { weight: beta + 1.0 },
            (Momentum::Nesterov { restart: true }, _) => {
                let rows = problem.energy.size().0;
                Extrapolation::Restarting {
                    t: Tensor::f_ones([rows, 1], problem.energy.options())?,
                }
            }
            _ => Extrapolation::Sequence { t: 1.0 },
        })
    }

    fn next(&mut self, z: &Tensor, p: &Tensor, q: &Tensor) -> Tensor {
        match self {
            Extrapolation::None => q.shallow_clone(),
            Extrapolation::Constant { weight } => p.lerp_tensor(q, weight),
            Extrapolation::Sequence { t } => {
                let next = 0.5 * (1.0 + (1.0 + 4.0 * *t * *t).sqrt());
                let weight = 1.0 + (*t - 1.0) / next;
                *t = next;
                p.lerp(q, weight)
            }
            Extrapolation::Restarting { t } => {
                let next = ((t.square() * 4.0 + 1.0).sqrt() + 1.0) * 0.5;
                let weight = (&*t - 1.0) / &next + 1.0;
                let downhill = shape::dot(&(z - q), &(q - p)).unsqueeze(-1).gt(0.0);
                *t = next.masked_fill(&downhill, 1.0);
                p.lerp_tensor(q, &weight.masked_fill(&downhill, 1.0))
            }
        }
    }
}
