//! The one place that knows which YAML library is used.

use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

/// Largest configuration that is read.
const MOST_BYTES: usize = 1 << 20;
/// Deepest nesting that is read.
const DEEPEST: usize = 32;

/// Parses a YAML text; comments and order do not matter, anchors and tags are not for configurations.
pub(super) fn parse(origin: &str, text: &str) -> Result<Value> {
    let invalid = |message: String| Error::Config {
        origin: origin.to_owned(),
        message,
    };
    if text.len() > MOST_BYTES {
        return Err(invalid(format!(
            "expected at most {MOST_BYTES} bytes, found {}",
            text.len()
        )));
    }
    let value: serde_yaml::Value = match serde_yaml::from_str(text) {
        Ok(value) => value,
        Err(error) => return Err(invalid(first_line(&error.to_string()))),
    };
    let value = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
    if depth(&value) > DEEPEST {
        return Err(invalid(format!("nested deeper than {DEEPEST} levels")));
    }
    Ok(value)
}

/// A value as YAML, for `config.yaml` in the run directory.
pub fn to_yaml(value: &impl Serialize) -> Result<String> {
    serde_yaml::to_string(value).map_err(|error| Error::Config {
        origin: "config".to_owned(),
        message: error.to_string(),
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
