//! Activations, lane by lane.

use crate::native::lanes::Lanes;
use crate::native::{Real, elementary};

/// $\sigma$ and $\sigma'$ of one number. NaN stays visible: its value is NaN, and its slope is not 0.
pub(in crate::native) trait Unit: Copy + Send + Sync {
    /// a where $\sigma(s) = s \sigma'(s)/a$, so that slopes say all that there is to sum.
    const DEGREE: Option<u32>;

    fn value<T: Real>(s: T) -> T;
    fn slope<T: Real>(s: T) -> T;

    /// `sum + slope * x` for what [`Unit::slope`] gives, rounded once.
    #[inline(always)]
    fn plus<T: Real>(sum: T, slope: T, x: T) -> T {
        slope.mul_add(x, sum)
    }
}

/// $\max(0, s)^P$ for P of 1, 2 and 3.
#[derive(Clone, Copy)]
pub(in crate::native) struct Power<const P: u32>;

impl<const P: u32> Unit for Power<P> {
    const DEGREE: Option<u32> = Some(P);

    #[inline(always)]
    fn value<T: Real>(s: T) -> T {
        // Not `s > 0`, which would drop a NaN.
        let p = if s <= T::zero() { T::zero() } else { s };
        match P {
            1 => p,
            2 => p * p,
            _ => p * p * p,
        }
    }

    #[inline(always)]
    fn slope<T: Real>(s: T) -> T {
        let (zero, one) = (T::zero(), T::one());
        let p = if s <= zero { zero } else { s };
        match P {
            1 if s <= zero => zero,
            1 => one,
            2 => p + p,
            _ => (one + one + one) * p * p,
        }
    }

    /// A slope of 0 or 1 selects: additions under a mask, which other units of a core make than those that multiply.
    #[inline(always)]
    fn plus<T: Real>(sum: T, slope: T, x: T) -> T {
        match P {
            1 if slope > T::zero() => sum + x,
            1 => sum,
            _ => slope.mul_add(x, sum),
        }
    }
}

/// $\log(1 + e^s)$.
#[derive(Clone, Copy)]
pub(in crate::native) struct Softplus;

impl Unit for Softplus {
    const DEGREE: Option<u32> = None;

    #[inline(always)]
    fn value<T: Real>(s: T) -> T {
        elementary::softplus(s).value
    }

    #[inline(always)]
    fn slope<T: Real>(s: T) -> T {
        elementary::softplus(s).slope
    }
}

impl<T: Real, const L: usize> Lanes<T, L> {
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
}
