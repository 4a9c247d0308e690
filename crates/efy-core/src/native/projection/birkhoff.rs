//! The Birkhoff polytope.

use multiversion::multiversion;

use super::assignment::{Matching, tame};
use super::simplex::threshold;
use super::{LANES, RowMap, padded};
use crate::native::{Real, real};

/// The largest deviation of a column's sum from 1.
const TOLERANCE: f64 = 1e-14;
/// Newton steps, of which ten is many.
const MOST_STEPS: usize = 200;
/// Halvings of one step.
const MOST_HALVINGS: usize = 40;
/// Regularization of the Hessian relative to the gradient.
const DAMPING: f64 = 1e-2;

/// Minimizes the semi-dual
/// $\varphi(\beta) = \sum_j \beta_j + \sum_i \max_{p \in \Delta} \langle z_i - \beta, p \rangle - \frac12\|p\|^2$
/// by a semismooth Newton method with line search, in f64. The maxima are projections of rows onto the
/// simplex, $\nabla\varphi = 1 - P^\top 1$, and
/// $\sum_i \mathrm{diag}(s_i) - s_i s_i^\top / |s_i|$ with the rows' supports $s_i$ is a Hessian (compare
/// Blondel, Seguy and Rolet 2018; Li, Sun and Toh 2020).
///
/// First the potentials of an optimal assignment are subtracted, which leaves $-c \le 0$ with $c = 0$ at a
/// permutation. The projection is 0 wherever $c \ge n$, so that larger c are cut there and no scale is
/// left: three to seven steps lead to the end, however far apart the entries were. (A Hessian is singular
/// along the components of the support's graph, which is sparse far from the end.)
pub(super) struct Birkhoff {
    pub(super) n: usize,
}

impl RowMap for Birkhoff {
    fn fits(&self, k: usize) -> bool {
        k == self.n * self.n
    }

    fn work(&self, k: usize) -> usize {
        32 * k * self.n
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        let n = self.n;
        let mut newton = Newton::new(n);
        let mut matching = Matching::new(n);
        for row in rows.chunks_exact_mut(k) {
            if !tame(row, n, &mut newton.z) {
                row.fill(T::nan());
                continue;
            }
            reduce(&mut newton.z, &mut matching, n);
            minimize(&mut newton);
            for (value, &p) in row.iter_mut().zip(&newton.point.p) {
                *value = real(p);
            }
        }
    }
}

/// Subtracts a constant from every row and column, which changes no projection, and cuts.
fn reduce(z: &mut [f64], matching: &mut Matching, n: usize) {
    matching.maximize(z);
    for (row, u) in z.chunks_exact_mut(n).zip(&matching.u) {
        for (z, v) in row.iter_mut().zip(&matching.v) {
            *z = (*z - u - v).clamp(-(n as f64), 0.0);
        }
    }
    for (column, &row) in matching.row_of.iter().enumerate() {
        z[row * n + column] = 0.0;
    }
}

/// $\beta$ and all that is known there.
struct Point {
    beta: Vec<f64>,
    p: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    /// The largest element of the gradient.
    residual: f64,
}

struct Newton {
    n: usize,
    z: Vec<f64>,
    point: Point,
    trial: Point,
    hessian: Vec<f64>,
    direction: Vec<f64>,
    support: Vec<usize>,
    row: Vec<[f64; LANES]>,
}

impl Newton {
    fn new(n: usize) -> Self {
        let point = || Point {
            beta: vec![0.0; n],
            p: vec![0.0; n * n],
            gradient: vec![0.0; n],
            value: 0.0,
            residual: 0.0,
        };
        Newton {
            n,
            z: vec![0.0; n * n],
            point: point(),
            trial: point(),
            hessian: vec![0.0; n * n],
            direction: vec![0.0; n],
            support: Vec::with_capacity(n),
            row: padded(n),
        }
    }

    /// Everything at `trial.beta`.
    #[inline(always)]
    fn evaluate(&mut self) {
        let Point {
            beta,
            p,
            gradient,
            value,
            residual,
        } = &mut self.trial;
        gradient.fill(1.0);
        *value = beta.iter().sum();
        for (p, z) in p.chunks_exact_mut(self.n).zip(self.z.chunks_exact(self.n)) {
            let row = &mut self.row.as_flattened_mut()[..self.n];
            let mut top = f64::NEG_INFINITY;
            for ((y, z), beta) in row.iter_mut().zip(z).zip(beta.iter()) {
                *y = z - beta;
                top = if *y > top { *y } else { top };
            }
            row.iter_mut().for_each(|y| *y -= top);
            let tau = threshold(&self.row, 1.0);
            let row = &self.row.as_flattened()[..self.n];
            let mut sum = 0.0;
            for ((p, y), gradient) in p.iter_mut().zip(row).zip(gradient.iter_mut()) {
                *p = (y - tau).max(0.0);
                *gradient -= *p;
                sum += *p * (y - 0.5 * *p);
            }
            *value += top + sum;
        }
        *residual = gradient.iter().fold(0.0, |m, g| g.abs().max(m));
    }

    /// Solves $(H + \mu I) d = -\nabla\varphi$ by Cholesky.
    #[inline(always)]
    fn direct(&mut self) {
        let n = self.n;
        let h = &mut self.hessian;
        h.fill(0.0);
        for p in self.point.p.chunks_exact(n) {
            self.support.clear();
            let inside = p.iter().enumerate().filter(|&(_, &p)| p > 0.0);
            self.support.extend(inside.map(|(j, _)| j));
            let share = 1.0 / self.support.len() as f64;
            for (a, &i) in self.support.iter().enumerate() {
                h[i * n + i] += 1.0;
                for &j in &self.support[..=a] {
                    h[i * n + j] -= share;
                }
            }
        }
        let damping = DAMPING * self.point.residual.min(1.0);
        for i in 0..n {
            for j in 0..=i {
                let (above, row) = h.split_at_mut(i * n);
                let other = if i == j {
                    &row[..j]
                } else {
                    &above[j * n..j * n + j]
                };
                let inner: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                if i == j {
                    // Rounding may leave less than the damping.
                    row[i] = (row[i] + damping - inner).max(0.5 * damping).sqrt();
                } else {
                    row[j] = (row[j] - inner) / above[j * n + j];
                }
            }
        }
        let d = &mut self.direction;
        for i in 0..n {
            let inner: f64 = (0..i).map(|j| h[i * n + j] * d[j]).sum();
            d[i] = (-self.point.gradient[i] - inner) / h[i * n + i];
        }
        for i in (0..n).rev() {
            let inner: f64 = (i + 1..n).map(|j| h[j * n + i] * d[j]).sum();
            d[i] = (d[i] - inner) / h[i * n + i];
        }
    }

    /// Moves along the direction; `false` where rounding lets nothing get better.
    #[inline(always)]
    fn search(&mut self) -> bool {
        let slope = |d: &[f64], g: &[f64]| -> f64 { d.iter().zip(g).map(|(d, g)| d * g).sum() };
        let start_slope = slope(&self.direction, &self.point.gradient);
        let mut step = 1.0;
        for _ in 0..MOST_HALVINGS {
            let start = self.point.beta.iter().zip(&self.direction);
            for (trial, (beta, d)) in self.trial.beta.iter_mut().zip(start) {
                *trial = beta + step * d;
            }
            self.evaluate();
            let ahead = slope(&self.direction, &self.trial.gradient);
            // Still downhill, or better by a measure that rounding does not spoil.
            if ahead <= 0.0
                || self.trial.residual <= 0.5 * self.point.residual
                || self.trial.value < self.point.value + 1e-4 * step * start_slope
            {
                std::mem::swap(&mut self.point, &mut self.trial);
                return true;
            }
            step *= 0.5;
        }
        false
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn minimize(newton: &mut Newton) {
    newton.trial.beta.fill(0.0);
    newton.evaluate();
    std::mem::swap(&mut newton.point, &mut newton.trial);
    for _ in 0..MOST_STEPS {
        if newton.point.residual <= TOLERANCE * newton.n as f64 {
            break;
        }
        newton.direct();
        if !newton.search() {
            break;
        }
    }
}
