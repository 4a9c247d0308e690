//! Problems whose maximum has a formula.

use tch::{Kind, Tensor};

use super::{Options, Problem, Solution, Solver, certificate};
use crate::Result;
use crate::energy::{Coupling, Form};
use crate::regularizer::Separable;

/// Linear energies with any regularizer that has a closed-form conjugate on the domain, and quadratic
/// energies with a quadratic regularizer on $\mathbb{R}^k$, where $\hat y = (cI - U)^{-1}(u - s)$.
///
/// If $cI - U$ is not positive definite the maximum is infinite: the row is reported as not converged
/// with an infinite gap.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClosedForm;

impl ClosedForm {
    /// Whether there is a formula for this problem.
    pub(super) fn applies(problem: &Problem<'_>) -> bool {
        match problem.energy.form() {
            Form::Linear { u } => problem
                .regularizer
                .conjugate(&u.detach().narrow(0, 0, 0), problem.domain)
                .is_some(),
            Form::Quadratic { .. } => unconstrained_quadratic(problem).is_some(),
            _ => false,
        }
    }
}

/// Curvature and slope of a quadratic regularizer on all of $\mathbb{R}^k$.
fn unconstrained_quadratic(problem: &Problem<'_>) -> Option<(f64, f64)> {
    match problem.regularizer.separable() {
        Some(Separable::Quadratic { curvature, slope })
            if problem.domain.bounds() == Some((f64::NEG_INFINITY, f64::INFINITY)) =>
        {
            Some((curvature, slope))
        }
        _ => None,
    }
}

impl Solver for ClosedForm {
    fn name(&self) -> &'static str {
        "closed_form"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        let _checked = start.map(|_| problem.start(start)).transpose()?;
        let unsupported = || problem.unsupported(self.name(), "use solver auto");
        let (rows, _) = problem.energy.size();
        let iterations = Tensor::f_zeros([rows], (Kind::Int64, problem.energy.options().1))?;
        // A formula is exact up to rounding, which grows with the size of the numbers.
        let options = Options {
            tolerance: f64::INFINITY,
            ..Options::default()
        };
        let certified =
            |argmax| certificate::certify(problem, argmax, iterations, &options, self.name());
        match problem.energy.form() {
            Form::Linear { u } => {
                let conjugate = problem.regularizer.conjugate(&u.detach(), problem.domain);
                let conjugate = conjugate.ok_or_else(unsupported)?;
                let mut solution = certified(conjugate.argmax);
                solution.value = conjugate.value;
                Ok(solution)
            }
            Form::Quadratic { u, coupling } => {
                let (curvature, slope) =
                    unconstrained_quadratic(problem).ok_or_else(unsupported)?;
                let (argmax, definite) = stationary_point(u, coupling, curvature, slope)?;
                let mut solution = certified(argmax);
                let report = &mut solution.report;
                report.gap = report
                    .gap
                    .where_self(&definite, &report.gap.full_like(f64::INFINITY));
                report.converged = report.converged.logical_and(&definite);
                Ok(solution)
            }
            _ => Err(unsupported()),
        }
    }
}

/// $(cI - U)^{-1}(u - s)$ and whether $cI - U$ is positive definite, `[B]`.
fn stationary_point(
    u: &Tensor,
    coupling: &Coupling,
    curvature: f64,
    slope: f64,
) -> Result<(Tensor, Tensor)> {
    let rows = u.size()[0];
    let k = u.size()[1];
    let eye = Tensor::f_eye(k, (u.kind(), u.device()))?;
    let dense = match coupling {
        Coupling::Dense(matrix) => matrix.detach(),
        Coupling::LowRank(a) => a.matmul(&a.transpose(-1, -2)).neg().detach(),
    };
    let hessian = eye * curvature - dense;
    let right = (u.detach() - slope).unsqueeze(-1);
    let hessian = if coupling.per_row() {
        hessian
    } else {
        hessian.unsqueeze(0)
    };
    let (factor, info) = hessian.f_linalg_cholesky_ex(false, false)?;
    let definite = info.eq(0).expand([rows], false);
    let argmax = right
        .f_cholesky_solve(&factor.expand([rows, k, k], false), false)?
        .squeeze_dim(-1);
    Ok((argmax, definite))
}
