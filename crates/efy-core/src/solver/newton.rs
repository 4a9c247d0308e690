//! Newton's method in the dual variable, on boxes.

use tch::{Kind, Tensor};

use super::certificate::epsilon;
use super::iterate::iterate;
use super::line_search::{MOST_HALVINGS, all_on_cpu};
use super::newton_system::System;
use super::{Options, Problem, Solution, Solver};
use crate::{Result, shape};

/// The fraction of the promised ascent that a step must bring (Armijo).
const ENOUGH: f64 = 1e-4;
/// A coordinate at most this far from its end, and pushed outwards, counts as there.
const NEAR: f64 = 1e-3;

/// $p(t) = \nabla\Omega^*(\theta + t\,\Delta)$ with $\theta = \nabla\Omega(p)$ and
/// $(I + M D)\Delta = \nabla\Phi(p) - \theta$ on the free coordinates, where $M = -\nabla^2\Phi(p)$ and
/// $D = \nabla^2\Omega(p)^{-1}$; t is 1, halved until F rises enough.
///
/// For quadratic $\Omega$ this is the projected Newton method (Bertsekas 1982) with $-\nabla^2 F$ on the
/// coordinates that are not held at an end of the box; for the binary negentropy it is Newton in
/// logit space, which never meets the entropy's infinite slope. Quadratic convergence: the reference to the
/// last digit, in about ten iterations. The systems of all rows are solved at once, by Cholesky for
/// quadratic energies, by conjugate gradients on Hessian products for others.
///
/// For boxes and regularizers that are strongly convex and have a closed-form argmax. Where F is not
/// concave, quadratic energies are bent until it is and others stop their inner iteration at the first
/// direction of wrong curvature: the result is a stationary point.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Newton {
    /// When to stop.
    pub options: Options,
}

impl Solver for Newton {
    fn name(&self) -> &'static str {
        "newton"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        let start = problem.start(start)?;
        let strong = problem.regularizer.modulus(problem.domain) > 0.0;
        let (Some(bounds), true) = (problem.domain.bounds(), strong && problem.has_argmax()?)
        else {
            let hint = "it needs a box and a strongly convex regularizer with an argmax on it";
            return Err(problem.unsupported(self.name(), hint));
        };
        let system = System::new(problem)?;
        let steep = problem.regularizer.is_steep();
        let mut p = if steep {
            problem.interior(&start)
        } else {
            start.shallow_clone()
        };
        let mut theta = problem.regularizer.gradient(&p);
        iterate(problem, &self.options, self.name(), &start, || {
            theta = at_ends(problem, bounds, &p, &theta);
            let gradient = problem.energy.gradient(&p);
            let push = &gradient - &theta;
            let free = self.free(problem, bounds, &p, &gradient, &push)?;
            let inverse = problem.regularizer.curvature(&p).reciprocal();
            let direction = system.direction(problem, &p, &(inverse * free), &push)?;
            (p, theta) = self.search(problem, &p, &theta, &push, &direction)?;
            Ok(p.shallow_clone())
        })
    }
}

impl Newton {
    /// 1 for the coordinates that Newton's system is about, 0 for those that are held at an end of the
    /// box: at most `min(NEAR, residual)` from it, and pushed outwards.
    fn free(
        &self,
        problem: &Problem<'_>,
        (low, high): (f64, f64),
        p: &Tensor,
        gradient: &Tensor,
        push: &Tensor,
    ) -> Result<Tensor> {
        let image = problem.argmax(gradient, self.name())?;
        let near = (image - p)
            .abs()
            .amax([-1].as_slice(), true)
            .clamp_max(NEAR);
        let held_low = (p - low).le_tensor(&near).logical_and(&push.lt(0.0));
        let held_high = (high - p).le_tensor(&near).logical_and(&push.gt(0.0));
        Ok(held_low
            .logical_or(&held_high)
            .logical_not()
            .to_kind(p.kind()))
    }

    /// The point and its dual after a step along `direction`; the same point where no step brings
    /// enough.
    fn search(
        &self,
        problem: &Problem<'_>,
        p: &Tensor,
        theta: &Tensor,
        push: &Tensor,
        direction: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let rows = [p.size()[0], 1];
        let mut t = Tensor::f_ones(rows, (p.kind(), p.device()))?;
        let mut accepted = Tensor::f_zeros(rows, (Kind::Bool, p.device()))?;
        let (mut best, mut dual) = (p.shallow_clone(), theta.shallow_clone());
        let before = problem.value(p);
        let noise = before.abs().clamp_min(1.0) * (8.0 * epsilon(p.kind()));
        for _ in 0..MOST_HALVINGS {
            let there = theta + direction * &t;
            let q = problem.argmax(&there, self.name())?;
            let d = &q - p;
            let promise = shape::dot(push, &d);
            let rise = problem.value(&q) - &before;
            let armijo = rise.ge_tensor(&(&promise * ENOUGH));
            // Near the maximum values are all rounding, and slopes are not: the same test for a
            // parabola (Hager and Zhang 2005).
            let slope = shape::dot(&(problem.energy.gradient(&q) - &there), &d);
            let wolfe = slope
                .ge_tensor(&(&promise * (2.0 * ENOUGH - 1.0)))
                .logical_and(&rise.ge_tensor(&noise.neg()));
            let enough = armijo
                .logical_or(&wolfe)
                .logical_and(&promise.ge(0.0))
                .unsqueeze(-1);
            let newly = enough.logical_and(&accepted.logical_not());
            best = q.where_self(&newly, &best);
            dual = there.where_self(&newly, &dual);
            accepted = accepted.logical_or(&enough);
            if all_on_cpu(&accepted)? {
                break;
            }
            t *= 0.5;
        }
        Ok((best, dual))
    }
}

/// $\theta$, at the ends of the box $\nabla\Omega(p)$ where that is finite: beyond it the argmax does not
/// change.
fn at_ends(problem: &Problem<'_>, (low, high): (f64, f64), p: &Tensor, theta: &Tensor) -> Tensor {
    let slope = problem.regularizer.gradient(p);
    let at_end = p.le(low).logical_or(&p.ge(high));
    slope.where_self(&at_end.logical_and(&slope.isfinite()), theta)
}
