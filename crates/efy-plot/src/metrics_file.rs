//! Reading `metrics.jsonl`: one JSON object an event.
//!
//! `step` and `split` are required and `epoch` is skipped; every other number is a metric, whatever
//! its name, and `null` is a metric that was not finite. A run that is killed may leave half an
//! event at the end of the file: such a line is passed over. Anything else that cannot be read is
//! an error, because a curve with points silently missing is worse than no curve.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::series::{Point, SeriesSet};

/// The name of the metrics file in a run directory.
pub const METRICS_FILE: &str = "metrics.jsonl";

/// One line of a metrics file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// The optimiser step.
    pub step: u64,
    /// The epoch, from 1.
    pub epoch: Option<u64>,
    /// What the metrics were computed on.
    pub split: String,
    /// Names and values in the order of the line; `None` where a value was not finite.
    pub metrics: Vec<(String, Option<f64>)>,
    /// Names and values that are text.
    pub notes: Vec<(String, String)>,
}

/// Reads the metrics file at `path`.
///
/// # Errors
/// [`Error::Read`] if there is no such file, [`Error::Event`] for a malformed line, and
/// [`Error::NoEvents`] if there is not one event.
pub fn read_metrics(path: &Path) -> Result<SeriesSet> {
    let series = series(&read_events(path)?);
    if series.is_empty() {
        return Err(Error::NoEvents {
            path: path.to_owned(),
        });
    }
    Ok(series)
}

/// Reads the lines of the metrics file at `path`, in their order; none is fine.
///
/// # Errors
/// [`Error::Read`] if there is no such file and [`Error::Event`] for a malformed line.
pub(crate) fn read_events(path: &Path) -> Result<Vec<Event>> {
    let bytes = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    parse_events(&bytes).map_err(|malformed| Error::Event {
        path: path.to_owned(),
        line: malformed.line,
        message: malformed.message,
    })
}

/// The metrics of all events as series.
pub(crate) fn series(events: &[Event]) -> SeriesSet {
    let mut series = SeriesSet::default();
    for event in events {
        for (name, value) in &event.metrics {
            let point = Point {
                step: event.step,
                value: *value,
            };
            series.push(&event.split, name, point);
        }
    }
    series
}

/// A line that is not an event.
#[derive(Debug)]
struct Malformed {
    line: usize,
    message: String,
}

fn parse_events(bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
    let mut events = Vec::new();
    for (index, text) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let malformed = |message| Malformed {
            line: index + 1,
            message,
        };
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(text) {
            Ok(event) => events.push(parse_event(&event).map_err(malformed)?),
            // Only the last line can lack its newline.
            Err(error) if error.is_eof() && !text.ends_with(b"\n") => {}
            Err(error) => return Err(malformed(describe(&error))),
        }
    }
    Ok(events)
}

fn parse_event(event: &Map<String, Value>) -> Result<Event, String> {
    let step = event
        .get("step")
        .and_then(Value::as_u64)
        .ok_or_else(|| expected(event, "step", "a whole number of steps"))?;
    let split = event
        .get("split")
        .and_then(Value::as_str)
        .ok_or_else(|| expected(event, "split", "a name such as \"train\""))?;
    let mut parsed = Event {
        step,
        epoch: event.get("epoch").and_then(Value::as_u64),
        split: split.to_owned(),
        metrics: Vec::new(),
        notes: Vec::new(),
    };
    for (name, value) in event {
        if matches!(name.as_str(), "step" | "epoch" | "split") {
            continue;
        }
        if let Some(note) = value.as_str() {
            parsed.notes.push((name.clone(), note.to_owned()));
        } else if value.is_null() || value.is_number() {
            // `1e999` is a number to JSON and infinite to `f64`.
            let value = value.as_f64().filter(|value| value.is_finite());
            parsed.metrics.push((name.clone(), value));
        }
    }
    Ok(parsed)
}

fn expected(event: &Map<String, Value>, key: &str, what: &str) -> String {
    match event.get(key) {
        Some(value) => format!("`{key}`: expected {what}, got {value}"),
        None => format!("`{key}` is missing, expected {what}"),
    }
}

/// The message of a JSON error without its line, which counts from the start of the event.
fn describe(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    format!("not a JSON object: {message} (column {})", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIN: &str = r#"{"step":15,"epoch":1,"split":"train","loss":0.93,"unconverged":0.0}"#;

    fn parse_metrics(bytes: &[u8]) -> Result<SeriesSet, Malformed> {
        parse_events(bytes).map(|events| series(&events))
    }

    fn error(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS_FILE);
        fs::write(&path, text).unwrap();
        let error = read_metrics(&path).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    }

    #[test]
    fn every_number_but_the_step_and_the_epoch_is_a_metric() {
        let series = parse_metrics(
            br#"{"step":1,"epoch":1,"split":"train","loss":2,"kendall_tau":-0.5,"note":"warm"}"#,
        )
        .unwrap();
        assert_eq!(
            series.metrics("train").collect::<Vec<_>>(),
            ["kendall_tau", "loss"]
        );
        let tau = series.get("train", "kendall_tau").unwrap();
        assert_eq!(
            tau,
            [Point {
                step: 1,
                value: Some(-0.5)
            }]
        );
    }

    #[test]
    fn null_is_a_gap() {
        let text = format!(
            "{TRAIN}\n{}\n",
            r#"{"step":30,"split":"train","loss":null}"#
        );
        let series = parse_metrics(text.as_bytes()).unwrap();
        let loss = series.get("train", "loss").unwrap();
        assert_eq!(
            loss[1],
            Point {
                step: 30,
                value: None
            }
        );
    }

    #[test]
    fn an_event_cut_off_by_a_crash_is_passed_over() {
        for cut in 1..TRAIN.len() {
            let text = format!("{TRAIN}\n{}", &TRAIN[..cut]);
            let series = parse_metrics(text.as_bytes()).unwrap();
            assert_eq!(
                series.get("train", "loss").unwrap().len(),
                1,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_last_event_without_newline_counts() {
        let series = parse_metrics(TRAIN.as_bytes()).unwrap();
        assert_eq!(series.get("train", "loss").unwrap().len(), 1);
    }

    #[test]
    fn a_malformed_line_is_named() {
        let text = format!("{TRAIN}\n{{\"step\":30,\"sp\n{TRAIN}\n");
        let message = error(&text);
        assert!(
            message.starts_with("metrics.jsonl:2: not a JSON object: "),
            "{message}"
        );
        assert!(!message.contains("line 1"), "{message}");
    }

    #[test]
    fn a_malformed_key_is_named() {
        let message = error("{\"step\":-1,\"split\":\"train\",\"loss\":1}\n");
        assert_eq!(
            message,
            "metrics.jsonl:1: `step`: expected a whole number of steps, got -1"
        );
        let message = error("\n{\"step\":1,\"loss\":1}\n");
        assert!(
            message.starts_with("metrics.jsonl:2: `split` is missing"),
            "{message}"
        );
    }

    #[test]
    fn a_file_without_events_is_an_error() {
        assert!(error("").starts_with("metrics.jsonl: no events yet"));
        assert!(error("{\"step\":1").starts_with("metrics.jsonl: no events yet"));
    }
}
