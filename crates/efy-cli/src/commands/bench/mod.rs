//! `efy bench`: the code paths of training and of projections on made-up data of any shape.

mod project;

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
use efy_core::device::read;
use efy_tasks::multilabel::Workload;
use serde::Deserialize;
use serde_json::json;
use tch::{Cuda, Device, Tensor};

use crate::arguments::Bench;
use crate::output;

/// Steps before the clock starts.
const WARM_UP: u64 = 50;

/// What `--set steps=N` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Length {
    steps: u64,
}

/// What can be timed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Subject {
    /// Training steps with a generalized Fenchel-Young loss.
    Fy,
    /// Projections onto a domain.
    Project,
}

pub(crate) fn run(arguments: &Bench) -> Result<()> {
    // `steps` is how long to measure, everything else the problem, whose keys are checked by name.
    let (own, rest): (Vec<String>, Vec<String>) = arguments
        .set
        .iter()
        .cloned()
        .partition(|set| set.trim_start().starts_with("steps="));
    let steps = match own.is_empty() {
        true => None,
        false => Some(efy_train::config::from_text::<Length>("bench", "{}", &own)?.steps),
    };
    let device = arguments.device.device.select()?;
    let length = (steps, arguments.seconds);
    let (measured, settings, problem) = match arguments.what {
        Subject::Fy => {
            let workload: Workload = efy_train::config::from_text("bench", "{}", &rest)?;
            let mut work = workload.start(device)?;
            let Workload {
                d, k, batch, rank, ..
            } = workload;
            let problem = format!("d {d}, k {k}, batch {batch}, rank {rank}");
            let measured = measure(&mut || Ok(work.step()?), device, length)?;
            (measured, serde_json::to_value(&workload)?, problem)
        }
        Subject::Project => {
            let workload: project::Workload = efy_train::config::from_text("bench", "{}", &rest)?;
            let mut work = workload.start(device)?;
            let measured = measure(&mut || Ok(work.step()), device, length)?;
            (
                measured,
                serde_json::to_value(&workload)?,
                workload.to_string(),
            )
        }
    };
    let Measured {
        steps,
        seconds,
        last,
    } = measured;
    let rate = steps as f64 / seconds;
    if arguments.json {
        let name = match arguments.what {
            Subject::Fy => "loss",
            Subject::Project => "largest",
        };
        return output::json(&json!({
            "bench": arguments.what.to_possible_value().map(|value| value.get_name().to_owned()),
            "device": format!("{device:?}"), "steps": steps, "seconds": seconds,
            "steps_per_second": rate, name: last, "settings": settings,
        }));
    }
    let last = match arguments.what {
        Subject::Fy => format!("last loss {last:.4}"),
        Subject::Project => format!("largest coordinate {last:.4}"),
    };
    output::line(&format!(
        "{rate:.0} steps/s  ({steps} steps in {seconds:.2} s; {problem}; {device:?}; {last})"
    ))
}

struct Measured {
    steps: u64,
    seconds: f64,
    /// What the last step returned.
    last: f64,
}

/// Exactly so many steps if given, else as many as fit into the seconds after some to warm up.
fn measure(
    step: &mut dyn FnMut() -> Result<Tensor>,
    device: Device,
    (steps, seconds): (Option<u64>, f64),
) -> Result<Measured> {
    let synchronize = || {
        if let Device::Cuda(index) = device {
            Cuda::synchronize(index as i64);
        }
    };
    let mut last = None;
    for _ in 0..if steps.is_some() { 0 } else { WARM_UP } {
        last = Some(step()?);
    }
    synchronize();
    let started = Instant::now();
    let mut done = 0;
    while match steps {
        Some(steps) => done < steps,
        None => started.elapsed().as_secs_f64() < seconds,
    } {
        last = Some(step()?);
        done += 1;
    }
    synchronize();
    let seconds = started.elapsed().as_secs_f64();
    let last = last.map_or(Ok(f64::NAN), |last| read::scalar(&last.max()))?;
    Ok(Measured {
        steps: done,
        seconds,
        last,
    })
}
