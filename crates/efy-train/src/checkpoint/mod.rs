//! Checkpoints: directories that are there whole or not at all, and are checked when they are read.
//!
//! `checkpoints/step-000000077/` holds
//!
//! | file | what |
//! |---|---|
//! | `weights.safetensors` | the weights after that step, named as in PyTorch's `state_dict` |
//! | `best.safetensors` | the weights with the best validation metric so far, once there are some |
//! | `state.safetensors` | moments of the optimizer, warm starts of the solver, sums since the last log point |
//! | `state.json` | counters, positions, early stopping |
//! | `manifest.json` | size and SHA-256 of each of these, of the configuration, and of itself |
//!
//! `checkpoints/latest` names the newest one and `checkpoints/best` the file of the weights that are
//! best so far.

mod config;
mod disk;
mod folder;
mod manifest;
mod snapshot;
#[cfg(test)]
mod tests;

pub use config::CheckpointConfig;
pub use folder::Checkpoints;
pub use manifest::{MANIFEST, Manifest, digest};
pub use snapshot::Snapshot;
