//! `efy train`.

use anyhow::Result;
use efy_tasks::config::Config;
use efy_tasks::data::Cache;
use efy_tasks::multilabel;
use efy_train::RunDirectory;
use serde_json::json;

use super::train_log::Log;
use crate::arguments::Train;
use crate::output;

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let mut sets = arguments.set.clone();
    sets.extend(arguments.seed.map(|seed| format!("train.seed={seed}")));
    let config = Config::load(&arguments.config, &sets)?;
    let device = arguments.device.device.select()?;
    // Everything that can be is tried before the directory is made: bad input leaves nothing behind.
    let data = multilabel::dataset(&config.data, &Cache::from_env()?)?;
    let prepared = multilabel::Prepared::new(&config, &data, device)?;
    let run = RunDirectory::create(arguments.out.as_deref(), &config.name, arguments.force)?;
    let log = Log::new(arguments);
    log.begin(&config, &data, device, run.path());
    let test = prepared.train(&run, Some(log.observer(&config.train.monitor)))?;
    let formats = [efy_plot::Format::Svg, efy_plot::Format::Png];
    let figures = efy_plot::plot(&[run.path().to_owned()], &run.plots(), &formats)?;
    log.end(&test, figures.len(), &run.plots());
    output::json(&json!({"run": run.path(), "test": test}))
}
