//! `efy solve`: one inner problem, or a batch of rows, from JSON to JSON.

mod domain;
mod energy;
mod numbers;
mod problem;
mod regularizer;

use std::io::Read;
use std::path::Path;

use anyhow::{Result, anyhow};
use efy_core::device::read;
use efy_core::loss::FenchelYoung;
use serde_json::{Map, Value, json};
use tch::Tensor;

use self::problem::{Parts, Specification};
use crate::arguments::Solve;
use crate::exit::Usage;
use crate::output;

/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 30;

pub(crate) fn run(arguments: &Solve) -> Result<()> {
    let device = arguments.device.device.select()?;
    let name = arguments.file.display().to_string();
    let text = read_input(&arguments.file)?;
    let usage = |message: String| anyhow!(Usage(format!("{name}: {message}")));
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let specification: Specification = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| match error.path().to_string().as_str() {
            "." => usage(error.inner().to_string()),
            path => usage(format!("{path}: {}", error.inner())),
        })?;
    let parts = specification
        .build(device)
        .map_err(|error| usage(error.to_string()))?;
    output::json(&solve(parts).map_err(|error| usage(error.to_string()))?)
}

fn read_input(path: &Path) -> Result<String> {
    let unreadable = |error| anyhow!(Usage(format!("{}: cannot read: {error}", path.display())));
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
    };
    read.map_err(unreadable)?;
    if text.len() as u64 == MOST_BYTES {
        let message = format!("{}: expected less than 1 GiB", path.display());
        return Err(anyhow!(Usage(message)));
    }
    Ok(text)
}

fn solve(parts: Parts) -> efy_core::Result<Value> {
    let Parts {
        energy,
        inputs,
        regularizer,
        domain,
        solver,
        target,
        single,
    } = parts;
    let loss = FenchelYoung::from_parts(regularizer, domain, solver);
    let mut answer = Map::new();
    let value = match &target {
        Some(target) => Some(loss.loss(energy.as_ref(), target, None)?),
        None => None,
    };
    let alone = match value {
        Some(_) => None,
        None => Some(loss.predict(energy.as_ref(), None)?),
    };
    let per_row = |t: &Tensor| -> efy_core::Result<Value> {
        nested(&if single {
            t.squeeze_dim(0)
        } else {
            t.shallow_clone()
        })
    };
    if let Some(solution) = value
        .as_ref()
        .map(|value| &value.solution)
        .or(alone.as_ref())
    {
        answer.insert("argmax".into(), per_row(&solution.argmax)?);
        let (mut gap, mut conjugate) = (Value::Null, Value::Null);
        if let Some(certificate) = &solution.certificate {
            (conjugate, gap) = (per_row(&certificate.value)?, per_row(&certificate.gap)?);
        }
        answer.insert("conjugate".into(), conjugate);
        let report = &solution.report;
        let converged: Vec<bool> = read::to_vec::<u8>(&report.converged)?
            .into_iter()
            .map(|c| c != 0)
            .collect();
        let converged = if single {
            json!(converged.first())
        } else {
            json!(converged)
        };
        let report = json!({
            "solver": report.solver,
            "iterations": per_row(&report.iterations)?,
            "residual": per_row(&report.residual)?,
            "gap": gap,
            "converged": converged,
        });
        answer.insert("report".into(), report);
    }
    if let Some(value) = &value {
        answer.insert("loss".into(), per_row(&value.per_row)?);
        let leaves: Vec<&Tensor> = inputs.iter().map(|(_, tensor)| tensor).collect();
        let sum = value.per_row.sum(value.per_row.kind());
        let gradients = Tensor::f_run_backward(&[sum], &leaves, false, false)?;
        let mut named = Map::new();
        for ((name, _), gradient) in inputs.iter().zip(&gradients) {
            // Only u always has a leading row; a coupling has one when it was given one.
            let json = if name == "u" {
                per_row(gradient)?
            } else {
                nested(gradient)?
            };
            named.insert(name.clone(), json);
        }
        answer.insert("gradient".into(), Value::Object(named));
    }
    Ok(Value::Object(answer))
}

/// A tensor as nested lists; integers stay integers, numbers that are not finite become null.
fn nested(t: &Tensor) -> efy_core::Result<Value> {
    let flat: Vec<Value> = match t.kind() {
        tch::Kind::Int64 => read::to_vec::<i64>(t)?
            .into_iter()
            .map(Value::from)
            .collect(),
        _ => read::to_vec::<f64>(t)?
            .into_iter()
            .map(Value::from)
            .collect(),
    };
    fn fold(mut flat: Vec<Value>, shape: &[i64]) -> Value {
        match shape.split_first() {
            None => flat.pop().unwrap_or(Value::Null),
            Some((&count, rest)) => {
                let width = rest.iter().product::<i64>().max(1) as usize;
                let mut parts = Vec::with_capacity(count as usize);
                for part in flat.chunks(width) {
                    parts.push(fold(part.to_vec(), rest));
                }
                Value::Array(parts)
            }
        }
    }
    Ok(fold(flat, &t.size()))
}
