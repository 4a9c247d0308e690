//! The outer loop of every batched tensor solver.

use tch::{Device, Kind, Tensor};

use super::certificate::{self, Measure};
use super::{Options, Problem, Solution};
use crate::Result;
use crate::device::{Flag, constant_rows};

/// Calls `advance`, which makes one iteration on all rows and returns the iterate, until every row is
/// done.
///
/// Rows are independent: a row's answer is its own iterate at the first look at which its residual is
/// small enough, whatever the others do. Between looks nothing is masked and nothing is read. Off the CPU
/// nobody waits for what a look finds: iterations are launched until the host has heard that all rows are
/// done, and those after the look change no answer. They are not launched beyond the next look, though, before
/// the device has made the last one. As a look is worth several iterations there, the number of them before it
/// doubles from each to the next.
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
    let most = options.max_iterations as f64;
    let mut iterations = constant_rows(most, rows, (Kind::Int64, device))?;
    let mut done: Option<Tensor> = None;
    let mut next_look = options.check_every;
    let mut finished: Option<Flag> = None;
    for iteration in 1..=options.max_iterations {
        if let Some(finished) = &finished
            && finished.is_set()?
        {
            break;
        }
        let p = advance()?;
        let last = iteration == options.max_iterations;
        if !(last || iteration == next_look) {
            continue;
        }
        if let Some(finished) = &finished {
            finished.await_answer()?;
            if finished.is_set()? {
                break;
            }
        }
        next_look = match device {
            Device::Cpu => next_look + options.check_every,
            _ => 2 * next_look,
        };
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
        finished = Some(Flag::post(&now.all())?);
        done = Some(now);
    }
    Ok(certificate::certify(
        measure, problem, answer, iterations, options, solver,
    ))
}
