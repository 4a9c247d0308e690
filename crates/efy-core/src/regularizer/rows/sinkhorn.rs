//! The entropic argmax on the Birkhoff polytope.

use tch::Tensor;

use crate::native::{Real, RowKernel, real};

/// Iterations of the native loop, which stops at rounding.
const MOST_ITERATIONS: usize = 1000;
/// Iterations of the batched loop.
const BATCHED_ITERATIONS: usize = 40;
/// Iterations without progress after which rounding is all that is left.
const PATIENCE: usize = 20;

/// The doubly stochastic $P_{ij} = e^{S_{ij} + f_i + g_j}$ of each flattened n x n matrix S, which maximizes
/// $\langle S, P \rangle - \sum_{ij} P_{ij} \log P_{ij}$.
///
/// With g eliminated, so that the columns of P sum to 1, f minimizes the convex semi-dual whose gradient
/// is $r - 1$ with $r = P 1$, and whose Hessian is $\mathrm{diag}(r) - P P^\top$. A Newton step is taken where it
/// halves the residual $\|r - 1\|_\infty$, and Sinkhorn's step $f - \log r$, which always makes progress,
/// where it does not: Sinkhorn's method alone takes thousands of iterations for large scores.
///
/// What is iterated on is $\log P$ itself, near 0 wherever P matters: scores of any size lose no more than
/// their own rounding, and $-\infty$ forbids an assignment.
pub(crate) struct Sinkhorn {
    pub(crate) n: usize,
}

impl RowKernel for Sinkhorn {
    fn cost(&self, _k: usize) -> usize {
        1024
    }

    fn row<T: Real>(&self, scores: &[T], _number: T, p: &mut [T]) {
        let tolerance = T::epsilon() * real(4.0 * self.n as f64);
        let mut state = State::new(scores, self.n, p);
        let mut best = state.residual;
        let mut since = 0;
        for _ in 0..MOST_ITERATIONS {
            if state.residual <= tolerance || state.residual.is_nan() || since > PATIENCE {
                break;
            }
            state.advance(p);
            since = if state.residual < best { 0 } else { since + 1 };
            best = best.min(state.residual);
        }
    }

    fn batched(&self, scores: &Tensor, _number: &Tensor) -> Tensor {
        let n = self.n as i64;
        let sums = |p: &Tensor| p.sum_dim_intlist(-1, true, None);
        let distance = |r: &Tensor| (r - 1.0).abs().amax([-2].as_slice(), true);
        let columns = |logits: Tensor| &logits - logits.logsumexp([-2].as_slice(), true);
        let scores = scores.reshape([-1, n, n]);
        let mut logits = columns(&scores - scores.amax([-1].as_slice(), true));
        for _ in 0..BATCHED_ITERATIONS {
            let p = logits.exp();
            let r = sums(&p);
            // Not log r: a row that has nothing yet, to the smallest number, has a logarithm all the same.
            let sinkhorn = columns(&logits - logits.logsumexp([-1].as_slice(), true));
            let newton = columns(&logits + newton_step(&p, &r));
            let better = distance(&sums(&newton.exp())).lt_tensor(&(distance(&r) * 0.5));
            logits = newton.where_self(&better, &sinkhorn);
        }
        logits.exp().reshape([-1, n * n])
    }
}

/// $-(\mathrm{diag}(r) - P P^\top + 1 1^\top / n)^{-1} (r - 1)$ for matrices `[B, n, n]`, `[B, n, 1]`; the last
/// term fixes the direction in which the semi-dual is constant.
fn newton_step(p: &Tensor, r: &Tensor) -> Tensor {
    let n = p.size()[2];
    let hessian = Tensor::diag_embed(&r.squeeze_dim(-1), 0, -2, -1)
        - p.matmul(&p.transpose(-1, -2))
        + 1.0 / n as f64;
    let (factor, _info) = hessian.linalg_cholesky_ex(false, false);
    let residual: Tensor = 1.0 - r;
    residual.cholesky_solve(&factor, false)
}

/// The iterate of one matrix.
struct State<T> {
    n: usize,
    /// log P.
    logits: Vec<T>,
    /// That of the step that is tried.
    trial: Vec<T>,
    /// P 1.
    sums: Vec<T>,
    /// $\|P 1 - 1\|_\infty$.
    residual: T,
    largest: Vec<T>,
    totals: Vec<T>,
    hessian: Vec<T>,
}

impl<T: Real> State<T> {
    fn new(scores: &[T], n: usize, p: &mut [T]) -> Self {
        let mut state = State {
            n,
            logits: scores.to_vec(),
            trial: vec![T::zero(); n * n],
            sums: vec![T::zero(); n],
            residual: T::infinity(),
            largest: vec![T::zero(); n],
            totals: vec![T::zero(); n],
            hessian: vec![T::zero(); n * n],
        };
        let largest = |row: &[T]| row.iter().fold(T::neg_infinity(), |m, &s| m.max(s));
        let step: Vec<T> = scores.chunks_exact(n).map(|row| -largest(row)).collect();
        state.attempt(&step, p);
        std::mem::swap(&mut state.logits, &mut state.trial);
        state
    }

    /// Adds `step` to the rows of log P and makes the columns of P sum to 1: the trial, P, its row sums
    /// and their residual.
    fn attempt(&mut self, step: &[T], p: &mut [T]) {
        let n = self.n;
        let rows = || (0..n).map(|i| i * n..(i + 1) * n);
        self.largest.fill(T::neg_infinity());
        for (row, &step) in rows().zip(step) {
            let trial = self.trial[row.clone()].iter_mut().zip(&self.logits[row]);
            for ((trial, &logit), largest) in trial.zip(&mut self.largest) {
                *trial = logit + step;
                *largest = largest.max(*trial);
            }
        }
        self.totals.fill(T::zero());
        for row in rows() {
            let elements = self.trial[row.clone()].iter_mut().zip(&mut p[row]);
            for (((trial, p), &largest), total) in elements.zip(&self.largest).zip(&mut self.totals)
            {
                *trial -= largest;
                *p = trial.exp();
                *total += *p;
            }
        }
        self.residual = T::zero();
        self.largest
            .iter_mut()
            .zip(&self.totals)
            .for_each(|(log, total)| *log = total.ln());
        for (row, sum) in rows().zip(&mut self.sums) {
            *sum = T::zero();
            let elements = self.trial[row.clone()].iter_mut().zip(&mut p[row]);
            for (((trial, p), &log), &total) in elements.zip(&self.largest).zip(&self.totals) {
                *trial -= log;
                *p /= total;
                *sum += *p;
            }
            let residual = (*sum - T::one()).abs();
            // Not `max`, which would drop a NaN.
            self.residual = if residual <= self.residual {
                self.residual
            } else {
                residual
            };
        }
    }

    /// A Newton step if it halves the residual, else Sinkhorn's.
    fn advance(&mut self, p: &mut [T]) {
        let residual = self.residual;
        let rows = self.logits.chunks_exact(self.n).zip(&self.sums);
        let sinkhorn: Vec<T> = rows.map(|(logits, &sum)| -log_sum(logits, sum)).collect();
        if let Some(newton) = self.newton_step(p) {
            self.attempt(&newton, p);
        }
        let halved = self.residual < residual * real(0.5);
        if !halved {
            self.attempt(&sinkhorn, p);
        }
        std::mem::swap(&mut self.logits, &mut self.trial);
    }

    /// As the batched `newton_step`; `None` where rounding leaves the matrix indefinite.
    fn newton_step(&mut self, p: &[T]) -> Option<Vec<T>> {
        let n = self.n;
        let shift = real::<T>(n as f64).recip();
        let row = |i: usize| &p[i * n..(i + 1) * n];
        for i in 0..n {
            for j in 0..=i {
                let product = row(i)
                    .iter()
                    .zip(row(j))
                    .fold(T::zero(), |sum, (&a, &b)| sum + a * b);
                let diagonal = if i == j { self.sums[i] } else { T::zero() };
                self.hessian[i * n + j] = diagonal - product + shift;
            }
        }
        let mut step: Vec<T> = self.sums.iter().map(|&r| T::one() - r).collect();
        cholesky_solve(&mut self.hessian, &mut step).then_some(step)
    }
}

/// The logarithm of a row's sum, also where that is too small a number.
fn log_sum<T: Real>(logits: &[T], sum: T) -> T {
    if sum >= T::epsilon() {
        return sum.ln();
    }
    let largest = logits.iter().fold(T::neg_infinity(), |m, &l| m.max(l));
    let scaled = logits.iter().map(|&l| (l - largest).exp());
    largest + scaled.fold(T::zero(), |sum, p| sum + p).ln()
}

/// Solves M x = b in place for a positive definite M given by its lower triangle, row by row; `false`
/// where it is not.
fn cholesky_solve<T: Real>(m: &mut [T], b: &mut [T]) -> bool {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let mut value = m[i * n + j];
            for l in 0..j {
                value -= m[i * n + l] * m[j * n + l];
            }
            if i != j {
                value /= m[j * n + j];
            } else if value > T::zero() {
                value = value.sqrt();
            } else {
                return false;
            }
            m[i * n + j] = value;
        }
        for l in 0..i {
            b[i] -= m[i * n + l] * b[l];
        }
        b[i] /= m[i * n + i];
    }
    for i in (0..n).rev() {
        for l in i + 1..n {
            b[i] -= m[l * n + i] * b[l];
        }
        b[i] /= m[i * n + i];
    }
    true
}
