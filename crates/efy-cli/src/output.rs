//! Standard output: results only, for people or as JSON. Everything else goes to stderr.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

/// One line of text.
pub(crate) fn line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// One JSON value on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string(value)?)
}

/// One JSON value, indented.
pub(crate) fn pretty_json(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Names and values in two aligned columns.
pub(crate) fn table<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> Result<()> {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .try_for_each(|(name, value)| line(&format!("{name:<width$}  {value}")))
}
