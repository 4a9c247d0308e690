//! Tsallis divergences of order $\alpha > 1$.

use tch::Tensor;

use super::{Generator, parameter};
use crate::Result;
use crate::native::{Real, real};

/// $f(u) = \frac{u^\alpha - 1 - \alpha (u - 1)}{\alpha(\alpha - 1)}$.
///
/// Near $\alpha = 1$ nothing cancels: with $\delta = \alpha - 1$,
/// $f' = \mathrm{expm1}(\delta \log u)/\delta$, $f = (u f' - (u - 1))/\alpha$ and, with
/// $s = \mathrm{log1p}(\delta v)/\delta$, $f^{*\prime} = e^s$ and $f^* = \mathrm{expm1}(\alpha s)/\alpha$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsallis {
    alpha: f64,
}

impl Tsallis {
    pub(super) const ENTMAX15: Tsallis = Tsallis { alpha: 1.5 };
    pub(super) const CHI_SQUARE: Tsallis = Tsallis { alpha: 2.0 };

    /// The divergence of order `alpha`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless $\alpha$ is finite and above 1.
    pub fn new(alpha: f64) -> Result<Self> {
        if alpha.is_finite() && alpha > 1.0 {
            return Ok(Tsallis { alpha });
        }
        Err(parameter("divergence.alpha", "a number >= 1", alpha))
    }

    /// $\alpha$.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// (f*, f*') of one number.
    #[inline(always)]
    pub(super) fn pair<T: Real>(&self, v: T) -> (T, T) {
        let one = T::one();
        let floored = |v: T, floor: T| if v < floor { floor } else { v };
        if self.alpha == 2.0 {
            let v = floored(v, -one);
            (v + v * v * real(0.5), v + one)
        } else if self.alpha == 1.5 {
            let c = floored(v * real(0.5), -one);
            let three = real::<T>(3.0);
            let cube = c * ((c + three) * c + three);
            (cube * real(2.0 / 3.0), (c + one) * (c + one))
        } else {
            let (alpha, delta) = (real::<T>(self.alpha), real::<T>(self.alpha - 1.0));
            let s = floored(v * delta, -one).ln_1p() / delta;
            ((alpha * s).exp_m1() / alpha, s.exp())
        }
    }

    /// $s = \log f^{*\prime}(v)$.
    fn log_slope(&self, v: &Tensor) -> Tensor {
        let delta = self.alpha - 1.0;
        (v * delta).clamp_min(-1.0).log1p() / delta
    }
}

impl Generator for Tsallis {
    fn value(&self, u: &Tensor) -> Tensor {
        if self.alpha == 2.0 {
            return (u - 1.0).square() * 0.5;
        }
        (u * self.derivative(u) - (u - 1.0)) / self.alpha
    }

    fn derivative(&self, u: &Tensor) -> Tensor {
        if self.alpha == 2.0 {
            return u - 1.0;
        }
        let delta = self.alpha - 1.0;
        (u.log() * delta).expm1() / delta
    }

    fn derivative_at(&self, u: f64) -> f64 {
        let delta = self.alpha - 1.0;
        (u.ln() * delta).exp_m1() / delta
    }

    fn conjugate(&self, v: &Tensor) -> Tensor {
        if self.alpha == 2.0 {
            let v = v.clamp_min(-1.0);
            return &v + v.square() * 0.5;
        }
        if self.alpha == 1.5 {
            let c = (v * 0.5).clamp_min(-1.0);
            return &c * ((&c + 3.0) * &c + 3.0) * (2.0 / 3.0);
        }
        (self.log_slope(v) * self.alpha).expm1() / self.alpha
    }

    fn slope(&self, v: &Tensor) -> Tensor {
        if self.alpha == 2.0 {
            return v.clamp_min(-1.0) + 1.0;
        }
        if self.alpha == 1.5 {
            return ((v * 0.5).clamp_min(-1.0) + 1.0).square();
        }
        self.log_slope(v).exp()
    }

    fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        if self.alpha == 2.0 {
            let v = v.clamp_min(-1.0);
            return (&v + v.square() * 0.5, v + 1.0);
        }
        if self.alpha == 1.5 {
            let c = (v * 0.5).clamp_min(-1.0);
            let value = &c * ((&c + 3.0) * &c + 3.0) * (2.0 / 3.0);
            return (value, (c + 1.0).square());
        }
        let s = self.log_slope(v);
        ((&s * self.alpha).expm1() / self.alpha, s.exp())
    }
}
