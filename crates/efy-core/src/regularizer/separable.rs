//! The function $\omega$ of one coordinate, as solvers see it.

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
    /// Whether a coordinate may range over these bounds: all of them for a quadratic function, its
    /// own interval for an entropy.
    pub(crate) fn ranges_over(&self, bounds: (f64, f64)) -> bool {
        match *self {
            Separable::Quadratic { .. } => true,
            Separable::BoxEntropy { low, high, .. } => bounds == (low, high),
            _ => bounds == (0.0, 1.0),
        }
    }
}
