//! The Fenchel-Young loss of a batch and its envelope gradient in one pass over the rows.

use multiversion::multiversion;
use tch::{Kind, Tensor};

use super::fused::{add_outers, dots};
use super::input::Input;
use super::matrix::{Matrix, SIDE_BY_SIDE};
use super::{LANES, Real, by_chunks};
use crate::Result;
use crate::device::read;
use crate::energy::{Coupling, Form};
use crate::solver::Problem;

/// Work of one rayon task, in matrix elements: some microseconds.
const CHUNK_ELEMENTS: usize = 1 << 16;
/// Batches with less work than this, some tens of microseconds, are done by one thread before another one is awake.
const WORTH_THREADS: usize = 1 << 20;

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
    // Columns of A go side by side.
    let columns = match problem.energy.form() {
        Form::Quadratic { coupling, .. } => coupling.tensor().size().last().copied(),
        _ => None,
    };
    match argmax.kind() {
        Kind::Double => run::<f64, LANES>(problem, argmax, target),
        _ if columns > Some(LANES as i64) => run::<f32, { 2 * LANES }>(problem, argmax, target),
        _ => run::<f32, LANES>(problem, argmax, target),
    }
}

/// Sums over some rows; the columns of the factor are laid out as in [`columns`].
struct Sums<T, const L: usize> {
    loss: T,
    factor: Vec<[T; L]>,
}

fn run<T: Real, const L: usize>(
    problem: &Problem<'_>,
    argmax: &Tensor,
    target: &Tensor,
) -> Result<Comparison> {
    let input = Input::<T>::factored(problem)?;
    let (rows, k, rank) = (input.rows, input.k, input.rank());
    let mut difference: Vec<T> = read::to_vec(argmax)?;
    let target: Vec<T> = read::to_vec(target)?;
    let scale = T::one() / super::real(rows.max(1) as f64);
    let a = columns::<T, L>(&input.matrix(0), k);
    let chunk = (CHUNK_ELEMENTS / input.work.max(1))
        .clamp(1, 64)
        .next_multiple_of(SIDE_BY_SIDE);
    let sum_chunk = |index: usize, points: &mut [T]| {
        let first = index * chunk;
        let target = &target[first * k..first * k + points.len()];
        compare_rows(&input, &a, first, points, target, scale)
    };
    // The same chunks whatever the number of threads, added in their order: the same bits.
    let threads = rows * input.work >= WORTH_THREADS;
    let sums = by_chunks(&mut difference, k * chunk, threads, sum_chunk);
    let mut loss = T::zero();
    let mut total = vec![[T::zero(); L]; a.len()];
    for part in &sums {
        loss += part.loss;
        let pairs = total
            .as_flattened_mut()
            .iter_mut()
            .zip(part.factor.as_flattened());
        pairs.for_each(|(sum, &part)| *sum += part);
    }
    let matrix = |values: &[T], columns: usize| -> Result<Tensor> {
        Ok(Tensor::f_from_slice(values)?.f_view([-1, columns as i64])?)
    };
    let mut factor = vec![T::zero(); k * rank];
    for (group, sums) in total.chunks_exact(k).enumerate() {
        for (row, sums) in factor.chunks_exact_mut(rank).zip(sums) {
            let columns = row.iter_mut().skip(group * L);
            columns
                .zip(sums)
                .for_each(|(value, &sum)| *value = -sum * scale);
        }
    }
    Ok(Comparison {
        mean: (loss * scale).to_f64().unwrap_or(f64::NAN),
        u: matrix(&difference, k)?,
        factor: if rank > 0 {
            Some(matrix(&factor, rank)?)
        } else {
            None
        },
    })
}

/// The columns of A in groups of L, the last one filled up with zeros: k rows of the first group, k rows of
/// the second one, and so on. Nothing without a low-rank coupling.
fn columns<T: Real, const L: usize>(matrix: &Matrix<'_, T>, k: usize) -> Vec<[T; L]> {
    let Matrix::LowRank(a, rank) = *matrix else {
        return Vec::new();
    };
    let mut all = vec![[T::zero(); L]; rank.div_ceil(L) * k];
    for (group, rows) in all.chunks_exact_mut(k).enumerate() {
        for (to, from) in rows.iter_mut().zip(a.chunks_exact(rank)) {
            let columns = from.iter().skip(group * L);
            to.iter_mut()
                .zip(columns)
                .for_each(|(to, &from)| *to = from);
        }
    }
    all
}

/// Turns `points`, the predictions, into gradients in u, and returns the sums.
///
/// With d = p - y and the midpoint z = (p + y) / 2 a loss is
/// $\Omega(y) - \Omega(p) + \langle d, u\rangle - \langle A^\top d, A^\top z\rangle$, and its gradient in A is
/// $-(d z^\top + z d^\top) A$.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
fn compare_rows<T: Real, const L: usize>(
    input: &Input<T>,
    a: &[[T; L]],
    first: usize,
    points: &mut [T],
    target: &[T],
    scale: T,
) -> Sums<T, L> {
    let k = input.k;
    let some = SIDE_BY_SIDE * k;
    // Rows that are missing from the last group are zero.
    let (mut d, mut z) = (vec![T::zero(); some], vec![T::zero(); some]);
    let mut factor = vec![[T::zero(); L]; a.len()];
    let mut loss = [T::zero(); L];
    for (group, (points, target)) in points.chunks_mut(some).zip(target.chunks(some)).enumerate() {
        let rows = points.len() / k;
        let u = input.scores(first + group * SIDE_BY_SIDE, rows);
        d[rows * k..].fill(T::zero());
        z[rows * k..].fill(T::zero());
        split(input, (&*points, target, u), &mut d, &mut z, &mut loss);
        let d_rows = std::array::from_fn::<_, SIDE_BY_SIDE, _>(|r| &d[r * k..(r + 1) * k]);
        let z_rows = std::array::from_fn::<_, SIDE_BY_SIDE, _>(|r| &z[r * k..(r + 1) * k]);
        for (a, factor) in a.chunks_exact(k).zip(factor.chunks_exact_mut(k)) {
            let (of_d, of_z) = (dots(d_rows, a), dots(z_rows, a));
            for (of_d, of_z) in of_d.iter().zip(&of_z) {
                for lane in 0..L {
                    loss[lane] -= of_d[lane] * of_z[lane];
                }
            }
            add_outers(factor, d_rows, &of_z);
            add_outers(factor, z_rows, &of_d);
        }
        for (value, &d) in points.iter_mut().zip(&d) {
            *value = d * scale;
        }
    }
    Sums {
        loss: loss.into_iter().fold(T::zero(), |sum, value| sum + value),
        factor,
    }
}

/// Writes $d = p - y$ and $z = (p + y) / 2$, and adds $\omega(y_i) - \omega(p_i) + d_i u_i$ to some lane.
#[inline(always)]
fn split<T: Real, const L: usize>(
    input: &Input<T>,
    (p, y, u): (&[T], &[T], &[T]),
    d: &mut [T],
    z: &mut [T],
    loss: &mut [T; L],
) {
    let half = super::real::<T>(0.5);
    for (((p, y), d), z) in p.iter().zip(y).zip(d).zip(z) {
        (*d, *z) = (*p - *y, half * (*p + *y));
    }
    let mut add = |p: &[T; L], y: &[T; L], u: &[T; L]| {
        let omega = input.omega().difference_lanes(y, p);
        for lane in 0..L {
            loss[lane] += omega[lane] + (p[lane] - y[lane]) * u[lane];
        }
    };
    let ((p, p_rest), (y, y_rest)) = (p.as_chunks(), y.as_chunks());
    let (u, u_rest) = u.as_chunks();
    for ((p, y), u) in p.iter().zip(y).zip(u) {
        add(p, y, u);
    }
    // What the rest is filled up with adds nothing.
    let filled = |rest: &[T]| {
        let mut lanes = [T::zero(); L];
        lanes[..rest.len()].copy_from_slice(rest);
        lanes
    };
    add(&filled(p_rest), &filled(y_rest), &filled(u_rest));
}
