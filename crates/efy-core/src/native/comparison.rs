//! The Fenchel-Young loss of a batch and its envelope gradient in one pass over the rows.

use multiversion::multiversion;
use tch::{Kind, Tensor};

use super::input::{Block, Input};
use super::matrix::Matrix;
use super::{LANES, Real, Scratch, by_chunks, gather};
use crate::Result;
use crate::device::read;
use crate::energy::{Coupling, Form};
use crate::solver::Problem;

/// The mean loss and its gradients in the energy's parameters.
pub(crate) struct Comparison {
    /// $\frac1B \sum_i L(v_i, y_i)$.
    pub(crate) mean: f64,
    /// $(\hat y - y) / B$, `[B, k]`.
    pub(crate) u: Tensor,
    /// $-\frac1B \sum_i (\hat y_i \hat y_i^\top - y_i y_i^\top) A$, `[k, m]`, for a low-rank coupling.
    pub(crate) factor: Option<Tensor>,
}

/// Whether [`compare`] handles a problem: on the CPU, a linear energy or a quadratic one with a
/// low-rank coupling shared by all rows.
pub(crate) fn comparable(problem: &Problem<'_>) -> bool {
    let form = match problem.energy.form() {
        Form::Linear { .. } => true,
        Form::Quadratic {
            coupling: coupling @ Coupling::LowRank(_),
            ..
        } => coupling.shared(),
        _ => false,
    };
    form && problem.separable_on_box().is_some() && problem.on_cpu()
}

/// Compares predictions `argmax` with `target`, both `[B, k]`, for a [`comparable`] problem.
pub(crate) fn compare(
    problem: &Problem<'_>,
    argmax: &Tensor,
    target: &Tensor,
) -> Result<Comparison> {
    match argmax.kind() {
        Kind::Double => run::<f64>(problem, argmax, target),
        _ => run::<f32>(problem, argmax, target),
    }
}

/// Sums over some rows.
struct Sums<T> {
    loss: T,
    factor: Vec<T>,
}

fn run<T: Real>(problem: &Problem<'_>, argmax: &Tensor, target: &Tensor) -> Result<Comparison> {
    let input = Input::<T>::factored(problem)?;
    let (rows, k) = (input.rows, input.k);
    let mut difference: Vec<T> = read::to_vec(argmax)?;
    let target: Vec<T> = read::to_vec(target)?;
    let scale = T::one() / super::real(rows.max(1) as f64);
    let chunk = input.chunk(LANES);
    let sum_chunk = |index: usize, points: &mut [T]| {
        let from = index * chunk * k;
        compare_rows(
            &input,
            index * chunk,
            points,
            &target[from..from + points.len()],
            scale,
        )
    };
    // The same chunks whatever the number of threads, added in their order: the same bits.
    let sums = by_chunks(&mut difference, k * chunk, input.worth_threads(), sum_chunk);
    let rank = input.rank();
    let mut total = Sums {
        loss: T::zero(),
        factor: vec![T::zero(); k * rank],
    };
    for part in &sums {
        total.loss += part.loss;
        total
            .factor
            .iter_mut()
            .zip(&part.factor)
            .for_each(|(sum, &part)| *sum += part);
    }
    let matrix = |values: &[T], columns: usize| -> Result<Tensor> {
        Ok(Tensor::f_from_slice(values)?.f_view([-1, columns as i64])?)
    };
    Ok(Comparison {
        mean: (total.loss * scale).to_f64().unwrap_or(f64::NAN),
        u: matrix(&difference, k)?,
        factor: if rank > 0 {
            Some(matrix(&total.factor, rank)?)
        } else {
            None
        },
    })
}

/// Turns `points`, the predictions, into gradients in u, and returns the sums.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn compare_rows<T: Real>(
    input: &Input<T>,
    first: usize,
    points: &mut [T],
    target: &[T],
    scale: T,
) -> Sums<T> {
    let k = input.k;
    let zeros = || vec![[T::zero(); LANES]; k];
    let (mut u, mut p, mut y) = (zeros(), zeros(), zeros());
    let mut scratch = Scratch {
        product: zeros(),
        factor: Vec::new(),
    };
    let mut of_difference: Vec<[T; LANES]> = Vec::new();
    let mut factor = vec![[T::zero(); LANES]; k * input.rank()];
    let mut loss = [T::zero(); LANES];
    for (offset, (points, target)) in points
        .chunks_mut(k * LANES)
        .zip(target.chunks(k * LANES))
        .enumerate()
    {
        gather(points, &mut p);
        gather(target, &mut y);
        let live = points.len() / k;
        let block = input.block(first + offset * LANES, live, &mut u);
        let part = split(&block, &mut p, &mut y);
        // From here on p is the difference and y the midpoint.
        block
            .matrix
            .apply(&y, &mut scratch.product, &mut scratch.factor);
        let mut row_loss = part;
        for ((d, u), product) in p.iter().zip(block.u).zip(&scratch.product) {
            for lane in 0..LANES {
                row_loss[lane] += d[lane] * (u[lane] + product[lane]);
            }
        }
        for lane in 0..live {
            loss[lane] += row_loss[lane];
        }
        if let Matrix::LowRank(_, rank) = block.matrix {
            block.matrix.factor_product(&p, &mut of_difference);
            for ((row, d), mid) in factor.chunks_exact_mut(rank).zip(&p).zip(&y) {
                accumulate(row, d, &scratch.factor);
                accumulate(row, mid, &of_difference);
            }
        }
        for (lane, row) in points.chunks_exact_mut(k).enumerate() {
            row.iter_mut()
                .zip(&p)
                .for_each(|(value, d)| *value = d[lane] * scale);
        }
    }
    let over_lanes = |lanes: &[T; LANES]| lanes.iter().fold(T::zero(), |sum, &value| sum + value);
    Sums {
        loss: over_lanes(&loss),
        factor: factor
            .iter()
            .map(|lanes| -over_lanes(lanes) * scale)
            .collect(),
    }
}

/// Replaces (p, y) by $(p - y, (p + y) / 2)$ and returns $\Omega(y) - \Omega(p)$ of each lane.
#[inline(always)]
fn split<T: Real>(
    block: &Block<'_, T, LANES>,
    p: &mut [[T; LANES]],
    y: &mut [[T; LANES]],
) -> [T; LANES] {
    let half = super::real::<T>(0.5);
    let mut omega = [T::zero(); LANES];
    for (p, y) in p.iter_mut().zip(y) {
        let difference = block.omega.difference_lanes(y, p);
        for lane in 0..LANES {
            omega[lane] += difference[lane];
            (p[lane], y[lane]) = (p[lane] - y[lane], half * (p[lane] + y[lane]));
        }
    }
    omega
}

/// `row[j] += x * s[j]` in every lane.
#[inline(always)]
fn accumulate<T: Real>(row: &mut [[T; LANES]], x: &[T; LANES], s: &[[T; LANES]]) {
    for (row, s) in row.iter_mut().zip(s) {
        for lane in 0..LANES {
            row[lane] += x[lane] * s[lane];
        }
    }
}
