//! Weights in safetensors files, with the names and layout of PyTorch's `state_dict`.

use std::path::Path;

use efy_core::parameters::Parameters;
use tch::Tensor;

use crate::config::one_line;
use crate::files::write_atomically;
use crate::{Error, Result, State, tensor_file};

/// Largest file that is read: far above any energy network, far below what exhausts memory.
pub(crate) const MOST_BYTES: u64 = 8 << 30;

/// Writes the weights, and `buffers` (statistics of the data and the like) beside them, as f32 or f64.
///
/// # Errors
/// [`Error::File`] when the file cannot be written; [`Error::Weights`] for a kind that has no place
/// in it.
pub fn save(path: &Path, parameters: &Parameters, buffers: &[(String, Tensor)]) -> Result<()> {
    let all = parameters.named().iter().chain(buffers);
    let content = tensor_file::encode(all.map(|(name, tensor)| (name.as_str(), tensor)))
        .map_err(|error| invalid(path, error))?;
    write_atomically(path, &content)
}

/// Reads weights into a model and returns the buffers called `buffers`.
///
/// # Errors
/// [`Error::File`] when the file cannot be read; [`Error::Weights`] naming the tensor, what was
/// expected and what was found.
pub fn load(path: &Path, parameters: &Parameters, buffers: &[&str]) -> Result<Vec<Tensor>> {
    let failed = || Error::file(path, "read");
    let size = std::fs::metadata(path).map_err(failed())?.len();
    if size > MOST_BYTES {
        let message = format!("expected at most {MOST_BYTES} bytes, found {size}");
        return Err(invalid(path, Error::State(message)));
    }
    let content = std::fs::read(path).map_err(failed())?;
    let tensors = tensor_file::decode(&content).map_err(|error| invalid(path, error))?;
    let state = State::from_parts(tensors, serde_json::Map::new());
    restore(&state, parameters, buffers).map_err(|error| invalid(path, error))
}

/// Puts tensors into a model and returns those called `buffers`.
///
/// tch's own loader broadcasts and casts silently; this one takes exactly the names, shapes and kinds
/// of the model, and changes nothing unless all fit.
///
/// # Errors
/// [`Error::State`] naming the tensor, what was expected and what was found.
pub(crate) fn restore(
    state: &State,
    parameters: &Parameters,
    buffers: &[&str],
) -> Result<Vec<Tensor>> {
    let named = parameters.named();
    let known =
        |name: &str| named.iter().any(|(known, _)| known == name) || buffers.contains(&name);
    if let Some((extra, _)) = state.tensors().iter().find(|(name, _)| !known(name)) {
        return Err(Error::State(format!(
            "{extra}: the model has no such tensor"
        )));
    }
    let weights: Vec<Tensor> = named
        .iter()
        .map(|(name, tensor)| state.tensor(name, tensor))
        .collect::<Result<_>>()?;
    let buffers = buffers
        .iter()
        .map(|name| {
            let found = state.find(name).map(Tensor::shallow_clone);
            found.ok_or_else(|| Error::State(format!("{name}: missing")))
        })
        .collect::<Result<_>>()?;
    parameters.assign(&parameters.gather(&weights)?)?;
    Ok(buffers)
}

fn invalid(path: &Path, error: Error) -> Error {
    match error {
        Error::State(message) => Error::Weights {
            path: path.to_owned(),
            message: one_line(&message),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use efy_core::parameters::Builder;
    use efy_test::{assert_close, device, everywhere, kind, tensor, values};
    use tch::Kind;

    use super::*;

    fn model(name: &str, shape: &[i64], kind: Kind) -> Parameters {
        let mut builder = Builder::default();
        let count = shape.iter().product::<i64>();
        let values = (0..count).map(|i| i as f64 / 7.0).collect();
        builder.add(name, shape, values, true).unwrap();
        builder.build(kind, device()).unwrap()
    }

    #[everywhere]
    fn weights_and_buffers_come_back_bit_for_bit() {
        let path = tempfile::tempdir()
            .unwrap()
            .keep()
            .join("weights.safetensors");
        let saved = model("w", &[2, 3], kind());
        let mean = tensor(&[1.5, -2.0]);
        save(&path, &saved, &[("mean".to_owned(), mean.shallow_clone())]).unwrap();
        let loaded = model("w", &[2, 3], kind());
        loaded.assign(&loaded.flat().zeros_like()).unwrap();
        let buffers = load(&path, &loaded, &["mean"]).unwrap();
        assert_close("weights", loaded.flat(), saved.flat(), 0.0);
        assert_eq!(values(&buffers[0].to_device(device())), values(&mean));
    }

    #[everywhere(f64)]
    fn weights_of_another_model_are_refused_by_name() {
        let path = tempfile::tempdir()
            .unwrap()
            .keep()
            .join("weights.safetensors");
        save(&path, &model("w", &[1, 3], Kind::Float), &[]).unwrap();
        let message = |model: &Parameters, buffers: &[&str]| {
            let error = load(&path, model, buffers).unwrap_err().to_string();
            error.rsplit("safetensors: ").next().unwrap().to_owned()
        };
        let shape = message(&model("w", &[2, 3], Kind::Float), &[]);
        assert_eq!(shape, "w: expected [2, 3] of Float, found [1, 3] of Float");
        let kind = message(&model("w", &[1, 3], Kind::Double), &[]);
        assert_eq!(kind, "w: expected [1, 3] of Double, found [1, 3] of Float");
        let extra = message(&model("v", &[1, 3], Kind::Float), &[]);
        assert_eq!(extra, "w: the model has no such tensor");
        let missing = message(&model("w", &[1, 3], Kind::Float), &["mean"]);
        assert_eq!(missing, "mean: missing");
        std::fs::write(&path, b"not a safetensors file").unwrap();
        let broken = message(&model("w", &[1, 3], Kind::Float), &[]);
        assert!(broken.starts_with("no valid safetensors file"), "{broken}");
    }
}
