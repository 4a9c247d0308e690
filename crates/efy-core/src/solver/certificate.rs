//! Residual, value and gap of a point, in tensor operations.

use tch::{Kind, Tensor};

use super::{Certificate, Options, Problem, ROUNDING, Report, Solution};
use crate::energy::{Coupling, Form, Prior, by_row};
use crate::regularizer::Separable;
use crate::shape;

/// How far a point is from solving its problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// How far the map whose fixed point is the maximum moves it.
    FixedPoint,
    /// The Frank-Wolfe gap, for solvers that only ever use the linear oracle.
    Gap,
}

impl Measure {
    /// The residual of each row, `[B]`, where $\theta = \nabla\Phi(p)$.
    pub(super) fn at(self, problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Tensor {
        let gap = match self {
            Measure::FixedPoint => None,
            Measure::Gap => frank_wolfe_gap(problem, p, theta),
        };
        gap.unwrap_or_else(|| residual_at(problem, p, theta))
    }
}

/// Which rows are solved, `[B]`, Bool.
pub(super) fn solved(
    measure: Measure,
    problem: &Problem<'_>,
    p: &Tensor,
    options: &Options,
) -> Tensor {
    let theta = problem.energy.gradient(p);
    within_tolerance(problem, &theta, &measure.at(problem, p, &theta), options)
}

/// Whether a residual is at most the tolerance or what rounding leaves; see [`Options::tolerance`].
pub(super) fn within_tolerance(
    problem: &Problem<'_>,
    theta: &Tensor,
    residual: &Tensor,
    options: &Options,
) -> Tensor {
    let size = match problem.energy.form() {
        Form::Linear { u } | Form::Quadratic { u, .. } | Form::Network { u, .. } => {
            largest(&u.detach()) + largest(theta)
        }
        _ => largest(theta),
    };
    let unit = ROUNDING * epsilon(theta.kind());
    residual.le_tensor(&(size * unit).clamp_min(options.tolerance.max(unit)))
}

/// $\|t\|_\infty$ of each row, `[B]`.
fn largest(t: &Tensor) -> Tensor {
    t.norm_scalaropt_dim(f64::INFINITY, [-1].as_slice(), false)
}

/// The distance from 1 to the next number.
pub(super) fn epsilon(kind: Kind) -> f64 {
    if kind == Kind::Double {
        f64::EPSILON
    } else {
        f64::from(f32::EPSILON)
    }
}

/// $\|p - T(p)\|_\infty$ for each row, `[B]`, with T the map whose fixed point is the maximum; see
/// [`Report::residual`].
fn residual_at(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Tensor {
    let by_argmax = match problem.regularizer.separable() {
        Some(Separable::Quadratic { .. }) => false,
        Some(_) => true,
        None => problem.regularizer.is_steep(),
    };
    let argmax = by_argmax.then(|| problem.regularizer.argmax(theta, problem.domain));
    let image = match argmax.flatten() {
        Some(argmax) => argmax,
        None => problem
            .domain
            .project(&(p + theta - problem.regularizer.gradient(p))),
    };
    largest(&(image - p))
}

/// Everything a [`Solution`] says of `p`.
pub(super) fn certify(
    measure: Measure,
    problem: &Problem<'_>,
    p: Tensor,
    iterations: Tensor,
    options: &Options,
    solver: &'static str,
) -> Solution {
    let theta = problem.energy.gradient(&p);
    let residual = measure.at(problem, &p, &theta);
    let certificate = options.certify.then(|| Certificate {
        value: problem.energy.value(&p).detach() - problem.regularizer.value(&p),
        gap: gap(problem, &p, &theta),
    });
    let converged = within_tolerance(problem, &theta, &residual, options);
    let report = Report {
        solver,
        iterations,
        residual,
        converged,
    };
    Solution {
        argmax: p,
        report,
        certificate,
    }
}

/// An upper bound on $\max F - F(p)$, `[B]`; infinite where F is not known to be concave.
///
/// No gap is negative. One that rounding makes negative says how much was lost, so its size is taken: cut off at
/// 0, it would certify what is not so.
fn gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Tensor {
    let unknown = || p.full_like(f64::INFINITY).select(1, 0);
    match problem.energy.form() {
        Form::Linear { .. }
        | Form::Concave
        | Form::Quadratic {
            coupling: Coupling::LowRank(_),
            ..
        } => concave_energy_gap(problem, p, theta).unwrap_or_else(unknown),
        Form::Quadratic {
            coupling: Coupling::Dense(u),
            ..
        } => {
            let u = &by_row(u, p.size()[0]);
            let slack = rounding_slack(u);
            let concave = |shift: &Tensor| positive_definite(&u.detach().neg(), shift);
            let unknown = unknown();
            let among = |gap: Option<Tensor>, concave: Tensor, rest: &Tensor| match gap {
                Some(gap) => gap.where_self(&concave, rest),
                None => rest.shallow_clone(),
            };
            let modulus = problem.regularizer.modulus(problem.domain);
            let objective = if modulus > 0.0 {
                let concave = concave(&(&slack + modulus));
                among(concave_objective_gap(problem, p), concave, &unknown)
            } else {
                unknown
            };
            let gap = concave_energy_gap(problem, p, theta);
            among(gap, concave(&slack), &objective)
        }
        Form::Network { prior, .. } => network_gap(problem, prior, p, theta),
        Form::General => unknown(),
    }
}

/// For $\Phi = \langle u, p \rangle - \Psi(p)$: a gap where the weights make $\Phi$ concave, another one
/// where $\Omega$ bends more than $\Psi$ does the other way.
fn network_gap(problem: &Problem<'_>, prior: &Prior, p: &Tensor, theta: &Tensor) -> Tensor {
    let infinite = p.full_like(f64::INFINITY).select(1, 0);
    let modulus = problem.regularizer.modulus(problem.domain);
    let rest = match (
        prior.negative_curvature(),
        frank_wolfe_gap(problem, p, theta),
    ) {
        (Some(bend), Some(gap)) => gap.where_self(&bend.le(modulus), &infinite),
        _ => infinite,
    };
    match concave_energy_gap(problem, p, theta) {
        Some(gap) => gap.where_self(&prior.is_convex(), &rest),
        None => rest,
    }
}

/// For concave $\Phi$: linearize $\Phi$ alone at p, with $\theta = \nabla\Phi(p)$. What remains is the
/// Fenchel-Young loss $\Omega^*(\theta) + \Omega(p) - \langle\theta, p\rangle$, tighter than linearizing
/// $\Omega$ as well, and finite at the ends of an entropy's domain; without a closed form for
/// $\Omega^*$, $\Omega$ is linearized, too.
fn concave_energy_gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Option<Tensor> {
    let Some(q) = problem.regularizer.argmax(theta, problem.domain) else {
        return concave_objective_gap(problem, p);
    };
    let ascent = shape::dot(theta, &(&q - p));
    let change = match problem.regularizer.discrete_gradient(&q, p) {
        Some(gradient) => shape::dot(&gradient, &(&q - p)),
        None => problem.regularizer.value(&q) - problem.regularizer.value(p),
    };
    Some((ascent - change).abs())
}

/// For concave F: linearize it at p; at the ends of an entropy's domain, where its slope is infinite,
/// at a point q near to p, $F(q) - F(p) + \max_{s \in C} \langle \nabla F(q), s - q \rangle$. `None` on
/// an unbounded set.
fn concave_objective_gap(problem: &Problem<'_>, p: &Tensor) -> Option<Tensor> {
    if !problem.regularizer.is_steep() {
        return frank_wolfe_gap(problem, p, &problem.energy.gradient(p));
    }
    let q = problem.interior(p);
    let gap = frank_wolfe_gap(problem, &q, &problem.energy.gradient(&q))?;
    Some((problem.value(&q) - problem.value(p) + gap).abs())
}

/// $\max_{s \in C} \langle \nabla F(p), s - p \rangle$; `None` on an unbounded set.
fn frank_wolfe_gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Option<Tensor> {
    let gradient = theta - problem.regularizer.gradient(p);
    let vertex = problem.domain.linear_argmax(&gradient)?;
    Some(shape::dot(&gradient, &(vertex - p)).abs())
}

/// Whether $M + \text{shift}\, I$ is positive definite, for each matrix.
pub(super) fn positive_definite(matrix: &Tensor, shift: &Tensor) -> Tensor {
    let k = matrix.size()[matrix.dim() - 1];
    let eye = Tensor::eye(k, (matrix.kind(), matrix.device()));
    let (_, info) = (matrix + eye * shift).linalg_cholesky_ex(false, false);
    info.eq(0)
}

/// What rounding may add to an eigenvalue: eps k max|U|.
pub(super) fn rounding_slack(u: &Tensor) -> Tensor {
    let epsilon = epsilon(u.kind());
    let k = u.size()[u.dim() - 1] as f64;
    u.detach().abs().amax([-2, -1].as_slice(), true) * (4.0 * k * epsilon)
        + f64::from(f32::MIN_POSITIVE)
}
