//! A run directory as `efy train` leaves it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::metrics_file::{METRICS_FILE, read_metrics};
use crate::series::SeriesSet;

/// What figures need to know of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `name` of `config.yaml`, or else the name of the directory.
    pub name: String,
    /// `best.step` of `summary.json`; `None` before the run has ended.
    pub best_step: Option<u64>,
    /// The curves.
    pub series: SeriesSet,
}

/// Most brackets that `config.yaml` may open.
const MOST_BRACKETS: usize = 10_000;

/// The one key of `config.yaml` that is of interest here.
#[derive(Default, Deserialize)]
struct Config {
    name: Option<String>,
}

/// The one key of `summary.json` that is of interest here.
#[derive(Default, Deserialize)]
struct Summary {
    best: Option<Best>,
}

#[derive(Deserialize)]
struct Best {
    step: Option<u64>,
}

impl Run {
    /// Reads the run in `dir`. Only the metrics file has to be there.
    ///
    /// # Errors
    /// Those of [`read_metrics`], and [`Error::RunFile`] if `config.yaml` or `summary.json` is
    /// malformed.
    pub fn read(dir: &Path) -> Result<Self> {
        Self::with_series(dir, read_metrics(&dir.join(METRICS_FILE))?)
    }

    /// The run in `dir`, whose metrics were read already.
    ///
    /// # Errors
    /// [`Error::RunFile`] if `config.yaml` or `summary.json` is malformed.
    pub(crate) fn with_series(dir: &Path, series: SeriesSet) -> Result<Self> {
        let config: Config = read_config(dir)?;
        let summary: Summary = read_summary(dir)?;
        let name = config.name.filter(|name| !name.trim().is_empty());
        Ok(Self {
            name: name.unwrap_or_else(|| directory_name(dir)),
            best_step: summary.best.and_then(|best| best.step),
            series,
        })
    }
}

/// Reads `config.yaml` of the run in `dir`, or gives the default if there is none.
pub(crate) fn read_config<T: Default + DeserializeOwned>(dir: &Path) -> Result<T> {
    read_optional(&dir.join("config.yaml"), |text| {
        // serde_yaml takes the square of the nesting, and minutes for what it then refuses.
        if text.bytes().filter(|byte| b"[{".contains(byte)).count() > MOST_BRACKETS {
            return Err(format!("more than {MOST_BRACKETS} opening brackets"));
        }
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    })
}

/// Reads `summary.json` of the run in `dir`, or gives the default if there is none.
pub(crate) fn read_summary<T: Default + DeserializeOwned>(dir: &Path) -> Result<T> {
    read_optional(&dir.join("summary.json"), |text| {
        serde_json::from_str(text).map_err(|error| error.to_string())
    })
}

/// Reads several runs and makes their names distinct, so that a legend can tell them apart.
///
/// Runs that share a name get the name of their directory in brackets, and a number if even that is
/// the same.
///
/// # Errors
/// Those of [`Run::read`].
pub fn read_runs(dirs: &[PathBuf]) -> Result<Vec<Run>> {
    let mut runs = dirs
        .iter()
        .map(|dir| Run::read(dir))
        .collect::<Result<Vec<_>>>()?;
    tell_apart(&mut runs, dirs);
    Ok(runs)
}

/// Makes the names of the runs in `dirs` distinct, as [`read_runs`] says.
pub(crate) fn tell_apart(runs: &mut [Run], dirs: &[PathBuf]) {
    make_distinct(runs, |index, name| {
        format!("{name} ({})", directory_name(&dirs[index]))
    });
    make_distinct(runs, |index, name| format!("{name} #{}", index + 1));
}

fn make_distinct(runs: &mut [Run], rename: impl Fn(usize, &str) -> String) {
    let mut count = BTreeMap::<String, usize>::new();
    for run in runs.iter() {
        *count.entry(run.name.clone()).or_default() += 1;
    }
    for (index, run) in runs.iter_mut().enumerate() {
        if count.get(&run.name).is_some_and(|&count| count > 1) {
            run.name = rename(index, &run.name);
        }
    }
}

/// The last part of `dir`, also where it is `.` or ends in `..`.
pub(crate) fn directory_name(dir: &Path) -> String {
    let resolved = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    match resolved.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => resolved.display().to_string(),
    }
}

/// Parses the file at `path`, or gives the default if there is none.
pub(crate) fn read_optional<T: Default>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        Err(source) => {
            return Err(Error::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    parse(&text).map_err(|message| Error::RunFile {
        path: path.to_owned(),
        message: shortened(&message),
    })
}

/// A message that may quote the file, in one line that is not too long.
fn shortened(message: &str) -> String {
    const MOST: usize = 400;
    let line = message.replace(char::is_control, " ");
    match line.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_run(dir: &Path, config: Option<&str>, summary: Option<&str>) {
        fs::create_dir_all(dir).unwrap();
        fs::write(
            dir.join(METRICS_FILE),
            "{\"step\":1,\"split\":\"train\",\"loss\":1}\n",
        )
        .unwrap();
        for (name, text) in [("config.yaml", config), ("summary.json", summary)] {
            if let Some(text) = text {
                fs::write(dir.join(name), text).unwrap();
            }
        }
    }

    #[test]
    fn name_and_best_step_come_from_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let config = "name: yeast\ntrain:\n  lr: 0.1\n";
        write_run(
            dir.path(),
            Some(config),
            Some(r#"{"best": {"step": 7, "loss": 1.0}}"#),
        );
        let run = Run::read(dir.path()).unwrap();
        assert_eq!((run.name.as_str(), run.best_step), ("yeast", Some(7)));
    }

    #[test]
    fn both_files_are_optional() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("2026-01-02-yeast");
        write_run(&dir, None, Some(r#"{"best": null}"#));
        let run = Run::read(&dir).unwrap();
        assert_eq!(
            (run.name.as_str(), run.best_step),
            ("2026-01-02-yeast", None)
        );
    }

    #[test]
    fn a_malformed_summary_is_named() {
        let dir = tempfile::tempdir().unwrap();
        write_run(dir.path(), None, Some("{"));
        let message = Run::read(dir.path()).unwrap_err().to_string();
        assert!(message.contains("summary.json: EOF"), "{message}");
    }

    #[test]
    fn a_configuration_of_brackets_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_run(dir.path(), Some(&"[".repeat(1 << 20)), None);
        let message = Run::read(dir.path()).unwrap_err().to_string();
        assert!(message.contains("config.yaml: more than"), "{message}");
    }

    #[test]
    fn runs_of_the_same_name_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = ["a/x", "a/y", "b/y", "c"].map(|name| dir.path().join(name));
        for (dir, name) in dirs.iter().zip(["same", "same", "same", "other"]) {
            write_run(dir, Some(&format!("name: {name}")), None);
        }
        let runs = read_runs(&dirs).unwrap();
        let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["same (x)", "same (y) #2", "same (y) #3", "other"]);
    }
}
