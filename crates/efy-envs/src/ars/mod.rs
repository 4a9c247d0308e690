//! Augmented random search: linear policies from rollouts alone, without gradients.
//!
//! Version V2-t of Mania, Guy & Recht, "Simple random search is competitive for reinforcement learning" (2018), written from what is recalled of
//! the paper. The policy is a = W (o - μ) / σ with W `[k, d]` (at first 0) and the running mean μ and deviation σ of all observations seen.
//! An iteration draws N directions δ_i, `[k, d]` of standard normals, runs an episode with W + ν δ_i and one with W - ν δ_i, which gives r_i⁺ and r_i⁻,
//! keeps the b directions with the largest max(r_i⁺, r_i⁻), and makes the step
//!
//! ```text
//! W ← W + α / (b σ_R) Σ_i (r_i⁺ - r_i⁻) δ_i,     σ_R the deviation of the 2b rewards kept.
//! ```
//!
//! The bonus for survival that some environments pay in every step is taken off (`bonus`), since otherwise standing still is hard to leave. Both
//! episodes of a direction begin in the same state, which is our own choice: it takes the luck of the start out of their difference.
//!
//! A training is a function of environment and [`Settings`], whatever the number of threads.

mod search;
mod settings;
mod statistics;
mod train;

pub use search::{Iteration, Search};
pub use settings::Settings;
pub use statistics::Statistics;
pub use train::{Progress, Trained, train};
