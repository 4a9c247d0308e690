//! The conjugate that training uses: linear past a cap.

use tch::Tensor;

use super::{Divergence, parameter};
use crate::Result;
use crate::native::{Real, real};

/// Of Kullback-Leibler: ratios up to $e^{30} \approx 10^{13}$ are left alone.
const EXPONENT: f64 = 30.0;
/// Of conjugates that end: ratios up to this are left alone.
const RATIO: f64 = 1e3;

/// $f^*$, continued linearly past a cap T, $f^*(T) + f^{*\prime}(T)(v - T)$ for $v > T$: convex, finite
/// everywhere, and its slope, the weight of a sample, is at most $f^{*\prime}(T)$.
///
/// Where no value is above the cap nothing changes. The caps are our choice: 30 for Kullback-Leibler, none
/// for Tsallis, whose slope is a power, and for conjugates that end the point of slope 1000, without which
/// one sample above the end makes the loss infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conjugate {
    divergence: Divergence,
    cap: f64,
}

impl Conjugate {
    /// The conjugate with the cap that goes with the divergence.
    pub fn new(divergence: Divergence) -> Self {
        let cap = match divergence {
            Divergence::KullbackLeibler => EXPONENT,
            Divergence::Tsallis(_) => f64::INFINITY,
            other => other.derivative_at(RATIO),
        };
        Conjugate { divergence, cap }
    }

    /// The conjugate with a cap of its own; infinity for none.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless the cap is positive and below the end of the conjugate.
    pub fn with_cap(divergence: Divergence, cap: f64) -> Result<Self> {
        let end = divergence.domain_end().unwrap_or(f64::INFINITY);
        if cap > 0.0 && (cap < end || end == f64::INFINITY) {
            return Ok(Conjugate { divergence, cap });
        }
        let expected = "a positive number where the conjugate is finite";
        Err(parameter("joint.cap", expected, cap))
    }

    /// The divergence.
    pub fn divergence(&self) -> Divergence {
        self.divergence
    }

    /// T.
    pub fn cap(&self) -> f64 {
        self.cap
    }

    /// The continued $f^*(v)$ and its slope, of the shape of `v`, without a graph.
    pub fn value_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        let _guard = tch::no_grad_guard();
        if self.cap == f64::INFINITY && self.divergence.domain_end().is_none() {
            return self.divergence.conjugate_and_slope(v);
        }
        if self.cap == f64::INFINITY {
            return (self.divergence.conjugate(v), self.divergence.slope(v));
        }
        let (beyond, value, slope) = self.capped(v);
        (value.addcmul(&beyond, &slope), slope)
    }

    /// What is above the cap, and $f^*$ and its slope of what is not.
    fn capped(&self, v: &Tensor) -> (Tensor, Tensor, Tensor) {
        let capped = v.clamp_max(self.cap);
        let beyond = v - &capped;
        let (value, slope) = self.divergence.conjugate_and_slope(&capped);
        (beyond, value, slope)
    }

    /// Writes the continued $f^*(v)$ over v, and returns its slope.
    pub(crate) fn replace(&self, v: &mut Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        if self.cap == f64::INFINITY {
            let (value, slope) = self.value_and_slope(v);
            v.f_copy_(&value)?;
            return Ok(slope);
        }
        let (beyond, value, slope) = self.capped(v);
        let _ = value.f_addcmul_out(v, &beyond, &slope)?;
        Ok(slope)
    }

    /// The continued $f^*(v)$ with the graph to `v`: autograd is given the slope and differentiates nothing.
    /// There is no second derivative.
    pub fn value(&self, v: &Tensor) -> Tensor {
        self.value_with_slope(v).0
    }

    /// [`value`](Self::value), and the slope, which has no graph.
    pub(crate) fn value_with_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        let (value, slope) = self.value_and_slope(&v.detach());
        (value + &slope * (v - v.detach()), slope)
    }

    /// The continued $f^*$ and its slope of one number.
    #[inline(always)]
    pub(crate) fn pair<T: Real>(&self, v: T) -> (T, T) {
        let cap = real::<T>(self.cap);
        if v > cap {
            let (value, slope) = self.divergence.pair(cap);
            (value + slope * (v - cap), slope)
        } else {
            self.divergence.pair(v)
        }
    }
}
