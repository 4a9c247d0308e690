//! Numbers side by side in the lanes of vector registers.

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
