//! The Birkhoff polytope, in f64.

use tch::{Kind, Tensor};

use super::simplex;
use crate::device::constants;

/// Scales of the entries that lead to the one asked for.
const STAGES: i32 = 10;
/// Newton steps at each scale.
const STEPS: usize = 3;
/// Newton steps at the end.
const LAST_STEPS: usize = 12;
/// Regularization of the Hessian relative to the gradient.
const DAMPING: f64 = 1e-2;
/// The smallest regularization: H has the null vector 1.
const LEAST_DAMPING: f64 = 1e-15;
/// Step lengths tried side by side, as powers of four.
const LENGTHS: std::ops::RangeInclusive<i32> = -12..=3;

/// The semismooth Newton method of the native path with a fixed number of steps; line searches try all
/// their lengths at once. About 35 launches a step, 1500 in all: some milliseconds on a GPU.
///
/// In place of an assignment, which is no work for a GPU, the entries z lead to the solution through
/// $z \sigma^{j/J - 1}$, where $\sigma$ is the largest of them: at the scale 1 supports are large, and each
/// solution starts the search for the next one.
pub(in crate::domain) fn birkhoff(z: &Tensor, n: i64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let options = (Kind::Double, z.device());
    let matrices = reduced(&z.to_kind(Kind::Double).reshape([-1, n, n]), n);
    let spread = matrices
        .abs()
        .amax([-2, -1].as_slice(), true)
        .clamp_min(1.0);
    let lengths: Vec<f64> = LENGTHS.rev().map(|e| 4_f64.powi(e)).collect();
    let lengths = constants(&lengths, options).reshape([1, -1, 1]);
    let eye = Tensor::eye(n, options);
    let growth = spread.pow_tensor_scalar(1.0 / f64::from(STAGES));
    let mut beta = Tensor::zeros([matrices.size()[0], 1, n], options);
    for stage in 0..STAGES {
        let scaled =
            &matrices * spread.pow_tensor_scalar(f64::from(stage) / f64::from(STAGES) - 1.0);
        beta = newton(&scaled, &beta, &lengths, &eye, STEPS).beta * &growth;
    }
    let p = newton(&matrices, &beta, &lengths, &eye, LAST_STEPS).p;
    let projected = p.reshape(z.size()).to_kind(z.kind());
    projected.masked_fill(&z.isnan().any_dim(-1, true), f64::NAN)
}

fn newton(z: &Tensor, beta: &Tensor, lengths: &Tensor, eye: &Tensor, steps: usize) -> Point {
    let mut at = Point::new(z, beta);
    for _ in 0..steps {
        at = at.step(z, lengths, eye);
    }
    at
}

/// Entries at most 0, with a 0 in each column; what is infinite becomes finite without a change of the
/// best assignments.
fn reduced(z: &Tensor, n: i64) -> Tensor {
    let rowwise = super::centred(z, &z.amax([-1].as_slice(), true));
    let columnwise = super::centred(&rowwise, &rowwise.amax([-2].as_slice(), true));
    let infinite = columnwise.isinf();
    let spread = columnwise
        .masked_fill(&infinite, 0.0)
        .abs()
        .amax([-2, -1].as_slice(), true);
    let least = (spread * 2.0 + 1.0) * -(n as f64);
    least.where_self(&infinite, &columnwise)
}

/// Some $\beta$ of each row, `[B, c, n]`, and all that is known there.
struct Point {
    beta: Tensor,
    /// `[B, c, n, n]`.
    p: Tensor,
    /// $1 - P^\top 1$.
    gradient: Tensor,
    /// $\varphi$, `[B, c]`.
    value: Tensor,
}

impl Point {
    fn new(z: &Tensor, beta: &Tensor) -> Self {
        let y = z.unsqueeze(1) - beta.unsqueeze(-2);
        let p = simplex(&y, 1.0);
        let inner = (&p * (y - &p * 0.5)).sum_dim_intlist([-2, -1].as_slice(), false, None);
        Point {
            gradient: 1.0 - p.sum_dim_intlist(-2, false, None),
            value: inner + beta.sum_dim_intlist(-1, false, None),
            beta: beta.shallow_clone(),
            p,
        }
    }

    fn step(&self, z: &Tensor, lengths: &Tensor, eye: &Tensor) -> Point {
        let residual = self.residual();
        let support = self.p.squeeze_dim(1).gt(0.0).to_kind(Kind::Double);
        let share = &support / support.sum_dim_intlist(-1, true, None);
        let columns = support.sum_dim_intlist(-2, false, None);
        let damping = (residual.clamp_max(1.0) * DAMPING + LEAST_DAMPING).unsqueeze(-1);
        let hessian =
            columns.diag_embed(0, -2, -1) - support.transpose(-1, -2).bmm(&share) + eye * damping;
        let (factor, _) = hessian.linalg_cholesky_ex(false, false);
        let right = self.gradient.transpose(-1, -2);
        let direction = right.cholesky_solve(&factor, false).transpose(-1, -2).neg();
        let tried = Point::new(z, &(&self.beta + direction * lengths));
        // The full step where it halves the residual; values are all rounding by then.
        let full = i64::from(*LENGTHS.end());
        let good = tried
            .residual()
            .narrow(1, full, 1)
            .le_tensor(&(&residual * 0.5));
        let values = Tensor::cat(&[&self.value, &tried.value], 1);
        let best = values.argmin(1, true).masked_fill(&good, full + 1);
        let pick = |own: &Tensor, tried: &Tensor| {
            let all = Tensor::cat(&[own, tried], 1);
            let mut index = vec![-1, 1];
            index.resize(all.dim(), 1);
            let mut size = all.size();
            size[1] = 1;
            all.gather(1, &best.reshape(index).expand(size, false), false)
        };
        Point {
            beta: pick(&self.beta, &tried.beta),
            p: pick(&self.p, &tried.p),
            gradient: pick(&self.gradient, &tried.gradient),
            value: pick(&self.value, &tried.value),
        }
    }

    /// The largest element of the gradient, `[B, c]`.
    fn residual(&self) -> Tensor {
        self.gradient.abs().amax([-1].as_slice(), false)
    }
}
