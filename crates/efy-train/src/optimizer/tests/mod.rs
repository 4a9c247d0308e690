//! Both engines on a problem of a few weights.

mod gate;
mod replicas;
mod state;
mod trajectories;

use efy_core::parameters::{Builder, Parameters};
use efy_test::{by_kind, device, everywhere, kind, place, tensor, tolerance, values};
use tch::Tensor;

use super::{Optimizer, OptimizerKind};
use crate::TrainConfig;

/// Not a multiple of the width of a vector.
const WEIGHTS: usize = 37;
/// Steps of the whole training, for schedules.
const TOTAL: u64 = 60;

/// An engine: slices or tensor operations.
type Make = fn(&TrainConfig, &Parameters, u64) -> crate::Result<Optimizer>;
const ENGINES: [Make; 2] = [Optimizer::new, Optimizer::batched];

/// A configuration in YAML's flow style, without the braces.
fn config(text: &str) -> TrainConfig {
    crate::config::from_text("test", &format!("{{{text}}}"), &[]).unwrap()
}

/// Every rule with everything that changes it.
fn configs() -> Vec<TrainConfig> {
    [
        "optimizer: adam, lr: 0.05",
        "optimizer: adam, lr: 0.05, weight_decay: 0.1, beta1: 0.8, beta2: 0.99, epsilon: 1e-3",
        "optimizer: adamw, lr: 0.05, weight_decay: 0.1",
        "optimizer: adamw, lr: 0.05, weight_decay: 0.1, clip_norm: 0.5",
        "optimizer: sgd, lr: 0.01, momentum: 0",
        "optimizer: sgd, lr: 0.01, momentum: 0, weight_decay: 0.1, clip_norm: 0.5",
        "optimizer: sgd, lr: 0.01",
        "optimizer: sgd, lr: 0.01, weight_decay: 0.1, clip_norm: 0.5",
        "optimizer: sgd, lr: 0.01, nesterov: true",
        "optimizer: sgd, lr: 0.01, nesterov: true, weight_decay: 0.1",
        "optimizer: adam, lr: 0.05, clip_norm: 0.5, schedule: {kind: cosine, warmup_steps: 5}",
    ]
    .map(config)
    .to_vec()
}

/// Weights between -1 and 1; every third one does not decay.
fn parameters(decays: bool) -> Parameters {
    let mut builder = Builder::default();
    for (place, value) in start().into_iter().enumerate() {
        let decays = decays || place % 3 > 0;
        let name = format!("w{place}");
        builder.add(name, &[1], vec![value], decays).unwrap();
    }
    builder.build(kind(), device()).unwrap()
}

fn start() -> Vec<f64> {
    let value = |place: usize| (place as f64 * 0.7).sin();
    (0..WEIGHTS).map(value).collect()
}

/// $\sum_i w_i^4 + 0.3 w_i$.
fn loss(weights: &Tensor) -> Tensor {
    (weights.pow_tensor_scalar(4) + weights * 0.3).sum(weights.kind())
}

/// Its gradient, from the weights as they are.
fn gradient(parameters: &Parameters) -> Tensor {
    parameters.flat().pow_tensor_scalar(3) * 4 + 0.3
}

/// Makes steps on the problem.
fn descend(optimizer: &mut Optimizer, parameters: &Parameters, steps: usize) {
    for _ in 0..steps {
        let loss = loss(parameters.flat());
        let gradient = gradient(parameters);
        optimizer.step(parameters, gradient, &loss).unwrap();
    }
}

/// A loss.
fn scalar(value: f64) -> Tensor {
    tensor(&[value]).reshape([0_i64; 0])
}

/// All that a step could change, to the last bit.
fn bits(optimizer: &Optimizer, parameters: &Parameters) -> Vec<Vec<u64>> {
    let state = optimizer.state().unwrap();
    let moments = (state.tensors().iter())
        .filter(|(name, _)| name != "faults")
        .map(|(_, tensor)| tensor);
    std::iter::once(parameters.flat())
        .chain(moments)
        .map(|tensor| values(tensor).into_iter().map(f64::to_bits).collect())
        .collect()
}

/// The largest difference of two tensors.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let pairs = values(a).into_iter().zip(values(b));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// What rounding may leave after [`TOTAL`] steps.
fn rounding() -> f64 {
    by_kind(1e-12, 1e-6)
}

#[everywhere]
fn bad_hyper_parameters_are_named() {
    let parameters = parameters(true);
    let cases = [
        (
            "lr: -0.1",
            "train.lr: expected a positive number, found -0.1",
        ),
        (
            "weight_decay: -1",
            "train.weight_decay: expected a number >= 0, found -1",
        ),
        (
            "momentum: 1",
            "train.momentum: expected a number in [0, 1), found 1",
        ),
        (
            "beta1: -0.1",
            "train.beta1: expected a number in [0, 1), found -0.1",
        ),
        (
            "beta2: .nan",
            "train.beta2: expected a number in [0, 1), found NaN",
        ),
        (
            "epsilon: 0",
            "train.epsilon: expected a positive number, found 0",
        ),
        (
            "clip_norm: -1",
            "train.clip_norm: expected a number >= 0, found -1",
        ),
        (
            "accumulate: 0",
            "train.accumulate: expected a positive integer, found 0",
        ),
        (
            "optimizer: sgd, momentum: 0, nesterov: true",
            "train.nesterov: expected false without momentum, found true",
        ),
        (
            "schedule: {final: 2}",
            "train.schedule.final: expected a number in [0, 1], found 2",
        ),
        (
            "schedule: {every: 0}",
            "train.schedule.every: expected a positive integer, found 0",
        ),
        (
            "schedule: {factor: 0}",
            "train.schedule.factor: expected a number in (0, 1], found 0",
        ),
    ];
    for (text, message) in cases {
        let mut config = config("");
        let found = crate::config::from_text::<TrainConfig>("test", &format!("{{{text}}}"), &[]);
        match found {
            Ok(parsed) => config = parsed,
            // JSON has no NaN.
            Err(_) => config.beta2 = f64::NAN,
        }
        let error = Optimizer::new(&config, &parameters, TOTAL).unwrap_err();
        assert_eq!(error.to_string(), format!("optimizer: {message}"));
    }
    // What the rule does not use is not looked at.
    let unused = config("nesterov: true, momentum: 0");
    assert_eq!(unused.optimizer, OptimizerKind::Adam);
    assert!(Optimizer::new(&unused, &parameters, TOTAL).is_ok());
}

#[everywhere]
fn a_gradient_of_another_model_is_refused() {
    let parameters = parameters(true);
    let mut optimizer = Optimizer::new(&config(""), &parameters, TOTAL).unwrap();
    let gradient = Tensor::zeros([WEIGHTS as i64 + 1], place());
    let loss = scalar(0.5);
    assert!(optimizer.step(&parameters, gradient, &loss).is_err());
}
