//! `efy predict`.

use std::path::Path;

use anyhow::{Result, anyhow};
use efy_tasks::config::{Config, Task};
use efy_tasks::data::{self, Cache};
use efy_tasks::{imitation, supervised};
use efy_train::RunDirectory;
use efy_train::files::write_atomically;

use super::precision;
use crate::arguments::Predict;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Predict) -> Result<()> {
    let run = RunDirectory::open(&arguments.run)?;
    let config = Config::load(&run.config(), &[])?;
    if config.task == Task::Density {
        let run = arguments.run.display();
        let message =
            format!("{run}: a density predicts no labels; `efy sample {run}` draws points from it");
        return Err(anyhow!(Usage(message)));
    }
    let device = precision::device(arguments.device.device, &config.train)?;
    if config.task == Task::Imitation {
        let policy = imitation::open(&run, &config, device)?;
        return write(arguments, &imitation::predict(&policy, &arguments.input)?);
    }
    let trained = supervised::open(&run, &config, device, &Cache::from_env()?)?;
    let table = data::read_rows(&arguments.input, &trained.schema)?;
    let text = trained.predictions_csv(&trained.schema.encode(&table)?)?;
    write(arguments, &text)
}

fn write(arguments: &Predict, text: &str) -> Result<()> {
    match arguments.output.as_deref() {
        Some(path) if path != Path::new("-") => Ok(write_atomically(path, text.as_bytes())?),
        _ => output::line(text.trim_end()),
    }
}
