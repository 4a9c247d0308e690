//! Euclidean projections of all rows at once in tensor operations: the path of every device but the
//! CPU. No function reads from the device, and none leaves a graph.

mod ball;
mod birkhoff;
mod isotonic;
mod section;
mod simplex;
#[cfg(test)]
mod tests;

pub(super) use ball::{ball, sphere};
pub(super) use birkhoff::birkhoff;
pub(crate) use isotonic::decreasing;
pub(super) use isotonic::{order_simplex, permutahedron};
pub(super) use section::knapsack;
pub(super) use simplex::simplex;

use tch::Tensor;

/// $z - c$, which is 0 for equal infinities: what is infinite is compared with its like.
fn centred(z: &Tensor, centre: &Tensor) -> Tensor {
    (z - centre).masked_fill(&z.eq_tensor(centre), 0.0)
}

/// The length of the rows.
fn columns(z: &Tensor) -> i64 {
    z.size().last().copied().unwrap_or(1)
}
