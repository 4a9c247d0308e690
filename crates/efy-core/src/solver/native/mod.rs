//! Native loops over rows for linear and quadratic energies on the CPU.
//!
//! A row's problem is tiny (k numbers and a shared matrix), so one that is solved to the end while it
//! is in cache beats any batched operation, and stops when it is done, not when the slowest row is.
//! Rows are spread over rayon's threads; the result of a row depends on that row alone.

mod certificate;
mod coordinate;
mod gradient;
mod input;
mod matrix;
mod omega;

use rayon::prelude::*;
use tch::{Kind, Tensor, kind::Element};

use super::gradient::{ProjectedGradient, Rates};
use super::{Certificate, Options, Problem, Report, Solution};
use crate::Result;
use crate::device::read;
use input::Input;

/// f32 or f64.
trait Real: num_traits::Float + num_traits::NumAssign + Element + Send + Sync {}
impl Real for f32 {}
impl Real for f64 {}

/// A literal in the working precision.
fn real<T: Real>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

/// Coordinate ascent from `start`.
pub(super) fn coordinate_ascent(
    problem: &Problem<'_>,
    start: &Tensor,
    options: &Options,
) -> Result<Solution> {
    fn run<T: Real>(problem: &Problem<'_>, start: &Tensor, options: &Options) -> Result<Solution> {
        let input = Input::<T>::new(problem)?;
        solve_rows(
            &input,
            start,
            options,
            "coordinate_ascent",
            |row, p, scratch| coordinate::ascend(&row, p, scratch, options),
        )
    }
    match start.kind() {
        Kind::Double => run::<f64>(problem, start, options),
        _ => run::<f32>(problem, start, options),
    }
}

/// Projected gradient from `start`; `step` holds known steps, a scalar or `[B, 1]`.
pub(super) fn projected_gradient(
    solver: &ProjectedGradient,
    problem: &Problem<'_>,
    start: &Tensor,
    step: Option<&Tensor>,
) -> Result<Solution> {
    fn run<T: Real>(
        solver: &ProjectedGradient,
        problem: &Problem<'_>,
        start: &Tensor,
        step: Option<&Tensor>,
    ) -> Result<Solution> {
        let input = Input::<T>::new(problem)?;
        let known: Option<Vec<T>> = step.map(read::to_vec).transpose()?;
        let rule = gradient::Rule::new(solver, known, Rates::modulus_root(problem));
        solve_rows(
            &input,
            start,
            &solver.options,
            super::Solver::name(solver),
            |row, p, scratch| gradient::ascend(&row, p, scratch, &rule, &solver.options),
        )
    }
    match start.kind() {
        Kind::Double => run::<f64>(solver, problem, start, step),
        _ => run::<f32>(solver, problem, start, step),
    }
}

/// What is known of a row when its solver stops.
struct Outcome<T> {
    iterations: i64,
    residual: T,
    value: T,
    gap: T,
}

/// Solves every row with `solve`, which improves `p` in place and returns its iterations.
fn solve_rows<T: Real>(
    input: &Input<T>,
    start: &Tensor,
    options: &Options,
    solver: &'static str,
    solve: impl Fn(input::Row<'_, T>, &mut [T], &mut Vec<T>) -> i64 + Sync,
) -> Result<Solution> {
    let (rows, k) = (input.rows, input.k);
    let mut argmax: Vec<T> = read::to_vec(start)?;
    let solve_chunk = |(chunk, points): (usize, &mut [T])| -> Vec<Outcome<T>> {
        let mut scratch = Vec::new();
        let rows = points.chunks_mut(k).enumerate().map(|(offset, p)| {
            let row = input.row(chunk * input.chunk + offset);
            let iterations = solve(row, p, &mut scratch);
            certificate::outcome(&row, p, &mut scratch, iterations, options.certify)
        });
        rows.collect()
    };
    let outcomes: Vec<Vec<Outcome<T>>> = if input.worth_threads() {
        argmax
            .par_chunks_mut(k * input.chunk)
            .enumerate()
            .map(solve_chunk)
            .collect()
    } else {
        argmax
            .chunks_mut(k * input.chunk)
            .enumerate()
            .map(solve_chunk)
            .collect()
    };
    let flat = || outcomes.iter().flatten();
    let column = |f: fn(&Outcome<T>) -> T| Tensor::f_from_slice(&flat().map(f).collect::<Vec<T>>());
    let iterations: Vec<i64> = flat().map(|outcome| outcome.iterations).collect();
    let residual = column(|outcome| outcome.residual)?;
    let report = Report {
        solver,
        iterations: Tensor::f_from_slice(&iterations)?,
        converged: residual.le(options.tolerance),
        residual,
    };
    let certificate = match options.certify {
        true => Some(Certificate {
            value: column(|outcome| outcome.value)?,
            gap: column(|outcome| outcome.gap)?,
        }),
        false => None,
    };
    let argmax = Tensor::f_from_slice(&argmax)?.f_reshape([rows as i64, k as i64])?;
    Ok(Solution {
        argmax,
        report,
        certificate,
    })
}
