//! Control environments: what a policy acts in, without libtorch.
//!
//! An [`Environment`] is stepped with an action and gives an observation and a reward, all in f64 and on the
//! CPU; a [`Policy`] acts for a batch of environments at once.

mod environment;
mod error;

pub use environment::{Environment, Policy, Spec, Transition};
pub use error::{Error, Result};
