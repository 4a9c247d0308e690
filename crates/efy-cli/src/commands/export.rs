//! `efy export`.

use std::io::Write;

use anyhow::Result;

use crate::arguments::Export;

pub(crate) fn run(arguments: &Export) -> Result<()> {
    let metrics = arguments.run.join(efy_plot::METRICS_FILE);
    match &arguments.output {
        Some(output) => Ok(efy_plot::export_metrics(&metrics, output)?),
        None => Ok(std::io::stdout()
            .lock()
            .write_all(&efy_plot::metrics_csv(&metrics)?)?),
    }
}
