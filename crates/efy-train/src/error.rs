//! The errors of training, with the exit codes they stand for.

use std::path::{Path, PathBuf};

/// What can go wrong when a run is configured, trained or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration is not what it should be.
    #[error("{origin}: {message}")]
    Config {
        /// The file, or `--set`.
        origin: String,
        /// Key, what was expected, what was found.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{}: cannot {action}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read`, `write`, ...
        action: &'static str,
        /// Why. Not called `source`: it is part of the message already.
        cause: std::io::Error,
    },
    /// A run directory would be overwritten.
    #[error("{}: already holds a run; choose another --out, or --force to replace it", path.display())]
    RunExists {
        /// The directory.
        path: PathBuf,
    },
    /// A file of weights does not fit the model.
    #[error("{}: {message}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Tensor name, what was expected, what was found.
        message: String,
    },
    /// What was stored does not fit what it is put back into: name, expected, found.
    #[error("{0}")]
    State(String),
    /// The loss is no longer finite.
    #[error("diverged: the training loss is {loss} at step {step}; lower train.lr")]
    Diverged {
        /// The step.
        step: u64,
        /// Infinite or not a number.
        loss: f64,
    },
    /// A loss or its gradient was not finite, where that is to stop the training.
    #[error(
        "diverged: the loss or its gradient is not finite at step {step}; lower train.lr or set train.clip_norm"
    )]
    NotFinite {
        /// The step.
        step: u64,
    },
    /// A computation failed.
    #[error(transparent)]
    Core(#[from] efy_core::Error),
    /// What a task reports of itself.
    #[error(transparent)]
    Task(Box<dyn std::error::Error + Send + Sync>),
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The exit code of the command line: 2 for bad input, 3 for a loss that is no longer finite, 1
    /// for everything else.
    pub fn exit_code(&self) -> i32 {
        match self {
            Error::Config { .. } | Error::RunExists { .. } | Error::File { .. } => 2,
            Error::Core(error) => core_exit_code(error),
            Error::Diverged { .. } | Error::NotFinite { .. } => 3,
            _ => 1,
        }
    }

    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Error::File {
            path,
            action,
            cause,
        }
    }
}

/// As [`Error::exit_code`], for an error of efy-core: what the user asked for is a matter of usage.
pub fn core_exit_code(error: &efy_core::Error) -> i32 {
    match error {
        efy_core::Error::Torch(_) => 1,
        _ => 2,
    }
}
