//! `efy train`.

use anyhow::Result;
use efy_tasks::config::Config;
use efy_tasks::data::Cache;
use efy_tasks::multilabel;
use efy_train::RunDirectory;
use efy_train::files::write_atomically;
use efy_train::observer::{Observer, Progress};
use serde_json::json;

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
    let progress = (!arguments.quiet)
        .then(|| Box::new(Progress::new(&config.train.monitor)) as Box<dyn Observer>);
    if !arguments.quiet {
        eprintln!(
            "{} on {}: {} rows, {} features, {} labels; {device:?}; {}",
            config.name,
            data.name(),
            data.rows(),
            data.features(),
            data.labels(),
            run.path().display()
        );
    }
    let test = prepared.train(&run, progress)?;
    let formats = [efy_plot::Format::Svg, efy_plot::Format::Png];
    let figures = efy_plot::plot(&[run.path().to_owned()], &run.plots(), &formats)?;
    let report = efy_plot::report(&[run.path().to_owned()])?;
    write_atomically(&run.report(), report.as_bytes())?;
    if !arguments.quiet {
        for (name, value) in test.iter() {
            eprintln!("test {name:<17} {value:.4}");
        }
        eprintln!(
            "{} figure files in {}",
            figures.len(),
            run.plots().display()
        );
        eprintln!("report in {}", run.report().display());
    }
    output::json(&json!({"run": run.path(), "test": test}))
}
