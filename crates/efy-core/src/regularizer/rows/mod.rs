//! Regularized argmaxes and proximal maps that take the solution of an equation in each row: natively
//! over rows on the CPU, by a fixed number of tensor operations elsewhere.

mod coordinates;
mod entmax;
mod fermi;
mod simplex_prox;
mod sinkhorn;

pub(crate) use coordinates::Coordinates;
pub(crate) use entmax::Entmax;
pub(crate) use fermi::Fermi;
pub(crate) use simplex_prox::{Entropy, SimplexProx};
pub(crate) use sinkhorn::Sinkhorn;

#[cfg(test)]
mod tests;
