//! Projected gradient ascent on a block of rows.

use multiversion::multiversion;

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

/// The iterates of a block, each with its product with U.
struct Points<T, const L: usize> {
    /// Where the gradient is taken, and U z.
    z: Vec<[T; L]>,
    z_product: Vec<[T; L]>,
    /// U p for the last iterate p.
    product: Vec<[T; L]>,
    /// The iterate that is being found; its product is the block's scratch.
    q: Vec<[T; L]>,
    /// Of F at z.
    gradient: Vec<[T; L]>,
}

/// Iterates until the residual of every lane is small; returns the number of iterations of each.
///
/// One product with U an iteration, that of the new iterate: z is a combination of iterates, and so is
/// U z. A lane that is done is frozen.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn ascend<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    scratch: &mut Scratch<T, L>,
    rule: &Rule<T>,
    options: &Options,
) -> [i64; L] {
    let (tolerance, half) = (real::<T>(options.tolerance), real::<T>(0.5));
    let known: Option<[T; L]> = rule.known.as_ref().map(|known| {
        std::array::from_fn(|lane| *known.get(block.index + lane).unwrap_or(&known[0]))
    });
    let mut eta = known.unwrap_or([rule.initial; L]);
    let mut sequence = Sequence::new(rule, &eta);
    let mut active = [T::zero(); L];
    active[..block.live].fill(T::one());
    let mut iterations = [options.max_iterations as i64; L];
    apply(block, p, scratch);
    let mut points = Points {
        z: p.to_vec(),
        z_product: scratch.product.clone(),
        product: scratch.product.clone(),
        q: p.to_vec(),
        gradient: p.to_vec(),
    };
    for iteration in 1..=options.max_iterations {
        points.take_gradient(block);
        if known.is_some() {
            points.move_along(block, &eta);
            apply(block, &points.q, scratch);
        } else {
            search(block, &mut points, &mut eta, &active, scratch);
        }
        let moved = points.largest_move();
        sequence.extrapolate(&mut points, p, &scratch.product);
        for ((p, product), (q, fresh)) in
            (p.iter_mut().zip(&mut points.product)).zip(points.q.iter().zip(&scratch.product))
        {
            for lane in 0..L {
                p[lane] = if active[lane] > T::zero() {
                    q[lane]
                } else {
                    p[lane]
                };
                product[lane] = fresh[lane];
            }
        }
        // Half of what the report will accept: it computes the residual anew.
        let rounding =
            certificate::rounding(block, &scratch.product).map(|rounding| rounding * half);
        let settled: [bool; L] = std::array::from_fn(|lane| {
            let step = eta[lane].min(T::one());
            let small = moved[lane] <= tolerance * step || moved[lane] <= rounding[lane] * step;
            active[lane] > T::zero() && small
        });
        if settled.contains(&true) {
            let residual = certificate::residuals(block, &points.q, &scratch.product);
            for lane in (0..L).filter(|&lane| {
                settled[lane] && (residual[lane] <= tolerance || residual[lane] <= rounding[lane])
            }) {
                active[lane] = T::zero();
                iterations[lane] = iteration as i64;
            }
            if !active.contains(&T::one()) {
                break;
            }
        }
        if known.is_none() {
            eta = eta.map(|eta| {
                if eta <= real(SHORTEST_STEP) {
                    T::one()
                } else {
                    (eta + eta).min(real(LONGEST_STEP))
                }
            });
        }
    }
    iterations
}

/// `scratch.product = U p`.
#[inline(always)]
fn apply<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    scratch: &mut Scratch<T, L>,
) {
    (block.matrix).apply(p, &mut scratch.product, &mut scratch.factor);
}

impl<T: Real, const L: usize> Points<T, L> {
    /// $\nabla F(z)$.
    #[inline(always)]
    fn take_gradient(&mut self, block: &Block<'_, T, L>) {
        let there = self.z.iter().zip(&self.z_product);
        for ((gradient, u), (z, product)) in self.gradient.iter_mut().zip(block.u).zip(there) {
            *gradient = gradient_at(block, u, z, product);
        }
    }

    /// `q = P(z + eta gradient)`.
    #[inline(always)]
    fn move_along(&mut self, block: &Block<'_, T, L>, eta: &[T; L]) {
        for ((q, z), gradient) in self.q.iter_mut().zip(&self.z).zip(&self.gradient) {
            for lane in 0..L {
                q[lane] = block.omega.project(z[lane] + eta[lane] * gradient[lane]);
            }
        }
    }

    /// $\|q - z\|_\infty$.
    #[inline(always)]
    fn largest_move(&self) -> [T; L] {
        let mut largest = [T::zero(); L];
        for (q, z) in self.q.iter().zip(&self.z) {
            for lane in 0..L {
                let size = (q[lane] - z[lane]).abs();
                // Not `max`, which would drop a NaN.
                largest[lane] = if size <= largest[lane] {
                    largest[lane]
                } else {
                    size
                };
            }
        }
        largest
    }

    /// $\langle z - q, q - p \rangle$.
    #[inline(always)]
    fn downhill(&self, p: &[[T; L]]) -> [T; L] {
        let mut sum = [T::zero(); L];
        for ((z, q), p) in self.z.iter().zip(&self.q).zip(p) {
            for lane in 0..L {
                sum[lane] += (z[lane] - q[lane]) * (q[lane] - p[lane]);
            }
        }
        sum
    }
}

/// $\nabla F$ at a coordinate p with `product` $= (U p)_i$.
#[inline(always)]
fn gradient_at<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    u: &[T; L],
    p: &[T; L],
    product: &[T; L],
) -> [T; L] {
    let omega = block.omega.gradient_lanes(p);
    let mut gradient = [T::zero(); L];
    for lane in 0..L {
        gradient[lane] = u[lane] + product[lane] - omega[lane];
    }
    gradient
}

/// Halves the step of each active lane until $\eta \langle \nabla F(z) - \nabla F(q), d \rangle \le
/// \|d\|^2$ with $d = q - z$, which for quadratic F is the usual test on values. A lane that accepts
/// its step finds the same q again while others search.
#[inline(always)]
fn search<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    points: &mut Points<T, L>,
    eta: &mut [T; L],
    active: &[T; L],
    scratch: &mut Scratch<T, L>,
) {
    let half = real::<T>(0.5);
    let slack = T::one() + real::<T>(8.0) * T::epsilon();
    for _ in 0..MOST_HALVINGS {
        points.move_along(block, eta);
        apply(block, &points.q, scratch);
        let (mut bend, mut square) = ([T::zero(); L], [T::zero(); L]);
        for i in 0..points.q.len() {
            let (q, z) = (&points.q[i], &points.z[i]);
            let there = gradient_at(block, &block.u[i], q, &scratch.product[i]);
            for lane in 0..L {
                let d = q[lane] - z[lane];
                bend[lane] += d * (points.gradient[i][lane] - there[lane]);
                square[lane] += d * d;
            }
        }
        let mut searching = false;
        for lane in 0..L {
            let accepted = eta[lane] * bend[lane] <= square[lane] * slack;
            if active[lane] > T::zero() && !accepted {
                eta[lane] *= half;
                searching = true;
            }
        }
        if !searching {
            break;
        }
    }
}

/// The momentum of each lane.
enum Sequence<T, const L: usize> {
    None,
    Constant { beta: [T; L] },
    Nesterov { t: [T; L], restart: bool },
}

impl<T: Real, const L: usize> Sequence<T, L> {
    fn new(rule: &Rule<T>, eta: &[T; L]) -> Self {
        match rule.momentum {
            Momentum::None => Sequence::None,
            Momentum::Nesterov { restart } => Sequence::Nesterov {
                t: [T::one(); L],
                restart,
            },
            Momentum::Constant => {
                let low = rule.modulus_root;
                let beta = |root: T| (root - low) / (root + low);
                Sequence::Constant {
                    beta: eta.map(|eta| beta(eta.recip().sqrt())),
                }
            }
        }
    }

    /// `z = q + beta (q - p)` and the same of the products; `product` is that of q.
    #[inline(always)]
    fn extrapolate(&mut self, points: &mut Points<T, L>, p: &[[T; L]], product: &[[T; L]]) {
        let beta = match self {
            Sequence::None => [T::zero(); L],
            Sequence::Constant { beta } => *beta,
            Sequence::Nesterov { t, restart } => {
                let two = T::one() + T::one();
                let next = t.map(|t| (T::one() + (T::one() + two * two * t * t).sqrt()) / two);
                let mut beta = std::array::from_fn(|lane| (t[lane] - T::one()) / next[lane]);
                *t = next;
                if *restart {
                    let downhill = points.downhill(p);
                    for lane in (0..L).filter(|&lane| downhill[lane] > T::zero()) {
                        (t[lane], beta[lane]) = (T::one(), T::zero());
                    }
                }
                beta
            }
        };
        let combine = |z: &mut [[T; L]], q: &[[T; L]], p: &[[T; L]]| {
            for ((z, q), p) in z.iter_mut().zip(q).zip(p) {
                for lane in 0..L {
                    z[lane] = q[lane] + beta[lane] * (q[lane] - p[lane]);
                }
            }
        };
        combine(&mut points.z, &points.q, p);
        combine(&mut points.z_product, product, &points.product);
    }
}
