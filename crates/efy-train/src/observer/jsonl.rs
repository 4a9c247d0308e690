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
    /// The name under which its state is stored.
    pub const NAME: &str = "metrics";

    /// stub
    pub fn resume(path: &Path, state: &crate::State) -> Result<Self> {
        let bytes: u64 = state.get("bytes")?;
        let file = File::options()
            .append(true)
            .open(path)
            .map_err(Error::file(path, "open"))?;
        file.set_len(bytes).map_err(Error::file(path, "write"))?;
        Ok(MetricsFile {
            path: path.to_owned(),
            file,
        })
    }

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
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn state(&mut self) -> Result<crate::State> {
        self.file
            .sync_all()
            .map_err(Error::file(&self.path, "write"))?;
        let mut s = crate::State::default();
        s.put(
            "bytes",
            &self
                .file
                .metadata()
                .map_err(Error::file(&self.path, "read"))?
                .len(),
        )?;
        Ok(s)
    }

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
