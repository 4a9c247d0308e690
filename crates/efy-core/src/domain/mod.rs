//! Sets C over which inference maximizes, each row of a batch in its own copy.
//!
//! All but the [`Sphere`] are convex. Projections onto them are exact: native loops over rows on the
//! CPU, batched tensor operations without a read on other devices, the same numbers up to rounding.

mod ball;
pub(crate) mod batched;
mod birkhoff;
mod boxes;
mod geometry;
mod knapsack;
mod order_simplex;
mod permutahedron;
mod product;
mod reals;
mod simplex;
mod vertices;

pub use ball::{Ball, Sphere};
pub use birkhoff::Birkhoff;
pub use boxes::{BoxDomain, Cube};
pub use geometry::Geometry;
pub use knapsack::Knapsack;
pub use order_simplex::OrderSimplex;
pub use permutahedron::Permutahedron;
pub use product::Product;
pub use reals::Reals;
pub use simplex::Simplex;

use tch::Tensor;

use crate::error::positive;
use crate::{Error, Result};

/// A closed set C in $\mathbb{R}^k$, convex unless it says otherwise; batches are `[B, k]`.
///
/// Rows that do not [fit](Domain::check) are an error of libtorch, as in any tensor operation.
pub trait Domain: Send {
    /// The name used in configurations and messages.
    fn name(&self) -> &'static str;

    /// Whether C lies in $\mathbb{R}^k$. Solvers ask before they start.
    ///
    /// # Errors
    /// [`Error::Parameter`] when it does not.
    fn check(&self, _k: i64) -> Result<()> {
        Ok(())
    }

    /// The Euclidean projection $\arg\min_{p \in C} \|p - z\|_2$ of each row of `z` `[B, k]`, to be taken
    /// as a constant: most have no autograd graph.
    ///
    /// A NaN makes NaN of all coordinates that depend on it. Infinite elements stand for a limit in which all of them are equally
    /// far from the finite ones: onto the simplex, elements that are $-\infty$ become 0.
    fn project(&self, z: &Tensor) -> Tensor;

    /// A maximizer of $\langle \theta, p \rangle$ over C for each row, `[B, k]`; `None` for an unbounded
    /// set. Ties are always broken in the same way: a smaller sum is better, then earlier coordinates are
    /// larger.
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

/// Refuses a number of coordinates.
fn misfit(
    name: &'static str,
    expected: &'static str,
    own: impl std::fmt::Display,
    k: i64,
) -> Error {
    Error::Parameter {
        name,
        expected,
        found: format!("{own} with k = {k}"),
    }
}
