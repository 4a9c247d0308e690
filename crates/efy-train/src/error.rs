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
    /// A checkpoint is damaged, of another run, or of a version of efy that this one does not read.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// What was stored does not fit what it is put back into: name, expected, found.
    #[error("{0}")]
    State(String),
    /// The loss or its gradient is no longer finite.
    #[error(
        "diverged: the training loss is {loss} at step {step}{}; lower train.lr or set train.clip_norm{}",
        if loss.is_finite() { " and its gradient is not finite" } else { "" },
        kept(dump.as_deref())
    )]
    Diverged {
        /// The step.
        step: u64,
        /// The loss of its batch.
        loss: f64,
        /// The checkpoint of the moment before.
        dump: Option<PathBuf>,
    },
    /// Training was asked to stop.
    #[error("stopped after step {step}{}", saved(checkpoint.as_deref()))]
    Interrupted {
        /// The signal; 0: the step that it was to stop after.
        signal: usize,
        /// Steps that were made.
        step: u64,
        /// What it can go on from.
        checkpoint: Option<PathBuf>,
    },
    /// Checkpoints cannot be written any more.
    #[error("{0}; the last good checkpoint is as it was")]
    Unsaved(Box<Error>),
    /// There is no memory for one example at a time.
    #[error(
        "out of memory with {batch} example(s) at a time; lower model.hidden, or use a device with more memory: {cause}"
    )]
    Memory {
        /// Examples that were computed at once.
        batch: u64,
        /// What libtorch said.
        cause: Box<Error>,
    },
    /// Another process works on the run.
    #[error("{}: another process is training this run", path.display())]
    Locked {
        /// The run directory.
        path: PathBuf,
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
    /// The exit code of the command line: 2 for bad input, 3 for a loss that is no longer finite, 4 for
    /// checkpoints that cannot be used, 128 and the signal for an interruption (130 for INT,
    /// 143 for TERM; 0 where it was asked for beforehand), 1 for everything else.
    pub fn exit_code(&self) -> i32 {
        match self {
            Error::File { action, .. } if *action == "write" => 1,
            Error::Config { .. }
            | Error::RunExists { .. }
            | Error::File { .. }
            | Error::Locked { .. } => 2,
            Error::Core(error) => core_exit_code(error),
            Error::Diverged { .. } => 3,
            Error::Checkpoint { .. } | Error::State(_) => 4,
            Error::Interrupted { signal: 0, .. } => 0,
            Error::Interrupted { signal, .. } => 128 + *signal as i32,
            _ => 1,
        }
    }

    pub(crate) fn checkpoint(path: &Path, message: impl Into<String>) -> Self {
        Error::Checkpoint {
            path: path.to_owned(),
            message: crate::config::one_line(&message.into()),
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

fn kept(dump: Option<&Path>) -> String {
    let run = dump.and_then(Path::parent).and_then(Path::parent);
    run.map_or_else(String::new, |run| {
        format!("; `efy replay {}` shows that step", run.display())
    })
}

fn saved(checkpoint: Option<&Path>) -> String {
    let run = checkpoint.and_then(Path::parent).and_then(Path::parent);
    run.map_or_else(String::new, |run| {
        format!("; `efy train --resume {}` goes on", run.display())
    })
}

/// As [`Error::exit_code`], for an error of efy-core: what the user asked for is a matter of usage.
pub fn core_exit_code(error: &efy_core::Error) -> i32 {
    match error {
        efy_core::Error::Torch(_) => 1,
        _ => 2,
    }
}
