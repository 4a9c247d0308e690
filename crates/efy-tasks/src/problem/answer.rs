//! From a problem to its answer in JSON.

use efy_core::Result;
use efy_core::device::read;
use efy_core::loss::FenchelYoung;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use super::specification::{Parts, Problem};

impl Problem {
    /// Solves the problem: `argmax`, `conjugate` and `report`, with a target also `loss` and `gradient`.
    /// What has rows in the problem has rows in the answer.
    ///
    /// # Errors
    /// What energy, regularizer, domain and solver report.
    pub fn solve(&self, device: Device) -> Result<Value> {
        answer(self.build(device)?)
    }
}

fn answer(parts: Parts) -> Result<Value> {
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
    let per_row = |t: &Tensor| -> Result<Value> {
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
            named.insert(name.clone(), nested(gradient)?);
        }
        answer.insert("gradient".into(), Value::Object(named));
    }
    Ok(Value::Object(answer))
}

/// A tensor as nested lists; integers stay integers, numbers that are not finite become null.
fn nested(t: &Tensor) -> Result<Value> {
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
