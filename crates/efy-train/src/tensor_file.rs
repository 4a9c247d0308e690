//! Tensors in the safetensors format. Never pickle or TorchScript, which run code when they are read.

use std::collections::HashMap;

use efy_core::device::read;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// Tensors by name as the content of a file, on whatever device they are.
///
/// # Errors
/// [`Error::State`] naming the tensor for a kind that has no place in such a file.
pub(crate) fn encode<'a>(
    tensors: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
) -> Result<Vec<u8>> {
    let encoded: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let (dtype, bytes) = bytes(name, tensor)?;
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Ok((name, dtype, shape, bytes))
        })
        .collect::<Result<_>>()?;
    let broken = |error: safetensors::SafeTensorError| Error::State(error.to_string());
    let views = encoded
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?;
            Ok((*name, view))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(broken)
}

/// All tensors of a file, on the CPU, sorted by name.
///
/// # Errors
/// [`Error::State`] when it is no such file or holds a type that efy does not write.
pub(crate) fn decode(content: &[u8]) -> Result<Vec<(String, Tensor)>> {
    let file = SafeTensors::deserialize(content)
        .map_err(|error| Error::State(format!("no valid safetensors file: {error}")))?;
    let mut tensors = file
        .iter()
        .map(|(name, view)| Ok((name.to_owned(), tensor(name, &view)?)))
        .collect::<Result<Vec<_>>>()?;
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(tensors)
}

fn bytes(name: &str, tensor: &Tensor) -> Result<(Dtype, Vec<u8>)> {
    Ok(match tensor.kind() {
        Kind::Float => {
            let values: Vec<f32> = read::to_vec(tensor)?;
            (Dtype::F32, little(&values, |value| value.to_le_bytes()))
        }
        Kind::Double => {
            let values: Vec<f64> = read::to_vec(tensor)?;
            (Dtype::F64, little(&values, |value| value.to_le_bytes()))
        }
        Kind::Int64 => {
            let values: Vec<i64> = read::to_vec(tensor)?;
            (Dtype::I64, little(&values, |value| value.to_le_bytes()))
        }
        kind => {
            return Err(Error::State(format!(
                "{name}: expected f32, f64 or i64, found {kind:?}"
            )));
        }
    })
}

fn little<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    let data = view.data();
    let flat = match view.dtype() {
        Dtype::F32 => Tensor::f_from_slice(&values(data, f32::from_le_bytes)),
        Dtype::F64 => Tensor::f_from_slice(&values(data, f64::from_le_bytes)),
        Dtype::I64 => Tensor::f_from_slice(&values(data, i64::from_le_bytes)),
        other => {
            return Err(Error::State(format!(
                "{name}: expected F32, F64 or I64, found {other:?}"
            )));
        }
    };
    Ok(flat
        .and_then(|flat| flat.f_reshape(shape))
        .map_err(efy_core::Error::from)?)
}

fn values<T, const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>().0.iter().map(|b| value(*b)).collect()
}
