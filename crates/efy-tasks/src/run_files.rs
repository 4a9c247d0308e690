//! What every run has in its directory, whatever its task.

use efy_train::checkpoint::{Checkpoints, Snapshot, digest};
use efy_train::files::{read_text, write_atomically, write_json};
use efy_train::observer::{Event, MetricsFile, Observer, TensorBoard};
use efy_train::{Environment, Metrics, Outcome, RunDirectory, State, observer_state};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tch::Device;

use crate::Result;
use crate::config::Config;
use crate::error::{Error, json_message};
use crate::supervised::Attendance;

/// Observers that write into a run directory.
pub(crate) type Files = Vec<Box<dyn Observer>>;

/// Writes what is known before a training, and begins the files of its metrics.
///
/// # Errors
/// What writing reports.
pub(crate) fn begin(
    config: &Config,
    run: &RunDirectory,
    device: Device,
    schema: &impl Serialize,
) -> Result<Files> {
    let yaml = efy_train::config::to_yaml(config)?;
    write_atomically(&run.config(), yaml.as_bytes())?;
    write_json(&run.environment(), &Environment::capture(device))?;
    write_json(&run.schema(), schema)?;
    let mut files: Files = vec![Box::new(MetricsFile::create(&run.metrics())?)];
    if config.train.tensorboard {
        files.push(Box::new(TensorBoard::create(run.path())?));
    }
    Ok(files)
}

/// The files of a training that goes on, `metrics` being what a checkpoint says of them.
///
/// # Errors
/// What opening them reports.
pub(crate) fn go_on(config: &Config, run: &RunDirectory, metrics: &State) -> Result<Files> {
    let metrics = MetricsFile::resume(&run.metrics(), metrics.get("bytes")?)?;
    let mut files: Files = vec![Box::new(metrics)];
    if config.train.tensorboard {
        files.push(Box::new(TensorBoard::resume(run.path())?));
    }
    Ok(files)
}

/// The checkpoints of a run, which belong to its configuration and to `data`, the bytes of what it is trained on.
///
/// # Errors
/// None that is known: a configuration can be written.
pub(crate) fn checkpoints(
    run: &RunDirectory,
    config: &Config,
    data: impl Iterator<Item = u8>,
) -> Result<Checkpoints> {
    let mut bytes = efy_train::config::to_yaml(config)?.into_bytes();
    bytes.extend(data);
    let (folder, hash) = (run.checkpoints(), digest(&bytes));
    Ok(Checkpoints::new(&folder, &hash, &config.checkpoint))
}

/// The newest checkpoint that can be used, if there is one; `observers` are warned of those that cannot.
///
/// # Errors
/// [`efy_train::Error::Checkpoint`] when there are checkpoints and none can be used.
pub(crate) fn newest(
    checkpoints: &Checkpoints,
    observers: &mut [Box<dyn Observer>],
) -> Result<Option<Snapshot>> {
    let mut warnings = Vec::new();
    let newest = checkpoints.newest(&mut |text| warnings.push(text.to_owned()));
    for message in &warnings {
        for observer in &mut *observers {
            observer.on(&Event::Warning { message })?;
        }
    }
    Ok(newest?)
}

/// The newest checkpoint with the files of the training that goes on from it; `None` where there is no checkpoint. Of
/// several processes, one has the files.
///
/// # Errors
/// Those of [`newest`] and [`go_on`].
pub(crate) fn resumed(
    config: &Config,
    run: &RunDirectory,
    checkpoints: &Checkpoints,
    attendance: &mut Attendance,
) -> Result<Option<(Files, Snapshot)>> {
    let Some(snapshot) = newest(checkpoints, &mut attendance.observers)? else {
        return Ok(None);
    };
    let files = match attendance.leads() {
        true => go_on(config, run, &observer_state(&snapshot, "metrics"))?,
        false => Files::new(),
    };
    Ok(Some((files, snapshot)))
}

/// Writes the summary, which is the last file of a finished run.
///
/// # Errors
/// What writing reports.
pub(crate) fn write_summary(
    run: &RunDirectory,
    config: &Config,
    outcome: &Outcome,
    test: &Metrics,
    seconds: f64,
) -> Result<()> {
    let summary = json!({
        "name": config.name,
        "task": config.task,
        "steps": outcome.steps,
        "epochs": outcome.epochs,
        "seconds": seconds,
        "best": {"step": outcome.best_step, "monitor": config.train.monitor},
        "validation": outcome.validation,
        "test": test,
    });
    Ok(write_json(&run.summary(), &summary)?)
}

/// What a run says of the columns of its data.
///
/// # Errors
/// [`Error`] naming the file and the line.
pub(crate) fn read_schema<T: DeserializeOwned>(run: &RunDirectory) -> Result<T> {
    let text = read_text(&run.schema())?;
    serde_json::from_str(&text).map_err(|error| {
        let line = Some(error.line() as u64);
        Error::input(&run.schema(), line, json_message(&error))
    })
}
