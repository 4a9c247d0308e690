//! The joint objective, its base measures, samplers and exact values: golden vectors, enumeration, and
//! statistics with fixed seeds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod golden;
mod golden_losses;
mod losses;
mod made_up;
mod objective;
mod partition;
mod samplers;
