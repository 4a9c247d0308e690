//! The errors of this crate: one line each, naming what was expected and what was found.

use tch::{Device, Kind, TchError};

/// What can go wrong in `efy-core`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has the wrong shape.
    #[error("{what}: expected shape {expected}, found {found:?}")]
    Shape {
        /// The tensor's name, as in the documentation of the function that was called.
        what: &'static str,
        /// The expected shape, as in the documentation: `[B, k]`.
        expected: String,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// A tensor has the wrong element type.
    #[error("{what}: expected elements of kind {expected}, found {found:?}")]
    Kind {
        /// The tensor's name.
        what: &'static str,
        /// The kinds that are accepted.
        expected: String,
        /// The kind that was found.
        found: Kind,
    },
    /// Two tensors that belong together lie on different devices.
    #[error("{what}: expected a tensor on {expected:?}, found one on {found:?}")]
    Placement {
        /// The tensor's name.
        what: &'static str,
        /// The device of the other tensors.
        expected: Device,
        /// The device that was found.
        found: Device,
    },
    /// A number is outside of its range.
    #[error("{name}: expected {expected}, found {found}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// The solver has no method for this problem.
    #[error("solver {solver} cannot solve {problem}; {hint}")]
    Unsupported {
        /// The solver's name.
        solver: &'static str,
        /// Energy, regularizer and domain.
        problem: String,
        /// A solver that can.
        hint: &'static str,
    },
    /// The device that was asked for cannot be used.
    #[error("device {device}: {reason}")]
    Device {
        /// The device as it was asked for.
        device: String,
        /// Why it cannot be used, and what to do about it.
        reason: String,
    },
    /// Processes that compute one thing together do not come together: one does not answer, or does something else.
    #[error("{0}")]
    Peer(String),
    /// libtorch reported an error; only its first line is kept, the rest is a C++ stack trace.
    #[error("libtorch: {0}")]
    Torch(String),
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        let text = match error {
            TchError::Torch(text) => text,
            other => other.to_string(),
        };
        Error::Torch(text.lines().next().unwrap_or_default().to_owned())
    }
}

/// Passes a number that is positive and finite.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(Error::Parameter {
            name,
            expected: "a positive number",
            found: value.to_string(),
        })
    }
}

/// Passes an integer that is at least 1.
pub(crate) fn positive_integer(name: &'static str, value: i64) -> Result<i64> {
    if value >= 1 {
        Ok(value)
    } else {
        Err(Error::Parameter {
            name,
            expected: "a positive integer",
            found: value.to_string(),
        })
    }
}
