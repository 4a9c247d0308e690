//! Projected gradient ascent on one row.

use super::input::Block;
use super::{Real, Scratch, certificate, real};

use crate::solver::{LONGEST_STEP, MOST_HALVINGS, SHORTEST_STEP};
use crate::solver::{Momentum, Options, ProjectedGradient, Step};

/// How the step and the momentum of each row are found.
pub(super) struct Rule<T> {
    /// Known steps, one for all rows or one a row.
    known: Option<Vec<T>>,
    initial: T,
    momentum: Momentum,
    modulus_root: T,
}

impl<T: Real> Rule<T> {
    pub(super) fn new(
        solver: &ProjectedGradient,
        known: Option<Vec<T>>,
        modulus_root: f64,
    ) -> Self {
        let initial = match solver.step {
            Step::Backtracking { initial } => real(initial),
            _ => T::one(),
        };
        Rule {
            known,
            initial,
            momentum: solver.momentum,
            modulus_root: real(modulus_root),
        }
    }
}

/// Iterates until the residual is small; returns the number of iterations.
pub(super) fn ascend<T: Real>(
    row: &Block<'_, T, 1>,
    p: &mut [T],
    scratch: &mut Scratch<T, 1>,
    rule: &Rule<T>,
    options: &Options,
) -> i64 {
    let tolerance: T = real(options.tolerance);
    let k = p.len();
    let known = rule
        .known
        .as_ref()
        .map(|known| *known.get(row.index).unwrap_or(&known[0]));
    let mut eta = known.unwrap_or(rule.initial);
    let mut sequence = Sequence::new(rule, eta);
    let (mut z, mut q) = (p.to_vec(), vec![T::zero(); k]);
    let mut gradient = vec![T::zero(); k];
    for iteration in 1..=options.max_iterations {
        apply(row, &z, scratch);
        for i in 0..k {
            gradient[i] = row.u[i][0] + scratch.product[i][0] - row.omega.gradient(z[i]);
        }
        match known {
            Some(eta) => move_along(row, &z, &gradient, eta, &mut q),
            None => {
                eta = search(row, &z, &gradient, eta, &mut q, scratch);
            }
        }
        let moved = largest_difference(&q, &z);
        sequence.extrapolate(&mut z, p, &q);
        p.copy_from_slice(&q);
        if moved <= tolerance * eta.min(T::one()) {
            apply(row, p, scratch);
            let [residual] = certificate::residuals(row, p.as_chunks::<1>().0, &scratch.product);
            if residual <= tolerance {
                return iteration as i64;
            }
        }
        if known.is_none() {
            eta = if eta <= real(SHORTEST_STEP) {
                T::one()
            } else {
                (eta + eta).min(real(LONGEST_STEP))
            };
        }
    }
    options.max_iterations as i64
}

/// `scratch.product = U p`.
fn apply<T: Real>(row: &Block<'_, T, 1>, p: &[T], scratch: &mut Scratch<T, 1>) {
    row.matrix.apply(
        p.as_chunks::<1>().0,
        &mut scratch.product,
        &mut scratch.factor,
    );
}

/// `q = P(z + eta gradient)`.
fn move_along<T: Real>(row: &Block<'_, T, 1>, z: &[T], gradient: &[T], eta: T, q: &mut [T]) {
    for ((q, &z), &g) in q.iter_mut().zip(z).zip(gradient) {
        *q = row.omega.project(z + eta * g);
    }
}

/// Halves the step until $\eta \langle \nabla F(z) - \nabla F(q), d \rangle \le \|d\|^2$ with
/// $d = q - z$, which for quadratic F is the usual test on values; returns the accepted step.
fn search<T: Real>(
    row: &Block<'_, T, 1>,
    z: &[T],
    gradient: &[T],
    mut eta: T,
    q: &mut [T],
    scratch: &mut Scratch<T, 1>,
) -> T {
    let half = real::<T>(0.5);
    for _ in 0..MOST_HALVINGS {
        move_along(row, z, gradient, eta, q);
        apply(row, q, scratch);
        let (mut bend, mut square) = (T::zero(), T::zero());
        for i in 0..q.len() {
            let d = q[i] - z[i];
            let gradient_there = row.u[i][0] + scratch.product[i][0] - row.omega.gradient(q[i]);
            bend += d * (gradient[i] - gradient_there);
            square += d * d;
        }
        if eta * bend <= square * (T::one() + real::<T>(8.0) * T::epsilon()) {
            break;
        }
        eta *= half;
    }
    eta
}

fn largest_difference<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter()
        .zip(b)
        .fold(T::zero(), |largest, (&a, &b)| largest.max((a - b).abs()))
}

/// The momentum of one row.
enum Sequence<T> {
    None,
    Constant { beta: T },
    Nesterov { t: T, restart: bool },
}

impl<T: Real> Sequence<T> {
    fn new(rule: &Rule<T>, eta: T) -> Self {
        match rule.momentum {
            Momentum::None => Sequence::None,
            Momentum::Nesterov { restart } => Sequence::Nesterov {
                t: T::one(),
                restart,
            },
            Momentum::Constant => {
                let (root, low) = (eta.recip().sqrt(), rule.modulus_root);
                Sequence::Constant {
                    beta: (root - low) / (root + low),
                }
            }
        }
    }

    /// `z = q + beta (q - p)`, p being the previous iterate.
    fn extrapolate(&mut self, z: &mut [T], p: &[T], q: &[T]) {
        let beta = match self {
            Sequence::None => T::zero(),
            Sequence::Constant { beta } => *beta,
            Sequence::Nesterov { t, restart } => {
                let two = T::one() + T::one();
                let next = (T::one() + (T::one() + two * two * *t * *t).sqrt()) / two;
                let beta = (*t - T::one()) / next;
                *t = next;
                if *restart && downhill(z, p, q) {
                    *t = T::one();
                    T::zero()
                } else {
                    beta
                }
            }
        };
        for ((z, &p), &q) in z.iter_mut().zip(p).zip(q) {
            *z = q + beta * (q - p);
        }
    }
}

fn downhill<T: Real>(z: &[T], p: &[T], q: &[T]) -> bool {
    let terms = z
        .iter()
        .zip(q)
        .zip(p)
        .map(|((&z, &q), &p)| (z - q) * (q - p));
    terms.fold(T::zero(), |sum, term| sum + term) > T::zero()
}
