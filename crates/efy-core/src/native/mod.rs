//! Native loops over rows for linear, quadratic and network energies on the CPU.
//!
//! A row's problem is tiny (k numbers and a shared matrix), so one that is solved to the end while it
//! is in cache beats any batched operation. Rows that share a matrix are solved eight at a time, one in
//! each lane of the vector registers, so that every load of the matrix serves eight rows; a lane that
//! is done is frozen. Blocks of rows are spread over rayon's threads. What a row gets depends on that
//! row alone, to the last bit.

mod apart;
mod certificate;
mod chunks;
mod comparison;
mod coordinate;
pub(crate) mod dense;
mod elementary;
mod fused;
pub(crate) mod gda;
mod gibbs;
mod gradient;
mod groups;
mod input;
mod joint;
mod lanes;
mod local_search;
mod matrix;
mod network;
pub(crate) mod normal;
mod omega;
pub(crate) mod projection;
mod root;
mod rows;
mod swap;

use tch::{Kind, Tensor, kind::Element};

use crate::Result;
use crate::device::read;
use crate::solver::gradient::Rates;
use crate::solver::{Certificate, Options, Problem, ProjectedGradient, Report, Solution, Solver};
use chunks::by_chunks;
use coordinate::Gram;
use input::{Block, Input};
use lanes::gather;

pub(crate) use comparison::{Comparison, comparable, compare};
pub(crate) use gibbs::gibbs;
pub(crate) use joint::{Codes, Coding, Rows, Source, joint};
pub(crate) use local_search::local_search;
pub(crate) use network::coordinate_newton;
pub(crate) use omega::Omega;
pub(crate) use root::root;
#[cfg(test)]
pub(crate) use rows::batched;
pub(crate) use rows::{RowKernel, by_rows};
pub(crate) use swap::swap_metropolis;

/// Rows that are solved side by side when they share a matrix.
const LANES: usize = 8;

/// f32 or f64.
pub(crate) trait Real:
    elementary::Elementary + num_traits::NumAssign + Element + Send + Sync
{
}
impl Real for f32 {}
impl Real for f64 {}

/// A literal in the working precision.
pub(crate) fn real<T: Real>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

/// Coordinate ascent from `start`, or from the domain's centre.
pub(crate) fn coordinate_ascent(
    problem: &Problem<'_>,
    start: Option<&Tensor>,
    options: &Options,
) -> Result<Solution> {
    fn run<T: Real, const L: usize>(
        problem: &Problem<'_>,
        start: Option<&Tensor>,
        options: &Options,
    ) -> Result<Solution> {
        input::wake_for(problem);
        let start = input::start::<T>(problem, start)?;
        let input = Input::<T>::new(problem, options.certify)?;
        let name = "coordinate_ascent";
        if apart::applies(&input) {
            solve_apart::<T, L>(&input, start, options, name)
        } else if input.shared() && !input.is_apart() {
            let gram = Gram::shared(&input.matrix(0), input.omega());
            solve_blocks::<T, L>(&input, start, options, name, |block, p, scratch| {
                coordinate::ascend(block, p, scratch, &gram, options)
            })
        } else {
            solve_blocks::<T, 1>(&input, start, options, name, |block, p, scratch| {
                let gram = Gram::new(&block.matrix);
                coordinate::ascend(block, p, scratch, &gram, options)
            })
        }
    }
    match problem.energy.options().0 {
        Kind::Double => run::<f64, LANES>(problem, start, options),
        _ => run::<f32, { 2 * LANES }>(problem, start, options),
    }
}

/// Projected gradient from `start`; `step` holds known steps, a scalar or `[B, 1]`.
pub(crate) fn projected_gradient(
    solver: &ProjectedGradient,
    problem: &Problem<'_>,
    start: &Tensor,
    step: Option<&Tensor>,
) -> Result<Solution> {
    fn run<T: Real, const L: usize>(
        solver: &ProjectedGradient,
        problem: &Problem<'_>,
        start: &Tensor,
        step: Option<&Tensor>,
    ) -> Result<Solution> {
        let options = &solver.options;
        let input = Input::<T>::new(problem, options.certify)?;
        let known: Option<Vec<T>> = step.map(read::to_vec).transpose()?;
        let rule = gradient::Rule::new(solver, known, Rates::modulus_root(problem));
        let name = solver.name();
        let start = read::to_vec(start)?;
        if input.shared() {
            solve_blocks::<T, L>(&input, start, options, name, |block, p, scratch| {
                gradient::ascend(block, p, scratch, &rule, options)
            })
        } else {
            solve_blocks::<T, 1>(&input, start, options, name, |block, p, scratch| {
                gradient::ascend(block, p, scratch, &rule, options)
            })
        }
    }
    match start.kind() {
        Kind::Double => run::<f64, LANES>(solver, problem, start, step),
        _ => run::<f32, { 2 * LANES }>(solver, problem, start, step),
    }
}

/// Buffers of one thread.
struct Scratch<T, const L: usize> {
    /// `U p`, `[k]`.
    product: Vec<[T; L]>,
    /// `A^T p`, `[m]`.
    factor: Vec<[T; L]>,
}

/// What is known of a row when its solver stops.
struct Outcome<T> {
    iterations: i64,
    converged: bool,
    residual: T,
    value: T,
    gap: T,
}

/// Solves block after block with `solve`, which improves `p` in place and returns the iterations of
/// each lane.
fn solve_blocks<T: Real, const L: usize>(
    input: &Input<T>,
    start: Vec<T>,
    options: &Options,
    solver: &'static str,
    solve: impl Fn(&Block<'_, T, L>, &mut [[T; L]], &mut Scratch<T, L>) -> [i64; L] + Sync,
) -> Result<Solution> {
    let k = input.k;
    let scratch = || {
        let scratch = Scratch {
            product: vec![[T::zero(); L]; k],
            factor: Vec::new(),
        };
        (vec![[T::zero(); L]; k], scratch)
    };
    for_blocks(
        (input.rows, k),
        input.work,
        (start, options, solver),
        scratch,
        |(u, scratch), first, live, p| {
            let block = input.block(first, live, u);
            let iterations = solve(&block, p, scratch);
            certificate::outcomes(&block, p, scratch, iterations, options)
        },
    )
}

/// As [`solve_blocks`], for rows with a small coupling each.
fn solve_apart<T: Real, const L: usize>(
    input: &Input<T>,
    start: Vec<T>,
    options: &Options,
    solver: &'static str,
) -> Result<Solution> {
    let k = input.k;
    for_blocks(
        (input.rows, k),
        input.work,
        (start, options, solver),
        || {
            let couplings = apart::Couplings::<T, L>::new(input);
            (vec![[T::zero(); L]; k], couplings)
        },
        |(u, couplings), first, live, p| {
            let block = input.block(first, live, u);
            apart::ascend(input, &block, p, couplings, options)
        },
    )
}

/// Calls `solve` for block after block with a thread's scratch, the first row, the number of rows and
/// their points from `start`, which it improves. `work` is what an iteration on one row touches.
fn for_blocks<T: Real, S, const L: usize>(
    (rows, k): (usize, usize),
    work: usize,
    (start, options, solver): (Vec<T>, &Options, &'static str),
    scratch: impl Fn() -> S + Sync,
    solve: impl Fn(&mut S, usize, usize, &mut [[T; L]]) -> [Outcome<T>; L] + Sync,
) -> Result<Solution> {
    let mut argmax = start;
    let chunk = input::chunk(work, L);
    let solve_chunk = |index: usize, points: &mut [T]| -> Vec<Outcome<T>> {
        let mut scratch = scratch();
        let mut p = vec![[T::zero(); L]; k];
        let mut outcomes = Vec::with_capacity(chunk);
        for (offset, rows) in points.chunks_mut(k * L).enumerate() {
            let live = rows.len() / k;
            gather(rows, &mut p);
            let all = solve(&mut scratch, index * chunk + offset * L, live, &mut p);
            outcomes.extend(all.into_iter().take(live));
            for (lane, row) in rows.chunks_exact_mut(k).enumerate() {
                row.iter_mut()
                    .zip(&p)
                    .for_each(|(value, lanes)| *value = lanes[lane]);
            }
        }
        outcomes
    };
    let threads = input::worth_threads(rows, work);
    let outcomes = by_chunks(&mut argmax, k * chunk, threads, solve_chunk);
    let outcomes: Vec<Outcome<T>> = outcomes.into_iter().flatten().collect();
    solution(argmax, &outcomes, (rows, k), options, solver)
}

fn solution<T: Real>(
    argmax: Vec<T>,
    outcomes: &[Outcome<T>],
    (rows, k): (usize, usize),
    options: &Options,
    solver: &'static str,
) -> Result<Solution> {
    let column = |f: fn(&Outcome<T>) -> T| -> Result<Tensor> {
        Ok(Tensor::f_from_slice(
            &outcomes.iter().map(f).collect::<Vec<T>>(),
        )?)
    };
    let iterations: Vec<i64> = outcomes.iter().map(|outcome| outcome.iterations).collect();
    let converged: Vec<bool> = outcomes.iter().map(|outcome| outcome.converged).collect();
    let report = Report {
        solver,
        iterations: Tensor::f_from_slice(&iterations)?,
        converged: Tensor::f_from_slice(&converged)?,
        residual: column(|outcome| outcome.residual)?,
    };
    let certificate = match options.certify {
        true => Some(Certificate {
            value: column(|outcome| outcome.value)?,
            gap: column(|outcome| outcome.gap)?,
        }),
        false => None,
    };
    let argmax = Tensor::f_from_slice(&argmax)?.f_view([rows as i64, k as i64])?;
    Ok(Solution {
        argmax,
        report,
        certificate,
    })
}
