//! What can go wrong, in one line each.

use std::io;
use std::path::{Path, PathBuf};

use efy_train::config::one_line;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate. `Display` is the whole story in one line; nothing hides in `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that was read does not say what it should.
    #[error("{}: {message}", location(file, *line))]
    Input {
        /// The file at fault, as the caller named it.
        file: PathBuf,
        /// Line in the (uncompressed) file, counted from 1, where one can be named.
        line: Option<u64>,
        /// What was expected and what was found.
        message: String,
    },
    /// Files were read, but what they hold makes no data set.
    #[error("data set {name}: {message}")]
    Dataset {
        /// Name of the data set.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// No embedded, known or imported data set has this name.
    #[error("unknown data set {name:?}{}", hint(suggestion.as_deref()))]
    UnknownDataset {
        /// The name asked for.
        name: String,
        /// The nearest name there is, if one is near.
        suggestion: Option<String>,
    },
    /// The data set is known, but its files are not in the cache.
    #[error("data set {name} is not fetched yet: run `efy data fetch {name}`")]
    NotFetched {
        /// Name of the data set.
        name: String,
    },
    /// The request itself makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file could not be brought from an address.
    #[error("{address}: {message}")]
    Fetch {
        /// Where the file should have come from.
        address: String,
        /// What happened.
        message: String,
    },
    /// A fetched file is not the file that was published.
    #[error(
        "{}: wrong sha256, expected {expected}, found {found}; the download was deleted",
        file.display()
    )]
    Checksum {
        /// Where the file would have gone.
        file: PathBuf,
        /// The published sha256, in hex.
        expected: String,
        /// The sha256 of what arrived, in hex.
        found: String,
    },
    /// The operating system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// The system's own words. Not called `source`: it is part of the message already.
        cause: io::Error,
    },
    /// A computation failed.
    #[error(transparent)]
    Core(#[from] efy_core::Error),
    /// An environment or a policy failed.
    #[error(transparent)]
    Environment(#[from] efy_envs::Error),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] efy_train::Error),
}

impl Error {
    /// Exit code for a command that ends with this error: 2 for bad input or usage, 3 for what diverged, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Input { .. }
            | Self::Dataset { .. }
            | Self::UnknownDataset { .. }
            | Self::NotFetched { .. }
            | Self::Usage(_) => 2,
            Self::Fetch { .. } | Self::Checksum { .. } | Self::Io { .. } => 1,
            Self::Environment(error) => error.exit_code(),
            Self::Core(error) => efy_train::core_exit_code(error),
            Self::Train(error) => error.exit_code(),
        }
    }

    pub(crate) fn input(file: &Path, line: Option<u64>, message: impl Into<String>) -> Self {
        Self::Input {
            file: file.to_owned(),
            line,
            // What is quoted from the file stays in the line and off the terminal's controls.
            message: one_line(&message.into()),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }
}

fn location(file: &Path, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    }
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(name) => format!(": did you mean {name:?}?"),
        None => "; `efy data list` shows the names there are".to_owned(),
    }
}

/// The message of a JSON error without its line and column, which stand elsewhere.
pub(crate) fn json_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}
