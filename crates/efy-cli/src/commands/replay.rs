//! `efy replay`.

use anyhow::Result;
use efy_tasks::config::{Config, Task};
use efy_tasks::data::Cache;
use efy_tasks::{imitation, supervised};
use efy_train::{Fault, RunDirectory};
use serde_json::json;

use super::precision;
use crate::arguments::Replay;
use crate::exit::{Ended, Usage};
use crate::output;

pub(crate) fn run(arguments: &Replay) -> Result<()> {
    let run = RunDirectory::open(&arguments.run)?;
    let config = Config::load(&run.config(), &[])?;
    if config.task == Task::Density {
        let run = arguments.run.display();
        let message = format!("{run}: a flow keeps no step to replay; look at its checkpoints");
        return Err(anyhow::anyhow!(Usage(message)));
    }
    let device = precision::device(arguments.device.device, &config.train)?;
    let cache = Cache::from_env()?;
    let (kept, found) = match config.task {
        Task::Imitation => imitation::replay(&run, &config, device, &cache)?,
        _ => supervised::replay(&run, &config, device, &cache)?,
    };
    describe(&found);
    let same = kept == found;
    output::json(&json!({"run": run.path(), "fault": found, "reproduced": same}))?;
    match found.is_finite() {
        true => Ok(()),
        false => Err(anyhow::anyhow!(Ended {
            code: 3,
            message: format!("step {} is not finite, {}", found.step, as_kept(same)),
        })),
    }
}

fn as_kept(same: bool) -> &'static str {
    match same {
        true => "as it was when the run stopped",
        false => "but differs from what the run kept",
    }
}

fn describe(fault: &Fault) {
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    eprintln!(
        "step {} in epoch {}: loss {}",
        fault.step, fault.epoch, fault.loss
    );
    eprintln!("norm of the gradient {}", fault.gradient_norm);
    eprintln!("gradients that are not finite: {}", list(&fault.gradients));
    eprintln!("weights that are not finite: {}", list(&fault.weights));
    eprintln!("{} examples: {:?}", fault.examples.len(), fault.examples);
}
