//! One solver on one problem with more and more iterations.

use std::fmt;
use std::time::{Duration, Instant};

use efy_core::device::read;
use efy_core::domain::Cube;
use efy_core::solver::{Options, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::Specification;
use crate::Result;
use crate::config::{Dtype, SolverKind};
use crate::experiment::Hardware;

/// A solve is repeated for this long even if that makes more repeats: the smallest of a few short times
/// says more about what else the machine does.
const AT_LEAST: Duration = Duration::from_millis(50);

/// A solver on a problem.
#[derive(Debug, Serialize)]
pub(super) struct Race {
    pub problem: Specification,
    pub solver: SolverKind,
    pub rows: usize,
    pub seed: u64,
    pub dtype: Dtype,
    pub repeats: usize,
    pub iterations: Vec<usize>,
    pub stop: f64,
    /// Times of another machine are no times of this one.
    pub hardware: Hardware,
}

impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.problem.name, self.solver_name())
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Why there are no points.
    pub unsupported: Option<String>,
    /// One for each number of iterations, up to the first that leaves nothing but rounding.
    pub points: Vec<Point>,
}

/// A batch solved with a number of iterations at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    /// Iterations at most.
    pub iterations: usize,
    /// Wall time of the batch, the smallest of the repeats.
    pub seconds: f64,
    /// The largest residual of a row.
    pub residual: f64,
    /// The largest certified gap of a row, where there is a bound.
    pub gap: Option<f64>,
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.points.last(), &self.unsupported) {
            (Some(last), _) => write!(
                f,
                "residual {:.1e} after {:.3} ms",
                last.residual,
                last.seconds * 1e3
            ),
            (None, Some(why)) => f.write_str(why),
            (None, None) => f.write_str("nothing to run"),
        }
    }
}

impl Race {
    /// The solver's name in configurations.
    pub fn solver_name(&self) -> String {
        match serde_json::to_value(self.solver) {
            Ok(Value::String(name)) => name.replace('_', " "),
            _ => format!("{:?}", self.solver),
        }
    }

    /// Runs it. That the solver has no method for the problem is a result.
    ///
    /// # Errors
    /// What energy and solver report otherwise.
    pub fn run(&self) -> Result<Curve> {
        let energy = self
            .problem
            .energy(self.rows, self.seed, self.dtype.kind())?;
        let regularizer = self.problem.regularizer.build(1.0)?;
        let problem = Problem {
            energy: energy.as_ref(),
            regularizer: regularizer.as_ref(),
            domain: &Cube,
        };
        let mut curve = Curve {
            unsupported: None,
            points: Vec::new(),
        };
        for &iterations in &self.iterations {
            match self.point(&problem, iterations) {
                Ok(point) => {
                    curve.points.push(point);
                    if point.residual <= self.stop {
                        break;
                    }
                }
                Err(error @ efy_core::Error::Unsupported { .. }) => {
                    curve.unsupported = Some(error.to_string());
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(curve)
    }

    /// The batch with a number of iterations.
    fn point(&self, problem: &Problem<'_>, iterations: usize) -> efy_core::Result<Point> {
        let options = |certify| Options {
            tolerance: 0.0,
            max_iterations: iterations,
            check_every: 0,
            certify,
        };
        let scored = self.solver.build(options(true)).solve(problem, None)?;
        let timed = self.solver.build(options(false));
        let mut seconds = f64::INFINITY;
        let (first, mut repeats) = (Instant::now(), 0);
        while repeats < self.repeats.max(1) || first.elapsed() < AT_LEAST {
            let started = Instant::now();
            let _solution = timed.solve(problem, None)?;
            seconds = seconds.min(started.elapsed().as_secs_f64());
            repeats += 1;
        }
        let largest = |values: &tch::Tensor| -> efy_core::Result<f64> {
            let values: Vec<f64> = read::to_vec(values)?;
            Ok(values.into_iter().fold(0.0, f64::max))
        };
        let gap = match &scored.certificate {
            Some(certificate) => Some(largest(&certificate.gap)?).filter(|gap| gap.is_finite()),
            None => None,
        };
        Ok(Point {
            iterations,
            seconds,
            residual: largest(&scored.report.residual)?,
            gap,
        })
    }
}
