//! Policies from demonstrations: the action is the regularized maximum of an energy over the action box (Blondel et al.
//! 2022, second experiment).
//!
//! States are inputs, actions are targets, real valued, and the domain is the box of actions, which is brought to
//! $[-1, 1]^k$ ([`ActionBox`]); models, losses and training are those of [`supervised`](crate::supervised). What it
//! comes to is judged where it counts: the policy acts in its environment ([`Arena`]) and its return is compared with
//! the expert's and with that of random actions. [`EnergyPolicy`] is a trained model for any program.

mod action_box;
mod arena;
pub mod demonstrations;
pub mod experts;
mod lesson;
mod objective;
mod outputs;
mod policy;
mod predictions;
mod returns;
mod run;
mod source;

pub use action_box::ActionBox;
pub use arena::{Arena, References};
pub use lesson::Lesson;
pub use objective::Imitation;
pub use outputs::Actions;
pub use policy::EnergyPolicy;
pub use predictions::predict;
pub use run::{Prepared, evaluate, open, replay};
pub use source::{Place, Yardstick};

/// What a split is judged by: the loss, the root of the mean squared error of actions in units of half the width of the box,
/// the share of unsolved problems; where the policy acted, the mean of its returns over episodes, the same between
/// random actions (0) and the expert (1), their standard deviation and quartiles, and the mean number of steps.
pub const METRICS: [&str; 10] = [
    "loss",
    "action_error",
    "unconverged",
    "return",
    "return_normalized",
    "return_deviation",
    "return_q25",
    "return_median",
    "return_q75",
    "episode_steps",
];
