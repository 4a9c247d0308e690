//! Coordinate ascent on rows that have a coupling each.
//!
//! A block is L rows side by side, as where rows share a coupling, but an element of the coupling is L numbers
//! too. That takes L times the memory, so only couplings of few elements are solved like this: those of actions,
//! not those of a hundred labels.

use multiversion::multiversion;

use super::coordinate::Progress;
use super::input::{Block, Concavity, DENSE_UP_TO, Input};
use super::matrix::Matrix;
use super::{Outcome, Real, certificate};
use crate::solver::Options;

/// Most elements of the coupling of a row: with 16 lanes of f32 they take 16 kB of the first cache.
const MOST_ELEMENTS: usize = 256;

/// The couplings of L rows: `elements[i * columns + j][l]` is element (i, j) of row l's.
pub(super) struct Couplings<T, const L: usize> {
    elements: Vec<[T; L]>,
    form: Form,
    /// A of the rows whose coupling is multiplied out, `[k m]`.
    thin: Vec<[T; L]>,
    /// The diagonal of U, `[k]`.
    diagonal: Vec<[T; L]>,
    /// What the maximum over a coordinate is multiplied by instead of divided, see [`Omega::inverse`](super::omega::Omega::inverse).
    inverse: Vec<[T; L]>,
    /// `U p`, `[k]`.
    product: Vec<[T; L]>,
    /// `A^T p`, `[m]`, for a coupling in factors.
    factor: Vec<[T; L]>,
}

/// How the couplings are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// U itself, k columns.
    Dense,
    /// A of $U = -AA^\top$, with so many columns.
    Factors(usize),
}

/// Whether the rows are solved like this: they have couplings of their own, and small ones.
pub(super) fn applies<T: Real>(input: &Input<T>) -> bool {
    input.is_apart() && form(input).is_some()
}

fn form<T: Real>(input: &Input<T>) -> Option<Form> {
    let (k, rank) = (input.k, input.rank());
    // As where rows share a coupling: multiplied out unless it is thin.
    let dense = (rank == 0 || k <= DENSE_UP_TO * rank) && k * k <= MOST_ELEMENTS;
    if dense {
        Some(Form::Dense)
    } else {
        (rank > 0 && k * rank <= MOST_ELEMENTS).then_some(Form::Factors(rank))
    }
}

impl<T: Real, const L: usize> Couplings<T, L> {
    /// Room for the couplings of L rows of such problems.
    pub(super) fn new(input: &Input<T>) -> Self {
        let (k, form) = (input.k, form(input).unwrap_or(Form::Dense));
        let zeros = |count: usize| vec![[T::zero(); L]; count];
        let columns = match form {
            Form::Dense => k,
            Form::Factors(rank) => rank,
        };
        Couplings {
            elements: zeros(k * columns),
            form,
            thin: zeros(match form {
                Form::Dense => k * input.rank(),
                Form::Factors(_) => 0,
            }),
            diagonal: zeros(k),
            inverse: zeros(k),
            product: zeros(k),
            factor: zeros(input.rank()),
        }
    }

    /// Fetches the couplings of the rows of a block; a lane without a row gets none.
    #[inline(always)]
    fn load(&mut self, input: &Input<T>, block: &Block<'_, T, L>) {
        let (k, rank) = (input.k, input.rank());
        if self.form == Form::Dense && rank > 0 {
            fetch(&mut self.thin, input, block);
            for i in 0..k {
                for j in 0..=i {
                    let element = minus_dot(&self.thin[i * rank..][..rank], &self.thin[j * rank..]);
                    self.elements[i * k + j] = element;
                    self.elements[j * k + i] = element;
                }
            }
        } else {
            fetch(&mut self.elements, input, block);
        }
        for i in 0..k {
            self.diagonal[i] = match self.form {
                Form::Dense => self.elements[i * k + i],
                Form::Factors(rank) => {
                    let row = &self.elements[i * rank..][..rank];
                    minus_dot(row, row)
                }
            };
            self.inverse[i] = block.omega.inverse(&self.diagonal[i]);
        }
    }

    /// `U p` anew, with what updates go on from.
    #[inline(always)]
    fn multiply(&mut self, p: &[[T; L]]) {
        if let Form::Factors(rank) = self.form {
            self.factor.fill([T::zero(); L]);
            for (row, p) in self.elements.chunks_exact(rank).zip(p) {
                add(&mut self.factor, row, p);
            }
            for (product, row) in self
                .product
                .iter_mut()
                .zip(self.elements.chunks_exact(rank))
            {
                *product = minus_dot(row, &self.factor);
            }
        } else {
            self.product.fill([T::zero(); L]);
            // U is symmetric: its rows are its columns.
            for (row, p) in self.elements.chunks_exact(p.len()).zip(p) {
                add(&mut self.product, row, p);
            }
        }
    }

    /// One sweep over the coordinates of the active lanes; returns the largest move of each.
    #[inline(always)]
    fn sweep(&mut self, block: &Block<'_, T, L>, p: &mut [[T; L]], active: &[T; L]) -> [T; L] {
        let mut largest = [T::zero(); L];
        let k = p.len();
        for (i, (p, u)) in p.iter_mut().zip(block.u).enumerate() {
            let gradient = match self.form {
                Form::Dense => self.product[i],
                Form::Factors(rank) => minus_dot(&self.elements[i * rank..][..rank], &self.factor),
            };
            let (old, diagonal) = (*p, &self.diagonal[i]);
            // One operation a loop, on arrays of its own: so each is an instruction or two on whole registers.
            let mut linear = gradient;
            for lane in 0..L {
                linear[lane] += u[lane] - diagonal[lane] * old[lane];
            }
            let mut new = (block.omega).maximize_each(&linear, diagonal, &self.inverse[i]);
            for lane in 0..L {
                new[lane] = if active[lane] > T::zero() {
                    new[lane]
                } else {
                    old[lane]
                };
            }
            let mut change = new;
            for lane in 0..L {
                change[lane] -= old[lane];
            }
            for lane in 0..L {
                // Not `max`, which would drop a NaN.
                let size = change[lane].abs();
                largest[lane] = if size <= largest[lane] {
                    largest[lane]
                } else {
                    size
                };
            }
            *p = new;
            match self.form {
                Form::Dense => add(&mut self.product, &self.elements[i * k..][..k], &change),
                Form::Factors(rank) => {
                    add(
                        &mut self.factor,
                        &self.elements[i * rank..][..rank],
                        &change,
                    );
                }
            }
        }
        largest
    }
}

/// Sweeps until the residual of every lane is small, as [`coordinate::ascend`](super::coordinate::ascend), and says
/// what came of it.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn ascend<T: Real, const L: usize>(
    input: &Input<T>,
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    couplings: &mut Couplings<T, L>,
    options: &Options,
) -> [Outcome<T>; L] {
    couplings.load(input, block);
    couplings.multiply(p);
    let mut progress = Progress::new(block.live, options);
    for sweep in 1..=options.max_iterations {
        let moved = couplings.sweep(block, p, &progress.active);
        let Some(look) = progress.look(sweep, &moved) else {
            continue;
        };
        if let Form::Factors(rank) = couplings.form {
            let rows = couplings.elements.chunks_exact(rank);
            for (product, row) in couplings.product.iter_mut().zip(rows) {
                *product = minus_dot(row, &couplings.factor);
            }
        }
        if progress.is_over(sweep, &look, block, p, &couplings.product) {
            break;
        }
    }
    // From a fresh product: the running one has gathered rounding errors.
    couplings.multiply(p);
    let half = super::real::<T>(0.5);
    let mut phi = [T::zero(); L];
    for ((p, u), product) in p.iter().zip(block.u).zip(&couplings.product) {
        for lane in 0..L {
            phi[lane] += p[lane] * (u[lane] + product[lane] * half);
        }
    }
    let concavity: [Concavity; L] = std::array::from_fn(|lane| {
        input.concavity_of(block.index + lane.min(block.live.saturating_sub(1)))
    });
    certificate::judge(
        block,
        p,
        &couplings.product,
        &phi,
        concavity,
        progress.sweeps,
        options,
    )
}

/// Elements of the matrices of a block's rows side by side.
#[inline(always)]
fn fetch<T: Real, const L: usize>(to: &mut [[T; L]], input: &Input<T>, block: &Block<'_, T, L>) {
    to.fill([T::zero(); L]);
    for lane in 0..block.live {
        if let Matrix::Dense(row) | Matrix::LowRank(row, _) = input.matrix(block.index + lane) {
            for (to, &from) in to.iter_mut().zip(row) {
                to[lane] = from;
            }
        }
    }
}

/// `-sum_j a[j] b[j]` in every lane.
#[inline(always)]
fn minus_dot<T: Real, const L: usize>(a: &[[T; L]], b: &[[T; L]]) -> [T; L] {
    let mut sum = [T::zero(); L];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..L {
            sum[lane] -= a[lane] * b[lane];
        }
    }
    sum
}

/// `out[j] += weights[j] x` in every lane.
#[inline(always)]
fn add<T: Real, const L: usize>(out: &mut [[T; L]], weights: &[[T; L]], x: &[T; L]) {
    for (out, weight) in out.iter_mut().zip(weights) {
        // In a local array: the compiler does not know that `out` is apart from the others.
        let mut sum = *out;
        for lane in 0..L {
            sum[lane] += weight[lane] * x[lane];
        }
        *out = sum;
    }
}
