//! The passes over a block of points: scores of eight neurons at a time in registers, and what is made of them before
//! they are forgotten.
//!
//! A block holds coordinate k of its points in `vectors` registers from `k * vectors` on. Neurons come in tiles of
//! eight, coordinate by coordinate.

use super::lanes::Lanes;
use super::unit::Unit;
use crate::native::Real;

/// Neurons of a tile: their sums, a load and a broadcast fit into the registers.
pub(super) const TILE: usize = 8;

/// Eight times the same statement: a loop would be vectorized across neurons, and its sums would not stay in registers.
macro_rules! each {
    ($j:ident => $body:expr) => {{
        each!(@ $j, 0, $body);
        each!(@ $j, 1, $body);
        each!(@ $j, 2, $body);
        each!(@ $j, 3, $body);
        each!(@ $j, 4, $body);
        each!(@ $j, 5, $body);
        each!(@ $j, 6, $body);
        each!(@ $j, 7, $body);
    }};
    (@ $j:ident, $number:literal, $body:expr) => {{
        const $j: usize = $number;
        $body;
    }};
}

/// $\langle\theta_j, x\rangle$ of a tile for the points of one register.
#[inline(always)]
fn scores<T: Real, const L: usize>(
    tile: &[[T; TILE]],
    x: &[Lanes<T, L>],
    vectors: usize,
) -> [Lanes<T, L>; TILE] {
    let mut s = [Lanes::zero(); TILE];
    for (theta, x) in tile.iter().zip(x.iter().step_by(vectors)) {
        each!(J => s[J] = s[J].plus(theta[J], x));
    }
    s
}

/// `force += sum_j a_j sigma'(<theta_j, x>) theta_j` for all points of a block.
#[inline(always)]
pub(super) fn add_forces<T: Real, U: Unit, const L: usize>(
    (tiles, amplitudes): (&[[T; TILE]], &[[T; TILE]]),
    e: usize,
    x: &[Lanes<T, L>],
    force: &mut [Lanes<T, L>],
) {
    let vectors = x.len() / e;
    // All tiles for the points of one register, whose coordinates and forces stay in the nearest cache.
    for v in 0..vectors {
        for (tile, a) in tiles.chunks_exact(e).zip(amplitudes) {
            let mut c = scores(tile, &x[v..], vectors);
            each!(J => c[J] = c[J].map(|s| a[J] * U::slope(s)));
            for (theta, force) in tile.iter().zip(force[v..].iter_mut().step_by(vectors)) {
                // Two chains, each half as long to wait for.
                let (even, odd) = (*force, Lanes::zero());
                let even = even.plus(theta[0], &c[0]).plus(theta[2], &c[2]);
                let odd = odd.plus(theta[1], &c[1]).plus(theta[3], &c[3]);
                let even = even.plus(theta[4], &c[4]).plus(theta[6], &c[6]);
                let odd = odd.plus(theta[5], &c[5]).plus(theta[7], &c[7]);
                *force = even.add(&odd);
            }
        }
    }
}

/// Lanes that have yet to be summed: of $\sigma(\langle\theta_j, x\rangle)$ for each neuron, and of
/// $\sigma'(\langle\theta_j, x\rangle)\, x$ for each neuron and coordinate, tile by tile.
pub(super) struct Sums<T, const L: usize> {
    pub(super) values: Vec<Lanes<T, L>>,
    pub(super) moments: Vec<Lanes<T, L>>,
    /// The slopes of a tile at the points of a block.
    slopes: Vec<[Lanes<T, L>; TILE]>,
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
            for (v, slopes) in self.slopes.iter_mut().enumerate() {
                let s = scores(tile, &x[v..], vectors);
                each!(J => values[J] = values[J].add(&s[J].map(U::value)));
                each!(J => slopes[J] = s[J].map(U::slope));
            }
            for (moments, x) in moments.chunks_exact_mut(TILE).zip(x.chunks_exact(vectors)) {
                let mut s = [Lanes::zero(); TILE];
                for (slopes, x) in self.slopes.iter().zip(x) {
                    each!(J => s[J] = s[J].plus_product(&slopes[J], x));
                }
                each!(J => moments[J] = moments[J].add(&s[J]));
            }
        }
    }
}
