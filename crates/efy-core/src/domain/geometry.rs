//! The sets that regularizers and solvers know by name.

use super::Domain;

/// A set C in $\mathbb{R}^k$ with its parameters.
#[non_exhaustive]
pub enum Geometry<'a> {
    /// $\mathbb{R}^k$.
    Reals,
    /// $[l, h]^k$.
    Box {
        /// l.
        low: f64,
        /// h.
        high: f64,
    },
    /// $\{p \ge 0 : \sum_i p_i = s\}$.
    Simplex {
        /// s > 0.
        scale: f64,
    },
    /// $\{p \in [0, 1]^k : m_1 \le \sum_i p_i \le m_2\}$.
    Knapsack {
        /// $m_1$.
        min: f64,
        /// $m_2$.
        max: f64,
    },
    /// The convex hull of all permutations of w.
    Permutahedron {
        /// w, `[k]`, decreasing.
        weights: &'a [f64],
    },
    /// Doubly stochastic n x n matrices, flattened row by row, $k = n^2$.
    Birkhoff {
        /// n.
        n: usize,
    },
    /// $\{1 \ge p_1 \ge \dots \ge p_k \ge 0\}$.
    OrderSimplex,
    /// $\{p : \|p\|_2 \le r\}$.
    Ball {
        /// r > 0.
        radius: f64,
    },
    /// $\{p : \|p\|_2 = r\}$, which is not convex.
    Sphere {
        /// r > 0.
        radius: f64,
    },
    /// $C_1 \times C_2 \times \dots$, each with its number of coordinates.
    Product {
        /// The factors in the order of their coordinates.
        parts: &'a [(Box<dyn Domain>, usize)],
    },
    /// Another one: only the methods of [`Domain`] are known.
    Other,
}
