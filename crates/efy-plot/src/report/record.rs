//! What a report says of a run: every file of its directory that is there.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::metrics_file::{Event, METRICS_FILE, read_events, series};
use crate::report::config::Config;
use crate::run::{Run, directory_name, read_optional, tell_apart};

/// Names and values in the order in which they were written; `None` where a value was not finite.
pub(crate) type Metrics = Vec<(String, Option<f64>)>;

/// A run directory, finished or not.
pub(crate) struct Record {
    /// Its name, distinct among the runs of the page, and its curves.
    pub run: Run,
    /// The last part of its path.
    pub directory: String,
    /// The lines of `metrics.jsonl`.
    pub events: Vec<Event>,
    /// `config.yaml`.
    pub config: Option<Config>,
    /// The members of `env.json`, for people.
    pub environment: Vec<(String, String)>,
    /// `summary.json`, which is written when all is done.
    pub summary: Option<Summary>,
}

/// What is known when a run has finished.
#[derive(Deserialize)]
pub(crate) struct Summary {
    pub steps: Option<u64>,
    pub epochs: Option<u64>,
    pub seconds: Option<f64>,
    pub best: Option<Best>,
    validation: Option<Map<String, Value>>,
    test: Option<Map<String, Value>>,
}

/// Which weights were kept.
#[derive(Deserialize)]
pub(crate) struct Best {
    pub monitor: Option<String>,
}

impl Record {
    /// The metrics on the test split; empty if they were never computed.
    pub fn test(&self) -> Metrics {
        let summary = self.summary.as_ref();
        if let Some(test) = summary.and_then(|summary| summary.test.as_ref()) {
            return metrics(test);
        }
        let mut events = self.events.iter().rev();
        let event = events.find(|event| event.split == "test");
        event.map(|event| event.metrics.clone()).unwrap_or_default()
    }

    /// The metrics on the validation split of the weights that were kept.
    pub fn validation(&self) -> Metrics {
        let summary = self.summary.as_ref();
        let validation = summary.and_then(|summary| summary.validation.as_ref());
        validation.map(metrics).unwrap_or_default()
    }

    /// A key of the configuration that is set.
    pub fn configured(&self, key: &str) -> Option<&str> {
        let value = self.config.as_ref()?.get(key)?;
        (value != "null").then_some(value)
    }
}

/// Reads the runs and makes their names distinct.
///
/// # Errors
/// As [`crate::report`].
pub(crate) fn read_records(dirs: &[PathBuf]) -> Result<Vec<Record>> {
    let mut records = dirs
        .iter()
        .map(|dir| read(dir))
        .collect::<Result<Vec<_>>>()?;
    let mut runs: Vec<Run> = records.iter().map(|record| record.run.clone()).collect();
    tell_apart(&mut runs, dirs);
    for (record, run) in records.iter_mut().zip(runs) {
        record.run = run;
    }
    Ok(records)
}

fn read(dir: &Path) -> Result<Record> {
    let not_a_run = |message| Error::NotARun {
        path: dir.to_owned(),
        message,
    };
    if !dir.is_dir() {
        return Err(not_a_run("no such directory, expected that of a run"));
    }
    let files = ["config.yaml", METRICS_FILE, "summary.json"];
    if !files.iter().any(|name| dir.join(name).is_file()) {
        let message = "not a run: no config.yaml, metrics.jsonl or summary.json in it";
        return Err(not_a_run(message));
    }
    let events = match read_events(&dir.join(METRICS_FILE)) {
        Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Vec::new()
        }
        events => events?,
    };
    let environment: Map<String, Value> = read_optional(&dir.join("env.json"), json)?;
    Ok(Record {
        run: Run::with_series(dir, series(&events))?,
        directory: directory_name(dir),
        events,
        config: read_optional(&dir.join("config.yaml"), |text| {
            Config::parse(text).map(Some)
        })?,
        environment: environment
            .iter()
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
        summary: read_optional(&dir.join("summary.json"), |text| json(text).map(Some))?,
    })
}

fn json<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn metrics(values: &Map<String, Value>) -> Metrics {
    let finite = |value: &Value| value.as_f64().filter(|value| value.is_finite());
    values
        .iter()
        .map(|(name, value)| (name.clone(), finite(value)))
        .collect()
}

/// A JSON value without the marks that are there for programs; lists are words on a line.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
