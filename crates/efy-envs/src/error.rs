//! What can go wrong, in one line each.

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate. `Display` is the whole story in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No environment has this name.
    #[error("unknown environment {name:?}, expected one of {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The environment needs MuJoCo, and this build is without it.
    #[error(
        "{name} needs MuJoCo, which this build is without; build with the cargo feature `mujoco`"
    )]
    WithoutMujoco {
        /// The name asked for.
        name: String,
    },
    /// MuJoCo cannot be used: another version, or a model that it refuses.
    #[error("MuJoCo: {0}")]
    Mujoco(String),
    /// A slice has the wrong length.
    #[error("{what}: expected {expected} numbers, found {found}")]
    Length {
        /// What the slice holds: `action` or `observation`.
        what: &'static str,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The physics left the finite numbers.
    #[error("{environment}: the state is no longer finite after {steps} steps")]
    NotFinite {
        /// Name of the environment.
        environment: String,
        /// Steps of the episode so far.
        steps: usize,
    },
    /// An action is NaN or infinite.
    #[error("{environment}: action {index} is {value}, expected a finite number")]
    Action {
        /// Name of the environment.
        environment: String,
        /// Which number of the action.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// [`rollout`](crate::rollout) was given no environment.
    #[error("no environments to run episodes in")]
    NoEnvironments,
    /// [`rollout`](crate::rollout) was given environments that differ.
    #[error("environments of one rollout must be alike, found {first} and {second}")]
    Mixed {
        /// Name of the first.
        first: String,
        /// Name of one that differs.
        second: String,
    },
    /// A policy does not fit the environment, or a parameter of an environment makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The policy failed.
    #[error("{0}")]
    Policy(String),
}
