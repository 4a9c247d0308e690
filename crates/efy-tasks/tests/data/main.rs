//! Data sets as a user meets them: imported, loaded, and equal to what was published.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod import;
mod published;
mod rankings;
mod rows;
