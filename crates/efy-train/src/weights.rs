//! Weights in safetensors files, with the names and layout of PyTorch's `state_dict`.

use std::collections::HashMap;
use std::path::Path;

use efy_core::device::read;
use efy_core::parameters::Parameters;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use crate::config::one_line;
use crate::files::write_atomically;
use crate::{Error, Result};

/// Largest file that is read: far above any energy network, far below what exhausts memory.
const MOST_BYTES: u64 = 8 << 30;

/// Writes the weights, and `buffers` (statistics of the data and the like) beside them, as f32 or f64.
///
/// # Errors
/// [`Error::File`] when the file cannot be written; [`Error::Weights`] for a kind that has no place
/// in it.
pub fn save(path: &Path, parameters: &Parameters, buffers: &[(String, Tensor)]) -> Result<()> {
    let all = parameters.named().iter().chain(buffers);
    let encoded: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = all
        .map(|(name, tensor)| {
            let (dtype, bytes) = encode(path, name, tensor)?;
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Ok((name.as_str(), dtype, shape, bytes))
        })
        .collect::<Result<_>>()?;
    let broken = |error: safetensors::SafeTensorError| invalid(path, error.to_string());
    let mut views = Vec::with_capacity(encoded.len());
    for (name, dtype, shape, bytes) in &encoded {
        views.push((
            *name,
            TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?,
        ));
    }
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let content = safetensors::serialize(views, Some(metadata)).map_err(broken)?;
    write_atomically(path, &content)
}

fn encode(path: &Path, name: &str, tensor: &Tensor) -> Result<(Dtype, Vec<u8>)> {
    match tensor.kind() {
        Kind::Float => {
            let values: Vec<f32> = read::to_vec(tensor)?;
            Ok((
                Dtype::F32,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ))
        }
        Kind::Double => {
            let values: Vec<f64> = read::to_vec(tensor)?;
            Ok((
                Dtype::F64,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ))
        }
        kind => Err(invalid(
            path,
            format!("{name}: expected f32 or f64, found {kind:?}"),
        )),
    }
}

/// Reads weights into a model and returns the buffers called `buffers`.
///
/// tch's own loader broadcasts and casts silently; this one takes exactly the names, shapes and kinds
/// of the model, and changes nothing unless all fit.
///
/// # Errors
/// [`Error::File`] when the file cannot be read; [`Error::Weights`] naming the tensor, what was
/// expected and what was found.
pub fn load(path: &Path, parameters: &Parameters, buffers: &[&str]) -> Result<Vec<Tensor>> {
    let failed = || Error::file(path, "read");
    let size = std::fs::metadata(path).map_err(failed())?.len();
    if size > MOST_BYTES {
        return Err(invalid(
            path,
            format!("expected at most {MOST_BYTES} bytes, found {size}"),
        ));
    }
    let content = std::fs::read(path).map_err(failed())?;
    let file = SafeTensors::deserialize(&content)
        .map_err(|error| invalid(path, format!("no valid safetensors file: {error}")))?;
    let expected = parameters.named().len() + buffers.len();
    let known = |name: &str| {
        parameters.named().iter().any(|(known, _)| known == name) || buffers.contains(&name)
    };
    if let Some(extra) = file.names().into_iter().find(|name| !known(name)) {
        return Err(invalid(
            path,
            format!("{extra}: the model has no such tensor"),
        ));
    }
    let find = |name: &str| {
        let missing = || {
            invalid(
                path,
                format!("{name}: missing ({expected} tensors expected)"),
            )
        };
        file.tensor(name).map_err(|_| missing())
    };
    let mut flat = Vec::with_capacity(parameters.named().len());
    for (name, tensor) in parameters.named() {
        let view = find(name)?;
        let found = decode(path, name, &view)?;
        if (found.size(), found.kind()) != (tensor.size(), tensor.kind()) {
            return Err(invalid(
                path,
                format!(
                    "{name}: expected {:?} of {:?}, found {:?} of {:?}",
                    tensor.size(),
                    tensor.kind(),
                    found.size(),
                    found.kind()
                ),
            ));
        }
        flat.push(found.reshape([-1]));
    }
    let buffers = buffers
        .iter()
        .map(|name| decode(path, name, &find(name)?))
        .collect::<Result<_>>()?;
    let flat = Tensor::f_cat(&flat, 0).map_err(efy_core::Error::from)?;
    parameters.assign(&flat)?;
    Ok(buffers)
}

fn decode(path: &Path, name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    let flat = match view.dtype() {
        Dtype::F32 => {
            let values = view.data().as_chunks::<4>().0;
            Tensor::f_from_slice(
                &values
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect::<Vec<_>>(),
            )
        }
        Dtype::F64 => {
            let values = view.data().as_chunks::<8>().0;
            Tensor::f_from_slice(
                &values
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect::<Vec<_>>(),
            )
        }
        other => {
            return Err(invalid(
                path,
                format!("{name}: expected F32 or F64, found {other:?}"),
            ));
        }
    };
    Ok(flat
        .and_then(|flat| flat.f_reshape(shape))
        .map_err(efy_core::Error::from)?)
}

fn invalid(path: &Path, message: String) -> Error {
    Error::Weights {
        path: path.to_owned(),
        message: one_line(&message),
    }
}

#[cfg(test)]
mod tests {
    use efy_core::parameters::Builder;
    use tch::Device;

    use super::*;

    fn model(name: &str, shape: &[i64], kind: Kind) -> Parameters {
        let mut builder = Builder::default();
        let count = shape.iter().product::<i64>();
        let values = (0..count).map(|i| i as f64 / 7.0).collect();
        builder.add(name, shape, values, true).unwrap();
        builder.build(kind, Device::Cpu).unwrap()
    }

    #[test]
    fn weights_and_buffers_come_back_bit_for_bit() {
        let path = tempfile::tempdir()
            .unwrap()
            .keep()
            .join("weights.safetensors");
        let saved = model("w", &[2, 3], Kind::Float);
        let mean = Tensor::from_slice(&[1.5_f32, -2.0]);
        save(&path, &saved, &[("mean".to_owned(), mean.shallow_clone())]).unwrap();
        let loaded = model("w", &[2, 3], Kind::Float);
        loaded.assign(&loaded.flat().zeros_like()).unwrap();
        let buffers = load(&path, &loaded, &["mean"]).unwrap();
        assert_eq!(loaded.flat(), saved.flat());
        assert_eq!(buffers[0], mean);
    }

    #[test]
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
        assert_eq!(missing, "mean: missing (2 tensors expected)");
        std::fs::write(&path, b"not a safetensors file").unwrap();
        let broken = message(&model("w", &[1, 3], Kind::Float), &[]);
        assert!(broken.starts_with("no valid safetensors file"), "{broken}");
    }
}
