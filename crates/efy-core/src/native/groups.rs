//! Sweeps of coordinate ascent for a quadratic regularizer and a low-rank coupling that rows share.
//!
//! Coordinates go in groups of four. The factor $A^\top p$ is passed over once for each group: the moves of the group before
//! are added, and the gradients of the group after are taken, which lack only what the group in between is about to do.
//! A product of 4 x 4 numbers makes up for that. So the maxima over the coordinates of a group, each of which waits for the
//! one before, are found while the vector unit is busy with that pass.
//!
//! Products are rounded together with the sum that they go to, with the same bits where there is hardware for it and where
//! there is none.

use std::hint::black_box;

use super::Real;
use super::fused::{Four, plus, plus_dots, plus_four};
use super::input::Block;
use super::matrix::Matrix;
use super::omega::Omega;

/// Coordinates of a group: as many as the registers hold the sums of.
const GROUP: usize = 4;

/// A low-rank coupling as the sweeps read it.
pub(super) struct Groups<T> {
    rank: usize,
    slope: T,
    groups: Vec<Group<T>>,
    /// For each group and column of A: the rows of the group before, then those of the group after; zeros where there is none.
    weights: Vec<[T; 2 * GROUP]>,
    /// The rows of the first group and of the last one, for each column of A.
    ends: [Vec<[T; GROUP]>; 2],
}

/// The part of U of some coordinates, and what the maximum over each of them is multiplied by instead of divided. Coordinates
/// that fill the last group have zeros.
struct Group<T> {
    own: [[T; GROUP]; GROUP],
    /// With the group before.
    before: [[T; GROUP]; GROUP],
    inverse: [T; GROUP],
}

impl<T: Real> Groups<T> {
    /// `None` unless the coupling is low-rank, and the problem in each coordinate concave and quadratic.
    pub(super) fn new(matrix: &Matrix<'_, T>, omega: &Omega<T>) -> Option<Self> {
        let Matrix::LowRank(a, rank @ 1..) = *matrix else {
            return None;
        };
        let (curvature, slope) = omega.quadratic()?;
        // The rows of every group, column by column of A.
        let count = (a.len() / rank).div_ceil(GROUP);
        let mut columns = vec![[T::zero(); GROUP]; count * rank];
        for (i, row) in a.chunks_exact(rank).enumerate() {
            let columns = &mut columns[i / GROUP * rank..];
            for (column, &x) in columns.iter_mut().zip(row) {
                column[i % GROUP] = x;
            }
        }
        let none = vec![[T::zero(); GROUP]; rank];
        let group = |g: Option<usize>| {
            g.and_then(|g| columns.get(g * rank..(g + 1) * rank))
                .unwrap_or(&none)
        };
        let mut groups = Vec::with_capacity(count);
        let mut weights = Vec::with_capacity(count * rank);
        for g in 0..count {
            let (before, here) = (group(g.checked_sub(1)), group(Some(g)));
            let own = minus_products(here, here);
            let inverse: [T; GROUP] = std::array::from_fn(|r| (curvature - own[r][r]).recip());
            if !inverse.iter().all(|&x| x > T::zero() && x.is_finite()) {
                return None;
            }
            groups.push(Group {
                own,
                before: minus_products(here, before),
                inverse,
            });
            let pairs = before.iter().zip(group(Some(g + 1)));
            weights.extend(pairs.map(|(&[a, b, c, d], &[e, f, g, h])| [a, b, c, d, e, f, g, h]));
        }
        let ends = [0, count - 1].map(|g| group(Some(g)).to_vec());
        Some(Groups {
            rank,
            slope,
            groups,
            weights,
            ends,
        })
    }

    /// One sweep over the coordinates of the active lanes, with `factor` $= A^\top p$; returns the largest move of each.
    #[inline(always)]
    pub(super) fn sweep<const L: usize>(
        &self,
        block: &Block<'_, T, L>,
        p: &mut [[T; L]],
        factor: &mut [[T; L]],
        active: &[T; L],
    ) -> [T; L] {
        let zeros = [[T::zero(); L]; GROUP];
        let mut turn = Turn {
            omega: &block.omega,
            slope: self.slope,
            active,
            moves: zeros,
            dots: zeros,
            largest: [T::zero(); L],
        };
        for (x, w) in factor.iter().zip(&self.ends[0]) {
            turn.dots = plus_dots(turn.dots, w, x);
        }
        let (u, u_rest) = block.u.as_chunks::<GROUP>();
        let (p, p_rest) = p.as_chunks_mut::<GROUP>();
        let mut groups = (self.groups.iter()).zip(self.weights.chunks_exact(self.rank));
        for ((u, p), group) in u.iter().zip(p).zip(&mut groups) {
            turn.take(group, u, p, factor);
        }
        if let Some(group) = groups.next() {
            // What fills the group up stays where it is.
            let mut u = [[self.slope; L]; GROUP];
            let mut p = [[block.omega.project(T::zero()); L]; GROUP];
            u[..u_rest.len()].copy_from_slice(u_rest);
            p[..p_rest.len()].copy_from_slice(p_rest);
            turn.take(group, &u, &mut p, factor);
            p_rest.copy_from_slice(&p[..p_rest.len()]);
        }
        for (sum, w) in factor.iter_mut().zip(&self.ends[1]) {
            *sum = plus_four(*sum, black_box(w), &turn.moves);
        }
        turn.largest
    }
}

/// $-\langle a_r, b_q\rangle$ for the rows of two groups, given by column.
fn minus_products<T: Real>(a: &[[T; GROUP]], b: &[[T; GROUP]]) -> [[T; GROUP]; GROUP] {
    let mut sums = [[T::zero(); GROUP]; GROUP];
    for (a, b) in a.iter().zip(b) {
        for r in 0..GROUP {
            for q in 0..GROUP {
                sums[r][q] -= a[r] * b[q];
            }
        }
    }
    sums
}

/// Where a sweep is.
struct Turn<'a, T, const L: usize> {
    omega: &'a Omega<T>,
    slope: T,
    active: &'a [T; L],
    /// Of the last group.
    moves: Four<T, L>,
    /// The scalar products of the coming group with the factor as it was before these moves.
    dots: Four<T, L>,
    largest: [T; L],
}

impl<T: Real, const L: usize> Turn<'_, T, L> {
    /// Maximizes over the coordinates of a group, one after the other.
    #[inline(always)]
    fn take(
        &mut self,
        (group, weights): (&Group<T>, &[[T; 2 * GROUP]]),
        u: &Four<T, L>,
        p: &mut Four<T, L>,
        factor: &mut [[T; L]],
    ) {
        let (moves, dots) = (self.moves, self.dots);
        let mut coming = [[T::zero(); L]; GROUP];
        // A quarter of the pass after each coordinate: the processor does not look further ahead.
        let quarter = weights.len().div_ceil(GROUP);
        let mut parts = (factor.chunks_mut(quarter)).zip(weights.chunks(quarter));
        // By hand: a loop would not keep the moves in registers, and a closure would be a function of its own,
        // without the caller's instructions.
        macro_rules! pass {
            () => {
                if let Some((factor, weights)) = parts.next() {
                    coming = pass(factor, weights, &moves, coming);
                }
            };
        }
        macro_rules! linear {
            ($r:expr) => {{
                let mut sum = [T::zero(); L];
                for lane in 0..L {
                    let linear = u[$r][lane] - self.slope;
                    sum[lane] = group.own[$r][$r].mul_add(-p[$r][lane], linear) - dots[$r][lane];
                }
                plus_four(sum, &group.before[$r], &moves)
            }};
        }
        macro_rules! one {
            ($r:expr, $linear:expr) => {
                self.maximize(&$linear, group.inverse[$r], &mut p[$r])
            };
        }
        let own = &group.own;
        let a = one!(0, linear!(0));
        pass!();
        let b = one!(1, plus(linear!(1), own[1][0], &a));
        pass!();
        let c = one!(2, plus(plus(linear!(2), own[2][0], &a), own[2][1], &b));
        pass!();
        let before = plus(plus(linear!(3), own[3][0], &a), own[3][1], &b);
        let d = one!(3, plus(before, own[3][2], &c));
        pass!();
        // black_box: the optimizer would otherwise tear the lanes of these sums apart.
        let mut dots = coming;
        black_box(&mut dots);
        self.dots = dots;
        self.moves = [a, b, c, d];
    }

    /// Maximizes $\ell p - \frac{1}{2i} p^2$ in the active lanes for the linear part $\ell$ and the inverse curvature i; returns
    /// the moves.
    #[inline(always)]
    fn maximize(&mut self, linear: &[T; L], inverse: T, p: &mut [T; L]) -> [T; L] {
        let old = *p;
        let mut moves = [T::zero(); L];
        for lane in 0..L {
            let new = self.omega.project(linear[lane] * inverse);
            let new = if self.active[lane] > T::zero() {
                new
            } else {
                old[lane]
            };
            p[lane] = new;
            moves[lane] = new - old[lane];
            // Not `max`, which would drop a NaN.
            let size = moves[lane].abs();
            self.largest[lane] = if self.largest[lane] > size {
                self.largest[lane]
            } else {
                size
            };
        }
        moves
    }
}

/// Adds the moves of a group to the factor, and the products of another one with what comes out to `dots`.
#[inline(always)]
fn pass<T: Real, const L: usize>(
    factor: &mut [[T; L]],
    weights: &[[T; 2 * GROUP]],
    moves: &Four<T, L>,
    mut dots: Four<T, L>,
) -> Four<T, L> {
    for (sum, weights) in factor.iter_mut().zip(weights) {
        // black_box: the optimizer would otherwise take a lane of many elements at a time, by gathers.
        let w = black_box(weights);
        let x = plus_four(*sum, &[w[0], w[1], w[2], w[3]], moves);
        dots = plus_dots(dots, &[w[4], w[5], w[6], w[7]], &x);
        *sum = x;
    }
    dots
}
