//! The linear systems of Newton's method, one a row.

use tch::Tensor;

use super::Problem;
use super::certificate::{positive_definite, rounding_slack};
use super::line_search::all_on_cpu;
use crate::energy::{Coupling, Form};
use crate::{Result, shape};

/// Inner iterations of conjugate gradients, at most; k are enough in exact arithmetic.
const MOST_INNER: i64 = 200;
/// The residual at which conjugate gradients stop, relative to the right-hand side: what Newton's method
/// gains an iteration.
const INNER_TOLERANCE: f64 = 1e-4;

/// $(I + M D)\Delta = r$ with $M = -\nabla^2\Phi(p)$ and diagonal $D \ge 0$, by the symmetric
/// $(I + S M S) z = S r$, $S = D^{1/2}$, and $\Delta = r - M S z$. Where D is zero, rows of the
/// system are left out and $\Delta = r$.
pub(super) enum System {
    /// M is known once and for all, `[1 or B, k, k]`.
    Dense(Tensor),
    /// M is known by its products with vectors.
    Products,
}

impl System {
    pub(super) fn new(problem: &Problem<'_>) -> Result<Self> {
        let Form::Quadratic { coupling, .. } = problem.energy.form() else {
            return Ok(System::Products);
        };
        let rows = problem.energy.size().0;
        let dense = coupling.dense_by_row(rows);
        let k = dense.size()[dense.dim() - 1];
        let matrix = dense.neg().reshape([-1, k, k]);
        if matches!(coupling, Coupling::LowRank(_)) {
            return Ok(System::Dense(matrix));
        }
        // Where F is not concave, bend it until it is.
        let modulus = problem.regularizer.modulus(problem.domain);
        let margin = modulus * 0.999 - rounding_slack(&dense).reshape([-1, 1, 1]);
        let concave = positive_definite(&matrix, &margin).reshape([-1, 1, 1]);
        let bend = coupling.curvature_bound(rows).reshape([-1, 1, 1]);
        let bend = bend.masked_fill(&concave, 0.0);
        let eye = Tensor::f_eye(k, (dense.kind(), dense.device()))?;
        Ok(System::Dense(matrix + eye * bend))
    }

    /// $\Delta$, `[B, k]`, for `diagonal` D and `right` r, both `[B, k]`.
    pub(super) fn direction(
        &self,
        problem: &Problem<'_>,
        p: &Tensor,
        diagonal: &Tensor,
        right: &Tensor,
    ) -> Result<Tensor> {
        let root = diagonal.sqrt();
        let scaled = &root * right;
        let free = diagonal.gt(0.0).to_kind(p.kind());
        let product = match self {
            System::Dense(matrix) => {
                let k = p.size()[1];
                let eye = Tensor::f_eye(k, (p.kind(), p.device()))?;
                let scaled_matrix = matrix * root.unsqueeze(-1) * root.unsqueeze(1) + eye;
                let (factor, _) = scaled_matrix.f_linalg_cholesky_ex(false, false)?;
                let z = scaled
                    .unsqueeze(-1)
                    .f_cholesky_solve(&factor, false)?
                    .squeeze_dim(-1);
                let q = z * &root;
                matrix.matmul(&q.unsqueeze(-1)).squeeze_dim(-1)
            }
            System::Products => {
                let z = conjugate_gradients(problem, p, &root, &scaled)?;
                problem.energy.hessian_product(p, &(z * &root)).neg()
            }
        };
        Ok(right - product * free)
    }
}

/// z with $(I + S M S) z = b$, to [`INNER_TOLERANCE`]; a row stops at a direction along which the
/// matrix is not positive.
fn conjugate_gradients(
    problem: &Problem<'_>,
    p: &Tensor,
    root: &Tensor,
    right: &Tensor,
) -> Result<Tensor> {
    let dot = |a: &Tensor, b: &Tensor| shape::dot(a, b).unsqueeze(-1);
    let apply = |q: &Tensor| q - problem.energy.hessian_product(p, &(q * root)) * root;
    // The first direction is right, and at worst it is all there is.
    let mut z = right.zeros_like();
    let mut residual = right.shallow_clone();
    let mut direction = residual.shallow_clone();
    let mut square = dot(&residual, &residual);
    let target = &square * (INNER_TOLERANCE * INNER_TOLERANCE);
    let mut done = square.le(0.0);
    for inner in 0..p.size()[1].min(MOST_INNER) {
        let image = apply(&direction);
        let curvature = dot(&direction, &image);
        let negative = curvature.le(0.0);
        if inner == 0 {
            z = right.where_self(&negative, &z);
        }
        done = done.logical_or(&negative);
        // A row that is done stands still: its quotients need not be numbers.
        let alpha = (&square / &curvature).masked_fill(&done, 0.0);
        z += &direction * &alpha;
        residual -= image * &alpha;
        let next = dot(&residual, &residual);
        let beta = (&next / &square).masked_fill(&done, 0.0);
        direction = &residual + &direction * beta;
        square = next;
        done = done.logical_or(&square.le_tensor(&target));
        if all_on_cpu(&done)? {
            break;
        }
    }
    Ok(z)
}
