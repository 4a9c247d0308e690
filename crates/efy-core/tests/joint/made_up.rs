//! What the tests of this directory share.

use efy_core::device::read;
use efy_core::energy::{Custom, Energy};
use efy_test::device;
use serde_json::Value;
use std::path::Path;
use std::sync::Mutex;
use tch::{Kind, Tensor};

use crate::support::tensor_of;

/// A golden vector of the joint paper, whose name starts with `id`.
pub fn golden(id: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/golden/joint/golden.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_object().unwrap();
    let found = vectors
        .iter()
        .find(|(name, _)| name.split('_').next() == Some(id));
    found.unwrap().1.clone()
}

pub fn tensor(json: &Value) -> Tensor {
    tensor_of(json)
}

/// A vector as a batch of one row.
pub fn row(json: &Value) -> Tensor {
    tensor(json).unsqueeze(0)
}

/// A number as a batch of one.
pub fn number(value: f64) -> Tensor {
    Tensor::from_slice(&[value]).to_device(device())
}

pub fn vector(t: &Tensor) -> Vec<f64> {
    read::to_vec(t).unwrap()
}

/// Random numbers that are the same on every device.
pub fn normal(seed: i64, shape: &[i64]) -> Tensor {
    // The generator is the process's, and tests run side by side.
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _guard = GENERATOR.lock();
    tch::manual_seed(seed);
    Tensor::randn(shape, (Kind::Double, tch::Device::Cpu)).to_device(device())
}

/// The energy whose values at the outputs of `all` `[N, n]` are `g` `[B, N]`, with the graph to g.
pub fn tabular(g: &Tensor, all: &Tensor) -> Custom {
    let (g, all) = (g.shallow_clone(), all.shallow_clone());
    let like = Tensor::zeros([g.size()[0], all.size()[1]], (g.kind(), g.device()));
    Custom::new(&like, move |p| {
        let distance = (p.unsqueeze(1) - all.unsqueeze(0)).square();
        let is = distance
            .sum_dim_intlist([2_i64].as_slice(), false, None::<Kind>)
            .lt(1e-6);
        (is.to_kind(g.kind()) * &g).sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>)
    })
    .unwrap()
}

/// An energy that hides its form.
pub struct Opaque<'a>(pub &'a dyn Energy);

impl Energy for Opaque<'_> {
    fn size(&self) -> (i64, i64) {
        self.0.size()
    }
    fn options(&self) -> (Kind, tch::Device) {
        self.0.options()
    }
    fn value(&self, p: &Tensor) -> Tensor {
        self.0.value(p)
    }
    fn gradient(&self, p: &Tensor) -> Tensor {
        self.0.gradient(p)
    }
}

/// Refuses a mean of samples that is more than 4 standard errors off.
pub fn assert_mean(context: &str, samples: &[f64], expected: f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    assert!(
        (mean - expected).abs() <= 4.0 * error + 1e-12,
        "{context}: {mean} +- {error}, expected {expected}"
    );
}

/// Refuses frequencies that are more than 4 standard errors off.
pub fn assert_frequencies(context: &str, counts: &[f64], probabilities: &[f64]) {
    let n: f64 = counts.iter().sum();
    for (i, (&count, &p)) in counts.iter().zip(probabilities).enumerate() {
        let error = (p * (1.0 - p) / n).sqrt();
        assert!(
            (count / n - p).abs() <= 4.0 * error + 1e-12,
            "{context} {i}: {} +- {error}, expected {p}",
            count / n
        );
    }
}
