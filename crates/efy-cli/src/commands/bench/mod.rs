//! `efy bench`: the code paths of training, of flows, of projections and of rollouts on made-up data of any shape.

mod act;
mod gda;
mod gpu;
mod measure;
mod project;
mod rollout;

use anyhow::{Result, anyhow};
use clap::ValueEnum;
use efy_tasks::multilabel::Workload;
use serde::Deserialize;
use serde_json::{Value, json};
use tch::Device;

use self::measure::{Measured, measure};
use crate::arguments::Bench;
use crate::exit::Usage;
use crate::output;

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
    /// Actions of a policy, beyond its network.
    Act,
    /// Iterations of gradient descent-ascent.
    Gda,
    /// Training steps of an energy with its log-partition.
    Joint,
    /// Projections onto a domain.
    Project,
    /// Episodes of a policy in many environments at once.
    Rollout,
    /// A table of training steps on a GPU beside the CPU.
    Gpu,
}

pub(crate) fn run(arguments: &Bench) -> Result<()> {
    if !(arguments.seconds.is_finite() && arguments.seconds >= 0.0) {
        let message = format!(
            "--seconds: expected a number >= 0, found {}",
            arguments.seconds
        );
        return Err(anyhow!(Usage(message)));
    }
    if arguments.out.is_some() && !matches!(arguments.what, Subject::Gpu) {
        let message = "--out: only `efy bench gpu` writes files";
        return Err(anyhow!(Usage(message.to_owned())));
    }
    match arguments.what {
        Subject::Fy => fy(arguments),
        Subject::Act => act(arguments),
        Subject::Gda => gda(arguments),
        Subject::Joint => joint(arguments),
        Subject::Project => project(arguments),
        Subject::Rollout => rollout::run(arguments),
        Subject::Gpu => gpu::run(arguments),
    }
}

fn fy(arguments: &Bench) -> Result<()> {
    let (steps, rest) = length(&arguments.set)?;
    let device = arguments.device.device.select()?;
    let workload: Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let mut work = workload.start(device)?;
    let length = (steps, arguments.seconds);
    let measured = measure(&mut || Ok(work.step()?), device, length)?;
    let settings = serde_json::to_value(&workload)?;
    let Workload {
        d, k, batch, rank, ..
    } = workload;
    let problem = format!("d {d}, k {k}, batch {batch}, rank {rank}");
    tell(
        arguments,
        device,
        &measured,
        (settings, &problem),
        ("loss", "last loss"),
    )
}

fn act(arguments: &Bench) -> Result<()> {
    let (steps, rest) = length(&arguments.set)?;
    let device = arguments.device.device.select()?;
    let workload: act::Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let work = workload.start(device)?;
    let length = (steps, arguments.seconds);
    let measured = measure(&mut || work.step(), device, length)?;
    let mut problem = workload.describe();
    if measured.rate > 0.0 {
        problem += &format!("; {:.1} us a batch", 1e6 / measured.rate);
    }
    let settings = serde_json::to_value(&workload)?;
    let last = ("largest", "largest coordinate");
    tell(arguments, device, &measured, (settings, &problem), last)
}

fn gda(arguments: &Bench) -> Result<()> {
    let (steps, rest) = length(&arguments.set)?;
    let device = arguments.device.device.select()?;
    let workload: gda::Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let mut work = workload.start(device)?;
    let length = (steps, arguments.seconds);
    let measured = measure(&mut || work.step(), device, length)?;
    let operations = workload.operations();
    let products = match steps {
        Some(_) => None,
        None => Some(workload.product_rate(device)?),
    };
    let share = products.map(|rate| operations * measured.rate / rate);
    let mut settings = serde_json::to_value(&workload)?;
    settings["operations_per_step"] = json!(operations);
    settings["matrix_product_operations_per_second"] = json!(products);
    let mut problem = workload.describe();
    if let Some(share) = share {
        problem += &format!(
            "; {:.0} GFlop/s, {share:.2} of a large matrix product's",
            operations * measured.rate * 1e-9
        );
    }
    let last = ("discrepancy", "largest discrepancy");
    tell(arguments, device, &measured, (settings, &problem), last)
}

fn joint(arguments: &Bench) -> Result<()> {
    let (steps, rest) = length(&arguments.set)?;
    let device = arguments.device.device.select()?;
    let workload: efy_tasks::joint::Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let mut work = workload.start(device)?;
    let length = (steps, arguments.seconds);
    let measured = measure(&mut || Ok(work.step()?), device, length)?;
    let settings = serde_json::to_value(&workload)?;
    let problem = format!(
        "{}, d {}, k {}, m {}, hidden {}, batch {}",
        settings["coupling"].as_str().unwrap_or_default(),
        workload.d,
        workload.k,
        workload.m,
        workload.hidden,
        workload.batch,
    );
    let last = ("loss", "last loss");
    tell(arguments, device, &measured, (settings, &problem), last)
}

fn project(arguments: &Bench) -> Result<()> {
    let (steps, rest) = length(&arguments.set)?;
    let device = arguments.device.device.select()?;
    let workload: project::Workload = efy_train::config::from_text("bench", "{}", &rest)?;
    let mut work = workload.start(device)?;
    let length = (steps, arguments.seconds);
    let measured = measure(&mut || Ok(work.step()), device, length)?;
    let problem = (serde_json::to_value(&workload)?, &*workload.to_string());
    tell(
        arguments,
        device,
        &measured,
        problem,
        ("largest", "largest coordinate"),
    )
}

/// `steps` is how long to measure, everything else the problem, whose keys are checked by name.
fn length(sets: &[String]) -> Result<(Option<u64>, Vec<String>)> {
    let (own, rest): (Vec<String>, Vec<String>) = sets
        .iter()
        .cloned()
        .partition(|set| set.trim_start().starts_with("steps="));
    let steps = match own.is_empty() {
        true => None,
        false => Some(efy_train::config::from_text::<Length>("bench", "{}", &own)?.steps),
    };
    Ok((steps, rest))
}

/// Prints what was measured; `last` is what the last number is called, in JSON and in words.
fn tell(
    arguments: &Bench,
    device: Device,
    measured: &Measured,
    (settings, problem): (Value, &str),
    last: (&str, &str),
) -> Result<()> {
    let Measured {
        steps,
        seconds,
        rate,
        memory,
        last: value,
    } = measured;
    if arguments.json {
        return output::json(&json!({
            "bench": arguments.what.to_possible_value().map(|value| value.get_name().to_owned()),
            "device": format!("{device:?}"), "steps": steps, "seconds": seconds,
            "steps_per_second": rate, last.0: value, "memory": memory, "settings": settings,
        }));
    }
    let name = last.1;
    output::line(&format!(
        "{rate:.0} steps/s  ({steps} steps in {seconds:.2} s; {problem}; {device:?}; {name} {value:.4})"
    ))
}
