//! The symmetric matrix U of a quadratic energy, dense or of low rank, shared by all rows or by blocks of
//! them, or one a row.

use tch::{Device, Tensor};

use crate::{Error, Result, shape};

/// U in $\frac12 \langle p, U p \rangle$.
///
/// The tensor that holds it is a matrix for all rows, or G of them, of which each belongs to B/G rows that
/// follow each other: with G = B every row has its own, and with G models side by side
/// (`train.replicas`) every model has one.
#[derive(Debug)]
pub enum Coupling {
    /// Symmetric U, `[k, k]` or `[G, k, k]`. It is not symmetrized: an unsymmetric matrix gives gradients
    /// in p that are not those of the energy.
    Dense(Tensor),
    /// $U = -A A^\top$ with A `[k, m]` or `[G, k, m]`: concave for every A.
    LowRank(Tensor),
}

impl Coupling {
    /// $U = \frac12(M + M^\top)$ for any M, `[k, k]` or `[G, k, k]`. The energy need not be concave.
    pub fn symmetric(matrix: &Tensor) -> Self {
        Coupling::Dense((matrix + matrix.transpose(-1, -2)) * 0.5)
    }

    /// [`symmetric`](Self::symmetric) with a diagonal of zeros, as in the Ising model. On the vertices
    /// of the cube the diagonal says nothing that u does not say, inside it does.
    pub fn zero_diagonal(matrix: &Tensor) -> Self {
        let k = matrix.size().last().copied().unwrap_or(0);
        let eye = Tensor::eye(k, (matrix.kind(), matrix.device()));
        let symmetric = (matrix + matrix.transpose(-1, -2)) * 0.5;
        Coupling::Dense(&symmetric * (1.0 - eye))
    }

    /// $U - \max(0, \lambda_{\max}(U) - \rho) I$, whose eigenvalues are at most $\rho$: with $\rho$ below
    /// the regularizer's modulus of strong convexity, inference has one maximum.
    ///
    /// Costs an eigenvalue decomposition, $O(k^3)$, of every dense matrix; autograd passes through the
    /// largest eigenvalue. For a low-rank coupling and $\rho \ge 0$ there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Torch`] when the decomposition fails, as it does for a matrix that is not finite;
    /// [`Error::Parameter`] for a low-rank coupling and a negative $\rho$.
    pub fn bounded(self, rho: f64) -> Result<Self> {
        match self {
            Coupling::Dense(matrix) => {
                let largest = matrix
                    .f_linalg_eigvalsh("L")?
                    .amax([-1].as_slice(), true)
                    .unsqueeze(-1);
                let k = matrix.size().last().copied().unwrap_or(0);
                let eye = Tensor::f_eye(k, (matrix.kind(), matrix.device()))?;
                Ok(Coupling::Dense(matrix - (largest - rho).relu() * eye))
            }
            Coupling::LowRank(_) if rho >= 0.0 => Ok(self),
            Coupling::LowRank(_) => Err(Error::Parameter {
                name: "rho",
                expected: "a number >= 0 for a low-rank coupling",
                found: rho.to_string(),
            }),
        }
    }

    /// The tensor that holds it, U or A.
    pub fn tensor(&self) -> &Tensor {
        match self {
            Coupling::Dense(u) => u,
            Coupling::LowRank(a) => a,
        }
    }

    /// The same matrix, with the graph to U or A.
    pub fn shallow_clone(&self) -> Self {
        match self {
            Coupling::Dense(u) => Coupling::Dense(u.shallow_clone()),
            Coupling::LowRank(a) => Coupling::LowRank(a.shallow_clone()),
        }
    }

    /// U, `[k, k]` or `[G, k, k]`, with the graph to U or A.
    pub(crate) fn dense(&self) -> Tensor {
        match self {
            Coupling::Dense(u) => u.shallow_clone(),
            Coupling::LowRank(a) => a.matmul(&a.transpose(-1, -2)).neg(),
        }
    }

    /// [`dense`](Self::dense) for code that knows one matrix a row or one for all: `[k, k]` or `[B, k, k]`.
    pub(crate) fn dense_by_row(&self, rows: i64) -> Tensor {
        by_row(&self.dense(), rows)
    }

    /// Whether one matrix serves all rows.
    pub fn shared(&self) -> bool {
        self.tensor().dim() == 2
    }

    /// $U p$ for each row, `[B, k]`.
    pub fn apply(&self, p: &Tensor) -> Tensor {
        match self {
            Coupling::Dense(u) => times(p, &u.transpose(-1, -2)),
            Coupling::LowRank(a) => times(&times(p, a), &a.transpose(-1, -2)).neg(),
        }
    }

    /// $u + U p$ for each row, with the graph to U or A. For a dense U it is $u + \frac12(U + U^\top) p$,
    /// so that the gradient in U is symmetric.
    pub(super) fn add_applied(&self, u: &Tensor, p: &Tensor) -> Tensor {
        let (inner, outer) = match self {
            Coupling::Dense(matrix) => {
                let symmetric = (matrix + matrix.transpose(-1, -2)) * 0.5;
                (p.shallow_clone(), symmetric)
            }
            Coupling::LowRank(a) => (times(&p.neg(), a), a.transpose(-1, -2)),
        };
        add_times(u, &inner, &outer)
    }

    /// $u + U p$ for each row without a graph, in two launches, one for a dense U.
    pub(crate) fn fused(&self, u: &Tensor, p: &Tensor) -> Tensor {
        match self {
            Coupling::Dense(matrix) => add_times(u, p, &matrix.transpose(-1, -2)),
            Coupling::LowRank(a) => minus_times(u, &times(p, a), &a.transpose(-1, -2)),
        }
    }

    /// An upper bound on $\lambda_{\max}(-U)$ for each of `rows` rows, a scalar or `[B, 1]`, at least 0, at
    /// most a factor $k^{1/8}$ too large for a negative semidefinite U.
    ///
    /// $\|M\|_2 \le \|M^4\|_F^{1/4}$ for symmetric M: two squarings and a Frobenius norm, no host
    /// read, and the same on every device.
    pub(crate) fn curvature_bound(&self, rows: i64) -> Tensor {
        let gram = match self {
            Coupling::Dense(u) => u.shallow_clone(),
            Coupling::LowRank(a) => a.transpose(-1, -2).matmul(a),
        }
        .detach();
        if gram.device() != Device::Cpu {
            return self.shaped(&norm_bound(&gram), rows);
        }
        // Scaled first: a fourth power overflows f32 early.
        let scale = gram
            .abs()
            .amax([-2, -1].as_slice(), true)
            .clamp_min(f64::from(f32::MIN_POSITIVE));
        let scaled = &gram / &scale;
        let squared = scaled.matmul(&scaled);
        let fourth = squared.matmul(&squared);
        let norm = fourth
            .square()
            .sum_dim_intlist([-2, -1].as_slice(), true, None)
            .pow_tensor_scalar(0.125);
        self.shaped(&(norm * scale), rows)
    }

    /// A number for each matrix, `[1, 1]` or `[G, 1, 1]`, as a scalar or `[B, 1]`.
    fn shaped(&self, bound: &Tensor, rows: i64) -> Tensor {
        if self.shared() {
            bound.reshape([] as [i64; 0])
        } else {
            by_row(bound, rows).squeeze_dim(-1)
        }
    }

    /// Checks shapes against `u` `[B, k]`.
    pub(super) fn check(&self, u: &Tensor) -> Result<()> {
        let (rows, k) = shape::size2(u);
        let found = self.tensor().size();
        let (what, last) = match self {
            Coupling::Dense(_) => ("U", Some(k)),
            Coupling::LowRank(_) => ("A", None),
        };
        let matrix = match found.as_slice() {
            matrix if matrix.len() == 2 => Some(matrix),
            [blocks, matrix @ ..] if matrix.len() == 2 && divides(*blocks, rows) => Some(matrix),
            _ => None,
        };
        let fits = matrix.is_some_and(|m| m[0] == k && m[1] >= 1 && last.is_none_or(|l| l == m[1]));
        if !fits {
            let last = last.map_or("m".to_owned(), |l| l.to_string());
            let expected = format!("[{k}, {last}] or [G, {k}, {last}] with G a divisor of {rows}");
            return Err(Error::Shape {
                what,
                expected,
                found,
            });
        }
        shape::like(what, self.tensor(), u)
    }
}

/// $\|G^4\|_F^{1/4}$ of symmetric matrices, `[1, 1]` or `[G, 1, 1]`, in few launches: scaled by the Frobenius
/// norm, which like the largest element keeps fourth powers from overflowing.
fn norm_bound(gram: &Tensor) -> Tensor {
    let norm = |matrix: &Tensor| matrix.norm_scalaropt_dim(2, [-2, -1].as_slice(), true);
    let scale = norm(gram).clamp_min(f64::from(f32::MIN_POSITIVE));
    let scaled = gram / &scale;
    let squared = scaled.matmul(&scaled);
    norm(&squared.matmul(&squared)).pow_tensor_scalar(0.25) * scale
}

/// $M^\top p$ for each row of `p` `[B, k]`, with M `[k, m]` or, for blocks of rows, `[G, k, m]`.
pub(crate) fn times(p: &Tensor, matrix: &Tensor) -> Tensor {
    if matrix.dim() == 2 {
        return p.matmul(matrix);
    }
    rows_of(&blocks_of(p, matrix).bmm(matrix))
}

/// $c + M^\top p$ for each row, in one launch; `c` `[B, m]`, shapes otherwise as in [`times`].
pub(crate) fn add_times(c: &Tensor, p: &Tensor, matrix: &Tensor) -> Tensor {
    if matrix.dim() == 2 {
        return c.addmm(p, matrix);
    }
    rows_of(&blocks_of(c, matrix).baddbmm(&blocks_of(p, matrix), matrix, 1, 1))
}

/// $c - M^\top p$ for each row, as [`add_times`].
pub(crate) fn minus_times(c: &Tensor, p: &Tensor, matrix: &Tensor) -> Tensor {
    if matrix.dim() == 2 {
        let one = |t: &Tensor| t.unsqueeze(0);
        return one(c).baddbmm(&one(p), &one(matrix), 1, -1).squeeze_dim(0);
    }
    rows_of(&blocks_of(c, matrix).baddbmm(&blocks_of(p, matrix), matrix, 1, -1))
}

/// Rows `[B, k]` as the blocks of the matrices that they belong to, `[G, B/G, k]`.
fn blocks_of(p: &Tensor, matrices: &Tensor) -> Tensor {
    let (rows, k) = shape::size2(p);
    let blocks = matrices.size()[0];
    p.reshape([blocks, rows / blocks.max(1), k])
}

/// The reverse.
fn rows_of(blocks: &Tensor) -> Tensor {
    let width = blocks.size()[2];
    blocks.reshape([-1, width])
}

/// What is there for all rows, or once a block `[G, m, n]`, for each of `rows` rows: itself or `[B, m, n]`.
pub(crate) fn by_row(t: &Tensor, rows: i64) -> Tensor {
    match t.size().as_slice() {
        &[blocks, m, n] if blocks != rows => {
            let each = rows / blocks.max(1);
            let spread = t.unsqueeze(1).expand([blocks, each, m, n], false);
            spread.reshape([rows, m, n])
        }
        _ => t.shallow_clone(),
    }
}

/// Whether `rows` rows fall into so many blocks.
pub(crate) fn divides(blocks: i64, rows: i64) -> bool {
    blocks == rows || (blocks > 0 && rows % blocks == 0)
}
