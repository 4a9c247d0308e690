//! `efy reproduce`: runs an experiment and writes its tables, figures and report.

mod figures;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use efy_tasks::data::Cache;
use efy_tasks::experiment::{self, EXPERIMENTS, Experiment, Findings, Hardware, Request};
use efy_train::Environment;
use efy_train::files::{read_text, write_atomically, write_json};
use serde_json::{Value, json};
use tch::Device;

use crate::arguments::Reproduce;
use crate::exit::Usage;
use crate::output;

/// The file with every number.
const NUMBERS: &str = "table.json";

pub(crate) fn run(arguments: &Reproduce) -> Result<()> {
    let name = match &arguments.name {
        Some(name) if !arguments.list => name,
        _ => return list(),
    };
    let experiment = experiment::find(name)?;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => Path::new("reproduce").join(experiment.name),
    };
    let cache = Cache::from_env()?;
    claim(&out, experiment)?;
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let say = |text: &str| {
        if !arguments.quiet {
            eprintln!("{text}");
        }
    };
    let findings = experiment.run(&Request {
        quick: arguments.quick,
        sets: &arguments.set,
        out: &out,
        jobs: arguments.jobs.map_or(processors, usize::from),
        cache: &cache,
        program: &std::env::current_exe()?,
        say: &say,
    })?;
    let files = write(arguments, experiment, &findings, &out)?;
    say(&format!("{} files in {}", files.len(), out.display()));
    output::line(&out.join("report.md").display().to_string())
}

/// Answers a measurement that the experiment asks of a process of its own.
pub(crate) fn measure() -> Result<()> {
    output::line(&experiment::measure(&std::io::read_to_string(
        std::io::stdin(),
    )?)?)
}

fn list() -> Result<()> {
    output::table(
        EXPERIMENTS
            .iter()
            .map(|experiment| (experiment.name, experiment.about.to_owned())),
    )
}

/// Makes the directory, unless it holds something else: what is in it will be written over.
fn claim(out: &Path, experiment: &Experiment) -> Result<()> {
    let marker = out.join(NUMBERS);
    let found: Option<Value> = read_text(&marker)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    let own = match &found {
        Some(found) => found["experiment"] == experiment.name,
        None => !occupied || out.join("trials").is_dir(),
    };
    if !own {
        let message = format!(
            "{}: holds something else than {}; choose another --out",
            out.display(),
            experiment.name
        );
        return Err(anyhow!(Usage(message)));
    }
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())
}

/// Writes `table.md`, `table.json`, the figures and `report.md`, the report last.
fn write(
    arguments: &Reproduce,
    experiment: &Experiment,
    findings: &Findings,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let environment = Environment::capture(Device::Cpu);
    let hardware = Hardware::detect();
    let numbers = json!({
        "experiment": experiment.name,
        "quick": arguments.quick,
        "set": arguments.set,
        "notes": findings.notes,
        "environment": environment,
        "hardware": hardware,
        "seconds": findings.seconds,
        "findings": findings.numbers,
    });
    let mut written = figures::write(&findings.pictures, out)?;
    let mut text = |name: &str, text: &str| -> Result<()> {
        let path = out.join(name);
        write_atomically(&path, text.as_bytes())?;
        written.push(path);
        Ok(())
    };
    text("table.md", &report::tables(&findings.tables))?;
    let setting = report::Setting {
        quick: arguments.quick,
        sets: &arguments.set,
        environment: &environment,
        hardware: &hardware,
    };
    let report = report::markdown(findings, &setting);
    write_json(&out.join(NUMBERS), &numbers)?;
    text("report.md", &report)?;
    written.push(out.join(NUMBERS));
    Ok(written)
}
