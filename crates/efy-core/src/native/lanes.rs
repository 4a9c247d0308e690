//! Numbers side by side in the lanes of vector registers.

use std::array::from_fn;
use std::hint::black_box;

use super::Real;

/// L numbers in one register; aligned, since a load across two cache lines takes twice as long.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes<T, const L: usize>(pub(super) [T; L]);

impl<T: Real, const L: usize> Lanes<T, L> {
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Self::all(T::zero())
    }

    #[inline(always)]
    pub(super) fn all(value: T) -> Self {
        Lanes([value; L])
    }

    /// `self + weight * x`, rounded once: the same bits with and without hardware for it.
    #[inline(always)]
    pub(super) fn plus(mut self, weight: T, x: &Self) -> Self {
        for l in 0..L {
            self.0[l] = weight.mul_add(x.0[l], self.0[l]);
        }
        self
    }

    /// `self + weights * x`, rounded once.
    #[inline(always)]
    pub(super) fn plus_product(mut self, weights: &Self, x: &Self) -> Self {
        for l in 0..L {
            self.0[l] = weights.0[l].mul_add(x.0[l], self.0[l]);
        }
        self
    }

    #[inline(always)]
    pub(super) fn add(mut self, other: &Self) -> Self {
        for l in 0..L {
            self.0[l] += other.0[l];
        }
        self
    }

    /// 0 where the other is at most 0, else `self`.
    #[inline(always)]
    pub(super) fn where_positive(self, other: &Self) -> Self {
        // Copies: a lane that is written in place is written under a branch.
        let (value, other, mut kept) = (self.0, other.0, [T::zero(); L]);
        for l in 0..L {
            kept[l] = if other[l] <= T::zero() {
                T::zero()
            } else {
                value[l]
            };
        }
        Lanes(kept)
    }

    #[inline(always)]
    pub(super) fn map(mut self, f: impl Fn(T) -> T) -> Self {
        for l in 0..L {
            self.0[l] = f(self.0[l]);
        }
        self
    }

    /// [`total`] as it is added up further.
    #[inline(always)]
    pub(super) fn sum(&self) -> f64 {
        total(self.0).to_f64().unwrap_or(f64::NAN)
    }
}

/// The sum over lanes, in halves: one after the other, each sum would wait for the last.
#[inline(always)]
pub(super) fn total<T: Real, const L: usize>(mut lanes: [T; L]) -> T {
    let mut half = L / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Rows side by side: `lanes[i][l]` is element i of row l. Lanes without a row are zero.
#[inline(always)]
pub(super) fn gather<T: Real, const L: usize>(rows: &[T], lanes: &mut [[T; L]]) {
    let k = lanes.len();
    if rows.len() < L * k {
        lanes.fill([T::zero(); L]);
    }
    let fours = rows.chunks_exact(4 * k);
    let first_left = L.min(fours.len() * 4);
    for (index, four) in fours.enumerate() {
        let (a, b) = four.split_at(2 * k);
        let [(a, b), (c, d)] = [a.split_at(k), b.split_at(k)];
        let rows = [a, b, c, d].map(|row| row.as_chunks::<4>());
        let (squares, rest) = lanes.as_chunks_mut::<4>();
        let to = 4 * index..4 * index + 4;
        for (i, square) in squares.iter_mut().enumerate() {
            let [a, b, c, d] = rows.map(|(row, _)| row[i]);
            // A compiler that sees through this takes registers apart.
            let columns = black_box(from_fn::<_, 4, _>(|i| [a[i], b[i], c[i], d[i]]));
            for (lanes, column) in square.iter_mut().zip(&columns) {
                lanes[to.clone()].copy_from_slice(column);
            }
        }
        for (i, lanes) in rest.iter_mut().enumerate() {
            lanes[to.clone()].copy_from_slice(&rows.map(|(_, row)| row[i]));
        }
    }
    for (lane, row) in rows.chunks_exact(k).enumerate().skip(first_left) {
        (lanes.iter_mut().zip(row)).for_each(|(lanes, &value)| lanes[lane] = value);
    }
}

/// The same statement for several numbers, four unless said otherwise: a loop would be vectorized across them, and its sums would
/// not stay in registers.
macro_rules! each {
    ($j:ident in [$($number:literal),*] => $body:expr) => {{
        $({
            const $j: usize = $number;
            $body;
        })*
    }};
    ($j:ident => $body:expr) => {
        each!($j in [0, 1, 2, 3] => $body)
    };
}
pub(super) use each;
