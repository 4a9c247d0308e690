//! The native kernels and their batched counterparts, which CUDA takes, give the same answers.

use efy_test::{by_kind, device, everywhere, place, tensor, uniform};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::device::read;
use crate::native::{RowKernel, batched, by_rows};
use crate::random::{Stream, generator};
use crate::regularizer::Separable;
use rand::RngExt;

/// Rows of several spreads, with ties.
fn rows(k: i64) -> Tensor {
    let mut random = generator(7, Stream::MadeUp, 0);
    let mut values = Vec::new();
    for spread in [0.0, 0.3, 1.0, 4.0, 15.0, 60.0] {
        for _ in 0..3 * k {
            values.push(spread * random.random_range(-1.0..1.0_f64));
        }
    }
    let t = tensor(&values).reshape([-1, k]);
    t.select(1, 0).copy_(&t.select(1, k - 1));
    t
}

fn largest(t: &Tensor) -> f64 {
    read::scalar(&t.abs().max()).unwrap()
}

fn assert_agreement(name: &str, kernel: &impl RowKernel, input: &Tensor, number: Option<&Tensor>) {
    let host = |t: &Tensor| t.to_device(Device::Cpu);
    let host_number = number.map(host);
    let native = by_rows(kernel, &host(input), host_number.as_ref()).to_device(device());
    let other = batched(kernel, input, number);
    assert_eq!(native.size(), other.size());
    let tolerance = by_kind(1e-11, 2e-5);
    let scale = largest(&native).max(1.0);
    let difference = largest(&(&native - &other));
    let nan = |t: Tensor| read::scalar(&t.isnan().all()).unwrap() == 1.0;
    let unknown = input.full_like(f64::NAN);
    assert!(
        nan(by_rows(kernel, &host(&unknown), host_number.as_ref())),
        "{name}"
    );
    assert!(nan(batched(kernel, &unknown, number)), "{name}");
    assert!(
        difference <= tolerance * scale,
        "{name} {:?}: {difference}\n{native}\n{other}",
        input.kind()
    );
}

#[everywhere]
fn entmax_agrees_for_every_order() {
    for k in [1, 2, 7, 40] {
        for alpha in [1.05, 1.3, 1.5, 1.8, 2.0, 2.5] {
            for factor in [1.0, 0.2] {
                let kernel = Entmax { alpha, factor };
                assert_agreement(&format!("entmax {alpha} {k}"), &kernel, &rows(k), None);
            }
        }
    }
}

#[everywhere]
fn the_labels_of_a_knapsack_agree() {
    for (min, max) in [
        (0.0, 2.0),
        (3.0, 3.0),
        (0.0, 0.3),
        (6.5, 7.0),
        (0.0, 0.0),
        (7.0, 7.0),
    ] {
        // Where all but the bound's worth of labels are decided, the threshold is anything in
        // between; the labels are not.
        let labels = |t: Tensor| t.narrow(1, 0, 7);
        let input = rows(7);
        let kernel = Fermi { min, max };
        let host = input.to_device(Device::Cpu);
        let native = labels(by_rows(&kernel, &host, None)).to_device(device());
        let other = labels(batched(&kernel, &input, None));
        let tolerance = by_kind(1e-11, 2e-5);
        let difference = largest(&(native - other));
        assert!(difference <= tolerance, "{min} {max}: {difference}");
    }
}

#[everywhere]
fn sinkhorn_agrees() {
    for n in [1, 2, 5] {
        let scores = rows((n * n) as i64) * 0.2;
        assert_agreement(&format!("sinkhorn {n}"), &Sinkhorn { n }, &scores, None);
    }
}

/// Scores so large that most rows have no number but 0 at first.
#[everywhere]
fn sinkhorn_is_doubly_stochastic_for_scores_of_any_size() {
    let mut failures = Vec::new();
    for n in [3, 5, 8_usize] {
        for size in [1e2, 1e4, 1e6] {
            let k = (n * n) as i64;
            let scores = uniform(&[40, k], size, 7 + n as u64);
            let kernel = Sinkhorn { n };
            let host = scores.to_device(Device::Cpu);
            let exact = by_rows(&kernel, &host.to_kind(Kind::Double), None);
            let native = by_rows(&kernel, &host, None).to_device(device());
            for (path, p) in [
                ("native", native),
                ("tensors", batched(&kernel, &scores, None)),
            ] {
                let p = p.reshape([-1, n as i64, n as i64]);
                for dim in [-1_i64, -2] {
                    let sums = p.sum_dim_intlist(dim, false, None);
                    let worst = largest(&(sums - 1.0));
                    // Tensor operators have a fixed number of iterations.
                    let tolerance = match path {
                        "native" => by_kind(1e-10, 2e-5),
                        _ => 5e-4,
                    };
                    if worst.is_nan() || worst > tolerance {
                        failures.push(format!("{path} {n} {size}: sums are off by {worst}"));
                    }
                }
                let p = p
                    .reshape([-1, k])
                    .to_device(Device::Cpu)
                    .to_kind(Kind::Double);
                // The last place of a score is a relative error of its exponential.
                let unit = by_kind(f64::EPSILON, f64::from(f32::EPSILON));
                let tolerance = if path == "native" { 1e-5 } else { 5e-4 };
                let off = largest(&(p - &exact));
                if off.is_nan() || off > tolerance + 32.0 * unit * size {
                    failures.push(format!("{path} {n} {size}: off by {off}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[everywhere]
fn proximal_maps_on_the_simplex_agree() {
    for entropy in [
        Entropy::Shannon,
        Entropy::Tsallis { alpha: 1.2 },
        Entropy::Tsallis { alpha: 1.5 },
        Entropy::Tsallis { alpha: 2.0 },
        Entropy::Tsallis { alpha: 3.0 },
    ] {
        for (scale, eta) in [(1.0, 0.1), (1.0, 1.0), (3.0, 5.0)] {
            let x = rows(6) * 0.2;
            let eta = Tensor::full([x.size()[0], 1], eta, place());
            let kernel = SimplexProx { entropy, scale };
            assert_agreement(
                &format!(
                    "prox {entropy:?} {scale} {}",
                    read::scalar(&eta.get(0)).unwrap()
                ),
                &kernel,
                &x,
                Some(&eta),
            );
        }
    }
}

#[everywhere]
fn coordinates_agree() {
    let bounds = (0.0, 1.0);
    let (low, high) = (-1.0, 2.0);
    for (omega, bounds) in [
        (Separable::BinaryEntropy { gamma: 0.7 }, bounds),
        (
            Separable::BoxEntropy {
                gamma: 0.7,
                low,
                high,
            },
            (low, high),
        ),
        (Separable::OneSidedShannon { gamma: 0.7 }, bounds),
        (
            Separable::BinaryTsallis {
                alpha: 1.1,
                gamma: 0.7,
            },
            bounds,
        ),
        (
            Separable::BinaryTsallis {
                alpha: 1.5,
                gamma: 0.7,
            },
            bounds,
        ),
        (
            Separable::BinaryTsallis {
                alpha: 3.5,
                gamma: 0.7,
            },
            bounds,
        ),
    ] {
        for d in [0.0, -1.0, -30.0] {
            let a = rows(6);
            let d = Tensor::full([a.size()[0], 1], d, place());
            assert_agreement(
                &format!("{omega:?}"),
                &Coordinates { omega, bounds },
                &a,
                Some(&d),
            );
        }
    }
}
