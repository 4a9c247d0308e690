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

use efy_core::shallow::{Activation, Shallow, Space};
use efy_test::{
    assert_close, bits, by_kind, everywhere, number, place, tensor, tolerance, uniform,
};
use serde_json::Value;
use tch::{Kind, Tensor};

/// The case of this name.
fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/golden/dual/golden.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file.get(name)
        .unwrap_or_else(|| panic!("no case {name}"))
        .clone()
}

/// A number, vector or matrix of a case.
fn of(case: &Value, name: &str) -> Tensor {
    let (shape, out) = json::numbers(case.get(name).unwrap_or_else(|| panic!("no {name}")));
    tensor(&out).view(shape.as_slice())
}

/// The tolerance of the specification, and one for f32.
fn exact() -> f64 {
    by_kind(1e-12, 2.5e-11)
}

/// The network of T01 on the sphere.
fn network(activation: Activation) -> Shallow {
    let case = golden("T01_energy_and_gradients");
    let of = |name| of(&case, name);
    Shallow::new(Space::Sphere, activation, of("theta"), of("w"), of("c")).unwrap()
}

/// Points uniform on a sphere.
fn sphere(n: usize, d: i64, seed: u64) -> Tensor {
    let charges = vec![1.0; n];
    let drawn = Shallow::random(Space::Sphere, Activation::RELU, d, &charges, seed, place());
    drawn.unwrap().neurons().copy()
}
