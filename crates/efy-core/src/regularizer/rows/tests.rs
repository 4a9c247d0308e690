//! The native kernels and their batched counterparts, which CUDA takes, give the same answers.

use tch::{Kind, Tensor};

use super::*;
use crate::device::read;
use crate::native::{RowKernel, batched, by_rows};
use crate::random::{Stream, generator};
use crate::regularizer::Separable;
use rand::RngExt;

/// Rows of several spreads, with ties.
fn rows(k: i64, kind: Kind) -> Tensor {
    let mut random = generator(7, Stream::MadeUp, 0);
    let mut values = Vec::new();
    for spread in [0.0, 0.3, 1.0, 4.0, 15.0, 60.0] {
        for _ in 0..3 * k {
            values.push(spread * random.random_range(-1.0..1.0_f64));
        }
    }
    let t = Tensor::from_slice(&values).reshape([-1, k]);
    t.select(1, 0).copy_(&t.select(1, k - 1));
    t.to_kind(kind)
}

fn largest(t: &Tensor) -> f64 {
    read::scalar(&t.abs().max()).unwrap()
}

fn assert_agreement(name: &str, kernel: &impl RowKernel, input: &Tensor, number: Option<&Tensor>) {
    let native = by_rows(kernel, input, number);
    let other = batched(kernel, input, number);
    assert_eq!(native.size(), other.size());
    let tolerance = if input.kind() == Kind::Double {
        1e-11
    } else {
        2e-5
    };
    let scale = largest(&native).max(1.0);
    let difference = largest(&(&native - &other));
    let nan = |t: Tensor| read::scalar(&t.isnan().all()).unwrap() == 1.0;
    let unknown = input.full_like(f64::NAN);
    assert!(nan(by_rows(kernel, &unknown, number)), "{name}");
    assert!(nan(batched(kernel, &unknown, number)), "{name}");
    assert!(
        difference <= tolerance * scale,
        "{name} {:?}: {difference}\n{native}\n{other}",
        input.kind()
    );
}

#[test]
fn entmax_agrees_for_every_order() {
    for kind in [Kind::Float, Kind::Double] {
        for k in [1, 2, 7, 40] {
            for alpha in [1.05, 1.3, 1.5, 1.8, 2.0, 2.5] {
                for factor in [1.0, 0.2] {
                    let kernel = Entmax { alpha, factor };
                    assert_agreement(
                        &format!("entmax {alpha} {k}"),
                        &kernel,
                        &rows(k, kind),
                        None,
                    );
                }
            }
        }
    }
}

#[test]
fn the_labels_of_a_knapsack_agree() {
    for kind in [Kind::Float, Kind::Double] {
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
            let input = rows(7, kind);
            let kernel = Fermi { min, max };
            let native = labels(by_rows(&kernel, &input, None));
            let other = labels(batched(&kernel, &input, None));
            let tolerance = if kind == Kind::Double { 1e-11 } else { 2e-5 };
            let difference = largest(&(native - other));
            assert!(
                difference <= tolerance,
                "{min} {max} {kind:?}: {difference}"
            );
        }
    }
}

#[test]
fn sinkhorn_agrees() {
    for kind in [Kind::Float, Kind::Double] {
        for n in [1, 2, 5] {
            let scores = rows((n * n) as i64, kind) * 0.2;
            assert_agreement(&format!("sinkhorn {n}"), &Sinkhorn { n }, &scores, None);
        }
    }
}

#[test]
fn proximal_maps_on_the_simplex_agree() {
    for kind in [Kind::Float, Kind::Double] {
        for entropy in [
            Entropy::Shannon,
            Entropy::Tsallis { alpha: 1.2 },
            Entropy::Tsallis { alpha: 1.5 },
            Entropy::Tsallis { alpha: 2.0 },
            Entropy::Tsallis { alpha: 3.0 },
        ] {
            for (scale, eta) in [(1.0, 0.1), (1.0, 1.0), (3.0, 5.0)] {
                let x = rows(6, kind) * 0.2;
                let eta = Tensor::full([x.size()[0], 1], eta, (kind, x.device()));
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
}

#[test]
fn coordinates_agree() {
    let bounds = (0.0, 1.0);
    let (low, high) = (-1.0, 2.0);
    for kind in [Kind::Float, Kind::Double] {
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
                let a = rows(6, kind);
                let d = Tensor::full([a.size()[0], 1], d, (kind, a.device()));
                assert_agreement(
                    &format!("{omega:?}"),
                    &Coordinates { omega, bounds },
                    &a,
                    Some(&d),
                );
            }
        }
    }
}
