//! Convex sets C over which inference maximizes, each row of a batch in its own copy.

mod boxes;
mod geometry;
mod reals;

pub use boxes::{BoxDomain, Cube};
pub use geometry::Geometry;
pub use reals::Reals;

use tch::Tensor;

/// A closed convex set C in $\mathbb{R}^k$; batches are `[B, k]`.
pub trait Domain: Send {
    /// The name used in configurations and messages.
    fn name(&self) -> &'static str;

    /// The Euclidean projection $\arg\min_{p \in C} \|p - z\|_2$ of each row of `z` `[B, k]`.
    fn project(&self, z: &Tensor) -> Tensor;

    /// A maximizer of $\langle \theta, p \rangle$ over C for each row, `[B, k]`; ties go to the
    /// smallest point. `None` for an unbounded set.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor>;

    /// Whether each row lies in C up to `tolerance` in every coordinate, `[B]` of kind Bool.
    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor;

    /// A point from which solvers start, in the interior of C: its centre, `[B, k]` like `like`.
    fn start(&self, like: &Tensor) -> Tensor;

    /// Which set it is, for regularizers and solvers that have a method of their own for it.
    fn geometry(&self) -> Geometry<'_> {
        Geometry::Other
    }

    /// The bounds of every coordinate when C is a box, infinite ones included.
    fn bounds(&self) -> Option<(f64, f64)> {
        match self.geometry() {
            Geometry::Reals => Some((f64::NEG_INFINITY, f64::INFINITY)),
            Geometry::Box { low, high } => Some((low, high)),
            _ => None,
        }
    }

    /// The vertices `[n, k]` (f64, on the CPU) for small k, in lexicographic order; `None` when there
    /// are none or too many. For tests and enumeration.
    fn vertices(&self, _k: usize) -> Option<Tensor> {
        None
    }
}
