//! The entropic argmax on the Birkhoff polytope.

use tch::{Kind, Tensor};

use crate::device::constants;
use crate::native::{Real, RowKernel, real};

/// Iterations of the native loop, which stops at rounding.
const MOST_ITERATIONS: usize = 1000;
/// Iterations of the batched loop at the temperature 1.
const BATCHED_ITERATIONS: usize = 16;
/// Temperatures above 1 of the batched loop, and iterations at each.
const STAGES: (i32, usize) = (6, 4);
/// Parts of a Newton step that the batched loop tries side by side.
const PARTS: [f64; 4] = [1.0, 0.4, 0.1, 0.01];
/// Scores that differ by no more than this times the temperature are easy.
const EASY: f64 = 8.0;
/// From one temperature to the next in the native loop, and the most iterations before.
const COOLING: (f64, usize) = (4.0, 20);
/// The longest step of a potential: what is to be known of elements that change by more is not in a Hessian.
const LONGEST: f64 = 32.0;
/// The fraction of the promised descent that a step must bring (Armijo), and how often it is halved for it.
const ENOUGH: (f64, usize) = (1e-4, 20);
/// Iterations without progress after which rounding is all that is left.
const PATIENCE: usize = 20;

/// The doubly stochastic $P_{ij} = e^{S_{ij} + f_i + g_j}$ of each flattened n x n matrix S, which maximizes
/// $\langle S, P \rangle - \sum_{ij} P_{ij} \log P_{ij}$.
///
/// With g eliminated, so that the columns of P sum to 1, f minimizes the convex semi-dual whose gradient
/// is $r - 1$ with $r = P 1$, and whose Hessian is $\mathrm{diag}(r) - P P^\top$. A Newton step, or a part of it, is
/// taken where it halves the residual $\|r - 1\|_\infty$ or lowers the semi-dual as much as its slope promises, and
/// Sinkhorn's step $f - \log r$, which always makes progress, where it does neither: Sinkhorn's method alone takes
/// thousands of iterations for large scores.
///
/// Scores that differ by hundreds are an assignment problem, on which both steps are lost far from the solution.
/// They are divided by a temperature first, which falls to 1 while the iterate follows.
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
        state.cool(tolerance, p);
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

    /// In f64: a Cholesky factor has no small weights among large ones.
    fn batched(&self, scores: &Tensor, _number: &Tensor) -> Tensor {
        let (n, kind) = (self.n as i64, scores.kind());
        let sums = |p: &Tensor| p.sum_dim_intlist(-1, true, None);
        let distance = |r: &Tensor| (r - 1.0).abs().amax([-2].as_slice(), true);
        let columns = |logits: Tensor| &logits - logits.logsumexp([-2].as_slice(), true);
        let host = (Kind::Double, scores.device());
        let parts = constants(&PARTS, host).reshape([-1, 1, 1, 1]);
        // The first that will do; the last always does.
        let order: Vec<f64> = (1..=PARTS.len() + 1).rev().map(|i| i as f64).collect();
        let order = constants(&order, host).reshape([-1, 1, 1, 1]);
        let scores = scores.to_kind(Kind::Double).reshape([-1, n, n]);
        let scores = &scores - scores.amax([-1].as_slice(), true);
        let finite = scores.masked_fill(&scores.isinf(), 0.0);
        let spread = finite.amin([-2, -1].as_slice(), true).neg();
        let ratio = (spread / EASY)
            .clamp_min(1.0)
            .pow_tensor_scalar(1.0 / f64::from(STAGES.0));
        let mut logits = columns(scores / ratio.pow_tensor_scalar(i64::from(STAGES.0)));
        let advance = |logits: Tensor| {
            let p = logits.exp();
            let r = sums(&p);
            // Not log r: a row that has nothing yet, to the smallest number, has a logarithm all the same.
            let sinkhorn = columns(&logits - logits.logsumexp([-1].as_slice(), true));
            let newton = newton_step(&p, &r);
            let longest = newton.abs().amax([-2].as_slice(), true);
            let steps = &newton * (longest.reciprocal() * LONGEST).clamp_max(1.0) * &parts;
            let slope = (&steps * (&r - 1.0)).sum_dim_intlist(-2, true, None);
            let trials = &logits + &steps;
            let shares = trials.logsumexp([-2].as_slice(), true);
            let trials = trials - &shares;
            let change = sums(&shares) - steps.sum_dim_intlist(-2, true, None);
            let halved = distance(&sums(&trials.exp())).lt_tensor(&(distance(&r) * 0.5));
            let lower = slope
                .lt(0.0)
                .logical_and(&change.le_tensor(&(slope * ENOUGH.0)));
            let good = halved.logical_or(&lower);
            let all = Tensor::cat(&[trials, sinkhorn.unsqueeze(0)], 0);
            let last = good.narrow(0, 0, 1).ones_like();
            let good = Tensor::cat(&[good, last], 0).to_kind(Kind::Double);
            let chosen = (good * &order)
                .argmax(0, true)
                .expand_as(&all.narrow(0, 0, 1));
            all.gather(0, &chosen, false).squeeze_dim(0)
        };
        for _ in 0..STAGES.0 {
            logits = (0..STAGES.1).fold(logits, |logits, _| advance(logits));
            logits = columns(logits * &ratio);
        }
        logits = (0..BATCHED_ITERATIONS).fold(logits, |logits, _| advance(logits));
        logits.exp().to_kind(kind).reshape([-1, n * n])
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

    /// From high temperature to 1, where scores differ by more than is [`EASY`]. What is out of balance between
    /// groups of rows has to be put right while they still share something.
    fn cool(&mut self, tolerance: T, p: &mut [T]) {
        let finite = self.logits.iter().copied().filter(|l| l.is_finite());
        let least = finite.fold(T::zero(), |m, l| m.min(l));
        let mut temperature = (-least / real(EASY)).max(T::one());
        let still = vec![T::zero(); self.n];
        if temperature > T::one() {
            self.sharpen(temperature.recip(), &still, p);
        }
        while temperature > T::one() {
            for _ in 0..COOLING.1 {
                if self.residual <= tolerance || self.residual.is_nan() {
                    break;
                }
                self.advance(p);
            }
            let next = (temperature / real(COOLING.0)).max(T::one());
            self.sharpen(temperature / next, &still, p);
            temperature = next;
        }
    }

    /// Multiplies log P, and makes the columns of P sum to 1 again.
    fn sharpen(&mut self, factor: T, still: &[T], p: &mut [T]) {
        self.logits.iter_mut().for_each(|l| *l *= factor);
        self.attempt(still, p);
        std::mem::swap(&mut self.logits, &mut self.trial);
    }

    /// Adds `step` to the rows of log P and makes the columns of P sum to 1: the trial, P, its row sums
    /// and their residual. Returns what it adds to the semi-dual.
    fn attempt(&mut self, step: &[T], p: &mut [T]) -> T {
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
        let mut change = -step.iter().fold(T::zero(), |sum, &d| sum + d);
        for (log, total) in self.largest.iter_mut().zip(&self.totals) {
            let share = total.ln();
            change += *log + share;
            *log = share;
        }
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
        change
    }

    /// A Newton step or a part of it that makes progress, else Sinkhorn's.
    fn advance(&mut self, p: &mut [T]) {
        let residual = self.residual;
        let rows = self.logits.chunks_exact(self.n).zip(&self.sums);
        let sinkhorn: Vec<T> = rows.map(|(logits, &sum)| -log_sum(logits, sum)).collect();
        let mut step = self.newton_step(p);
        let pairs = step.iter().zip(&self.sums);
        let mut slope = pairs.fold(T::zero(), |sum, (&d, &r)| sum + d * (r - T::one()));
        let longest = step.iter().fold(T::zero(), |m, d| m.max(d.abs()));
        let mut part = (real::<T>(LONGEST) / longest).min(T::one());
        for _ in 0..ENOUGH.1 {
            step.iter_mut().for_each(|d| *d *= part);
            slope *= part;
            let change = self.attempt(&step, p);
            let lower = slope < T::zero() && change <= slope * real(ENOUGH.0);
            if self.residual < residual * real(0.5) || lower {
                return std::mem::swap(&mut self.logits, &mut self.trial);
            }
            part = real(0.5);
        }
        self.attempt(&sinkhorn, p);
        std::mem::swap(&mut self.logits, &mut self.trial);
    }

    /// As the batched `newton_step`. With columns that sum to 1 the Hessian is the Laplacian of the weights
    /// $\sum_j P_{ij} P_{lj}$ between rows, however small they are.
    fn newton_step(&mut self, p: &[T]) -> Vec<T> {
        let n = self.n;
        let row = |i: usize| &p[i * n..(i + 1) * n];
        for i in 0..n {
            for l in 0..i {
                let products = row(i).iter().zip(row(l));
                let weight = products.fold(T::zero(), |sum, (&a, &b)| sum + a * b);
                self.hessian[i * n + l] = weight;
                self.hessian[l * n + i] = weight;
            }
        }
        let mut step: Vec<T> = self.sums.iter().map(|&r| T::one() - r).collect();
        solve_laplacian(&mut self.hessian, &mut step);
        let mean = step.iter().fold(T::zero(), |sum, &d| sum + d) / real(n as f64);
        step.iter_mut().for_each(|d| *d -= mean);
        step
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

/// Solves L x = b in place, for b that sums to 0 and the Laplacian L of symmetric weights $w \ge 0$, `[n, n]`:
/// $(L x)_i = \sum_l w_{il} (x_i - x_l)$. Rows are eliminated from the last to the first without a subtraction
/// (Grassmann, Taksar and Heyman 1985), so that small weights among large ones keep their digits.
fn solve_laplacian<T: Real>(w: &mut [T], b: &mut [T]) {
    let n = b.len();
    for i in (1..n).rev() {
        let total = (0..i).fold(T::zero(), |sum, l| sum + w[i * n + l]);
        // A row that shares nothing with those that are left stays.
        let inverse = if total >= T::min_positive_value() {
            total.recip()
        } else {
            T::zero()
        };
        for l in 0..i {
            let share = w[i * n + l] * inverse;
            b[l] += share * b[i];
            for m in 0..l {
                let weight = share * w[i * n + m];
                w[l * n + m] += weight;
                w[m * n + l] += weight;
            }
        }
        b[i] *= inverse;
        // What is needed on the way back.
        for l in 0..i {
            w[i * n + l] *= inverse;
        }
    }
    if let Some(first) = b.first_mut() {
        *first = T::zero();
    }
    for i in 1..n {
        let others = (0..i).fold(T::zero(), |sum, l| sum + w[i * n + l] * b[l]);
        b[i] += others;
    }
}
