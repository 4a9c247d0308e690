//! Control environments: what a policy acts in, without libtorch.
//!
//! An [`Environment`] is stepped with an action and gives an observation and a reward, all in f64 and on the
//! CPU; a [`Policy`] acts for a batch of environments at once; [`rollout`] runs episodes with the one in the others.

pub mod ars;
mod catalog;
mod environment;
mod error;
mod mlp;
#[cfg(feature = "mujoco")]
pub mod mujoco;
pub mod optimal;
mod pendulum;
mod policies;
mod pose;
mod random;
mod returns;
mod rollout;
mod starts;
mod swing_up;

pub use catalog::{make, make_many, mujoco_version, names};
pub use environment::{Environment, Policy, Spec, Transition};
pub use error::{Error, Result};
pub use mlp::{Layer, Mlp};
pub use pendulum::Pendulum;
pub use policies::{Linear, Random, Zero};
pub use pose::{Capsule, Pose};
pub use returns::Returns;
pub use rollout::{Episode, Record, rollout};
pub use starts::{Purpose, starts};
pub use swing_up::SwingUp;
