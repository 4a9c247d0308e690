//! `metrics.jsonl`: one JSON object an event, the record that everything else is made from.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::record_file::RecordFile;
use super::{Event, Observer};
use crate::{Result, State};

/// Appends `{"step": .., "epoch": .., "split": .., NAME: VALUE, ..}` to a file, a line an event,
/// written when it happens.
///
/// A line that cannot be written, because the disk is full, is lost, and training goes on: there is one
/// [`warning`](Observer::warning), the file holds whole lines only, and later lines are tried again.
#[derive(Debug)]
pub struct MetricsFile(RecordFile);

impl MetricsFile {
    /// Creates the file, in place of one that is there.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        RecordFile::create(path).map(MetricsFile)
    }

    /// Goes on behind the first `bytes` bytes, the [`position`](Self::position) of an earlier time, and
    /// forgets the rest.
    ///
    /// # Errors
    /// [`crate::Error::File`] when the file has fewer or cannot be opened.
    pub fn resume(path: &Path, bytes: u64) -> Result<Self> {
        RecordFile::resume(path, bytes).map(MetricsFile)
    }

    /// Bytes of whole lines.
    pub fn position(&self) -> u64 {
        self.0.position()
    }

    /// Waits until everything is on the disk; where that fails, there is a
    /// [`warning`](Observer::warning).
    pub fn sync(&mut self) {
        self.0.sync();
    }

    /// Lines that could not be written.
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}

impl Observer for MetricsFile {
    fn name(&self) -> &'static str {
        "metrics"
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
        self.0
            .append(format!("{}\n", Value::Object(object)).as_bytes());
        Ok(())
    }

    fn warning(&mut self) -> Option<String> {
        self.0.take_warning()
    }

    /// `bytes`, the position.
    fn state(&mut self) -> Result<State> {
        self.sync();
        let mut state = State::default();
        state.put("bytes", &self.position())?;
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.0.restore(state.get("bytes")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metrics, Split};

    fn tell(file: &mut MetricsFile, step: u64) {
        let metrics = Metrics::from_iter([("loss", 0.5), ("tau", f64::NAN)]);
        let event = Event::metrics(step, 1, Split::Train, &metrics);
        file.on(&event).unwrap();
    }

    #[test]
    fn what_comes_after_a_checkpoint_is_written_anew_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut file = MetricsFile::create(&path).unwrap();
        tell(&mut file, 1);
        let state = file.state().unwrap();
        tell(&mut file, 2);
        let straight = std::fs::read(&path).unwrap();
        let line = r#"{"step":1,"epoch":1,"split":"train","loss":0.5,"tau":null}"#;
        assert!(straight.starts_with(format!("{line}\n").as_bytes()));
        tell(&mut file, 3);
        drop(file);

        let bytes = state.get("bytes").unwrap();
        let mut file = MetricsFile::resume(&path, bytes).unwrap();
        tell(&mut file, 2);
        assert_eq!(std::fs::read(&path).unwrap(), straight);
        tell(&mut file, 3);
        file.restore(&state).unwrap();
        tell(&mut file, 2);
        assert_eq!(std::fs::read(&path).unwrap(), straight);
    }

    #[test]
    fn only_metrics_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = MetricsFile::create(&folder.path().join("metrics.jsonl")).unwrap();
        for event in [
            Event::Started { steps: 9, from: 0 },
            Event::Warning { message: "full" },
            Event::Interrupted { step: 3 },
            Event::Finished,
        ] {
            file.on(&event).unwrap();
        }
        assert_eq!(file.position(), 0);
    }
}
