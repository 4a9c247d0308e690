//! `efy bench`: the code path of training on made-up data of any shape.

use std::time::Instant;

use anyhow::Result;
use efy_core::device::read;
use efy_tasks::multilabel::Workload;
use serde::Deserialize;
use serde_json::json;
use tch::{Cuda, Device};

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
    let workload: Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let device = arguments.device.device.select()?;
    let measured = measure(&workload, device, steps, arguments.seconds)?;
    let Measured {
        steps,
        seconds,
        loss,
    } = measured;
    let rate = steps as f64 / seconds;
    let result = json!({
        "bench": arguments.what, "device": format!("{device:?}"), "steps": steps,
        "seconds": seconds, "steps_per_second": rate, "loss": loss, "settings": workload,
    });
    if arguments.json {
        return output::json(&result);
    }
    let Workload {
        d, k, batch, rank, ..
    } = workload;
    output::line(&format!(
        "{rate:.0} steps/s  ({steps} steps in {seconds:.2} s; d {d}, k {k}, batch {batch}, rank \
         {rank}; {device:?}; last loss {loss:.4})"
    ))
}

struct Measured {
    steps: u64,
    seconds: f64,
    loss: f64,
}

/// Exactly `steps` steps if given, else as many as fit into `seconds` after some to warm up.
fn measure(
    workload: &Workload,
    device: Device,
    steps: Option<u64>,
    seconds: f64,
) -> Result<Measured> {
    let mut work = workload.start(device)?;
    let synchronize = || {
        if let Device::Cuda(index) = device {
            Cuda::synchronize(index as i64);
        }
    };
    let mut loss = None;
    for _ in 0..if steps.is_some() { 0 } else { WARM_UP } {
        loss = Some(work.step()?);
    }
    synchronize();
    let started = Instant::now();
    let mut done = 0;
    while match steps {
        Some(steps) => done < steps,
        None => started.elapsed().as_secs_f64() < seconds,
    } {
        loss = Some(work.step()?);
        done += 1;
    }
    synchronize();
    let seconds = started.elapsed().as_secs_f64();
    let loss = loss.map_or(Ok(f64::NAN), |loss| read::scalar(&loss))?;
    Ok(Measured {
        steps: done,
        seconds,
        loss,
    })
}
