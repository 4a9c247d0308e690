//! Calibration: what a small excess of the Fenchel-Young loss says of the excess of a target loss.

use tch::Tensor;

use crate::shape;
use crate::{Error, Result};

/// $\psi(\epsilon) = \frac{\gamma \epsilon^2}{8 \sigma^2}$ with $\psi(\delta\ell) \le \delta L$: the excess
/// $\delta\ell$ of a target loss, after decoding, is bounded through the excess $\delta L$ of the
/// Fenchel-Young loss.
///
/// The target loss is $\ell(\hat y, y) = \langle \hat y, V y + b \rangle + c(y)$, its decoder
/// $d(p) = \arg\min_{\hat y \in Y} \langle \hat y, V p + b \rangle$ and
/// $\sigma = \sup_{\hat y \in Y} \|V^\top \hat y\|_2$; $\gamma$ is the modulus of strong convexity of
/// $\Omega - \Phi(v, \cdot)$. The energy has to be linear in v and concave in p, its unary part free.
///
/// That the paper proves calibration for linear-concave energies is in its abstract; this constant is
/// our derivation, the same as that of Blondel 2019 for bilinear energies.
pub fn calibration_bound(excess: f64, modulus: f64, sigma: f64) -> f64 {
    modulus * excess * excess / (8.0 * sigma * sigma)
}

/// The Hamming loss of k labels as the target loss,
/// $\ell(\hat y, y) = \frac1k \sum_i \hat y_i (1 - 2 y_i) + y_i$: $V = -\frac2k I$, $b = \frac1k$.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HammingLoss {
    labels: usize,
}

impl HammingLoss {
    /// For k `labels`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no label at all.
    pub fn new(labels: usize) -> Result<Self> {
        if labels == 0 {
            return Err(Error::Parameter {
                name: "labels",
                expected: "a positive integer",
                found: labels.to_string(),
            });
        }
        Ok(HammingLoss { labels })
    }

    /// v in $V = v I$: $-\frac2k$.
    pub fn v(&self) -> f64 {
        -2.0 / self.labels as f64
    }

    /// Every entry of b: $\frac1k$.
    pub fn b(&self) -> f64 {
        1.0 / self.labels as f64
    }

    /// $\sigma = \sup_{\hat y \in \{0,1\}^k} \|V^\top \hat y\|_2 = \frac{2}{\sqrt k}$.
    pub fn sigma(&self) -> f64 {
        2.0 / (self.labels as f64).sqrt()
    }

    /// $d(p)_i = 1$ where $p_i > \frac12$ and 0 elsewhere, `[B, k]` like `p`.
    pub fn decode(&self, p: &Tensor) -> Tensor {
        p.gt(0.5).to_kind(p.kind())
    }

    /// $\ell(\hat y, y)$, `[B]`, for labels `decoded` and a target `[B, k]` that may be an expectation.
    pub fn value(&self, decoded: &Tensor, target: &Tensor) -> Tensor {
        let cost = decoded * (target * self.v() + self.b()) + target * self.b();
        shape::row_sum(&cost)
    }
}
