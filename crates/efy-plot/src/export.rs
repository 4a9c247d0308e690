//! The events of a run as a table.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::metrics_file::{Event, read_events};
use crate::output::write_atomically;

/// What every row has, besides the metrics.
const KEYS: [&str; 3] = ["step", "epoch", "split"];

/// The events of the metrics file at `path` as CSV: a row for each, in their order, with `step`, `epoch`,
/// `split` and a column for each metric, in the order in which they first appear. Numbers keep
/// all of their digits; a cell is empty where an event lacks the metric or it was not finite.
///
/// # Errors
/// As [`read_metrics`](crate::read_metrics).
pub fn metrics_csv(path: &Path) -> Result<Vec<u8>> {
    let events = read_events(path)?;
    if events.is_empty() {
        return Err(Error::NoEvents {
            path: path.to_owned(),
        });
    }
    let mut seen = BTreeSet::new();
    let names = events.iter().flat_map(|event| &event.metrics);
    let names = names.map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    table(&names, &events).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// [`metrics_csv`] into a file, which is there whole or not at all.
///
/// # Errors
/// As [`metrics_csv`]; [`Error::Write`] when the table cannot be written.
pub fn export_metrics(path: &Path, output: &Path) -> Result<()> {
    write_atomically(output, &metrics_csv(path)?)
}

fn table(names: &[&str], events: &[Event]) -> std::io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(KEYS.iter().chain(names))?;
    for event in events {
        let keys = [
            event.step.to_string(),
            event
                .epoch
                .map_or_else(String::new, |epoch| epoch.to_string()),
            event.split.clone(),
        ];
        let cells = names.iter().map(|name| {
            let found = event.metrics.iter().find(|(known, _)| known == name);
            let value = found.and_then(|(_, value)| value.map(Value::from));
            value.map_or_else(String::new, |value| value.to_string())
        });
        table.write_record(keys.into_iter().chain(cells))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        String::from_utf8(metrics_csv(&path).unwrap()).unwrap()
    }

    #[test]
    fn a_row_is_an_event_and_a_column_a_metric() {
        let events = r#"{"step":5,"epoch":1,"split":"train","loss":0.30000000000000004,"iterations":3}
{"step":10,"epoch":1,"split":"train","loss":null,"iterations":1e-7}

{"step":12,"epoch":1,"split":"validation","a \"b\", c":-1.5,"note":"warm","loss":2}
{"step":12,"split":"test","loss":1.0}
"#;
        let expected = "step,epoch,split,loss,iterations,\"a \"\"b\"\", c\"\n\
             5,1,train,0.30000000000000004,3.0,\n\
             10,1,train,,1e-7,\n\
             12,1,validation,2.0,,-1.5\n\
             12,,test,1.0,,\n";
        assert_eq!(csv(events), expected);
    }

    #[test]
    fn an_event_cut_off_by_a_crash_is_left_out() {
        let text = "{\"step\":5,\"epoch\":1,\"split\":\"train\",\"loss\":0.5}\n{\"step\":6,\"ep";
        assert_eq!(csv(text), "step,epoch,split,loss\n5,1,train,0.5\n");
    }
}
