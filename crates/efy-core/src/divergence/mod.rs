//! f-divergences $D_f(p, q) = \sum_y q(y) f(p(y)/q(y))$ and the conjugates of their generators.
//!
//! All generators are normalized, $f(1) = f'(1) = 0$, so that a constant c added to all values moves the
//! threshold $\tau$ by c, and Kullback-Leibler gives $f^*(v) = e^v - 1$. With
//! $\tilde f = f + c(u - 1)$ in place of f, distribution and objective stay and $\tau$ becomes $\tau - c$:
//! of $\frac12(u^2 - 1)$, another chi-square, it is 1 below what is found here.
//!
//! | divergence | $f(u)$ | $f'(u)$ | $f^*(v)$ | $f^{*\prime}(v)$ | v |
//! |---|---|---|---|---|---|
//! | Kullback-Leibler | $u \log u - u + 1$ | $\log u$ | $e^v - 1$ | $e^v$ | all |
//! | Tsallis, $\alpha > 1$ | $\frac{u^\alpha - 1 - \alpha(u - 1)}{\alpha(\alpha - 1)}$ | $\frac{u^{\alpha-1} - 1}{\alpha - 1}$ | $\frac{1}{\alpha}([1 + (\alpha - 1) v]_+^{\alpha/(\alpha - 1)} - 1)$ | $[1 + (\alpha - 1) v]_+^{1/(\alpha - 1)}$ | all |
//! | reverse Kullback-Leibler | $u - 1 - \log u$ | $1 - 1/u$ | $-\log(1 - v)$ | $1/(1 - v)$ | $< 1$ |
//! | squared Hellinger | $(\sqrt u - 1)^2$ | $1 - u^{-1/2}$ | $v/(1 - v)$ | $1/(1 - v)^2$ | $< 1$ |
//! | Jensen-Shannon | $u \log u - (u + 1) \log\frac{u + 1}{2}$ | $\log\frac{2u}{u + 1}$ | $-\log(2 - e^v)$ | $e^v/(2 - e^v)$ | $< \log 2$ |
//!
//! $f^*(v) = \sup_{u \ge 0} uv - f(u)$ is flat for $v \le f'(0)$, which is where probabilities are exactly 0.
//! The generators are the field's; that Sander et al. 2025 use $f = u \log u - u + 1$ follows from their
//! objective, which constant their chi-square has is not known.

mod conjugate;
mod hellinger;
mod jensen_shannon;
mod kullback_leibler;
mod reverse_kullback_leibler;
mod tsallis;

pub use conjugate::Conjugate;
pub use tsallis::Tsallis;

use tch::Tensor;

use crate::native::Real;
use crate::{Error, Result};

/// The divergence between a distribution and its prior.
///
/// ```
/// use efy_core::divergence::Divergence;
/// use tch::Tensor;
///
/// let v = Tensor::from_slice(&[-2.0, 0.0, 0.5]);
/// let ratio = Divergence::chi_square().slope(&v);
/// assert_eq!(ratio, Tensor::from_slice(&[0.0, 1.0, 1.5]));
/// # Ok::<(), efy_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Divergence {
    /// Kullback-Leibler: logistic models.
    KullbackLeibler,
    /// Tsallis of order $\alpha > 1$: sparse models.
    Tsallis(Tsallis),
    /// Reverse Kullback-Leibler. Its conjugate ends at 1.
    ReverseKullbackLeibler,
    /// Squared Hellinger. Its conjugate ends at 1.
    SquaredHellinger,
    /// Jensen-Shannon. Its conjugate ends at $\log 2$.
    JensenShannon,
}

impl Divergence {
    /// The Tsallis divergence of order `alpha`; the limit 1 is Kullback-Leibler.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a number below 1 or one that is not finite.
    pub fn tsallis(alpha: f64) -> Result<Self> {
        if alpha == 1.0 {
            return Ok(Divergence::KullbackLeibler);
        }
        Ok(Divergence::Tsallis(Tsallis::new(alpha)?))
    }

    /// Tsallis of order 1.5, with $p/q = [1 + v/2]_+^2$.
    pub fn entmax15() -> Self {
        Divergence::Tsallis(Tsallis::ENTMAX15)
    }

    /// Tsallis of order 2, $f = \frac12(u - 1)^2$ with $p/q = [1 + v]_+$: chi-square, sparsemax.
    pub fn chi_square() -> Self {
        Divergence::Tsallis(Tsallis::CHI_SQUARE)
    }

    /// The name used in configurations and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Divergence::KullbackLeibler => "kullback_leibler",
            Divergence::Tsallis(_) => "tsallis",
            Divergence::ReverseKullbackLeibler => "reverse_kullback_leibler",
            Divergence::SquaredHellinger => "squared_hellinger",
            Divergence::JensenShannon => "jensen_shannon",
        }
    }

    fn generator(&self) -> &dyn Generator {
        match self {
            Divergence::KullbackLeibler => &kullback_leibler::KullbackLeibler,
            Divergence::Tsallis(tsallis) => tsallis,
            Divergence::ReverseKullbackLeibler => &reverse_kullback_leibler::ReverseKullbackLeibler,
            Divergence::SquaredHellinger => &hellinger::SquaredHellinger,
            Divergence::JensenShannon => &jensen_shannon::JensenShannon,
        }
    }

    /// $f(u)$ for $u \ge 0$, of any shape.
    pub fn value(&self, u: &Tensor) -> Tensor {
        self.generator().value(u)
    }

    /// $f'(u)$ for $u \ge 0$, of any shape; $-\infty$ at 0 unless the divergence is sparse.
    pub fn derivative(&self, u: &Tensor) -> Tensor {
        self.generator().derivative(u)
    }

    /// $f^*(v)$, of any shape; $\infty$ from [`domain_end`](Self::domain_end) on.
    pub fn conjugate(&self, v: &Tensor) -> Tensor {
        self.generator().conjugate(v)
    }

    /// $f^{*\prime}(v)$, the density ratio p/q, of any shape; $\infty$ from
    /// [`domain_end`](Self::domain_end) on.
    pub fn slope(&self, v: &Tensor) -> Tensor {
        self.generator().slope(v)
    }

    /// $f^*(v)$ and $f^{*\prime}(v)$ below [`domain_end`](Self::domain_end): what both need is computed once.
    pub(crate) fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        self.generator().conjugate_and_slope(v)
    }

    /// $f'$ at one number.
    pub fn derivative_at(&self, u: f64) -> f64 {
        self.generator().derivative_at(u)
    }

    /// Where $f^*$ becomes infinite; `None` where it is finite everywhere.
    pub fn domain_end(&self) -> Option<f64> {
        match self {
            Divergence::KullbackLeibler | Divergence::Tsallis(_) => None,
            Divergence::ReverseKullbackLeibler | Divergence::SquaredHellinger => Some(1.0),
            Divergence::JensenShannon => Some(std::f64::consts::LN_2),
        }
    }

    /// $f'(0)$, below which probabilities are exactly 0: $-1/(\alpha - 1)$ for Tsallis, $-\infty$ for
    /// all others.
    pub fn support_margin(&self) -> f64 {
        self.derivative_at(0.0)
    }

    /// ($f^*(v)$, $f^{*\prime}(v)$) of one number.
    #[inline(always)]
    pub(crate) fn pair<T: Real>(&self, v: T) -> (T, T) {
        match self {
            Divergence::KullbackLeibler => kullback_leibler::pair(v),
            Divergence::Tsallis(tsallis) => tsallis.pair(v),
            Divergence::ReverseKullbackLeibler => reverse_kullback_leibler::pair(v),
            Divergence::SquaredHellinger => hellinger::pair(v),
            Divergence::JensenShannon => jensen_shannon::pair(v),
        }
    }
}

/// One generator on tensors of any shape.
trait Generator {
    fn value(&self, u: &Tensor) -> Tensor;
    fn derivative(&self, u: &Tensor) -> Tensor;
    fn derivative_at(&self, u: f64) -> f64;
    fn conjugate(&self, v: &Tensor) -> Tensor;
    fn slope(&self, v: &Tensor) -> Tensor;

    /// Both, for v below the end of the conjugate, where nothing has to be clamped.
    fn conjugate_and_slope(&self, v: &Tensor) -> (Tensor, Tensor) {
        (self.conjugate(v), self.slope(v))
    }
}

/// 1 - v, with +0 at 1: tch's own `1.0 - v` is -(v - 1), which has -0 there.
fn left(v: &Tensor) -> Tensor {
    v.neg() + 1.0
}

fn parameter(name: &'static str, expected: &'static str, found: f64) -> Error {
    Error::Parameter {
        name,
        expected,
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests;
