//! Shallow networks, flows and duality: the golden vectors of the dual-training paper (assets/golden/dual), and what the
//! documentation promises beside them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

mod duality;
mod estimates;
mod flows;
#[path = "../support/json.rs"]
mod json;
mod networks;
mod scores;

use std::path::Path;

use efy_core::device::{DeviceChoice, read};
use efy_core::shallow::{Activation, Shallow, Space};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// The case of this name.
fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/golden/dual/golden.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file.get(name)
        .unwrap_or_else(|| panic!("no case {name}"))
        .clone()
}

/// A number, vector or matrix of a case.
fn tensor(case: &Value, name: &str, (kind, device): (Kind, Device)) -> Tensor {
    let (shape, out) = json::numbers(case.get(name).unwrap_or_else(|| panic!("no {name}")));
    Tensor::from_slice(&out)
        .view(shape.as_slice())
        .to_kind(kind)
        .to_device(device)
}

/// Both kinds on the device that there is, with the tolerance of the specification and one for f32.
fn places(tolerance: f64) -> [((Kind, Device), f64); 2] {
    let device = DeviceChoice::Auto.select().unwrap();
    [
        ((Kind::Double, device), tolerance),
        ((Kind::Float, device), tolerance.max(2e-5)),
    ]
}

fn assert_close(context: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    let found: Vec<f64> = read::to_vec(found).unwrap();
    let expected: Vec<f64> = read::to_vec(expected).unwrap();
    assert_eq!(found.len(), expected.len(), "{context}");
    for (f, e) in found.iter().zip(&expected) {
        let close = (f - e).abs() <= tolerance * e.abs().max(1.0);
        assert!(
            close,
            "{context}: {found:?}, expected {expected:?}, tolerance {tolerance:e}"
        );
    }
}

fn number(tensor: &Tensor) -> f64 {
    read::scalar(tensor).unwrap()
}

/// The network of T01 on the sphere.
fn network(activation: Activation, place: (Kind, Device)) -> Shallow {
    let case = golden("T01_energy_and_gradients");
    let of = |name| tensor(&case, name, place);
    Shallow::new(Space::Sphere, activation, of("theta"), of("w"), of("c")).unwrap()
}

/// Points uniform on a sphere.
fn sphere(n: usize, d: i64, seed: u64, place: (Kind, Device)) -> Tensor {
    let drawn = Shallow::random(
        Space::Sphere,
        Activation::RELU,
        d,
        &vec![1.0; n],
        seed,
        place,
    );
    drawn.unwrap().neurons().copy()
}
