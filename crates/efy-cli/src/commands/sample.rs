//! `efy sample`.

use std::path::Path;

use anyhow::{Result, anyhow};
use efy_tasks::config::{Config, Dtype, Task};
use efy_tasks::data::{points_csv, write_points};
use efy_tasks::density::{self, Method, Sampling};
use efy_train::RunDirectory;

use super::precision;
use crate::arguments::Sample;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Sample) -> Result<()> {
    let run = RunDirectory::open(&arguments.run)?;
    let config = Config::load(&run.config(), &[])?;
    if config.task != Task::Density {
        let (run, task) = (arguments.run.display(), config.task.name());
        let message = format!("{run}: expected a run of task density, found {task}");
        return Err(anyhow!(Usage(message)));
    }
    let step = arguments.step_size.unwrap_or(config.flow.particle_step);
    if !(step.is_finite() && step > 0.0) {
        return Err(anyhow!(Usage(format!(
            "--step-size: expected a positive number, found {step}"
        ))));
    }
    let device = precision::device(arguments.device.device, &config.train)?;
    let trained = density::open(&run, &config, device)?;
    let how = Sampling {
        method: match arguments.method.as_str() {
            "rejection" => Method::Rejection,
            _ => Method::Langevin,
        },
        steps: arguments.steps,
        step,
        metropolis: !arguments.uncorrected,
        seed: arguments.seed,
    };
    let points = density::sample(&trained, arguments.n.into(), &how)?;
    let wide = config.model.dtype == Dtype::F64;
    match arguments.output.as_deref() {
        Some(path) if path != Path::new("-") => Ok(write_points(path, &points, wide)?),
        _ => output::line(points_csv(&points, wide).trim_end()),
    }
}
