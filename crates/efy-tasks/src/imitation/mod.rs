//! Imitation learning: policies from demonstrations.

pub mod demonstrations;
