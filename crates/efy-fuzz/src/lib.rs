//! Hostile input: every reader of files as a function of bytes, and what makes bad files of good ones.
//!
//! [`TARGETS`] is used twice: by the tests of this crate, which run on stable Rust with the corpus of the
//! folder `fuzz/` and seeded mutations of it, and by `cargo fuzz`, for those who have a nightly compiler.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests live off it; a panic is the report"
)]

pub mod mutate;
mod targets;

pub use targets::{TARGETS, Target, target};
