//! `events.out.tfevents.*`: the curves for TensorBoard.

mod message;
mod record;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use self::message::{FILE_VERSION, Record, SessionLog, Status, Summary, Value, What};
use super::record_file::RecordFile;
use super::{Event, Observer};
use crate::{Error, Metrics, Result, Split};

const PREFIX: &str = "events.out.tfevents.";
/// Where TensorFlow puts the name of the host, which nobody needs to know.
const SUFFIX: &str = ".efy";

/// Writes metrics as scalars called `SPLIT/METRIC`, such as `train/loss`, with their step and the time.
///
/// A run that goes on begins another file, with a mark at which TensorBoard forgets the later steps of
/// the files before; values are f32, which is all that a scalar holds. A full disk is treated as by
/// [`MetricsFile`](super::MetricsFile).
#[derive(Debug)]
pub struct TensorBoard {
    file: RecordFile,
    /// Records that could not be written and without which the next ones would be misread.
    head: Vec<u8>,
}

impl TensorBoard {
    /// Begins a file in a run directory. Those of a run that was there before are removed.
    ///
    /// # Errors
    /// [`Error::File`] when the directory cannot be read or changed.
    pub fn create(directory: &Path) -> Result<Self> {
        Self::clear(directory)?;
        Self::resume(directory)
    }

    /// Removes the files of a run directory.
    ///
    /// # Errors
    /// [`Error::File`] when the directory cannot be read or changed.
    pub fn clear(directory: &Path) -> Result<()> {
        for (_, path) in files(directory)? {
            std::fs::remove_file(&path).map_err(Error::file(&path, "remove"))?;
        }
        Ok(())
    }

    /// Begins a file beside those that are there.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(directory: &Path) -> Result<Self> {
        // TensorBoard reads the files in the order of their names: the clock, unless it was set back or
        // stands still.
        let after = files(directory)?.last().map(|(second, _)| second + 1);
        let second = (since_1970() as u64).max(after.unwrap_or(0));
        let path = directory.join(format!("{PREFIX}{second:010}{SUFFIX}"));
        let mut this = TensorBoard {
            file: RecordFile::create_new(&path)?,
            head: Vec::new(),
        };
        this.write(0, What::FileVersion(FILE_VERSION.to_owned()));
        Ok(this)
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Records that could not be written.
    pub fn lost(&self) -> u64 {
        self.file.lost()
    }

    fn write(&mut self, step: u64, what: What) {
        let scalars = matches!(what, What::Summary(_));
        let record = Record {
            wall_time: since_1970(),
            step: i64::try_from(step).unwrap_or(i64::MAX),
            what: Some(what),
        };
        let record = record::frame(&record.encode_to_vec());
        let mut records = std::mem::take(&mut self.head);
        records.extend(&record);
        if !self.file.append(&records) {
            // Scalars can be missing; the version and where a run goes on cannot.
            let kept = records.len() - if scalars { record.len() } else { 0 };
            records.truncate(kept);
            self.head = records;
        }
    }
}

impl Observer for TensorBoard {
    fn name(&self) -> &'static str {
        "tensorboard"
    }

    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            // What has this step or a later one is forgotten.
            Event::Started { from, .. } => {
                let status = Status::Start.into();
                self.write(from + 1, What::SessionLog(SessionLog { status }));
            }
            Event::Metrics {
                step,
                split,
                metrics,
                ..
            } => self.write(*step, What::Summary(scalars(*split, metrics))),
            _ => {}
        }
        Ok(())
    }

    fn warning(&mut self) -> Option<String> {
        self.file.take_warning()
    }
}

fn scalars(split: Split, metrics: &Metrics) -> Summary {
    let scalar = |(name, value): (&str, f64)| Value {
        tag: format!("{}/{name}", split.name()),
        simple_value: Some(value as f32),
    };
    Summary {
        value: metrics.iter().map(scalar).collect(),
    }
}

/// Our files in a directory with the seconds in their names, in that order.
fn files(directory: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let failed = || Error::file(directory, "read");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let second = name
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
            .and_then(|second| second.parse::<u32>().ok());
        found.extend(second.map(|second| (u64::from(second), path)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Seconds; 0 for a clock that says it is earlier.
fn since_1970() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests;
