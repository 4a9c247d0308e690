//! Training: optimizers whose state is plain tensors, mini-batches resident on the device, early
//! stopping, observers, the run directory, and configuration from YAML.
//!
//! A task describes what is learned as an [`Objective`]; the [`Trainer`] does the rest. Nothing here
//! reads a tensor back inside a step: losses gather on the device and are read every `log_every` steps.

pub mod checkpoint;
pub mod config;
mod control;
mod early_stopping;
mod environment;
mod error;
pub mod files;
mod host_batches;
mod metrics;
mod objective;
pub mod observer;
pub mod optimizer;
mod order;
pub mod parallel;
mod run_directory;
mod state;
mod tensor_file;
mod threads;
mod trainer;
pub mod weights;

pub use checkpoint::CheckpointConfig;
pub use config::TrainConfig;
pub use control::Control;
pub use early_stopping::{Direction, EarlyStopping};
pub use environment::{Environment, LIBTORCH_VERSION, TF32_VARIABLE, tf32_allowed};
pub use error::{Error, Result, core_exit_code};
pub use host_batches::{Batch, HostBatches};
pub use metrics::Metrics;
pub use objective::{Measure, Objective, Split, StepLoss};
pub use order::EpochOrder;
pub use parallel::{Alone, Collective, Part};
pub use run_directory::RunDirectory;
pub use state::State;
pub use threads::settle_threads;
pub use trainer::{
    FAULT, Fault, Outcome, Trainer, newest_fault, observer_state, replay, replica_observer_state,
    training_step,
};
