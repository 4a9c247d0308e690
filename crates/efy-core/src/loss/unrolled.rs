//! Gradient methods with a fixed step whose iterations keep their graph.

use tch::Tensor;

use crate::Result;
use crate::domain::Geometry;
use crate::energy::Form;
use crate::solver::{Problem, Solution, unrolled_solution};

/// How far inside of C mirror ascent starts.
const INSIDE: f64 = 1e-7;

/// The iterate after `iterations` steps, `[B, k]`, with its graph, and the same as a solution.
pub(super) fn solve(
    problem: &Problem<'_>,
    start: Option<&Tensor>,
    iterations: usize,
    step: Option<f64>,
) -> Result<(Tensor, Solution)> {
    let start = problem.start(start)?;
    let last = if problem.regularizer.is_steep() {
        mirror(problem, &start, iterations, step)?
    } else {
        projected_gradient(problem, &start, iterations, step)?
    };
    let solution = unrolled_solution(problem, &last, iterations);
    Ok((last, solution))
}

/// $p^+ = P_C(p + \eta \nabla F(p))$.
fn projected_gradient(
    problem: &Problem<'_>,
    start: &Tensor,
    iterations: usize,
    step: Option<f64>,
) -> Result<Tensor> {
    let curvature = problem
        .regularizer
        .curvature(start)
        .amax([-1].as_slice(), true);
    let eta = match step {
        Some(step) => Tensor::from(step).to_kind(start.kind()),
        None => (bend(problem)? + curvature).reciprocal(),
    };
    let mut p = start.shallow_clone();
    for _ in 0..iterations {
        let slope = problem.energy.gradient(&p) - problem.regularizer.gradient(&p);
        p = project(problem, &(&p + slope * &eta))?;
    }
    Ok(p)
}

/// $\nabla\Omega(p^+) = (\nabla\Omega(p) + \eta \nabla\Phi(p)) / (1 + \eta)$: mirror ascent with $\Omega$ as its own
/// mirror map, $\theta \leftarrow \theta + w(\nabla\Phi(p) - \theta)$ with $w = \eta/(1 + \eta)$.
fn mirror(
    problem: &Problem<'_>,
    start: &Tensor,
    iterations: usize,
    step: Option<f64>,
) -> Result<Tensor> {
    let weight = match step {
        Some(step) => Tensor::from(step / (1.0 + step)).to_kind(start.kind()),
        None => {
            let modulus = problem.regularizer.modulus(problem.domain);
            (bend(problem)? + modulus).reciprocal() * modulus
        }
    };
    let to_point = |theta: &Tensor| {
        let p = problem.regularizer.argmax(theta, problem.domain);
        p.ok_or_else(|| problem.unsupported(NAME, "its regularizer has no argmax in closed form"))
    };
    let mut p = start.clamp(INSIDE, 1.0 - INSIDE);
    let mut theta = problem.regularizer.gradient(&p);
    for _ in 0..iterations {
        theta = &theta + (problem.energy.gradient(&p) - &theta) * &weight;
        p = to_point(&theta)?;
    }
    Ok(p)
}

const NAME: &str = "unrolled differentiation";

/// A bound on $\lambda_{\max}(-\nabla^2\Phi)$, a scalar or `[B, 1]`.
fn bend(problem: &Problem<'_>) -> Result<Tensor> {
    match problem.energy.form() {
        Form::Linear { u } => Ok(Tensor::f_zeros([] as [i64; 0], (u.kind(), u.device()))?),
        Form::Quadratic { coupling, .. } => Ok(coupling.curvature_bound(problem.energy.size().0)),
        _ => Err(problem.unsupported(NAME, "give a step size: its curvature is not known")),
    }
}

/// $P_C$ with its derivative: on a box the identity strictly inside and 0 elsewhere, on the simplex the
/// projection onto the face.
fn project(problem: &Problem<'_>, z: &Tensor) -> Result<Tensor> {
    let projected = problem.domain.project(&z.detach());
    match problem.domain.geometry() {
        Geometry::Reals => Ok(z.shallow_clone()),
        Geometry::Box { low, high } => {
            let inside = z.gt(low).logical_and(&z.lt(high));
            Ok(z.where_self(&inside, &projected))
        }
        Geometry::Simplex { scale } => {
            let free = projected.gt(0.0).to_kind(z.kind());
            let count = free.sum_dim_intlist(-1, true, None);
            let excess = ((z * &free).sum_dim_intlist(-1, true, None) - scale) / count;
            Ok((z - excess) * free)
        }
        _ => Err(problem.unsupported(NAME, "it needs a box or the simplex")),
    }
}
