//! The best of several starts, for energies that are not concave.

use rand::RngExt;
use tch::Tensor;

use super::{Certificate, Problem, Report, Solution, Solver};
use crate::random::{Stream, generator};
use crate::{Error, Result};

/// Vertices that a random point of a domain without bounds on its coordinates is a mixture of.
const MIXED: usize = 4;
/// How far from the centre towards a vertex every other start lies.
const NEAR_VERTEX: f64 = 0.95;

/// Runs a solver from several starts and keeps, for each row, the point of the largest
/// $\Phi - \Omega$.
///
/// The first start is the one that is given, else the domain's; then come random points of the domain
/// and points close to random vertices, in turns. They are the same for all rows, a function of the
/// seed alone, so that rows stay independent. For an energy that is not known to be concave the
/// certificate's gap remains infinite: the best of many starts is not certified either.
pub struct MultiStart {
    solver: Box<dyn Solver>,
    starts: usize,
    seed: u64,
}

impl MultiStart {
    /// `starts` runs of `solver`, at least one.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no start.
    pub fn new(solver: impl Solver + 'static, starts: usize, seed: u64) -> Result<Self> {
        MultiStart::from_parts(Box::new(solver), starts, seed)
    }

    /// [`new`](Self::new) of a solver that was chosen at run time.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_parts(solver: Box<dyn Solver>, starts: usize, seed: u64) -> Result<Self> {
        if starts == 0 {
            return Err(Error::Parameter {
                name: "multi_start.starts",
                expected: "at least 1",
                found: starts.to_string(),
            });
        }
        Ok(MultiStart {
            solver,
            starts,
            seed,
        })
    }

    /// A start other than the first, `[B, k]` with the same row B times.
    fn draw(&self, problem: &Problem<'_>, index: usize) -> Result<Tensor> {
        let (rows, k) = problem.energy.size();
        let options = problem.energy.options();
        let mut random = generator(self.seed, Stream::Starts, index as u64);
        let mut uniform = |low: f64, high: f64| -> Result<Tensor> {
            // Not `low..=high`, whose length may be infinite.
            let mut value = || {
                let t: f64 = random.random_range(0.0..=1.0);
                low * (1.0 - t) + high * t
            };
            let values: Vec<f64> = (0..k).map(|_| value()).collect();
            let row = Tensor::f_from_slice(&values)?.f_view([1, k])?;
            Ok(row.f_to_kind(options.0)?.f_to_device(options.1)?)
        };
        let domain = problem.domain;
        let centre = domain.start(&uniform(0.0, 0.0)?);
        let point = match domain.bounds() {
            Some((low, high)) if index % 2 == 1 && low.is_finite() && high.is_finite() => {
                uniform(low, high)?
            }
            _ => {
                let count = if index % 2 == 1 { MIXED } else { 1 };
                let mut point = centre.shallow_clone();
                for drawn in 1..=count {
                    let direction = uniform(-1.0, 1.0)?;
                    point = match domain.linear_argmax(&direction) {
                        Some(vertex) if count == 1 => centre.lerp(&vertex, NEAR_VERTEX),
                        // The mean so far, the centre counting as one.
                        Some(vertex) => point.lerp(&vertex, 1.0 / (drawn + 1) as f64),
                        None => &point + direction,
                    };
                }
                point
            }
        };
        Ok(point.f_expand([rows, k], false)?.contiguous())
    }
}

impl Solver for MultiStart {
    fn name(&self) -> &'static str {
        "multi_start"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        let mut best = self.solver.solve(problem, start)?;
        let mut value = problem.value(&best.argmax);
        for index in 1..self.starts {
            let start = self.draw(problem, index)?;
            let other = self.solver.solve(problem, Some(&start))?;
            let there = problem.value(&other.argmax);
            // False for a value that is not a number; true for any instead of one.
            let better = there
                .gt_tensor(&value)
                .logical_or(&value.isnan().logical_and(&there.isnan().logical_not()));
            value = there.where_self(&better, &value);
            best = merge(&better, other, best);
        }
        Ok(best)
    }
}

/// The rows of `a` where `which` says so, else those of `b`.
fn merge(which: &Tensor, a: Solution, b: Solution) -> Solution {
    let pick = |a: Tensor, b: Tensor| a.where_self(which, &b);
    let certificate = match (a.certificate, b.certificate) {
        (Some(a), Some(b)) => Some(Certificate {
            value: pick(a.value, b.value),
            gap: pick(a.gap, b.gap),
        }),
        _ => None,
    };
    Solution {
        argmax: a.argmax.where_self(&which.unsqueeze(-1), &b.argmax),
        report: Report {
            solver: b.report.solver,
            iterations: pick(a.report.iterations, b.report.iterations),
            residual: pick(a.report.residual, b.report.residual),
            converged: pick(a.report.converged, b.report.converged),
        },
        certificate,
    }
}
