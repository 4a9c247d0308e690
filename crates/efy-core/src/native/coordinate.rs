//! Coordinate ascent on a block of rows.

use multiversion::multiversion;

use super::groups::Groups;
use super::input::Block;
use super::matrix::{Matrix, SIDE_BY_SIDE, add_outers, dot, dots, plus, products, rows, scaled};
use super::omega::Omega;
use super::{Real, Scratch, certificate, real};
use crate::solver::Options;

/// Every so many sweeps a lane whose coordinates still move has its rounding estimated anew.
const LOOK_EVERY: usize = 8;

/// The scalar products of a low-rank coupling's rows that a sweep needs.
pub(super) struct Gram<T> {
    /// `[i][q]` is $U_{i,b+q}$, where b is the first coordinate of the group of i.
    own: Vec<[T; SIDE_BY_SIDE]>,
    /// What sweeps over rows side by side need where the regularizer is quadratic.
    groups: Option<Groups<T>>,
}

impl<T: Real> Gram<T> {
    /// For rows on their own.
    pub(super) fn new(matrix: &Matrix<'_, T>) -> Self {
        Gram {
            own: Self::own(matrix),
            groups: None,
        }
    }

    /// For rows side by side.
    pub(super) fn shared(matrix: &Matrix<'_, T>, omega: &Omega<T>) -> Self {
        match Groups::new(matrix, omega) {
            None => Self::new(matrix),
            groups => Gram {
                own: Vec::new(),
                groups,
            },
        }
    }

    fn own(matrix: &Matrix<'_, T>) -> Vec<[T; SIDE_BY_SIDE]> {
        let Matrix::LowRank(a, rank) = *matrix else {
            return Vec::new();
        };
        let group = |group: &[T]| -> Vec<[T; SIDE_BY_SIDE]> {
            let with = |i: &[T]| {
                let mut row = [T::zero(); SIDE_BY_SIDE];
                let products = group.chunks_exact(rank).map(|j| -dot(i, j));
                row.iter_mut()
                    .zip(products)
                    .for_each(|(to, from)| *to = from);
                row
            };
            group.chunks_exact(rank).map(with).collect()
        };
        a.chunks(SIDE_BY_SIDE * rank).flat_map(group).collect()
    }
}

/// Sweeps until the residual of every lane is small; returns the number of sweeps of each.
///
/// A lane's residual is looked at only after a sweep in which none of its coordinates moved by more
/// than the tolerance; when it is small the lane is frozen.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn ascend<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    scratch: &mut Scratch<T, L>,
    gram: &Gram<T>,
    options: &Options,
) -> [i64; L] {
    let mut progress = Progress::new(block.live, options);
    match block.matrix {
        Matrix::LowRank(..) => block.matrix.factor_product(p, &mut scratch.factor),
        _ => (block.matrix).apply(p, &mut scratch.product, &mut scratch.factor),
    }
    for sweep in 1..=options.max_iterations {
        let moved = match &gram.groups {
            Some(groups) => groups.sweep(block, p, &mut scratch.factor, &progress.active),
            None => sweep_once(block, p, scratch, gram, &progress.active),
        };
        let Some(look) = progress.look(sweep, &moved) else {
            continue;
        };
        if let Matrix::LowRank(a, _) = block.matrix {
            products(a, &scratch.factor, -T::one(), &mut scratch.product);
        }
        if progress.is_over(sweep, &look, block, p, &scratch.product) {
            break;
        }
    }
    progress.sweeps
}

/// Which lanes of a block are still at work.
pub(super) struct Progress<T, const L: usize> {
    /// 1 or 0: a mask that the vector unit compares in one instruction.
    pub(super) active: [T; L],
    /// Sweeps of each lane.
    pub(super) sweeps: [i64; L],
    tolerance: T,
    /// Moves of a lane up to this may be its last.
    small: [T; L],
}

impl<T: Real, const L: usize> Progress<T, L> {
    #[inline(always)]
    pub(super) fn new(live: usize, options: &Options) -> Self {
        let tolerance = real(options.tolerance);
        let mut active = [T::zero(); L];
        active[..live].fill(T::one());
        Progress {
            active,
            sweeps: [options.max_iterations as i64; L],
            tolerance,
            small: [tolerance; L],
        }
    }

    /// Lanes that may be done after a sweep in which they moved so far; `None` where there is nothing to look at.
    #[inline(always)]
    pub(super) fn look(&self, sweep: usize, moved: &[T; L]) -> Option<[bool; L]> {
        let settled: [bool; L] = std::array::from_fn(|lane| {
            self.active[lane] > T::zero() && moved[lane] <= self.small[lane]
        });
        (sweep.is_multiple_of(LOOK_EVERY) || settled.contains(&true)).then_some(settled)
    }

    /// Freezes those of the `settled` lanes whose residual is small, with `product` $= U p$; whether none is left.
    #[inline(always)]
    pub(super) fn is_over(
        &mut self,
        sweep: usize,
        settled: &[bool; L],
        block: &Block<'_, T, L>,
        p: &[[T; L]],
        product: &[[T; L]],
    ) -> bool {
        let half = real::<T>(0.5);
        // Half of what the report will accept: it computes the residual anew.
        let rounding = certificate::rounding(block, product).map(|rounding| rounding * half);
        let tolerance = self.tolerance;
        if sweep.is_multiple_of(LOOK_EVERY) {
            self.small = rounding.map(|rounding| {
                if rounding > tolerance {
                    rounding
                } else {
                    tolerance
                }
            });
        }
        if settled.contains(&true) {
            let residual = certificate::residuals(block, p, product);
            for lane in (0..L).filter(|&lane| {
                settled[lane] && (residual[lane] <= tolerance || residual[lane] <= rounding[lane])
            }) {
                self.active[lane] = T::zero();
                self.sweeps[lane] = sweep as i64;
            }
        }
        !self.active.contains(&T::one())
    }
}

/// One sweep over the coordinates of the active lanes; returns the largest move of each.
///
/// Coordinates go in groups: what the moves of a group change in its own gradients is added by hand, what
/// they change elsewhere all at once.
#[inline(always)]
fn sweep_once<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    scratch: &mut Scratch<T, L>,
    gram: &Gram<T>,
    active: &[T; L],
) -> [T; L] {
    let mut largest = [T::zero(); L];
    let k = p.len();
    let whole = k - k % SIDE_BY_SIDE;
    match block.matrix {
        Matrix::Zero => {
            for i in 0..k {
                let still = ([[T::zero(); L]], [[T::zero()]]);
                update(block, i, still, p, active, &mut largest);
            }
        }
        // A row on its own is read only where its coordinate moves.
        Matrix::Dense(u) if L == 1 => {
            for i in 0..k {
                dense::<T, 1, L>(block, u, i, p, scratch, active, &mut largest);
            }
        }
        Matrix::Dense(u) => {
            for i in (0..whole).step_by(SIDE_BY_SIDE) {
                dense::<T, SIDE_BY_SIDE, L>(block, u, i, p, scratch, active, &mut largest);
            }
            for i in whole..k {
                dense::<T, 1, L>(block, u, i, p, scratch, active, &mut largest);
            }
        }
        Matrix::LowRank(a, rank) => {
            let factor = &mut scratch.factor[..rank];
            for i in (0..whole).step_by(SIDE_BY_SIDE) {
                let a = rows::<T, SIDE_BY_SIDE>(&a[i * rank..], rank);
                low_rank(block, a, i, p, factor, gram, active, &mut largest);
            }
            for i in whole..k {
                let a = rows::<T, 1>(&a[i * rank..], rank);
                low_rank(block, a, i, p, factor, gram, active, &mut largest);
            }
        }
    }
    largest
}

/// Maximizes over R coordinates one after the other, keeping `product` $= U p$ up to date.
#[inline(always)]
fn dense<T: Real, const R: usize, const L: usize>(
    block: &Block<'_, T, L>,
    u: &[T],
    first: usize,
    p: &mut [[T; L]],
    scratch: &mut Scratch<T, L>,
    active: &[T; L],
    largest: &mut [T; L],
) {
    let k = p.len();
    let rows = rows::<T, R>(&u[first * k..], k);
    let gradient = std::array::from_fn(|r| scratch.product[first + r]);
    let own = std::array::from_fn(|r| std::array::from_fn(|q| rows[r][first + q]));
    let change = update(block, first, (gradient, own), p, active, largest);
    add_outers(&mut scratch.product, rows, &change);
}

/// The same, keeping `factor` $= A^\top p$ up to date.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the state of a sweep")]
fn low_rank<T: Real, const R: usize, const L: usize>(
    block: &Block<'_, T, L>,
    a: [&[T]; R],
    first: usize,
    p: &mut [[T; L]],
    factor: &mut [[T; L]],
    gram: &Gram<T>,
    active: &[T; L],
    largest: &mut [T; L],
) {
    let mut gradient = dots(a, factor);
    for gradient in &mut gradient {
        *gradient = scaled(gradient, -T::one());
    }
    let from = first % SIDE_BY_SIDE;
    let own = std::array::from_fn(|r| std::array::from_fn(|q| gram.own[first + r][from + q]));
    let change = update(block, first, (gradient, own), p, active, largest);
    add_outers(factor, a, &change);
}

/// Maximizes over the coordinates from `first` on in the active lanes, where `gradient` $= (U p)_i$ before
/// and `own` is their part of U; returns the moves and raises `largest` to them.
#[inline(always)]
fn update<T: Real, const R: usize, const L: usize>(
    block: &Block<'_, T, L>,
    first: usize,
    (gradient, own): ([[T; L]; R], [[T; R]; R]),
    p: &mut [[T; L]],
    active: &[T; L],
    largest: &mut [T; L],
) -> [[T; L]; R] {
    let (u, p) = (&block.u[first..first + R], &mut p[first..first + R]);
    let mut change = [[T::zero(); L]; R];
    // By hand: a loop would not keep the moves in registers, and a closure would be a function of its own,
    // without the caller's instructions.
    macro_rules! one {
        ($r:expr, $gradient:expr) => {
            change_of(
                &block.omega,
                (&u[$r], $gradient, own[$r][$r]),
                &mut p[$r],
                active,
                largest,
            )
        };
    }
    if R == 4 {
        let a = one!(0, gradient[0]);
        let b = one!(1, plus(gradient[1], own[1][0], &a));
        let c = one!(2, plus(plus(gradient[2], own[2][0], &a), own[2][1], &b));
        let before = plus(plus(gradient[3], own[3][0], &a), own[3][1], &b);
        let d = one!(3, plus(before, own[3][2], &c));
        (change[0], change[1], change[2], change[3]) = (a, b, c, d);
    } else {
        for r in 0..R {
            let mut before = gradient[r];
            for q in 0..r {
                before = plus(before, own[r][q], &change[q]);
            }
            change[r] = one!(r, before);
        }
    }
    change
}

/// Maximizes over one coordinate p in the active lanes, where `gradient` $= (U p)_i$ and `diagonal`
/// $= U_{ii}$; returns the moves and raises `largest` to them.
#[inline(always)]
fn change_of<T: Real, const L: usize>(
    omega: &Omega<T>,
    (u, gradient, diagonal): (&[T; L], [T; L], T),
    p: &mut [T; L],
    active: &[T; L],
    largest: &mut [T; L],
) -> [T; L] {
    let old = *p;
    let mut linear = [T::zero(); L];
    for lane in 0..L {
        linear[lane] = u[lane] + gradient[lane] - diagonal * old[lane];
    }
    let new = omega.maximize_lanes(&linear, diagonal);
    let mut change = [T::zero(); L];
    for lane in 0..L {
        let new = if active[lane] > T::zero() {
            new[lane]
        } else {
            old[lane]
        };
        change[lane] = new - old[lane];
        p[lane] = new;
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
