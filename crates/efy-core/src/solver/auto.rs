//! Picks the cheapest true method for a problem.

use tch::Tensor;

use super::{
    ClosedForm, CoordinateAscent, CoordinateNewton, Mirror, Momentum, Options, Problem,
    ProjectedGradient, Solution, Solver, Step,
};
use crate::Result;
use crate::energy::{Coupling, Form};
use crate::regularizer::Separable;

/// Closed form where there is one; for quadratic energies coordinate ascent on the CPU and, on other
/// devices, accelerated projected gradient (quadratic regularizers) or mirror ascent (entropies); for
/// network energies coordinate Newton on the CPU; for everything else accelerated projected gradient with backtracking.
#[derive(Debug, Clone, Copy, Default)]
pub struct Auto {
    /// Passed on to the method that is picked.
    pub options: Options,
}

impl Auto {
    fn pick(&self, problem: &Problem<'_>) -> Box<dyn Solver> {
        let options = self.options;
        if ClosedForm::applies(problem) {
            return Box::new(ClosedForm { options });
        }
        if CoordinateNewton::applies(problem) {
            return Box::new(CoordinateNewton { options });
        }
        let Form::Quadratic { coupling, .. } = problem.energy.form() else {
            return Box::new(ProjectedGradient {
                options,
                ..ProjectedGradient::fista()
            });
        };
        match problem.regularizer.separable() {
            _ if problem.domain.bounds().is_none() => Box::new(ProjectedGradient {
                options,
                ..ProjectedGradient::fista()
            }),
            None => Box::new(ProjectedGradient {
                options,
                ..ProjectedGradient::fista()
            }),
            Some(_) if problem.on_cpu() => Box::new(CoordinateAscent { options }),
            Some(Separable::BinaryEntropy { .. }) => Box::new(Mirror { options }),
            Some(Separable::Quadratic { .. }) => Box::new(ProjectedGradient {
                step: Step::Curvature,
                // Constant momentum needs strong convexity, which Omega = 0 has not.
                momentum: match coupling {
                    Coupling::LowRank(_) if problem.regularizer.modulus(problem.domain) > 0.0 => {
                        Momentum::Constant
                    }
                    _ => Momentum::Nesterov { restart: true },
                },
                options,
            }),
            Some(_) => Box::new(CoordinateAscent { options }),
        }
    }
}

impl Solver for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        self.options.validate()?;
        self.pick(problem).solve(problem, start)
    }
}
