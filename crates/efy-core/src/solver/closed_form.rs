//! Problems whose maximum has a formula.

use tch::{Kind, Tensor};

use super::certificate::{self, Measure};
use super::{Certificate, Options, Problem, Report, Solution, Solver};
use crate::Result;
use crate::device::constant_rows;
use crate::energy::{Coupling, Form};
use crate::regularizer::Separable;

/// Linear energies with any regularizer that has a closed-form argmax on the domain, and quadratic
/// energies with a quadratic regularizer on $\mathbb{R}^k$, where $\hat y = (cI - U)^{-1}(u - s)$.
///
/// If $cI - U$ is not positive definite the maximum is infinite: the row is reported as not converged
/// with an infinite gap. Otherwise a formula is exact up to rounding: residual and gap of a linear
/// energy are reported as 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClosedForm {
    /// Only [`Options::certify`] matters.
    pub options: Options,
}

impl ClosedForm {
    /// Whether there is a formula for this problem with a quadratic energy.
    pub(super) fn applies(problem: &Problem<'_>) -> bool {
        matches!(problem.energy.form(), Form::Quadratic { .. })
            && unconstrained_quadratic(problem).is_some()
    }

    /// The solution of a linear problem, where there is a formula; `start` is checked and not used.
    pub(super) fn linear(
        &self,
        problem: &Problem<'_>,
        start: Option<&Tensor>,
    ) -> Result<Option<Solution>> {
        let Form::Linear { u } = problem.energy.form() else {
            return Ok(None);
        };
        let _guard = tch::no_grad_guard();
        if let Some(start) = start {
            problem.check_start(start)?;
        }
        let u = u.detach();
        match problem.regularizer.argmax(&u, problem.domain) {
            Some(argmax) => Ok(Some(self.linear_at(problem, &u, argmax)?)),
            None => Ok(None),
        }
    }

    fn linear_at(&self, problem: &Problem<'_>, u: &Tensor, argmax: Tensor) -> Result<Solution> {
        let (rows, _) = problem.energy.size();
        let device = problem.energy.options().1;
        // 0, but not a number for a row of u that is not finite.
        let zeros = argmax.sum_dim_intlist(-1, false, None) * 0.0;
        let certificate = self.options.certify.then(|| Certificate {
            value: problem.regularizer.conjugate(u, &argmax, problem.domain),
            gap: zeros.shallow_clone(),
        });
        let report = Report {
            solver: self.name(),
            iterations: constant_rows(0.0, rows, (Kind::Int64, device))?,
            converged: zeros.eq(0.0),
            residual: zeros,
        };
        Ok(Solution {
            argmax,
            report,
            certificate,
        })
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
        problem.domain.check(problem.energy.size().1)?;
        if let Some(start) = start {
            problem.check_start(start)?;
        }
        if let Some(solution) = self.linear(problem, start)? {
            return Ok(solution);
        }
        let (Form::Quadratic { u, coupling }, Some((curvature, slope))) =
            (problem.energy.form(), unconstrained_quadratic(problem))
        else {
            return Err(problem.unsupported(self.name(), "use solver auto"));
        };
        let (argmax, definite) = stationary_point(u, coupling, curvature, slope)?;
        let (rows, _) = problem.energy.size();
        let iterations = constant_rows(0.0, rows, (Kind::Int64, argmax.device()))?;
        // Rounding grows with the size of the numbers: what there is of a residual is no failure.
        let options = Options {
            tolerance: f64::INFINITY,
            ..self.options
        };
        let mut solution = certificate::certify(
            Measure::FixedPoint,
            problem,
            argmax,
            iterations,
            &options,
            self.name(),
        );
        if let Some(Certificate { gap, .. }) = &mut solution.certificate {
            *gap = gap.where_self(&definite, &gap.full_like(f64::INFINITY));
        }
        solution.report.converged = solution.report.converged.logical_and(&definite);
        Ok(solution)
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
    let hessian = eye * curvature - coupling.dense_by_row(rows);
    let right = (u.detach() - slope).unsqueeze(-1);
    let hessian = if coupling.shared() {
        hessian.unsqueeze(0)
    } else {
        hessian
    };
    let (factor, info) = hessian.f_linalg_cholesky_ex(false, false)?;
    let definite = info.eq(0).expand([rows], false);
    let argmax = right
        .f_cholesky_solve(&factor.expand([rows, k, k], false), false)?
        .squeeze_dim(-1);
    Ok((argmax, definite))
}
