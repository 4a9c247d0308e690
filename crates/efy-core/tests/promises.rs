//! What the library promises of every problem: independent rows, true gradients, true bounds, and the
//! same answer on every path.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/mod.rs"]
mod support;

use efy_core::device::read;
use efy_core::domain::{BoxDomain, Cube, Domain};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{
    Auto, CoordinateAscent, Mirror, Momentum, Options, ProjectedGradient, Solver, Step,
};
use efy_test::{
    assert_close, assert_same_row, bits, by_device, device, everywhere, flags, indices, kind,
    on_cpu, place, tolerance, uniform, values,
};
use proptest::prelude::*;
use support::{Opaque, central_differences, on_host};
use tch::{Kind, Tensor};

fn options(digits: f64) -> Options {
    Options {
        tolerance: tolerance(digits),
        max_iterations: 5000,
        check_every: 10,
        certify: true,
    }
}

fn regularizer(index: usize) -> Box<dyn Regularizer> {
    match index {
        0 => Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        1 => Box::new(Gini::new(1.3).unwrap()),
        2 => Box::new(BinaryEntropy::new(0.6).unwrap()),
        _ => Box::new(OneSidedShannon::new(0.9).unwrap()),
    }
}

fn loss_of(index: usize, solver: Box<dyn Solver>) -> FenchelYoung {
    FenchelYoung::from_parts(regularizer(index), Box::new(Cube), solver)
}

/// Both kinds of coupling, shared and one a row.
fn couplings(rows: i64, k: i64, seed: u64) -> Vec<Coupling> {
    let a = uniform(&[rows, k, 3], 0.8, seed);
    let shared = a.get(0);
    let dense = |a: &Tensor| a.matmul(&a.transpose(-1, -2)).neg();
    vec![
        Coupling::Dense(dense(&shared)),
        Coupling::Dense(dense(&a)),
        Coupling::LowRank(shared),
        Coupling::LowRank(a),
    ]
}

#[everywhere]
fn a_stiff_row_leaves_the_other_rows_their_bits() {
    let (rows, k) = (by_device(21, 11), 6);
    let u = uniform(&[rows, k], 2.0, 1);
    let stiff = u.copy();
    let _ = stiff.get(4).g_mul_scalar_(1e6);
    let _ = stiff.get(9).fill_(f64::NAN);
    for index in 0..4 {
        for coupling in [2, 3, 0, 1] {
            let solve = |u: &Tensor, from: i64, count: i64| {
                let all = couplings(rows, k, 2);
                let take = |t: &Tensor| {
                    if t.dim() == 3 {
                        t.narrow(0, from, count)
                    } else {
                        t.shallow_clone()
                    }
                };
                let coupling = match &all[coupling] {
                    Coupling::Dense(t) => Coupling::Dense(take(t)),
                    Coupling::LowRank(t) => Coupling::LowRank(take(t)),
                };
                let energy = Quadratic::new(u.narrow(0, from, count), coupling).unwrap();
                let loss = loss_of(
                    index,
                    Box::new(Auto {
                        options: options(1e-6),
                    }),
                );
                let solution = loss.predict(&energy, None).unwrap();
                (solution.argmax, solution.report.iterations)
            };
            let (calm, calm_iterations) = solve(&u, 0, rows);
            let (mixed, mixed_iterations) = solve(&stiff, 0, rows);
            for row in (0..rows).filter(|row| ![4, 9].contains(row)) {
                let (alone, iterations) = solve(&u, row, 1);
                for (together, count) in [(&calm, &calm_iterations), (&mixed, &mixed_iterations)] {
                    let context = format!("regularizer {index}, coupling {coupling}, row {row}");
                    assert_same_row(&context, &together.get(row), &alone.get(0), 1e-6);
                    if on_cpu() {
                        assert_eq!(bits(&count.get(row)), bits(&iterations.get(0)), "{context}");
                    }
                }
            }
        }
    }
}

#[everywhere]
fn a_row_that_is_not_finite_is_never_called_converged() {
    // The broken row takes all of them.
    let limited = Options {
        max_iterations: by_device(5000, 200),
        ..options(1e-8)
    };
    let u = uniform(&[3, 4], 1.0, 3);
    let _ = u.get(1).fill_(f64::NAN);
    let linear = Linear::new(u.shallow_clone()).unwrap();
    let report = loss_of(1, Box::new(Auto::default()));
    let report = report.predict(&linear, None).unwrap().report;
    let converged = flags(&report.converged);
    assert_eq!(converged, [true, false, true], "{}", report.solver);
    // Of a single number, the others are not affected without a coupling.
    let single = uniform(&[3, 4], 1.0, 3);
    let _ = single.get(1).get(0).fill_(f64::NAN);
    let linear = Linear::new(single).unwrap();
    for solver in [
        Box::new(CoordinateAscent { options: limited }) as Box<dyn Solver>,
        Box::new(ProjectedGradient {
            options: limited,
            ..ProjectedGradient::fista()
        }),
    ] {
        let report = loss_of(0, solver).predict(&linear, None).unwrap().report;
        let converged = flags(&report.converged);
        assert_eq!(converged, [true, false, true], "{}", report.solver);
        assert!(values(&report.residual)[1].is_nan(), "{}", report.solver);
    }
    for coupling in couplings(3, 4, 4).into_iter().skip(by_device(0, 3)) {
        let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
        for solver in [
            Box::new(CoordinateAscent { options: limited }) as Box<dyn Solver>,
            Box::new(ProjectedGradient {
                options: limited,
                ..ProjectedGradient::fista()
            }),
        ] {
            let report = loss_of(1, solver).predict(&energy, None).unwrap().report;
            let converged = flags(&report.converged);
            assert_eq!(converged, [true, false, true], "{}", report.solver);
        }
    }
}

#[everywhere]
fn native_and_batched_paths_agree_to_rounding() {
    let (rows, k) = (11, 5);
    let solvers: [fn() -> Box<dyn Solver>; 5] = [
        || {
            Box::new(ProjectedGradient {
                options: options(1e-12),
                ..Default::default()
            })
        },
        || {
            Box::new(ProjectedGradient {
                options: options(1e-12),
                ..ProjectedGradient::fista()
            })
        },
        || {
            let step = Step::Curvature;
            let momentum = Momentum::Constant;
            Box::new(ProjectedGradient {
                step,
                momentum,
                options: options(1e-12),
            })
        },
        || {
            Box::new(CoordinateAscent {
                options: options(1e-12),
            })
        },
        || {
            Box::new(Mirror {
                options: options(1e-12),
                ..Mirror::default()
            })
        },
    ];
    let u = uniform(&[rows, k], 2.0, 5);
    for index in 0..by_device(3, 1) {
        for coupling in by_device(0, 2)..4 {
            let energy = || {
                let coupling = couplings(rows, k, 6).swap_remove(coupling);
                Quadratic::new(u.shallow_clone(), coupling).unwrap()
            };
            let exact = loss_of(
                index,
                Box::new(CoordinateAscent {
                    options: options(1e-14),
                }),
            );
            let exact = exact.predict(&energy(), None).unwrap();
            for make in solvers {
                let loss = loss_of(index, make());
                for hidden in [false, true].into_iter().take(by_device(2, 1)) {
                    let energy: Box<dyn Energy> = if hidden {
                        Box::new(Opaque(Box::new(energy())))
                    } else {
                        Box::new(energy())
                    };
                    // A solver that has no method for a problem says so.
                    let Ok(solution) = loss.predict(energy.as_ref(), None) else {
                        continue;
                    };
                    let context = format!("{index} {coupling} {}", solution.report.solver);
                    assert_close(&context, &solution.argmax, &exact.argmax, 1e-9);
                    let value = |s: &efy_core::solver::Solution| {
                        s.certificate.as_ref().unwrap().value.shallow_clone()
                    };
                    assert_close(&context, &value(&solution), &value(&exact), 1e-9);
                }
            }
        }
    }
}

#[everywhere(f64)]
fn eq_envelope_gradient_equals_central_differences_of_the_resolved_loss() {
    let (rows, k) = (3, 4);
    let y = uniform(&[rows, k], 1.0, 7).gt(0.0).to_kind(kind());
    for index in 0..by_device(4, 1) {
        for which in 0..4 {
            let u = uniform(&[rows, k], 1.5, 8).set_requires_grad(true);
            let coupling = couplings(rows, k, 9).swap_remove(which);
            let parameter = coupling.tensor().copy().set_requires_grad(true);
            let build = |u: &Tensor, parameter: &Tensor| {
                let parameter = parameter.shallow_clone();
                let coupling = match which {
                    0 | 1 => Coupling::Dense((&parameter + parameter.transpose(-1, -2)) * 0.5),
                    _ => Coupling::LowRank(parameter),
                };
                Quadratic::new(u.shallow_clone(), coupling).unwrap()
            };
            let loss = loss_of(
                index,
                Box::new(CoordinateAscent {
                    options: options(1e-14),
                }),
            );
            let host_y = on_host(&y);
            let mean = |u: &Tensor, parameter: &Tensor| {
                let mean = loss.mean_loss(&build(u, parameter), &host_y, None);
                read::scalar(&mean.unwrap().mean).unwrap()
            };
            let energy = build(&u, &parameter);
            let fast = loss.mean_loss(&energy, &y, None).unwrap().mean;
            let rows = loss
                .loss(&energy, &y, None)
                .unwrap()
                .per_row
                .mean(None::<Kind>);
            assert_close("mean", &fast, &rows, 1e-12);
            let (fixed_u, fixed) = (on_host(&u), on_host(&parameter));
            let in_u = central_differences(&u, |u| mean(u, &fixed));
            let in_parameter =
                central_differences(&parameter, |parameter| mean(&fixed_u, parameter));
            for scalar in [fast, rows] {
                let gradients = Tensor::run_backward(&[scalar], &[&u, &parameter], true, false);
                for (gradient, expected) in gradients.iter().zip([&in_u, &in_parameter]) {
                    let context = format!("regularizer {index}, coupling {which}");
                    assert_close(&context, gradient, expected, 1e-7);
                }
            }
        }
    }
}

#[everywhere]
fn loss_is_zero_exactly_at_the_prediction_and_scales_with_gamma() {
    let u = uniform(&[8, 5], 2.0, 10);
    let a = uniform(&[5, 2], 1.0, 11);
    let at = |scale: f64| {
        let loss = FenchelYoung::new(
            Gini::new(scale).unwrap(),
            Cube,
            CoordinateAscent {
                options: options(1e-13),
            },
        );
        let coupling = Coupling::LowRank(&a * scale.sqrt());
        (loss, Quadratic::new(&u * scale, coupling).unwrap())
    };
    let (loss, energy) = at(1.0);
    let prediction = loss.predict(&energy, None).unwrap().argmax;
    let zero = loss.loss(&energy, &prediction, None).unwrap().per_row;
    assert_close("zero", &zero, &zero.zeros_like(), 1e-12);
    // (Phi, Omega) -> c (Phi, Omega) scales the loss by c and keeps the prediction.
    let y = prediction.gt(0.7).to_kind(kind());
    let one = loss.loss(&energy, &y, None).unwrap();
    let (loss, energy) = at(3.0);
    let three = loss.loss(&energy, &y, None).unwrap();
    assert_close(
        "argmax",
        &three.solution.argmax,
        &one.solution.argmax,
        1e-11,
    );
    assert_close("loss", &three.per_row, &(one.per_row * 3.0), 1e-11);
}

#[everywhere]
fn wrong_shapes_kinds_and_strengths_are_named() {
    let u = Tensor::zeros([2, 3], place());
    let message = |result: efy_core::Result<Quadratic>| result.unwrap_err().to_string();
    assert_eq!(
        message(Quadratic::new(
            u.shallow_clone(),
            Coupling::Dense(Tensor::zeros([3, 2], place()))
        )),
        "U: expected shape [3, 3] or [G, 3, 3] with G a divisor of 2, found [3, 2]"
    );
    let half = Tensor::zeros([3, 1], (Kind::Half, device()));
    assert_eq!(
        message(Quadratic::new(u.shallow_clone(), Coupling::LowRank(half))),
        format!("A: expected elements of kind {:?}, found Half", kind())
    );
    let flat = Linear::new(Tensor::zeros([3], place()))
        .unwrap_err()
        .to_string();
    assert_eq!(flat, "u: expected shape [B, k], found [3]");
    let gamma = Gini::new(-1.0).unwrap_err().to_string();
    assert_eq!(gamma, "gini.gamma: expected a positive number, found -1");
    assert!(BoxDomain::new(1.0, 1.0).is_err() && BoxDomain::new(0.0, f64::INFINITY).is_err());
    let energy = Linear::new(u).unwrap();
    let loss = loss_of(1, Box::new(Auto::default()));
    let target = loss
        .loss(&energy, &Tensor::zeros([2, 4], place()), None)
        .unwrap_err()
        .to_string();
    assert_eq!(target, "target: expected shape [2, 3], found [2, 4]");
}

#[everywhere]
fn an_empty_batch_is_a_batch() {
    let energy = || {
        let coupling = Coupling::LowRank(uniform(&[4, 2], 1.0, 1));
        Quadratic::new(Tensor::zeros([0, 4], place()), coupling).unwrap()
    };
    for solver in [
        Box::new(Auto::default()) as Box<dyn Solver>,
        Box::new(ProjectedGradient::default()),
    ] {
        let solution = loss_of(0, solver).predict(&energy(), None).unwrap();
        assert_eq!(solution.argmax.size(), [0, 4]);
        assert_eq!(solution.report.converged.size(), [0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: by_device(256, 2), ..ProptestConfig::default() })]

    /// Stopped anywhere, value and value + gap enclose the conjugate; the loss is nonnegative.
    #[everywhere]
    fn the_gap_is_a_true_upper_bound(
        seed in any::<u64>(),
        index in 0..4_usize,
        coupling in 0..5_usize,
        sweeps in 1..6_usize,
        scale in -2.0..2.0_f64,
    ) {
        let (rows, k) = (4, 5);
        let scale = 10_f64.powf(scale);
        let u = uniform(&[rows, k], scale, seed);
        let build = || {
            let coupling = match couplings(rows, k, seed ^ 1).into_iter().nth(coupling) {
                Some(coupling) => coupling,
                // Indefinite, but less so than the regularizer is convex.
                None => {
                    let m = uniform(&[k, k], 0.06, seed ^ 2);
                    Coupling::Dense(&m + m.tr())
                }
            };
            Quadratic::new(u.shallow_clone(), coupling).unwrap()
        };
        let early = Options { max_iterations: sweeps, tolerance: 0.0, ..options(0.0) };
        let early = loss_of(index, Box::new(CoordinateAscent { options: early }));
        let exact = loss_of(index, Box::new(CoordinateAscent { options: options(1e-13) }));
        let early = early.predict(&build(), None).unwrap().certificate.unwrap();
        let exact = exact.predict(&build(), None).unwrap();
        prop_assert!(flags(&exact.report.converged).into_iter().all(|c| c));
        let conjugate = exact.certificate.unwrap().value;
        let slack = tolerance(1e-9) * scale.max(1.0);
        let below = values(&(&conjugate - &early.value));
        let above = values(&(&early.value + &early.gap - &conjugate));
        prop_assert!(below.iter().all(|&b| b >= -slack), "{below:?}");
        prop_assert!(above.iter().all(|&a| a >= -slack), "{above:?}");
    }

    /// Reordering the outputs reorders the answer.
    #[everywhere]
    fn predictions_are_permutation_equivariant(seed in any::<u64>(), index in 0..3_usize) {
        let u = uniform(&[3, 6], 2.0, seed);
        let a = uniform(&[6, 2], 1.0, seed ^ 1);
        let order = indices(&[3_i64, 0, 5, 1, 4, 2]);
        let predict = |u: Tensor, a: Tensor| {
            let energy = Quadratic::new(u, Coupling::LowRank(a)).unwrap();
            let solver = Box::new(CoordinateAscent { options: options(1e-13) });
            loss_of(index, solver).predict(&energy, None).unwrap().argmax
        };
        let plain = predict(u.shallow_clone(), a.shallow_clone()).index_select(1, &order);
        let shuffled = predict(u.index_select(1, &order), a.index_select(0, &order));
        assert_close("permuted", &shuffled, &plain, 1e-9);
    }

    /// On the vertices, nothing beats the linear argmax; projections are feasible and idempotent.
    #[everywhere]
    fn domains_project_and_maximize(seed in any::<u64>(), low in -2.0..0.0_f64, width in 0.1..3.0_f64) {
        let domain = BoxDomain::new(low, low + width).unwrap();
        let theta = uniform(&[4, 5], 5.0, seed);
        let best = (domain.linear_argmax(&theta).unwrap() * &theta).sum_dim_intlist(-1, false, None::<Kind>);
        let vertices = support::vertices(&domain, 5).unwrap();
        prop_assert_eq!(vertices.size(), [32, 5]);
        let brute = theta.matmul(&vertices.tr()).amax([-1].as_slice(), false);
        assert_close("support", &best, &brute, 1e-12);
        let projected = domain.project(&theta);
        prop_assert!(flags(&domain.contains(&projected, 0.0)).into_iter().all(|c| c));
        assert_close("idempotent", &domain.project(&projected), &projected, 0.0);
    }
}
