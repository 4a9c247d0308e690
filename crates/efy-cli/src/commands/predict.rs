//! `efy predict`.

use std::path::Path;

use anyhow::Result;
use efy_tasks::config::Config;
use efy_tasks::data::{self, Cache};
use efy_tasks::multilabel::{self, predictions_csv, write_predictions};
use efy_train::RunDirectory;

use super::precision;
use crate::arguments::Predict;
use crate::output;

pub(crate) fn run(arguments: &Predict) -> Result<()> {
    let run = RunDirectory::open(&arguments.run)?;
    let config = Config::load(&run.config(), &[])?;
    let device = arguments.device.device.select()?;
    precision::settle(config.train.tf32, device)?;
    let trained = multilabel::open(&run, &config, device, &Cache::from_env()?)?;
    let table = data::read_rows(&arguments.input, &trained.schema)?;
    let x = trained.schema.encode(&table)?;
    let p = trained.predict(&x)?;
    let rows: Vec<usize> = (0..table.rows()).collect();
    let labels = &trained.schema.labels;
    match arguments.output.as_deref() {
        Some(path) if path != Path::new("-") => {
            Ok(write_predictions(path, labels, &rows, &p, None)?)
        }
        _ => output::line(predictions_csv(labels, &rows, &p, None)?.trim_end()),
    }
}
