//! U as slices: dense or $-AA^\top$, applied to several rows side by side.

use std::hint::black_box;

use super::Real;
use super::lanes::total;

/// Rows of the matrix that are worked on together: as many as the registers hold the sums of.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// The matrix of a block of rows.
#[derive(Clone, Copy)]
pub(super) enum Matrix<'a, T> {
    /// U = 0.
    Zero,
    /// Symmetric, k x k, row by row.
    Dense(&'a [T]),
    /// $-AA^\top$, A being k x m, row by row.
    LowRank(&'a [T], usize),
}

impl<T: Real> Matrix<'_, T> {
    /// `out = U p` in every lane. `factor` is resized as needed.
    #[inline(always)]
    pub(super) fn apply<const L: usize>(
        &self,
        p: &[[T; L]],
        out: &mut [[T; L]],
        factor: &mut Vec<[T; L]>,
    ) {
        match *self {
            Matrix::Zero => out.fill([T::zero(); L]),
            Matrix::Dense(u) => products(u, p, T::one(), out),
            Matrix::LowRank(a, _) => {
                self.factor_product(p, factor);
                products(a, factor, -T::one(), out);
            }
        }
    }

    /// `s = A^T p` in every lane, for a low-rank matrix.
    #[inline(always)]
    pub(super) fn factor_product<const L: usize>(&self, p: &[[T; L]], s: &mut Vec<[T; L]>) {
        if let Matrix::LowRank(a, m) = *self {
            s.clear();
            s.resize(m, [T::zero(); L]);
            let (blocks, rest) = p.as_chunks::<SIDE_BY_SIDE>();
            let (head, tail) = a.split_at(blocks.len() * SIDE_BY_SIDE * m);
            for (p, a) in blocks.iter().zip(head.chunks_exact(SIDE_BY_SIDE * m)) {
                add_outers(s, rows::<T, SIDE_BY_SIDE>(a, m), p);
            }
            for (p, a) in rest.iter().zip(tail.chunks_exact(m)) {
                add_outer(s, a, p);
            }
        }
    }
}

/// `out = sign * M x` in every lane, M having as many columns as x has elements.
#[inline(always)]
pub(super) fn products<T: Real, const L: usize>(
    matrix: &[T],
    x: &[[T; L]],
    sign: T,
    out: &mut [[T; L]],
) {
    let columns = x.len();
    let (blocks, rest) = out.as_chunks_mut::<SIDE_BY_SIDE>();
    let (head, tail) = matrix.split_at(blocks.len() * SIDE_BY_SIDE * columns);
    for (out, m) in blocks
        .iter_mut()
        .zip(head.chunks_exact(SIDE_BY_SIDE * columns))
    {
        let dots = dots(rows::<T, SIDE_BY_SIDE>(m, columns), x);
        for (out, dot) in out.iter_mut().zip(&dots) {
            *out = scaled(dot, sign);
        }
    }
    for (out, m) in rest.iter_mut().zip(tail.chunks_exact(columns)) {
        *out = scaled(&dot_lanes(m, x), sign);
    }
}

/// `factor * x` in every lane. Not by `map`: its closure is a function of its own, without the caller's instructions.
#[inline(always)]
pub(super) fn scaled<T: Real, const L: usize>(x: &[T; L], factor: T) -> [T; L] {
    let mut out = [T::zero(); L];
    for lane in 0..L {
        out[lane] = factor * x[lane];
    }
    out
}

/// The first R rows of a matrix.
#[inline(always)]
pub(super) fn rows<T, const R: usize>(matrix: &[T], columns: usize) -> [&[T]; R] {
    std::array::from_fn(|row| &matrix[row * columns..(row + 1) * columns])
}

/// `out[j] += weights[j] * x` in every lane.
#[inline(always)]
pub(super) fn add_outer<T: Real, const L: usize>(out: &mut [[T; L]], weights: &[T], x: &[T; L]) {
    add_outers(out, [weights], &[*x]);
}

/// [`add_outer`] for R pairs of weights and x, one after the other in every element.
#[inline(always)]
pub(super) fn add_outers<T: Real, const R: usize, const L: usize>(
    out: &mut [[T; L]],
    weights: [&[T]; R],
    x: &[[T; L]; R],
) {
    if x.as_flattened().iter().all(|&x| x == T::zero()) {
        return;
    }
    let weights = weights.map(|weights| &weights[..out.len()]);
    for (j, out) in out.iter_mut().enumerate() {
        // black_box: the optimizer would otherwise take a lane of many elements at a time, by gathers.
        let j = black_box(j);
        let mut sum = *out;
        // By hand: a loop would not keep the sums in registers.
        if R == 4 {
            sum = plus(sum, weights[0][j], &x[0]);
            sum = plus(sum, weights[1][j], &x[1]);
            sum = plus(sum, weights[2][j], &x[2]);
            sum = plus(sum, weights[3][j], &x[3]);
        } else {
            for row in 0..R {
                sum = plus(sum, weights[row][j], &x[row]);
            }
        }
        *out = sum;
    }
}

/// `sum + weight * x` in every lane.
#[inline(always)]
pub(super) fn plus<T: Real, const L: usize>(mut sum: [T; L], weight: T, x: &[T; L]) -> [T; L] {
    for lane in 0..L {
        sum[lane] += weight * x[lane];
    }
    sum
}

/// `sum_j weights[j] * x[j]` in every lane.
#[inline(always)]
pub(super) fn dot_lanes<T: Real, const L: usize>(weights: &[T], x: &[[T; L]]) -> [T; L] {
    let [sum] = dots([weights], x);
    sum
}

/// [`dot_lanes`] for R rows of weights, which hide each other's latency.
#[inline(always)]
pub(super) fn dots<T: Real, const R: usize, const L: usize>(
    weights: [&[T]; R],
    x: &[[T; L]],
) -> [[T; L]; R] {
    if L == 1 {
        return weights.map(|weights| [dot(weights, x.as_flattened()); L]);
    }
    let weights = weights.map(|weights| &weights[..x.len()]);
    let mut sums = [[T::zero(); L]; R];
    if R == 4 {
        let mut a = [T::zero(); L];
        let (mut b, mut c, mut d) = (a, a, a);
        for (j, x) in x.iter().enumerate() {
            a = plus(a, weights[0][j], x);
            b = plus(b, weights[1][j], x);
            c = plus(c, weights[2][j], x);
            d = plus(d, weights[3][j], x);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a, b, c, d);
    } else {
        for (j, x) in x.iter().enumerate() {
            for row in 0..R {
                sums[row] = plus(sums[row], weights[row][j], x);
            }
        }
    }
    sums
}

/// Dot product, in partial sums for the vector unit.
#[inline(always)]
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    const PARTS: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<PARTS>(), b.as_chunks::<PARTS>());
    let mut parts = [T::zero(); PARTS];
    for (a, b) in a.iter().zip(b) {
        for i in 0..PARTS {
            parts[i] += a[i] * b[i];
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    rest.fold(total(parts), |sum, (&a, &b)| sum + a * b)
}

/// Whether the symmetric k x k matrix $\text{shift}\, I - U$ is positive definite, by Cholesky.
pub(super) fn shifted_is_definite<T: Real>(u: &[T], k: usize, shift: T) -> bool {
    let mut factor: Vec<T> = u.iter().map(|&value| -value).collect();
    for i in 0..k {
        for j in 0..=i {
            let (head, tail) = factor.split_at(i * k);
            let row_i = &tail[..k];
            let row_j = if i == j {
                row_i
            } else {
                &head[j * k..(j + 1) * k]
            };
            let mut value = row_i[j] - dot(&row_i[..j], &row_j[..j]);
            if i == j {
                value += shift;
                if value <= T::zero() || value.is_nan() {
                    return false;
                }
                value = value.sqrt();
            } else {
                value /= row_j[j];
            }
            factor[i * k + j] = value;
        }
    }
    true
}
