//! `efy sweep`.

mod figures;
mod processes;
mod progress;
mod signals;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use efy_tasks::data::Cache;
use efy_tasks::sweep::{
    Plan, Results, State, Submission, SweepDirectory, Trial, describe, markdown, sbatch,
};
use efy_train::config::to_yaml;
use efy_train::files::{write_atomically, write_json};
use serde_json::json;
use tch::Device;

use self::processes::{Ended, Pool};
use self::progress::Progress;
use crate::arguments::Sweep;
use crate::exit::{self, Usage};
use crate::output;

pub(crate) fn run(arguments: &Sweep) -> Result<()> {
    let plan = Plan::load(&arguments.file)?;
    let wanted = wanted(arguments, &plan)?;
    if !(arguments.collect || arguments.status) {
        plan.check_data(wanted, &Cache::from_env()?)?;
    }
    let runs = !(arguments.collect || arguments.sbatch || arguments.status);
    let devices = match runs {
        true => devices(arguments)?,
        false => Vec::new(),
    };
    let out = arguments.out.as_deref();
    let directory = SweepDirectory::create(out, &plan, wanted, arguments.force)?;
    if arguments.sbatch {
        return submission(arguments, &plan, &directory);
    }
    if arguments.status {
        return status(arguments, &plan, &directory);
    }
    if runs {
        work_off(arguments, &plan, &directory, wanted, &devices)?;
    }
    match arguments.index {
        Some(_) => report_one(&plan, &directory, &wanted[0]),
        None => report(arguments, &plan, &directory),
    }
}

/// The trials that are asked for.
fn wanted<'p>(arguments: &Sweep, plan: &'p Plan) -> Result<&'p [Trial]> {
    let Some(index) = arguments.index else {
        return Ok(&plan.trials);
    };
    plan.trials.get(index..=index).ok_or_else(|| {
        let last = plan.trials.len() - 1;
        let message = format!(
            "--index {index}: {} has the trials 0 to {last}",
            plan.origin
        );
        anyhow!(Usage(message))
    })
}

/// What each of the trials that run side by side runs on.
fn devices(arguments: &Sweep) -> Result<Vec<String>> {
    let mut devices = Vec::with_capacity(arguments.device.len());
    for choice in &arguments.device {
        let device = choice.select()?;
        devices.push(match device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        });
    }
    // A GPU is best used by one process, and so is each processor.
    let on_processors = devices.iter().all(|device| device == "cpu");
    let most = if on_processors {
        processes::processors()
    } else {
        devices.len()
    };
    let jobs = match (arguments.index, arguments.jobs) {
        (Some(_), _) => 1,
        (None, jobs) => jobs.map_or(most, usize::from),
    };
    Ok(devices.into_iter().cycle().take(jobs).collect())
}

/// Runs what has not been run yet.
fn work_off(
    arguments: &Sweep,
    plan: &Plan,
    directory: &SweepDirectory,
    wanted: &[Trial],
    devices: &[String],
) -> Result<()> {
    let pool = Pool {
        program: std::env::current_exe()?,
        directory,
        devices,
    };
    let mut progress = Progress::new(plan, wanted.len(), arguments.quiet);
    let Ended { signal, elsewhere } = pool.run(wanted, &mut progress)?;
    if let Some(signal) = signal {
        let (done, all) = (progress.done(), wanted.len());
        let message = format!(
            "interrupted; {done} of {all} trials have ended; the same command goes on, and --collect \
             makes the table of what there is"
        );
        let code = signal.exit_code();
        return Err(anyhow!(exit::Ended { code, message }));
    }
    match elsewhere.as_slice() {
        [] => Ok(()),
        [trial] if arguments.index.is_some() => {
            let message = format!("trial {} is being run by another process", trial.name);
            Err(anyhow!(message))
        }
        trials => {
            progress.say(&format!(
                "{} trials are being run by another process; --collect makes the table when it is done",
                trials.len()
            ));
            Ok(())
        }
    }
}

/// How many trials there are of each state, and what the failed ones said.
fn status(arguments: &Sweep, plan: &Plan, directory: &SweepDirectory) -> Result<()> {
    let (mut finished, mut failed, mut begun, mut waiting) = (0, 0, 0, 0);
    for trial in &plan.trials {
        match directory.state(trial) {
            State::Finished(_) => finished += 1,
            State::Failed(failure) => {
                failed += 1;
                if !arguments.quiet {
                    eprintln!("{} failed: {}", plan.describe(trial), failure.message);
                }
            }
            State::Interrupted => begun += 1,
            State::Waiting | State::Foreign => waiting += 1,
        }
    }
    output::json(&json!({
        "sweep": directory.path(),
        "trials": plan.trials.len(),
        "finished": finished,
        "failed": failed,
        "begun": begun,
        "waiting": waiting,
    }))
}

/// What came of the one trial that was asked for; it ends as the trial did.
fn report_one(plan: &Plan, directory: &SweepDirectory, trial: &Trial) -> Result<()> {
    match directory.state(trial) {
        State::Finished(summary) => output::json(&json!({
            "sweep": directory.path(),
            "trial": trial.index,
            "run": directory.run(trial),
            "validation": summary.validation,
            "test": summary.test,
        })),
        State::Failed(failure) => {
            let code = failure.exit_code.and_then(|code| u8::try_from(code).ok());
            let message = format!("{} failed: {}", plan.describe(trial), failure.message);
            let code = code.unwrap_or(1);
            Err(anyhow!(exit::Ended { code, message }))
        }
        _ => Err(anyhow!("{} has not ended", plan.describe(trial))),
    }
}

/// Writes tables and figures, and says which setting is best.
fn report(arguments: &Sweep, plan: &Plan, directory: &SweepDirectory) -> Result<()> {
    let results = Results::collect(plan, directory);
    let files = write(&results, directory.path(), &directory.figures())?;
    let (finished, failed) = results.counts();
    if finished == 0 {
        let first = results.states.iter().find_map(|state| match state {
            State::Failed(failure) => Some(format!("; the first one: {}", failure.message)),
            _ => None,
        });
        return Err(anyhow!(
            "none of {} trials has finished, {failed} failed{}",
            plan.trials.len(),
            first.unwrap_or_default()
        ));
    }
    if !arguments.quiet {
        if let Some(value) = results
            .ranking
            .first()
            .and_then(|&best| results.monitored(best))
        {
            let setting = describe(&plan.settings[results.ranking[0]]);
            eprintln!("best: {setting}: validation {} {value:.4}", plan.monitor);
        }
        let count = files.len();
        eprintln!("{count} files in {}", directory.path().display());
    }
    output::json(&json!({
        "sweep": directory.path(),
        "best": results.best_json(),
        "finished": finished,
        "failed": failed,
    }))
}

/// `results.csv`, `results.json`, `table.md`, `best.yaml` and the figures.
fn write(results: &Results<'_>, out: &Path, figures: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    let mut file = |name: &str, content: &[u8]| -> Result<()> {
        let path = out.join(name);
        write_atomically(&path, content)?;
        written.push(path);
        Ok(())
    };
    file("results.csv", &results.csv()?)?;
    file("table.md", markdown(results).as_bytes())?;
    if let Some(trial) = results.best() {
        let mut config = trial.config.clone();
        config.name = format!("{}-best", results.plan.name);
        file("best.yaml", to_yaml(&config)?.as_bytes())?;
    }
    let path = out.join("results.json");
    write_json(&path, &results.json())?;
    written.push(path);
    written.extend(figures::write(results, figures)?);
    Ok(written)
}

/// Writes the script for Slurm.
fn submission(arguments: &Sweep, plan: &Plan, directory: &SweepDirectory) -> Result<()> {
    let absolute = std::path::absolute(directory.path())
        .with_context(|| directory.path().display().to_string())?;
    let script = sbatch(&Submission {
        name: &plan.name,
        trials: plan.trials.len(),
        slurm: &plan.sweep.slurm.clone().unwrap_or_default(),
        directory: &absolute,
        program: &std::env::current_exe()?,
    });
    let path = directory.path().join("submit.sbatch");
    write_atomically(&path, script.as_bytes())?;
    if !arguments.quiet {
        let path = path.display();
        let edit = match script.matches("# EDIT").count() {
            0 => String::new(),
            places => format!("edit the {places} places marked EDIT in {path}, then: "),
        };
        eprintln!("{} trials; {edit}sbatch {path}", plan.trials.len());
    }
    output::json(&json!({
        "sweep": directory.path(),
        "trials": plan.trials.len(),
        "sbatch": path,
    }))
}
