//! For tests only: one body runs on every device and in every floating-point type.
//!
//! A test that touches tensors says [`everywhere`] instead of `test`. It becomes one test for each type, of
//! which each runs its body on every device: the CPU, and the first CUDA device where there is one.
//! `EFY_TEST_DEVICE`, which takes what `--device` takes, is the one device to run on instead; if it cannot be
//! used, every test fails, so that no run on CUDA passes because nothing was there.
//!
//! The body asks [`place`] where to make its tensors, or makes them by [`tensor`] and [`uniform`], and
//! compares by [`assert_close`], which takes no result from another device. A body that never asked fails:
//! it would have tested the same thing twice.
//!
//! ```
//! use efy_test::{assert_close, tensor};
//!
//! #[efy_test::everywhere]
//! fn softmax_does_not_see_an_offset() {
//!     let theta = tensor(&[0.1, 0.2, 0.7]);
//!     let found = (&theta + 8.0).softmax(-1, None);
//!     assert_close("offset", &found, &theta.softmax(-1, None), 1e-14);
//! }
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

// What the attribute makes names the crate, here as elsewhere.
extern crate self as efy_test;

mod compare;
mod place;
mod tensors;

pub use compare::{
    assert_close, assert_here, assert_same_row, bits, flags, number, tolerance, values,
};
pub use efy_test_macros::everywhere;
pub use place::{by_device, by_kind, device, kind, on_cpu, place, run, run_on_cpu};
pub use tch::Kind;
pub use tensors::{indices, tensor, uniform};
