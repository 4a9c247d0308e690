//! Tensors made where the running test is.

use efy_core::random::{Stream, generator};
use rand::RngExt;
use tch::Tensor;

use crate::place::{device, kind};

/// These numbers as a vector.
///
/// # Panics
/// As [`crate::place`].
pub fn tensor(values: &[f64]) -> Tensor {
    // Converted on the host: the device need not have f64.
    Tensor::from_slice(values)
        .to_kind(kind())
        .to_device(device())
}

/// These indices as a vector of Int64.
///
/// # Panics
/// As [`crate::place`].
pub fn indices(values: &[i64]) -> Tensor {
    Tensor::from_slice(values).to_device(device())
}

/// Numbers uniform in ±scale: the same ones on every device and, but for rounding, in every type.
///
/// # Panics
/// As [`crate::place`].
pub fn uniform(shape: &[i64], scale: f64, seed: u64) -> Tensor {
    let mut random = generator(seed, Stream::MadeUp, 0);
    let count = shape.iter().product::<i64>();
    let values: Vec<f64> = (0..count)
        .map(|_| random.random_range(-scale..=scale))
        .collect();
    tensor(&values).reshape(shape)
}
