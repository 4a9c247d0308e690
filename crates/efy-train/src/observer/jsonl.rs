//! `metrics.jsonl`: one JSON object an event, the record that everything else is made from.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Event, Observer};
use crate::{Error, Result};

/// Appends `{"step": .., "epoch": .., "split": .., NAME: VALUE, ..}` to a file, a line an event,
/// written when it happens.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Creates the file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::file(path, "create"))?;
        Ok(MetricsFile {
            path: path.to_owned(),
            file,
        })
    }
}

impl Observer for MetricsFile {
    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        let Event::Metrics {
            step,
            epoch,
            split,
            metrics,
        } = event
        else {
            return Ok(());
        };
        let mut object = Map::new();
        object.insert("step".to_owned(), json!(step));
        object.insert("epoch".to_owned(), json!(epoch));
        object.insert("split".to_owned(), json!(split));
        for (name, value) in metrics.iter() {
            object.insert(name.to_owned(), json!(value));
        }
        let line = format!("{}\n", Value::Object(object));
        self.file
            .write_all(line.as_bytes())
            .map_err(Error::file(&self.path, "write"))
    }
}
