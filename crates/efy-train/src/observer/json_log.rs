//! Progress for machines: one JSON object a line.

use std::io::{Stderr, Write};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Event, Observer};
use crate::Result;

/// Writes `{"time": .., "event": .., ..}` for every event: the time in UTC as in RFC 3339, the
/// [name](Event::name) of the event, and what there is to say of it.
///
/// | event | also has |
/// |---|---|
/// | `started` | `steps`, `from` |
/// | `resumed`, `interrupted` | `step` |
/// | `metrics` | `step`, `epoch`, `split`, and `metrics`: an object of numbers, `null` where not finite |
/// | `checkpoint` | `step`, `path` |
/// | `warning` | `message` |
/// | `finished` | |
#[derive(Debug)]
pub struct JsonLog<W = Stderr>(W);

impl JsonLog {
    /// A log on standard error.
    pub fn stderr() -> Self {
        JsonLog(std::io::stderr())
    }
}

impl<W: Write> JsonLog<W> {
    /// A log somewhere else.
    pub fn new(output: W) -> Self {
        JsonLog(output)
    }

    /// Writes a line about something that is no [`Event`]; `fields` is an object. That nobody reads a
    /// log any more is no reason to stop.
    pub fn write(&mut self, event: &str, fields: Value) {
        let now = OffsetDateTime::now_utc();
        let mut object = Map::new();
        object.insert(
            "time".to_owned(),
            json!(now.format(&Rfc3339).unwrap_or_default()),
        );
        object.insert("event".to_owned(), json!(event));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        let line = format!("{}\n", Value::Object(object));
        let _ = self.0.write_all(line.as_bytes());
    }
}

impl<W: Write> Observer for JsonLog<W> {
    fn name(&self) -> &'static str {
        "json_log"
    }

    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        let fields = match event {
            Event::Started { steps, from } => json!({"steps": steps, "from": from}),
            Event::Resumed { step } | Event::Interrupted { step } => json!({"step": step}),
            Event::Metrics {
                step,
                epoch,
                split,
                metrics,
            } => json!({"step": step, "epoch": epoch, "split": split, "metrics": metrics}),
            Event::Checkpoint { step, path } => {
                json!({"step": step, "path": path.to_string_lossy()})
            }
            Event::Warning { message } => json!({"message": message}),
            Event::Finished => json!({}),
        };
        self.write(event.name(), fields);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Metrics, Split};

    #[test]
    fn every_event_is_an_object_on_a_line_of_its_own() {
        let metrics = Metrics::from_iter([("loss", 0.25), ("tau", f64::INFINITY)]);
        let events = [
            Event::Started { steps: 9, from: 3 },
            Event::Resumed { step: 3 },
            Event::metrics(4, 1, Split::Validation, &metrics),
            Event::Checkpoint {
                step: 5,
                path: Path::new("run/checkpoints/step-000005"),
            },
            Event::Warning {
                message: "a \"quoted\"\nword",
            },
            Event::Interrupted { step: 6 },
            Event::Finished,
        ];
        let mut log = JsonLog::new(Vec::new());
        events.iter().for_each(|event| log.on(event).unwrap());
        let text = String::from_utf8(log.0).unwrap();
        let expected = [
            json!({"event": "started", "steps": 9, "from": 3}),
            json!({"event": "resumed", "step": 3}),
            json!({"event": "metrics", "step": 4, "epoch": 1, "split": "validation",
                   "metrics": {"loss": 0.25, "tau": null}}),
            json!({"event": "checkpoint", "step": 5, "path": "run/checkpoints/step-000005"}),
            json!({"event": "warning", "message": "a \"quoted\"\nword"}),
            json!({"event": "interrupted", "step": 6}),
            json!({"event": "finished"}),
        ];
        assert_eq!(text.lines().count(), expected.len());
        for (line, expected) in text.lines().zip(expected) {
            let mut object: Map<String, Value> = serde_json::from_str(line).unwrap();
            let time = object.shift_remove("time").unwrap();
            // 2026-01-02T03:04:05.678Z
            let time = time.as_str().unwrap();
            let marks = [(4, '-'), (10, 'T'), (13, ':'), (time.len() - 1, 'Z')];
            assert!(
                (marks.iter()).all(|(at, mark)| time[*at..].starts_with(*mark)),
                "{time}"
            );
            assert_eq!(Value::Object(object), expected);
        }
    }
}
