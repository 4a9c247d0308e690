//! From a protocol's text and a request to a checked protocol.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::catalogue::Experiment;
use crate::Result;
use crate::data::Cache;

/// How an experiment is to be run.
pub struct Request<'a> {
    /// Whether to apply the changes that the protocol lists under `quick`.
    pub quick: bool,
    /// Changes to the protocol, `key=value`, after those of `quick`.
    pub sets: &'a [String],
    /// The directory of the trials; it has to exist.
    pub out: &'a Path,
    /// Trials that run side by side. Their results do not depend on it.
    pub jobs: usize,
    /// Where the data sets are.
    pub cache: &'a Cache,
    /// The program to measure memory with: `program measure` has to answer with what [`measure`] makes
    /// of its standard input.
    ///
    /// [`measure`]: super::measure
    pub program: &'a Path,
    /// Is told, line by line, what happens.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// Reads the protocol of an experiment with the changes that a request asks for.
///
/// # Errors
/// [`efy_train::Error::Config`] naming the key.
pub(super) fn read<T: DeserializeOwned>(
    experiment: &Experiment,
    request: &Request<'_>,
) -> Result<T> {
    let Experiment { name, protocol, .. } = experiment;
    let mut sets = Vec::new();
    if request.quick {
        let whole: Value = efy_train::config::from_text(name, protocol, &[])?;
        let quick = whole["quick"].as_array().into_iter().flatten();
        sets.extend(quick.filter_map(Value::as_str).map(str::to_owned));
    }
    sets.extend_from_slice(request.sets);
    Ok(efy_train::config::from_text(name, protocol, &sets)?)
}
