//! Residual, value and gap of a point, in tensor operations.

use tch::{Kind, Tensor};

use super::{Certificate, Options, Problem, ROUNDING, Report, Solution};
use crate::energy::{Coupling, Form, Prior};
use crate::regularizer::Separable;
use crate::shape;

/// Which rows are solved, `[B]`, Bool.
pub(super) fn solved(problem: &Problem<'_>, p: &Tensor, options: &Options) -> Tensor {
    let theta = problem.energy.gradient(p);
    within_tolerance(problem, &theta, &residual_at(problem, p, &theta), options)
}

/// Whether a residual is at most the tolerance or what rounding leaves; see [`Options::tolerance`].
fn within_tolerance(
    problem: &Problem<'_>,
    theta: &Tensor,
    residual: &Tensor,
    options: &Options,
) -> Tensor {
    let largest = |t: &Tensor| t.abs().amax([-1].as_slice(), false);
    let size = match problem.energy.form() {
        Form::Linear { u } | Form::Quadratic { u, .. } | Form::Network { u, .. } => {
            largest(&u.detach()) + largest(theta)
        }
        _ => largest(theta),
    };
    let rounding = size.clamp_min(1.0) * (ROUNDING * epsilon(theta.kind()));
    residual.le_tensor(&rounding.clamp_min(options.tolerance))
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
    let argmax = if problem.regularizer.is_steep() {
        problem.regularizer.argmax(theta, problem.domain)
    } else {
        None
    };
    let image = match argmax {
        Some(argmax) => argmax,
        None => problem
            .domain
            .project(&(p + theta - problem.regularizer.gradient(p))),
    };
    (image - p).abs().amax([-1].as_slice(), false)
}

/// Everything a [`Solution`] says of `p`.
pub(super) fn certify(
    problem: &Problem<'_>,
    p: Tensor,
    iterations: Tensor,
    options: &Options,
    solver: &'static str,
) -> Solution {
    let theta = problem.energy.gradient(&p);
    let residual = residual_at(problem, &p, &theta);
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

/// An upper bound on $\max F - F(p)$, `[B]`.
fn gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Tensor {
    match problem.energy.form() {
        Form::Linear { .. }
        | Form::Concave
        | Form::Quadratic {
            coupling: Coupling::LowRank(_),
            ..
        } => concave_energy_gap(problem, p, theta),
        Form::Quadratic {
            coupling: coupling @ Coupling::Dense(u),
            ..
        } => {
            let modulus = problem.regularizer.modulus(problem.domain);
            let slack = rounding_slack(u);
            let concave = |shift: &Tensor| positive_definite(&u.detach().neg(), shift);
            let energy_concave = concave(&slack);
            let objective_concave = concave(&(&slack + modulus));
            let infinite = p.full_like(f64::INFINITY).select(1, 0);
            let rest = frank_wolfe_gap(problem, p, theta).map_or_else(
                || infinite.shallow_clone(),
                |g| g.where_self(&objective_concave, &infinite),
            );
            let gap = concave_energy_gap(problem, p, theta).where_self(&energy_concave, &rest);
            if coupling.per_row() {
                gap
            } else {
                gap.expand_as(&infinite)
            }
        }
        Form::Network { prior, .. } => network_gap(problem, prior, p, theta),
        Form::General => p.full_like(f64::INFINITY).select(1, 0),
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
    concave_energy_gap(problem, p, theta).where_self(&prior.is_convex(), &rest)
}

/// For concave $\Phi$: linearize $\Phi$ alone at p, with $\theta = \nabla\Phi(p)$. What remains is the
/// Fenchel-Young loss $\Omega^*(\theta) + \Omega(p) - \langle\theta, p\rangle$, tighter than linearizing
/// $\Omega$ as well, and finite at the ends of an entropy's domain.
fn concave_energy_gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Tensor {
    match problem.regularizer.argmax(theta, problem.domain) {
        Some(q) => {
            let ascent = shape::dot(theta, &(&q - p));
            let change = match problem.regularizer.discrete_gradient(&q, p) {
                Some(gradient) => shape::dot(&gradient, &(&q - p)),
                None => problem.regularizer.value(&q) - problem.regularizer.value(p),
            };
            (ascent - change).clamp_min(0.0)
        }
        None => frank_wolfe_gap(problem, p, theta)
            .unwrap_or_else(|| p.full_like(f64::INFINITY).select(1, 0)),
    }
}

/// For concave F: $\max_{s \in C} \langle \nabla F(p), s - p \rangle$; `None` on an unbounded set.
fn frank_wolfe_gap(problem: &Problem<'_>, p: &Tensor, theta: &Tensor) -> Option<Tensor> {
    // An entropy's gradient is infinite at the ends of its domain; one rounding step inside is not.
    let inside = match (problem.regularizer.separable(), p.kind()) {
        (Some(Separable::Quadratic { .. }), _) => p.shallow_clone(),
        (_, Kind::Double) => p.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON),
        _ => p.clamp(f64::from(f32::MIN_POSITIVE), 1.0 - f64::from(f32::EPSILON)),
    };
    let gradient = theta - problem.regularizer.gradient(&inside);
    let vertex = problem.domain.linear_argmax(&gradient)?;
    Some(shape::dot(&gradient, &(vertex - p)).clamp_min(0.0))
}

/// Whether $M + \text{shift}\, I$ is positive definite, for each matrix.
fn positive_definite(matrix: &Tensor, shift: &Tensor) -> Tensor {
    let k = matrix.size()[matrix.dim() - 1];
    let eye = Tensor::eye(k, (matrix.kind(), matrix.device()));
    let (_, info) = (matrix + eye * shift).linalg_cholesky_ex(false, false);
    info.eq(0)
}

/// What rounding may add to an eigenvalue: eps k max|U|.
fn rounding_slack(u: &Tensor) -> Tensor {
    let epsilon = epsilon(u.kind());
    let k = u.size()[u.dim() - 1] as f64;
    u.detach().abs().amax([-2, -1].as_slice(), true) * (4.0 * k * epsilon)
        + f64::from(f32::MIN_POSITIVE)
}
