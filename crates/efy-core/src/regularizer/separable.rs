//! The function $\omega$ of one coordinate, as solvers see it.

/// $\omega$ in $\Omega(p) = \sum_i \omega(p_i)$.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Separable {
    /// $\frac{c}{2} p^2 + s p$.
    Quadratic {
        /// c > 0.
        curvature: f64,
        /// s.
        slope: f64,
    },
    /// $\gamma (p \log p + (1 - p) \log(1 - p))$ on $[0, 1]$.
    BinaryEntropy {
        /// Strength.
        gamma: f64,
    },
    /// $\gamma\, p \log p$ on $[0, 1]$.
    OneSidedShannon {
        /// Strength.
        gamma: f64,
    },
}
