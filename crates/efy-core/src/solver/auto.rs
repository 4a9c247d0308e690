//! Picks the cheapest true method for a problem.

use tch::Tensor;

use super::step::quadratic_regularizer;
use super::{
    ClosedForm, CoordinateAscent, CoordinateNewton, Mirror, Momentum, Options, Problem,
    ProjectedGradient, ProximalGradient, Solution, Solver, Step,
};
use crate::Result;
use crate::energy::{Coupling, Form};

/// In this order: the closed form where there is one; on the CPU coordinate ascent for quadratic
/// energies and coordinate Newton for network
/// energies on boxes; for regularizers of infinite slope at the boundary mirror ascent where they have a
/// closed-form argmax on the domain, else accelerated proximal gradient; for quadratic regularizers,
/// and where there is none, accelerated projected gradient; for others accelerated proximal gradient,
/// mirror ascent or accelerated projected gradient, the first that applies.
///
/// Steps come from the curvature of quadratic energies, off the CPU of networks as well, for others from
/// backtracking. For an energy
/// that is not concave the result is a stationary point, see [`MultiStart`](super::MultiStart).
#[derive(Debug, Clone, Copy, Default)]
pub struct Auto {
    /// Passed on to the method that is picked.
    pub options: Options,
}

impl Auto {
    fn pick(&self, problem: &Problem<'_>) -> Result<Box<dyn Solver>> {
        let options = self.options;
        if ClosedForm::applies(problem) {
            return Ok(Box::new(ClosedForm { options }));
        }
        if problem.on_cpu() && CoordinateAscent::applies(problem) {
            return Ok(Box::new(CoordinateAscent { options }));
        }
        if CoordinateNewton::applies(problem) {
            return Ok(Box::new(CoordinateNewton { options }));
        }
        let mirror = || {
            Box::new(Mirror {
                options,
                ..Mirror::default()
            })
        };
        let proximal = || {
            Box::new(ProximalGradient {
                options,
                ..ProximalGradient::default()
            })
        };
        let fista = Box::new(ProjectedGradient {
            step: Step::Automatic,
            momentum: momentum(problem),
            options,
        });
        if problem.regularizer.is_steep() {
            if problem.has_argmax()? {
                return Ok(mirror());
            }
            if ProximalGradient::applies(problem)? {
                return Ok(proximal());
            }
            let hint = "no method knows this regularizer on this domain";
            return Err(problem.unsupported(self.name(), hint));
        }
        if quadratic_regularizer(problem).is_some()
            || problem.regularizer.modulus(problem.domain) <= 0.0
        {
            return Ok(fista);
        }
        if ProximalGradient::applies(problem)? {
            return Ok(proximal());
        }
        if problem.has_argmax()? {
            return Ok(mirror());
        }
        Ok(fista)
    }
}

/// Constant momentum where the objective is known to be strongly concave, and how much.
fn momentum(problem: &Problem<'_>) -> Momentum {
    let low_rank = matches!(
        problem.energy.form(),
        Form::Quadratic {
            coupling: Coupling::LowRank(_),
            ..
        }
    );
    match quadratic_regularizer(problem) {
        Some((curvature, _)) if low_rank && curvature > 0.0 => Momentum::Constant,
        _ => Momentum::Nesterov { restart: true },
    }
}

impl Solver for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        self.options.validate()?;
        problem.domain.check(problem.energy.size().1)?;
        let options = self.options;
        // The formula itself is the cheapest way to find out whether there is one.
        match (ClosedForm { options }).linear(problem, start)? {
            Some(solution) => Ok(solution),
            None => self.pick(problem)?.solve(problem, start),
        }
    }
}
