//! Training in several processes.
//!
//! All hold the same weights. Each computes the loss of its rows of every batch, or moves its particles, and one sum over all
//! of them makes it the gradient of the whole batch. What is drawn for a row is a function of its place in the whole batch,
//! so that their number changes nothing but the order of additions.

mod carrying;
mod launch;
#[cfg(feature = "mpi")]
pub mod mpi;
mod threads;

pub(crate) use self::carrying::{Asked, Carrying, agree};
pub use self::launch::Launch;
pub use self::threads::Threads;
pub use efy_core::parallel::{Alone, Collective, Part};

/// Whether this build can train in several processes.
pub const HAS_MPI: bool = cfg!(feature = "mpi");
