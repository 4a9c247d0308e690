//! U as slices: dense or $-AA^\top$.

use super::Real;

/// The matrix of one row of the batch.
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
    /// `out = U p`. `scratch` is resized as needed.
    pub(super) fn apply(&self, p: &[T], out: &mut [T], scratch: &mut Vec<T>) {
        match *self {
            Matrix::Zero => out.fill(T::zero()),
            Matrix::Dense(u) => {
                out.fill(T::zero());
                for (&p, row) in p.iter().zip(u.chunks_exact(p.len())) {
                    if p != T::zero() {
                        add_scaled(out, p, row);
                    }
                }
            }
            Matrix::LowRank(a, m) => {
                self.factor_product(p, scratch);
                for (out, a) in out.iter_mut().zip(a.chunks_exact(m)) {
                    *out = -dot(a, scratch);
                }
            }
        }
    }

    /// `s = A^T p`, for a low-rank matrix.
    pub(super) fn factor_product(&self, p: &[T], s: &mut Vec<T>) {
        if let Matrix::LowRank(a, m) = *self {
            s.clear();
            s.resize(m, T::zero());
            for (&p, a) in p.iter().zip(a.chunks_exact(m)) {
                if p != T::zero() {
                    add_scaled(s, p, a);
                }
            }
        }
    }
}

/// `out += factor * x`.
#[inline]
pub(super) fn add_scaled<T: Real>(out: &mut [T], factor: T, x: &[T]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out += factor * x;
    }
}

/// Dot product in eight partial sums, which the compiler turns into vector instructions.
#[inline]
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::zero(); 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let (a_rest, b_rest) = (a8.remainder(), b8.remainder());
    for (a, b) in a8.zip(b8) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let mut total =
        (sums[0] + sums[4]) + (sums[1] + sums[5]) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        total += a * b;
    }
    total
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
