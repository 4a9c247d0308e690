//! The directory that holds everything of a sweep.

use std::path::{Path, PathBuf};

use efy_train::RunDirectory;
use efy_train::config::to_yaml;
use efy_train::files::{read_text, write_atomically, write_json};
use serde::de::DeserializeOwned;

use super::{Failure, Plan, State, SweepConfig, Trial};
use crate::config::Config;
use crate::{Error, Result};

/// What a resolved sweep calls its base configuration.
const BASE: &str = "base.yaml";
/// The folder of the trials.
const TRIALS: &str = "trials";

/// A sweep directory: `sweep.yaml` and `base.yaml`, resolved copies of what is swept; for every trial
/// `trials/NAME.yaml` (its configuration), `trials/NAME/` (its run directory), `trials/NAME.log` (its
/// stderr) and, if it failed, `trials/NAME.failed.json`; then tables and figures.
#[derive(Debug, Clone)]
pub struct SweepDirectory {
    path: PathBuf,
}

impl SweepDirectory {
    /// The directory of a sweep, `out` or `sweeps/NAME`, made if it does not exist. Trials that are there
    /// are kept; with `force`, those of `wanted` that are there with another configuration may be run again.
    ///
    /// # Errors
    /// [`Error::Usage`] when the directory holds something else, or runs of other configurations than
    /// the plan's; those of writing.
    pub fn create(out: Option<&Path>, plan: &Plan, wanted: &[Trial], force: bool) -> Result<Self> {
        let path = match out {
            Some(out) => out.to_owned(),
            None => Path::new("sweeps").join(&plan.name),
        };
        let directory = SweepDirectory { path };
        if directory.is_occupied() {
            let message = format!(
                "{}: holds something else than a sweep; choose another --out",
                directory.path.display()
            );
            return Err(Error::Usage(message));
        }
        let foreign = |trial: &&Trial| directory.state(trial) == State::Foreign;
        if let Some(trial) = wanted.iter().find(foreign).filter(|_| !force) {
            let message = format!(
                "{}: holds a run of another configuration than {} of {}; choose another --out, or \
                 --force to run it again",
                directory.run(trial).display(),
                plan.describe(trial),
                plan.origin,
            );
            return Err(Error::Usage(message));
        }
        let trials = directory.path.join(TRIALS);
        std::fs::create_dir_all(&directory.path).map_err(Error::io(&directory.path))?;
        // First what says that this is a sweep: others may be looking.
        let resolved = SweepConfig {
            base: PathBuf::from(BASE),
            ..plan.sweep.clone()
        };
        keep(&directory.sweep(), &to_yaml(&resolved)?)?;
        keep(&directory.path.join(BASE), &to_yaml(&plan.base)?)?;
        std::fs::create_dir_all(&trials).map_err(Error::io(&trials))?;
        Ok(directory)
    }

    /// Whether it holds something, and no sweep. A file that is just being written does not count.
    fn is_occupied(&self) -> bool {
        let entries = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten();
        let mut names = entries.map(|entry| entry.file_name());
        !self.sweep().is_file() && names.any(|name| !name.to_string_lossy().starts_with(".tmp-"))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved sweep.
    #[must_use]
    pub fn sweep(&self) -> PathBuf {
        self.path.join("sweep.yaml")
    }

    /// Figures.
    #[must_use]
    pub fn figures(&self) -> PathBuf {
        self.path.join("figures")
    }

    /// The run directory of a trial.
    #[must_use]
    pub fn run(&self, trial: &Trial) -> PathBuf {
        self.path.join(TRIALS).join(&trial.name)
    }

    /// The configuration of a trial.
    #[must_use]
    pub fn config(&self, trial: &Trial) -> PathBuf {
        self.beside(trial, "yaml")
    }

    /// What a trial wrote to stderr. Whoever runs the trial holds a lock on this file.
    #[must_use]
    pub fn log(&self, trial: &Trial) -> PathBuf {
        self.beside(trial, "log")
    }

    fn failure(&self, trial: &Trial) -> PathBuf {
        self.beside(trial, "failed.json")
    }

    fn beside(&self, trial: &Trial, extension: &str) -> PathBuf {
        let name = format!("{}.{extension}", trial.name);
        self.path.join(TRIALS).join(name)
    }

    /// What has become of a trial.
    #[must_use]
    pub fn state(&self, trial: &Trial) -> State {
        let described = [self.config(trial), self.run(trial).join("config.yaml")];
        let own = |path: &Path| match read_text(path) {
            Ok(text) => {
                let found = Config::from_text("", &text, &[]);
                Some(found.is_ok_and(|config| trial.is_of(&config)))
            }
            Err(_) => None,
        };
        let [planned, ran] = described.map(|path| own(&path));
        if planned == Some(false) || ran == Some(false) {
            return State::Foreign;
        }
        let summary = RunDirectory::open(&self.run(trial)).ok();
        if let Some(summary) = summary.and_then(|run| read_json(&run.summary())) {
            return State::Finished(summary);
        }
        if let Some(failure) = read_json(&self.failure(trial)) {
            return State::Failed(failure);
        }
        match ran.is_some() && self.has_checkpoints(trial) {
            true => State::Interrupted,
            false => State::Waiting,
        }
    }

    /// Whether a trial left something to go on from.
    #[must_use]
    pub fn has_checkpoints(&self, trial: &Trial) -> bool {
        let folder = std::fs::read_dir(self.run(trial).join("checkpoints"));
        let mut entries = folder.into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
    }

    /// Makes room for a trial that begins, whatever was in its place, and writes its configuration.
    ///
    /// # Errors
    /// Those of removing and writing.
    pub fn begin(&self, trial: &Trial) -> Result<()> {
        let run = self.run(trial);
        if run.exists() {
            std::fs::remove_dir_all(&run).map_err(Error::io(&run))?;
        }
        self.forget_failure(trial)?;
        let yaml = to_yaml(&trial.config)?;
        Ok(write_atomically(&self.config(trial), yaml.as_bytes())?)
    }

    /// Takes note of a failure.
    ///
    /// # Errors
    /// Those of writing.
    pub fn record_failure(&self, trial: &Trial, failure: &Failure) -> Result<()> {
        Ok(write_json(&self.failure(trial), failure)?)
    }

    /// Forgets the failure of a trial that is tried again, if there was one.
    ///
    /// # Errors
    /// Those of removing.
    pub fn forget_failure(&self, trial: &Trial) -> Result<()> {
        let path = self.failure(trial);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(&path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file unless it says just that already: trials of an array job all begin with this.
fn keep(path: &Path, text: &str) -> Result<()> {
    if read_text(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    Ok(write_atomically(path, text.as_bytes())?)
}

/// What a JSON file holds, if it is there and whole.
fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&read_text(path).ok()?).ok()
}
