//! Networks of others as experts.

use std::path::Path;

use super::{Dense, Expert, Weights};
use crate::data::arrays::Arrays;
use crate::data::npy::Array;
use crate::{Error, Result};

/// Layers before the last that a file can have.
const MAX_HIDDEN: usize = 16;
/// What is added to deviations before observations are divided by them.
const MARGIN: f64 = 1e-6;

/// Reads a network from npz or safetensors: `obs_mean`, `obs_std` `[d]`; hidden layers `W0`, `b0`, `W1`, `b1`, ..., with `W` `[inputs, outputs]`; and the
/// last one `Wout`, `bout`. It is a = tanh(... tanh(((o - mean) / (std + 1e-6)) W0 + b0) ...) Wout + bout, the form of the experts of Berkeley's course on deep reinforcement learning.
///
/// # Errors
/// [`Error::Input`] with file and key, what was expected and what was found; whether it fits the environment is seen by [`Expert::policy`].
pub fn import(path: &Path, environment: &str) -> Result<Expert> {
    let mut file = Arrays::open(path)?;
    let mean = vector(&mut file, "obs_mean", None)?;
    let scale = vector(&mut file, "obs_std", Some(mean.len()))?;
    if let Some(at) = scale.iter().position(|&deviation| deviation < 0.0) {
        let message = format!("expected no negative number, found {}", scale[at]);
        return Err(file.wrong("obs_std", &message));
    }
    let mut layers = Vec::new();
    let mut width = mean.len();
    for index in 0..MAX_HIDDEN {
        let name = format!("W{index}");
        if file.find(&[&name])?.is_none() {
            break;
        }
        layers.push(layer(&mut file, &name, &format!("b{index}"), width)?);
        width = layers
            .last()
            .map_or(width, |layer: &Dense| layer.bias.len());
    }
    layers.push(layer(&mut file, "Wout", "bout", width)?);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Expert {
        environment: environment.to_owned(),
        origin: format!("imported from {name}"),
        training: None,
        returns: None,
        policy: Weights::Mlp {
            mean,
            scale: scale.iter().map(|deviation| deviation + MARGIN).collect(),
            layers,
        },
    })
}

fn layer(file: &mut Arrays, weights: &str, bias: &str, inputs: usize) -> Result<Dense> {
    let (_, Array { shape, values }) = file.expect(&[weights])?;
    let outputs = match *shape.as_slice() {
        [rows, outputs] if rows == inputs => outputs,
        _ => {
            let message = format!("expected a matrix of {inputs} rows, found the shape {shape:?}");
            return Err(file.wrong(weights, &message));
        }
    };
    Ok(Dense {
        weights: values.chunks(outputs).map(<[f64]>::to_vec).collect(),
        bias: vector(file, bias, Some(outputs))?,
    })
}

/// A vector, of a length if that is known.
fn vector(file: &mut Arrays, name: &str, length: Option<usize>) -> Result<Vec<f64>, Error> {
    let (_, Array { shape, values }) = file.expect(&[name])?;
    let fits = shape.len() == 1 && length.is_none_or(|length| length == values.len());
    if !fits {
        let expected = length.map_or("some".to_owned(), |length| length.to_string());
        let message = format!("expected {expected} numbers, found the shape {shape:?}");
        return Err(file.wrong(name, &message));
    }
    Ok(values)
}
