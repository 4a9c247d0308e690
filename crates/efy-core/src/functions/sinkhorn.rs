//! Doubly stochastic matrices.

use tch::{Kind, Tensor};

use super::Rows;
use crate::error::positive;
use crate::native::by_rows;
use crate::regularizer::rows::Sinkhorn;
use crate::{Error, Result};

/// The doubly stochastic matrix that maximizes $\langle S, P \rangle - \gamma \sum_{ij} P_{ij} \log P_{ij}$ for
/// each matrix S of `scores` `[.., n, n]`: $P_{ij} = e^{(S_{ij} + f_i + g_j) / \gamma}$, converged to rounding.
///
/// Its derivative applied to a matrix G is $P \circ (G - a 1^\top - 1 b^\top) / \gamma$, with a and b such that rows
/// and columns of the result sum to 0.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Kind`] for anything but square matrices of floating-point numbers,
/// [`Error::Parameter`] unless `gamma` is a positive number.
pub fn sinkhorn(scores: &Tensor, gamma: f64) -> Result<Tensor> {
    let shape = scores.size();
    let n = match shape.as_slice() {
        [.., rows, columns] if rows == columns => *rows,
        _ => {
            return Err(Error::Shape {
                what: "scores",
                expected: "[.., n, n]".to_owned(),
                found: shape,
            });
        }
    };
    positive("gamma", gamma)?;
    let rows = Rows::new("scores", scores, 2, "[.., n, n]")?;
    let scaled = rows.theta.detach() / gamma;
    let p = by_rows(&Sinkhorn { n: n as usize }, &scaled, None);
    let plan = p.reshape([-1, n, n]);
    let p = rows.with_derivative(p, |scores| {
        let moved = derivative(&plan, &(scores / gamma).reshape([-1, n, n]));
        moved.reshape([-1, n * n])
    });
    rows.restore(&p)
}

/// $P \circ (G - a 1^\top - 1 b^\top)$ with $a + P b = r$ and $P^\top a + b = c$, where r and c are the row and
/// column sums of $P \circ G$: $(I - P P^\top) a = r - P c$ and $b = c - P^\top a$.
fn derivative(p: &Tensor, g: &Tensor) -> Tensor {
    let n = p.size()[2];
    let weighted = p * g;
    let sums = |dim: i64| weighted.sum_dim_intlist(dim, true, None::<Kind>);
    let (r, c) = (sums(-1), sums(-2).transpose(-1, -2));
    let transposed = p.transpose(-1, -2);
    // Constant a is in the null space, which the mean takes care of; a rounding's worth more keeps the
    // matrix definite where P is a permutation.
    let eye = Tensor::eye(n, (p.kind(), p.device()));
    let ridge = 16.0
        * n as f64
        * if p.kind() == Kind::Double {
            f64::EPSILON
        } else {
            f32::EPSILON.into()
        };
    let matrix = &eye * (1.0 + ridge) - p.matmul(&transposed) + 1.0 / n.max(1) as f64;
    let (factor, _info) = matrix.linalg_cholesky_ex(false, false);
    let a = (&r - p.matmul(&c)).cholesky_solve(&factor, false);
    let b = c - transposed.matmul(&a);
    weighted - p * (a + b.transpose(-1, -2))
}
