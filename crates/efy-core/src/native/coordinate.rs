//! Coordinate ascent on a block of rows.

use multiversion::multiversion;

use super::input::Block;
use super::matrix::{Matrix, add_outer, dot, dot_lanes};
use super::{Real, Scratch, certificate, real};
use crate::solver::Options;

/// Sweeps until the residual of every lane is small; returns the number of sweeps of each.
///
/// A lane's residual is looked at only after a sweep in which none of its coordinates moved by more
/// than the tolerance; when it is small the lane is frozen.
#[multiversion(targets("x86_64+avx2", "x86_64+avx512f+avx512vl"))]
pub(super) fn ascend<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    scratch: &mut Scratch<T, L>,
    options: &Options,
) -> [i64; L] {
    let tolerance: T = real(options.tolerance);
    let mut sweeps = [options.max_iterations as i64; L];
    let half = real::<T>(0.5);
    let mut active = [false; L];
    active[..block.live].fill(true);
    let kernel = Kernel::new(block, p, scratch);
    kernel.refresh(block, p, scratch);
    for sweep in 1..=options.max_iterations {
        let moved = kernel.sweep(block, p, scratch, &active);
        // Half of what the report will accept: it computes the residual anew.
        let rounding =
            certificate::rounding(block, &scratch.product).map(|rounding| rounding * half);
        let mut settled = active;
        for lane in 0..L {
            settled[lane] &= moved[lane] <= tolerance || moved[lane] <= rounding[lane];
        }
        if settled.contains(&true) {
            kernel.refresh(block, p, scratch);
            let residual = certificate::residuals(block, p, &scratch.product);
            for lane in (0..L).filter(|&lane| {
                settled[lane] && (residual[lane] <= tolerance || residual[lane] <= rounding[lane])
            }) {
                active[lane] = false;
                sweeps[lane] = sweep as i64;
            }
        }
        if !active.contains(&true) {
            break;
        }
    }
    sweeps
}

/// How a sweep follows the gradient.
enum Kernel<T> {
    /// The gradient does not change.
    Linear,
    /// `product = U p` is kept up to date.
    Dense,
    /// `factor = A^T p` is kept up to date; squares of the rows of A.
    LowRank(Vec<T>),
}

impl<T: Real> Kernel<T> {
    #[inline(always)]
    fn new<const L: usize>(
        block: &Block<'_, T, L>,
        p: &[[T; L]],
        scratch: &mut Scratch<T, L>,
    ) -> Self {
        match block.matrix {
            Matrix::Zero => Kernel::Linear,
            Matrix::Dense(_) => {
                block
                    .matrix
                    .apply(p, &mut scratch.product, &mut scratch.factor);
                Kernel::Dense
            }
            Matrix::LowRank(a, rank) => {
                block.matrix.factor_product(p, &mut scratch.factor);
                Kernel::LowRank(a.chunks_exact(rank).map(|a| dot(a, a)).collect())
            }
        }
    }

    #[inline(always)]
    /// Makes `product` what it is at p, where a sweep does not.
    fn refresh<const L: usize>(
        &self,
        block: &Block<'_, T, L>,
        p: &[[T; L]],
        scratch: &mut Scratch<T, L>,
    ) {
        match (self, block.matrix) {
            (Kernel::Dense, _) => {}
            (Kernel::LowRank(_), Matrix::LowRank(a, rank)) => {
                for (product, a) in scratch.product.iter_mut().zip(a.chunks_exact(rank)) {
                    *product = dot_lanes(a, &scratch.factor).map(|value| -value);
                }
            }
            _ => block
                .matrix
                .apply(p, &mut scratch.product, &mut scratch.factor),
        }
    }

    #[inline(always)]
    /// One sweep over the coordinates of the active lanes; returns the largest move of each.
    fn sweep<const L: usize>(
        &self,
        block: &Block<'_, T, L>,
        p: &mut [[T; L]],
        scratch: &mut Scratch<T, L>,
        active: &[bool; L],
    ) -> [T; L] {
        let mut largest = [T::zero(); L];
        match (self, block.matrix) {
            (Kernel::Dense, Matrix::Dense(u)) => {
                for (i, row) in u.chunks_exact(p.len()).enumerate() {
                    let gradient = scratch.product[i];
                    let change = update(block, i, gradient, row[i], p, active, &mut largest);
                    add_outer(&mut scratch.product, row, &change);
                }
            }
            (Kernel::LowRank(squares), Matrix::LowRank(a, rank)) => {
                for (i, (a, &square)) in a.chunks_exact(rank).zip(squares).enumerate() {
                    let gradient = dot_lanes(a, &scratch.factor).map(|value| -value);
                    let change = update(block, i, gradient, -square, p, active, &mut largest);
                    add_outer(&mut scratch.factor, a, &change);
                }
            }
            _ => {
                for i in 0..p.len() {
                    update(block, i, [T::zero(); L], T::zero(), p, active, &mut largest);
                }
            }
        }
        largest
    }
}

/// Maximizes over coordinate i in the active lanes, where `gradient` $= (U p)_i$ and `diagonal`
/// $= U_{ii}$; returns the moves and raises `largest` to them.
#[inline(always)]
fn update<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    i: usize,
    gradient: [T; L],
    diagonal: T,
    p: &mut [[T; L]],
    active: &[bool; L],
    largest: &mut [T; L],
) -> [T; L] {
    let old = p[i];
    let mut linear = [T::zero(); L];
    for lane in 0..L {
        linear[lane] = block.u[i][lane] + gradient[lane] - diagonal * old[lane];
    }
    let new = block.omega.maximize_lanes(&linear, diagonal);
    let mut change = [T::zero(); L];
    for lane in 0..L {
        change[lane] = if active[lane] {
            new[lane] - old[lane]
        } else {
            T::zero()
        };
        p[i][lane] = if active[lane] { new[lane] } else { old[lane] };
        // Not `max`, which would drop a NaN.
        let size = change[lane].abs();
        largest[lane] = if size <= largest[lane] {
            largest[lane]
        } else {
            size
        };
    }
    change
}
