//! `efy train`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use efy_plot::{Grouping, PlotOptions};
use efy_tasks::config::{Config, Task};
use efy_tasks::data::Cache;
use efy_tasks::density::{self, Examples};
use efy_tasks::imitation::{self, Lesson};
use efy_tasks::supervised::{self, Attendance, Prepared};
use efy_train::{Control, Metrics, RunDirectory, files};
use serde_json::{Value, json};

use super::together::Together;
use super::train_log::Log;
use super::{precision, signals};
use crate::arguments::Train;
use crate::output;

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let together = Together::from_env()?;
    let trained = train(arguments, &together);
    together.end(trained)
}

fn train(arguments: &Train, together: &Together) -> Result<()> {
    let control = Control {
        stop_after: arguments.stop_after,
        ..Control::default()
    };
    signals::handle(&control)?;
    let (run, trained) = match (&arguments.config, &arguments.resume) {
        (_, Some(resume)) => go_on(arguments, resume, (control, together))?,
        (Some(config), None) => begin(arguments, config, (control, together))?,
        (None, None) => return Err(anyhow!("neither a configuration nor a run")),
    };
    let Some(test) = trained.filter(|_| together.leads()) else {
        return Ok(());
    };
    let log = Log::new(arguments);
    // Training is done and its results are written: what cannot be drawn of it is worth a warning.
    let figures = draw(&run).unwrap_or_else(|error| {
        log.warn(&format!(
            "{error:#}; `efy report {}` tries again",
            run.path().display()
        ));
        0
    });
    log.end(&test, figures, &run.plots());
    output::json(&json!({"run": run.path(), "test": test}))
}

/// The figures and the page about a run, and about each of the models in it; the number of files.
fn draw(run: &RunDirectory) -> Result<usize> {
    if !run.replicas().is_dir() {
        return draw_from(&[run.path().to_owned()], run);
    }
    let config = Config::load(&run.config(), &[])?;
    let mut runs = Vec::new();
    let mut count = 0;
    for seed in config.train.seeds() {
        let one = RunDirectory::open(&run.replica(seed))?;
        runs.push(one.path().to_owned());
        count += draw_from(&runs[runs.len() - 1..], &one)?;
    }
    Ok(count + draw_from(&runs, run)?)
}

/// The figures and the page about `runs`, in the directory of one.
fn draw_from(runs: &[PathBuf], place: &RunDirectory) -> Result<usize> {
    let options = PlotOptions {
        grouping: Grouping::Seeds,
        ..PlotOptions::default()
    };
    let figures = efy_plot::plot_with(runs, &place.plots(), &options)?;
    let report = efy_plot::report(runs)?;
    files::write_atomically(&place.report(), report.as_bytes())?;
    Ok(figures.len())
}

/// A new run. Everything that can be is tried before the directory is made: bad input leaves nothing
/// behind.
fn begin(
    arguments: &Train,
    config: &Path,
    (control, together): (Control, &Together),
) -> Result<(RunDirectory, Option<Metrics>)> {
    let mut sets = arguments.set.clone();
    sets.extend(arguments.seed.map(|seed| format!("train.seed={seed}")));
    let config = Config::load(config, &sets)?;
    let device = precision::device(arguments.device.device, &config.train)?;
    let create = || match together.leads() {
        true => RunDirectory::create(arguments.out.as_deref(), &config.name, arguments.force),
        false => Ok(RunDirectory::beside(Path::new(""))),
    };
    let log = Log::new(arguments).only(together.leads());
    if config.task == Task::Density {
        let examples = Examples::new(&config)?;
        let prepared = density::Prepared::new(&config, &examples, device)?;
        let run = create()?;
        log.begin_points(&config, &examples, device, run.path());
        let trained = prepared.train(&run, attend(log, &config, control, together)?);
        return ended(run, trained, together.leads());
    }
    if config.task == Task::Imitation {
        let lesson = Lesson::new(&config, &Cache::from_env()?)?;
        let prepared = imitation::Prepared::new(&config, lesson, device)?;
        let run = create()?;
        log.begin_policy(&config, prepared.objective(), device, run.path());
        let trained = prepared.train(&run, attend(log, &config, control, together)?);
        return ended(run, trained, together.leads());
    }
    let data = supervised::dataset(&config, &Cache::from_env()?)?;
    let prepared = Prepared::new(&config, &data, device)?;
    let run = create()?;
    log.begin(&config, &data, device, (&prepared, run.path()));
    let attendance = attend(log, &config, control, together)?;
    let trained = prepared.train(&run, attendance);
    ended(run, trained, together.leads())
}

/// A run that exists. Of one that has finished only the figures are drawn again.
fn go_on(
    arguments: &Train,
    resume: &Path,
    (control, together): (Control, &Together),
) -> Result<(RunDirectory, Option<Metrics>)> {
    let run = match together.leads() {
        true => RunDirectory::resume(resume)?,
        false => RunDirectory::beside(resume),
    };
    if run.summary().is_file() {
        let summary: Value = serde_json::from_str(&files::read_text(&run.summary())?)?;
        let test = serde_json::from_value(summary["test"].clone())?;
        return Ok((run, Some(test)));
    }
    let config = Config::load(&run.config(), &[])?;
    let device = precision::device(arguments.device.device, &config.train)?;
    let log = Log::new(arguments).only(together.leads());
    if config.task == Task::Density {
        let examples = Examples::new(&config)?;
        let prepared = density::Prepared::new(&config, &examples, device)?;
        log.begin_points(&config, &examples, device, run.path());
        let trained = prepared.resume(&run, attend(log, &config, control, together)?);
        return ended(run, trained, together.leads());
    }
    if config.task == Task::Imitation {
        let lesson = Lesson::new(&config, &Cache::from_env()?)?;
        let prepared = imitation::Prepared::new(&config, lesson, device)?;
        log.begin_policy(&config, prepared.objective(), device, run.path());
        let trained = prepared.resume(&run, attend(log, &config, control, together)?);
        return ended(run, trained, together.leads());
    }
    let data = supervised::dataset(&config, &Cache::from_env()?)?;
    let prepared = Prepared::new(&config, &data, device)?;
    log.begin(&config, &data, device, (&prepared, run.path()));
    let attendance = attend(log, &config, control, together)?;
    let trained = prepared.resume(&run, attendance);
    ended(run, trained, together.leads())
}

/// A run that stopped where it was told to stop beforehand did what was asked for.
fn ended(
    run: RunDirectory,
    trained: efy_tasks::Result<Metrics>,
    leads: bool,
) -> Result<(RunDirectory, Option<Metrics>)> {
    use efy_train::Error::Interrupted;
    match trained {
        Ok(test) => Ok((run, Some(test))),
        Err(efy_tasks::Error::Train(Interrupted {
            signal: 0, step, ..
        })) => {
            if leads {
                output::json(&json!({"run": run.path(), "stopped": step}))?;
            }
            Ok((run, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who watches and steers a training. From here on the other processes are waited for.
fn attend(log: Log, config: &Config, control: Control, together: &Together) -> Result<Attendance> {
    Ok(Attendance {
        observers: match together.leads() {
            true => vec![log.observer(&config.train.monitor)],
            false => Vec::new(),
        },
        control,
        collective: together.join()?,
    })
}
