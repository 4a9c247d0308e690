//! Activations, lane by lane.

use crate::native::{Real, elementary};

/// $\sigma$ and $\sigma'$ of one number.
pub(in crate::native) trait Unit: Copy + Send + Sync {
    fn value<T: Real>(s: T) -> T;
    fn slope<T: Real>(s: T) -> T;
}

/// $\max(0, s)^P$ for P of 1, 2 and 3.
#[derive(Clone, Copy)]
pub(in crate::native) struct Power<const P: u32>;

impl<const P: u32> Unit for Power<P> {
    #[inline(always)]
    fn value<T: Real>(s: T) -> T {
        let p = if s > T::zero() { s } else { T::zero() };
        match P {
            1 => p,
            2 => p * p,
            _ => p * p * p,
        }
    }

    #[inline(always)]
    fn slope<T: Real>(s: T) -> T {
        let (zero, one) = (T::zero(), T::one());
        let p = if s > zero { s } else { zero };
        match P {
            1 if s > zero => one,
            1 => zero,
            2 => p + p,
            _ => (one + one + one) * p * p,
        }
    }
}

/// $\log(1 + e^s)$.
#[derive(Clone, Copy)]
pub(in crate::native) struct Softplus;

impl Unit for Softplus {
    #[inline(always)]
    fn value<T: Real>(s: T) -> T {
        elementary::softplus(s).value
    }

    #[inline(always)]
    fn slope<T: Real>(s: T) -> T {
        elementary::softplus(s).slope
    }
}
