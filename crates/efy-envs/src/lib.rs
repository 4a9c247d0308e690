//! Control environments: what a policy acts in, without libtorch.
//!
//! An [`Environment`] is stepped with an action and gives an observation and a reward, all in f64 and on the
//! CPU; a [`Policy`] acts for a batch of environments at once; [`rollout`] runs episodes with the one in the others.

mod catalog;
mod environment;
mod error;
pub mod optimal;
mod pendulum;
mod policies;
mod random;
mod rollout;

pub use catalog::{make, make_many, names};
pub use environment::{Environment, Policy, Spec, Transition};
pub use error::{Error, Result};
pub use pendulum::Pendulum;
pub use policies::{Linear, Random, Zero};
pub use rollout::{Episode, Record, rollout};
