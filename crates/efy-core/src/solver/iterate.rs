//! The outer loop of every batched tensor solver.

use tch::{Kind, Tensor};

use super::certificate::{self, Measure};
use super::{Options, Problem, Solution};
use crate::Result;
use crate::device::read;

/// Calls `advance`, which makes one iteration on all rows and returns the iterate, until every row is
/// done.
///
/// Rows are independent: a row's answer is its own iterate at the first look at which its residual is
/// small enough, whatever the others do. Between looks nothing is masked and nothing is read.
pub(super) fn iterate(
    problem: &Problem<'_>,
    options: &Options,
    solver: &'static str,
    start: &Tensor,
    advance: impl FnMut() -> Result<Tensor>,
) -> Result<Solution> {
    iterate_until(
        Measure::FixedPoint,
        problem,
        options,
        solver,
        start,
        advance,
    )
}

/// [`iterate`] with another measure of how far a row is from done.
pub(super) fn iterate_until(
    measure: Measure,
    problem: &Problem<'_>,
    options: &Options,
    solver: &'static str,
    start: &Tensor,
    mut advance: impl FnMut() -> Result<Tensor>,
) -> Result<Solution> {
    let rows = problem.energy.size().0;
    let device = problem.energy.options().1;
    let mut answer = start.shallow_clone();
    let mut iterations =
        Tensor::f_full([rows], options.max_iterations as i64, (Kind::Int64, device))?;
    let mut done: Option<Tensor> = None;
    for iteration in 1..=options.max_iterations {
        let p = advance()?;
        let last = iteration == options.max_iterations;
        let look = options.check_every > 0 && iteration % options.check_every == 0;
        if !(last || look) {
            continue;
        }
        answer = match &done {
            Some(done) => answer.where_self(&done.unsqueeze(-1), &p),
            None => p,
        };
        if last {
            break;
        }
        let small = certificate::solved(measure, problem, &answer, options);
        let before = match &done {
            Some(done) => done.shallow_clone(),
            None => small.zeros_like(),
        };
        let newly = small.logical_and(&before.logical_not());
        iterations = iterations.masked_fill(&newly, iteration as i64);
        let now = before.logical_or(&newly);
        let finished = read::scalar(&now.all())? != 0.0;
        done = Some(now);
        if finished {
            break;
        }
    }
    Ok(certificate::certify(
        measure, problem, answer, iterations, options, solver,
    ))
}
