//! The directory that holds everything of a run.

use std::fs::{DirEntry, File, TryLockError};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::{Error, Result};

/// The file whose lock says that a run is being trained. A directory with nothing else is empty.
const LOCK: &str = ".lock";

/// A run directory: `config.yaml`, `env.json`, `schema.json`, `metrics.jsonl`, `events.out.tfevents.*`,
/// `checkpoints/`, `weights.safetensors`, `predictions.csv`, `summary.json`, `plots/`, `report.html`; with `train.replicas` also `replicas/seed-S/`,
/// each of which is a run directory, in place of weights and predictions.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Held while the run is trained.
    _lock: Option<File>,
}

impl RunDirectory {
    /// Creates a directory for a new run: `out`, or `runs/NAME-TIME`.
    ///
    /// # Errors
    /// [`Error::RunExists`] when `out` is a directory that is not empty and `force` is not set;
    /// [`Error::File`] when it cannot be created or written to.
    pub fn create(out: Option<&Path>, name: &str, force: bool) -> Result<Self> {
        let path = match out {
            Some(out) => out.to_owned(),
            None => fresh(Path::new("runs"), name),
        };
        let named =
            |entry: std::io::Result<DirEntry>| entry.is_ok_and(|entry| entry.file_name() != LOCK);
        let occupied = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.any(named));
        if occupied && !force {
            return Err(Error::RunExists { path });
        }
        std::fs::create_dir_all(&path).map_err(Error::file(&path, "create the run directory"))?;
        // A directory that exists need not be one that can be written to: find out before the work.
        tempfile::tempfile_in(&path).map_err(Error::file(&path, "write to the run directory"))?;
        let run = RunDirectory {
            _lock: Some(lock(&path)?),
            path,
        };
        if occupied {
            run.clear()?;
        }
        Ok(run)
    }

    /// An existing run, to go on with it: no other process can until this one has ended.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::Locked`] when another process is training it.
    pub fn resume(path: &Path) -> Result<Self> {
        let run = RunDirectory::open(path)?;
        Ok(RunDirectory {
            _lock: Some(lock(path)?),
            ..run
        })
    }

    /// The directory of a run that another process writes and has locked.
    /// Nothing is looked at.
    #[must_use]
    pub fn beside(path: &Path) -> Self {
        RunDirectory {
            path: path.to_owned(),
            _lock: None,
        }
    }

    /// Removes what an earlier run wrote, so that nothing of it is taken for a part of the next one.
    fn clear(&self) -> Result<()> {
        let files = [
            // First: without it nobody takes what is left for a run.
            self.config(),
            self.metrics(),
            self.weights(),
            self.predictions(),
            self.summary(),
            self.report(),
        ];
        for file in files.iter().filter(|file| file.is_file()) {
            std::fs::remove_file(file).map_err(Error::file(file, "remove"))?;
        }
        let folders = [
            self.checkpoints(),
            self.faults(),
            self.plots(),
            self.replicas(),
        ];
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            std::fs::remove_dir_all(folder).map_err(Error::file(folder, "remove"))?;
        }
        crate::observer::TensorBoard::clear(&self.path)
    }

    /// An existing run.
    ///
    /// # Errors
    /// [`Error::File`] when there is no `config.yaml` in it.
    pub fn open(path: &Path) -> Result<Self> {
        let run = RunDirectory {
            path: path.to_owned(),
            _lock: None,
        };
        std::fs::metadata(run.config()).map_err(Error::file(&run.config(), "read"))?;
        Ok(run)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.yaml")
    }

    /// Versions, machine and command line.
    pub fn environment(&self) -> PathBuf {
        self.path.join("env.json")
    }

    /// One JSON object an event.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Checkpoints; see [`checkpoint`](crate::checkpoint).
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// What led to values that are not finite.
    pub fn faults(&self) -> PathBuf {
        self.path.join("faults")
    }

    /// The run directories of models that are trained side by side.
    pub fn replicas(&self) -> PathBuf {
        self.path.join("replicas")
    }

    /// That of the model of a seed.
    pub fn replica(&self, seed: u64) -> PathBuf {
        self.replicas().join(format!("seed-{seed}"))
    }

    /// The weights that were evaluated.
    pub fn weights(&self) -> PathBuf {
        self.path.join("weights.safetensors")
    }

    /// Names and encodings of the features and labels.
    pub fn schema(&self) -> PathBuf {
        self.path.join("schema.json")
    }

    /// Predictions for the test split.
    pub fn predictions(&self) -> PathBuf {
        self.path.join("predictions.csv")
    }

    /// Learned and exact log-partitions of the test split, where there are both.
    pub fn log_partitions(&self) -> PathBuf {
        self.path.join("log_partitions.csv")
    }

    /// Final numbers.
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Figures.
    pub fn plots(&self) -> PathBuf {
        self.path.join("plots")
    }

    /// The page about the run.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }
}

/// Takes the lock of a run directory. The system gives it back when the process ends, however it does.
fn lock(path: &Path) -> Result<File> {
    let name = path.join(LOCK);
    let file = File::create(&name).map_err(Error::file(&name, "create"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.to_owned(),
        }),
        // A file system that knows no locks is no reason not to train.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// A name under `parent` that is not taken: name, time in UTC, and a number if need be.
fn fresh(parent: &Path, name: &str) -> PathBuf {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let time = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let first = parent.join(format!("{safe}-{time}"));
    std::iter::once(first.clone())
        .chain((2..).map(|n| first.with_file_name(format!("{safe}-{time}-{n}"))))
        .find(|path| !path.exists())
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_never_overwritten_unless_forced() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/run");
        let run = RunDirectory::create(Some(&out), "x", false).unwrap();
        std::fs::write(run.summary(), "{}").unwrap();
        let error = RunDirectory::create(Some(&out), "x", false).unwrap_err();
        assert!(matches!(error, Error::RunExists { .. }));
        assert_eq!(error.exit_code(), 2);
        let locked = RunDirectory::create(Some(&out), "x", true).unwrap_err();
        assert!(matches!(locked, Error::Locked { .. }), "{locked}");
        drop(run);
        let forced = RunDirectory::create(Some(&out), "x", true).unwrap();
        assert!(!forced.summary().exists(), "nothing of the old run is left");
    }
}
