//! Points side by side in the lanes of vector registers.

use super::unit::Unit;
use crate::native::Real;

/// L numbers in one register; aligned, since a load across two cache lines takes twice as long.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes<T, const L: usize>(pub(super) [T; L]);

impl<T: Real, const L: usize> Lanes<T, L> {
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Lanes([T::zero(); L])
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

    /// `self + slopes * x` with the sum of the unit.
    #[inline(always)]
    pub(super) fn plus_unit<U: Unit>(mut self, slopes: &Self, x: T) -> Self {
        for l in 0..L {
            self.0[l] = U::plus(self.0[l], slopes.0[l], x);
        }
        self
    }

    /// `self + slopes * xs` with the sum of the unit.
    #[inline(always)]
    pub(super) fn plus_units<U: Unit>(mut self, slopes: &Self, xs: &Self) -> Self {
        for l in 0..L {
            self.0[l] = U::plus(self.0[l], slopes.0[l], xs.0[l]);
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

    #[inline(always)]
    pub(super) fn map(mut self, f: impl Fn(T) -> T) -> Self {
        for l in 0..L {
            self.0[l] = f(self.0[l]);
        }
        self
    }

    /// The sum over the lanes, in halves: one after the other, each sum would wait for the last.
    #[inline(always)]
    pub(super) fn sum(&self) -> f64 {
        let mut sums = self.0;
        let mut width = L / 2;
        while width > 0 {
            for l in 0..width {
                sums[l] += sums[l + width];
            }
            width /= 2;
        }
        sums[0].to_f64().unwrap_or(f64::NAN)
    }
}
