//! The losses that the generalized Fenchel-Young loss is compared with: golden vectors, gradients
//! against central differences, and what holds between them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod calibration;
mod golden;
mod gradients;
mod graphs;
mod log_loss;
mod made_up;
mod relations;
mod samples;
