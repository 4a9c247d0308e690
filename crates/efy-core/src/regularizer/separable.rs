//! The function $\omega$ of one coordinate, as solvers see it.

use crate::domain::Domain;

/// $\omega$ in $\Omega(p) = \sum_i \omega(p_i)$.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Separable {
    /// $\frac{c}{2} p^2 + s p$.
    Quadratic {
        /// c, 0 only without a regularizer.
        curvature: f64,
        /// s.
        slope: f64,
    },
    /// $\gamma (p \log p + (1 - p) \log(1 - p))$ on $[0, 1]$.
    BinaryEntropy {
        /// Strength.
        gamma: f64,
    },
    /// $\gamma (q \log q + (1 - q) \log(1 - q))$ with $q = (p - l) / (h - l)$ on $[l, h]$.
    BoxEntropy {
        /// Strength.
        gamma: f64,
        /// l.
        low: f64,
        /// h.
        high: f64,
    },
    /// $\gamma\, p \log p$ on $[0, 1]$.
    OneSidedShannon {
        /// Strength.
        gamma: f64,
    },
    /// $\gamma (p^\alpha + (1 - p)^\alpha - 1) / (\alpha (\alpha - 1))$ on $[0, 1]$.
    BinaryTsallis {
        /// $\alpha > 1$.
        alpha: f64,
        /// Strength.
        gamma: f64,
    },
}

impl Separable {
    /// The bounds of a coordinate on a box over which it may range: any box for a quadratic function, its
    /// own interval for an entropy.
    pub(crate) fn bounds_on(&self, domain: &dyn Domain) -> Option<(f64, f64)> {
        domain.bounds().filter(|&bounds| match *self {
            Separable::Quadratic { .. } => true,
            Separable::BoxEntropy { low, high, .. } => bounds == (low, high),
            _ => bounds == (0.0, 1.0),
        })
    }
}
