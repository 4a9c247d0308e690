//! U as slices: dense or $-AA^\top$, applied to several rows side by side.

use super::Real;

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
            Matrix::Dense(u) => {
                out.fill([T::zero(); L]);
                for (p, row) in p.iter().zip(u.chunks_exact(p.len())) {
                    add_outer(out, row, p);
                }
            }
            Matrix::LowRank(a, m) => {
                self.factor_product(p, factor);
                for (out, a) in out.iter_mut().zip(a.chunks_exact(m)) {
                    *out = dot_lanes(a, factor).map(|value| -value);
                }
            }
        }
    }

    /// `s = A^T p` in every lane, for a low-rank matrix.
    #[inline(always)]
    pub(super) fn factor_product<const L: usize>(&self, p: &[[T; L]], s: &mut Vec<[T; L]>) {
        if let Matrix::LowRank(a, m) = *self {
            s.clear();
            s.resize(m, [T::zero(); L]);
            for (p, a) in p.iter().zip(a.chunks_exact(m)) {
                add_outer(s, a, p);
            }
        }
    }
}

/// `out[j] += weights[j] * x` in every lane.
#[inline(always)]
pub(super) fn add_outer<T: Real, const L: usize>(out: &mut [[T; L]], weights: &[T], x: &[T; L]) {
    if x.iter().all(|&x| x == T::zero()) {
        return;
    }
    for (out, &weight) in out.iter_mut().zip(weights) {
        for lane in 0..L {
            out[lane] += weight * x[lane];
        }
    }
}

/// `sum_j weights[j] * x[j]` in every lane.
#[inline(always)]
pub(super) fn dot_lanes<T: Real, const L: usize>(weights: &[T], x: &[[T; L]]) -> [T; L] {
    let mut sum = [T::zero(); L];
    for (x, &weight) in x.iter().zip(weights) {
        for lane in 0..L {
            sum[lane] += weight * x[lane];
        }
    }
    sum
}

/// Dot product.
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::zero(), |sum, (&a, &b)| sum + a * b)
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
