//! Native passes of rectifier networks beside libtorch's operators and autograd.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use efy_core::Error;
use efy_core::dense::{DenseNetworks, Layer};
use tch::{Device, Kind, Tensor};

/// Layers of networks on d inputs, one after the other in a buffer that begins and ends with numbers of nobody.
fn networks(d: usize, widths: &[&[usize]]) -> (Vec<Vec<Layer>>, i64) {
    let mut end = 3;
    let mut networks = Vec::new();
    for widths in widths {
        let mut inputs = d;
        let mut layers = Vec::new();
        for &outputs in *widths {
            let weight = end + outputs;
            layers.push(Layer {
                // Biases may lie before their weights.
                bias: end,
                weight,
                inputs,
                outputs,
            });
            end = weight + outputs * inputs;
            inputs = outputs;
        }
        networks.push(layers);
    }
    (networks, end as i64 + 2)
}

fn by_operators(layers: &[Layer], flat: &Tensor, x: &Tensor) -> Tensor {
    let mut h = x.shallow_clone();
    for (index, layer) in layers.iter().enumerate() {
        let [inputs, outputs] = [layer.inputs, layer.outputs].map(|size| size as i64);
        let weight = flat.narrow(0, layer.weight as i64, inputs * outputs);
        let bias = flat.narrow(0, layer.bias as i64, outputs);
        let input = if index == 0 { h } else { h.relu() };
        h = input.matmul(&weight.view([outputs, inputs]).tr()) + bias;
    }
    h
}

fn numbers(seed: i64, shape: &[i64], kind: Kind) -> Tensor {
    let count: i64 = shape.iter().product();
    let t = Tensor::arange(count, (Kind::Double, Device::Cpu)) + 17.0 * seed as f64;
    (t * 12.9898).sin().view(shape).to_kind(kind)
}

fn largest(t: &Tensor) -> f64 {
    f64::try_from(t.abs().max()).unwrap()
}

#[test]
fn outputs_and_gradients_are_those_of_operators() {
    // Linear and deep ones, outputs of one register and of several, more columns than are added at a time.
    let cases: [(usize, &[&[usize]]); 4] = [
        (3, &[&[5]]),
        (20, &[&[18, 33], &[7, 1]]),
        (150, &[&[9, 6, 40], &[12], &[4, 1]]),
        (1, &[&[1, 1, 1]]),
    ];
    for (kind, tolerance) in [(Kind::Double, 1e-13), (Kind::Float, 3e-6)] {
        for (d, widths) in cases {
            let (layers, length) = networks(d, widths);
            let dense = DenseNetworks::new(layers.clone()).unwrap();
            // Tiles of one register, of two, of four, and several of them, whole or not.
            for rows in [1, 7, 16, 17, 31, 50, 64, 65, 150] {
                let context = format!("{kind:?} {d} {widths:?} {rows}");
                let flat = numbers(1, &[length], kind).set_requires_grad(true);
                let x = numbers(2, &[rows, d as i64], kind);
                let (outputs, tape) = dense.pass(&flat.detach(), &x).unwrap();
                let expected: Vec<Tensor> = layers
                    .iter()
                    .map(|layers| by_operators(layers, &flat, &x))
                    .collect();
                let mut total = Tensor::zeros([], (kind, Device::Cpu));
                let mut directions = Vec::new();
                for (output, expected) in outputs.iter().zip(&expected) {
                    assert_eq!(output.size(), expected.size(), "{context}");
                    let scale = largest(expected).max(1.0);
                    assert!(
                        largest(&(output - expected)) < tolerance * scale,
                        "{context}"
                    );
                    let direction = numbers(5, &expected.size(), kind);
                    total += (expected * &direction).sum(kind);
                    directions.push(direction);
                }
                let expected = &Tensor::run_backward(&[total], &[&flat], false, false)[0];
                let found = dense.gradient(&tape, &directions).unwrap();
                let scale = largest(expected).max(1.0);
                let difference = largest(&(found - expected));
                assert!(
                    difference < 10.0 * tolerance * scale,
                    "{context}: {difference}"
                );
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_others() {
    let (layers, length) = networks(20, &[&[18, 33], &[7, 1]]);
    let dense = DenseNetworks::new(layers).unwrap();
    for kind in [Kind::Double, Kind::Float] {
        let (flat, x) = (numbers(1, &[length], kind), numbers(2, &[100, 20], kind));
        let (together, _) = dense.pass(&flat, &x).unwrap();
        for row in [0, 15, 16, 63, 64, 99] {
            let (alone, _) = dense.pass(&flat, &x.narrow(0, row, 1)).unwrap();
            for (alone, together) in alone.iter().zip(&together) {
                assert_eq!(*alone, together.narrow(0, row, 1), "{kind:?} {row}");
            }
        }
    }
}

#[test]
fn what_is_not_a_number_is_seen() {
    let (layers, length) = networks(3, &[&[5, 2]]);
    let dense = DenseNetworks::new(layers).unwrap();
    let flat = numbers(1, &[length], Kind::Float);
    let x = numbers(2, &[4, 3], Kind::Float);
    let _ = x.narrow(0, 2, 1).fill_(f64::NAN);
    let (outputs, tape) = dense.pass(&flat, &x).unwrap();
    let nan = |t: &Tensor| bool::try_from(t.isnan().any()).unwrap();
    assert!(nan(&outputs[0].narrow(0, 2, 1)));
    assert!(!nan(&outputs[0].narrow(0, 0, 2)) && !nan(&outputs[0].narrow(0, 3, 1)));
    let ones = outputs[0].ones_like();
    assert!(nan(&dense.gradient(&tape, &[ones]).unwrap()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (layers, length) = networks(3, &[&[5, 2]]);
    let dense = DenseNetworks::new(layers.clone()).unwrap();
    let flat = numbers(1, &[length], Kind::Float);
    let x = |columns| numbers(2, &[4, columns], Kind::Float);
    let refused = |result: efy_core::Result<_>| matches!(result, Err(Error::Shape { .. }));
    assert!(refused(dense.pass(&flat, &x(4)).map(drop)));
    assert!(refused(dense.pass(&flat.narrow(0, 0, 10), &x(3)).map(drop)));
    let (_, tape) = dense.pass(&flat, &x(3)).unwrap();
    assert!(refused(dense.gradient(&tape, &[x(3)]).map(drop)));
    assert!(refused(dense.gradient(&tape, &[]).map(drop)));
    let mut ill = layers;
    ill[0][1].inputs = 4;
    assert!(DenseNetworks::new(ill).is_err());
    assert!(DenseNetworks::new(vec![Vec::new()]).is_err());
    assert!(!dense.serves(&x(3).to_kind(Kind::BFloat16)));
}
