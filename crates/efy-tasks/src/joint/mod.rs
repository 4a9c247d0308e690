//! Joint learning of energies and log-partitions (Sander et al. 2025): its training steps on any examples.

mod examples;
mod workload;

pub use examples::Examples;
pub use workload::{Coupling, DivergenceName, LogPartition, Workload};
