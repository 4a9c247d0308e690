//! `efy eval`.

use anyhow::Result;
use efy_tasks::config::{Config, Task};
use efy_tasks::data::Cache;
use efy_tasks::density::{self, Examples};
use efy_tasks::{imitation, supervised};
use efy_train::{Objective, RunDirectory, Split};

use super::precision;
use crate::arguments::Eval;
use crate::output;

pub(crate) fn run(arguments: &Eval) -> Result<()> {
    let run = RunDirectory::open(&arguments.run)?;
    let config = Config::load(&run.config(), &[])?;
    let device = precision::device(arguments.device.device, &config.train)?;
    let split = match arguments.split.as_str() {
        "train" => Split::Train,
        "validation" => Split::Validation,
        _ => Split::Test,
    };
    let metrics = match config.task {
        Task::Density => {
            let trained = density::open(&run, &config, device)?;
            trained.evaluate(&config, &Examples::new(&config)?, split)?
        }
        Task::Imitation => {
            imitation::evaluate(&run, &config, (split, device), &Cache::from_env()?)?
        }
        _ => {
            let mut trained = supervised::open(&run, &config, device, &Cache::from_env()?)?;
            trained.objective.evaluate(split)?
        }
    };
    if arguments.json {
        output::json(&metrics)
    } else {
        output::table(
            metrics
                .iter()
                .map(|(name, value)| (name, format!("{value:.6}"))),
        )
    }
}
