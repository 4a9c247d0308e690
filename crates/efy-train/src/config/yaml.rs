//! The one place that knows which YAML libraries are used.
//!
//! A text is walked over by `saphyr-parser` before `serde_yaml` gives it values: the walk refuses what would
//! exhaust the reader, and knows where keys stand, which serde_yaml does not tell once it has parsed a text.

mod walk;

use serde::Serialize;
use serde_json::Value;

pub(super) use self::walk::{DEEPEST, Flaw, Place, locate};
use crate::{Error, Result};

/// Parses a YAML text without a byte order mark; comments and order do not matter.
pub(super) fn parse(text: &str) -> Result<Value, Flaw> {
    walk::check(text)?;
    let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        let message = error.to_string();
        let Some(at) = error.location() else {
            return Flaw {
                place: None,
                message,
            };
        };
        let (line, column) = (at.line(), at.column());
        let end = format!(" at line {line} column {column}");
        Flaw {
            place: Some(Place { line, column }),
            message: message.strip_suffix(&end).unwrap_or(&message).to_owned(),
        }
    })?;
    serde_json::to_value(value).map_err(|error| Flaw {
        place: None,
        message: error.to_string(),
    })
}

/// A value as YAML, for `config.yaml` in the run directory.
pub fn to_yaml(value: &impl Serialize) -> Result<String> {
    serde_yaml::to_string(value).map_err(|error| Error::Config {
        origin: "config".to_owned(),
        message: error.to_string(),
    })
}
