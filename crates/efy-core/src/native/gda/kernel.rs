//! The passes over a block of points: scores of four neurons at a time in registers, and what is made of them before
//! they are forgotten.
//!
//! A block holds coordinate k of its points in `vectors` registers from `k * vectors` on. Neurons come in tiles of
//! four, coordinate by coordinate. A core loads about as often as it multiplies: a coordinate of a neuron that was loaded serves
//! several registers of points.

use super::unit::Unit;
use crate::native::Real;
use crate::native::lanes::{Lanes, each};

/// Neurons of a tile.
pub(super) const TILE: usize = 4;

/// A tile's neurons at the points of a register.
type Tile<T, const L: usize> = [Lanes<T, L>; TILE];

/// Adds what coordinate k of a tile and of the points of four registers makes of $\langle\theta_j, x\rangle$.
#[inline(always)]
fn add_scores<T: Real, const L: usize>(
    s: &mut [Tile<T, L>; 4],
    theta: &[T; TILE],
    x: [&Lanes<T, L>; 4],
) {
    each!(J => s[0][J] = s[0][J].plus(theta[J], x[0]));
    each!(J => s[1][J] = s[1][J].plus(theta[J], x[1]));
    each!(J => s[2][J] = s[2][J].plus(theta[J], x[2]));
    each!(J => s[3][J] = s[3][J].plus(theta[J], x[3]));
}

/// Points of two registers and their forces, coordinate by coordinate and side by side: in their block they are so far
/// apart that they would push each other out of the nearest cache.
pub(super) struct Pair<T, const L: usize> {
    points: Vec<[Lanes<T, L>; 2]>,
    forces: Vec<[Lanes<T, L>; 2]>,
}

impl<T: Real, const L: usize> Pair<T, L> {
    pub(super) fn new(e: usize) -> Self {
        Pair {
            points: vec![[Lanes::zero(); 2]; e],
            forces: vec![[Lanes::zero(); 2]; e],
        }
    }
}

/// `force = sum_j sigma'(<theta_j, x>) p_j` for all points of a block, with a push $p_j = \theta_j w_j c_j/m$ for each
/// neuron.
#[inline(always)]
pub(super) fn forces<T: Real, U: Unit, const L: usize>(
    (tiles, pushes): (&[[T; TILE]], &[[T; TILE]]),
    e: usize,
    x: &[Lanes<T, L>],
    force: &mut [Lanes<T, L>],
    pair: &mut Pair<T, L>,
) {
    let vectors = x.len() / e;
    let Pair { points, forces } = pair;
    for v in (0..vectors).step_by(2) {
        for (point, x) in points.iter_mut().zip(x[v..].chunks(vectors)) {
            *point = [x[0], x[1]];
        }
        forces.fill([Lanes::zero(); 2]);
        // The scores of the next tile are summed while a tile pushes: multiplications and additions under a mask are
        // made side by side.
        let (mut s, mut t) = ([Lanes::zero(); TILE], [Lanes::zero(); TILE]);
        for (theta, [x, y]) in tiles[..e].iter().zip(&*points) {
            each!(J => s[J] = s[J].plus(theta[J], x));
            each!(J => t[J] = t[J].plus(theta[J], y));
        }
        let after = tiles.chunks_exact(e).skip(1).chain(Some(&tiles[..e]));
        for (pushes, next) in pushes.chunks_exact(e).zip(after) {
            let (a, b) = (s.map(|s| s.map(U::slope)), t.map(|t| t.map(U::slope)));
            (s, t) = ([Lanes::zero(); TILE], [Lanes::zero(); TILE]);
            let places = points.iter().zip(forces.iter_mut());
            for ((push, theta), (&[x, y], force)) in pushes.iter().zip(next).zip(places) {
                // Copies: what is written in place is written after every sum.
                let [mut f, mut g] = *force;
                each!(J => {
                    s[J] = s[J].plus(theta[J], &x);
                    t[J] = t[J].plus(theta[J], &y);
                    f = f.plus_unit::<U>(&a[J], push[J]);
                    g = g.plus_unit::<U>(&b[J], push[J]);
                });
                *force = [f, g];
            }
        }
        for (force, found) in force[v..].chunks_mut(vectors).zip(&*forces) {
            force[..2].copy_from_slice(found);
        }
    }
}

/// Lanes that have yet to be summed: of $\sigma(\langle\theta_j, x\rangle)$ for each neuron unless the moments say it, and
/// of $\sigma'(\langle\theta_j, x\rangle)\, x$ for each neuron and coordinate, tile by tile.
pub(super) struct Sums<T, const L: usize> {
    pub(super) values: Vec<Lanes<T, L>>,
    pub(super) moments: Vec<Lanes<T, L>>,
    /// The slopes of a tile at the points of a block.
    slopes: Vec<Tile<T, L>>,
}

impl<T: Real, const L: usize> Sums<T, L> {
    pub(super) fn new(tiles: usize, e: usize) -> Self {
        Sums {
            values: vec![Lanes::zero(); tiles * TILE],
            moments: vec![Lanes::zero(); tiles * TILE * e],
            slopes: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.values.fill(Lanes::zero());
        self.moments.fill(Lanes::zero());
    }

    /// Adds the points of a block.
    #[inline(always)]
    pub(super) fn add<U: Unit>(&mut self, tiles: &[[T; TILE]], e: usize, x: &[Lanes<T, L>]) {
        let vectors = x.len() / e;
        self.slopes.resize(vectors, [Lanes::zero(); TILE]);
        let all_values = self.values.chunks_exact_mut(TILE);
        let all_moments = self.moments.chunks_exact_mut(TILE * e);
        for ((tile, values), moments) in tiles.chunks_exact(e).zip(all_values).zip(all_moments) {
            for (v, slopes) in self.slopes.chunks_exact_mut(4).enumerate() {
                let mut s = [[Lanes::zero(); TILE]; 4];
                for (theta, x) in tile.iter().zip(x[4 * v..].chunks(vectors)) {
                    let [x0, x1, x2, x3, ..] = x else { break };
                    add_scores(&mut s, theta, [x0, x1, x2, x3]);
                }
                for (slopes, s) in slopes.iter_mut().zip(&s) {
                    if U::DEGREE.is_none() {
                        each!(J => values[J] = values[J].add(&s[J].map(U::value)));
                    }
                    each!(J => slopes[J] = s[J].map(U::slope));
                }
            }
            let mut moments = moments.chunks_exact_mut(3 * TILE);
            let mut x = x.chunks_exact(3 * vectors);
            for (moments, x) in (&mut moments).zip(&mut x) {
                add_three::<T, U, L>(&self.slopes, x, moments);
            }
            let rest = moments.into_remainder().chunks_exact_mut(TILE);
            for (moments, x) in rest.zip(x.remainder().chunks_exact(vectors)) {
                let mut s = [Lanes::zero(); TILE];
                for (slopes, x) in self.slopes.iter().zip(x) {
                    each!(J => s[J] = s[J].plus_product(&slopes[J], x));
                }
                each!(J => moments[J] = moments[J].add(&s[J]));
            }
        }
    }
}

/// The moments of three coordinates: a slope that was loaded serves all, one by a multiplication, two under its mask.
#[inline(always)]
fn add_three<T: Real, U: Unit, const L: usize>(
    slopes: &[Tile<T, L>],
    x: &[Lanes<T, L>],
    moments: &mut [Lanes<T, L>],
) {
    let vectors = slopes.len();
    let (first, rest) = x.split_at(vectors);
    let (second, third) = rest.split_at(vectors);
    let zero = [Lanes::zero(); TILE];
    let (mut a, mut b, mut c) = (zero, zero, zero);
    for (((slopes, first), second), third) in slopes.iter().zip(first).zip(second).zip(third) {
        each!(J => {
            a[J] = a[J].plus_product(&slopes[J], first);
            b[J] = b[J].plus_units::<U>(&slopes[J], second);
            c[J] = c[J].plus_units::<U>(&slopes[J], third);
        });
    }
    each!(J => {
        moments[J] = moments[J].add(&a[J]);
        moments[TILE + J] = moments[TILE + J].add(&b[J]);
        moments[2 * TILE + J] = moments[2 * TILE + J].add(&c[J]);
    });
}
