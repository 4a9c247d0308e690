//! The batched tensor paths for linear and quadratic energies, which on the CPU give way to native
//! loops, must give the same answers. On the CPU alone, where there are both; `tests/solvers` runs the batched ones
//! on every device.

use tch::{Device, Kind, Tensor};

use super::gradient::Rates;
use super::*;
use crate::device::read;
use crate::domain::{BoxDomain, Cube};
use crate::energy::{Coupling, Linear, Quadratic};
use crate::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, NoRegularizer, OneSidedShannon,
    Regularizer, Separable,
};

const OPTIONS: Options = Options {
    tolerance: 1e-12,
    max_iterations: 4000,
    check_every: 7,
    certify: true,
};

/// A fixed sequence of numbers in [-1, 1).
fn numbers(shape: &[i64], seed: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as u64;
    let hash = |i: u64| (i + 1 + seed * 1009).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    let values: Vec<f64> = (0..count)
        .map(|i| hash(i) as f64 / (1_u64 << 52) as f64 - 1.0)
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

fn energies() -> Vec<Box<dyn Energy>> {
    let (rows, k) = (9, 5);
    let u = || numbers(&[rows, k], 1) * 2.0;
    let a = numbers(&[rows, k, 2], 2);
    let dense = |a: &Tensor| a.matmul(&a.transpose(-1, -2)).neg();
    let quadratic = |coupling| Box::new(Quadratic::new(u(), coupling).unwrap()) as Box<dyn Energy>;
    vec![
        Box::new(Linear::new(u()).unwrap()),
        quadratic(Coupling::Dense(dense(&a.get(0)))),
        quadratic(Coupling::Dense(dense(&a))),
        quadratic(Coupling::LowRank(a.get(0))),
        quadratic(Coupling::LowRank(a)),
    ]
}

/// More rows than lanes and a number of coordinates that no group of four divides, so that native loops
/// meet full and partial blocks of both; the low-rank coupling is too thin to be multiplied out.
fn ragged(kind: Kind) -> Vec<(Tensor, Coupling)> {
    let (rows, k) = (19, 11);
    let u = (numbers(&[rows, k], 3) * 2.0).to_kind(kind);
    let a = numbers(&[rows, k, 2], 4).to_kind(kind);
    let dense = |a: &Tensor| a.matmul(&a.transpose(-1, -2)).neg();
    [
        Coupling::Dense(dense(&a.get(0))),
        Coupling::Dense(dense(&a)),
        Coupling::LowRank(a.get(0)),
        Coupling::LowRank(a),
    ]
    .map(|coupling| (u.shallow_clone(), coupling))
    .into()
}

fn bits(t: &Tensor) -> Vec<u64> {
    let values: Vec<f64> = read::to_vec(t).unwrap();
    values.into_iter().map(f64::to_bits).collect()
}

/// The native solvers of quadratic problems.
fn native_solvers(options: Options) -> Vec<Box<dyn Solver>> {
    let gradient = |step, momentum| ProjectedGradient {
        step,
        momentum,
        options,
    };
    vec![
        Box::new(CoordinateAscent { options }),
        Box::new(gradient(Step::Curvature, Momentum::Constant)),
        Box::new(gradient(
            Step::Curvature,
            Momentum::Nesterov { restart: true },
        )),
        Box::new(gradient(
            Step::Backtracking { initial: 4.0 },
            Momentum::None,
        )),
        Box::new(gradient(
            Step::Backtracking { initial: 4.0 },
            Momentum::Nesterov { restart: true },
        )),
    ]
}

#[test]
fn a_row_alone_has_the_bits_it_has_among_others_in_every_native_loop() {
    let options = Options {
        tolerance: 1e-5,
        ..OPTIONS
    };
    let regularizer = Gini::new(0.9).unwrap();
    let solve = |solver: &dyn Solver, u: Tensor, coupling: Coupling| {
        let energy = Quadratic::new(u, coupling).unwrap();
        let problem = Problem {
            energy: &energy,
            regularizer: &regularizer,
            domain: &Cube,
        };
        solver.solve(&problem, None).unwrap()
    };
    for kind in [Kind::Float, Kind::Double] {
        for (u, coupling) in ragged(kind) {
            for solver in native_solvers(options) {
                let all = solve(solver.as_ref(), u.shallow_clone(), coupling.shallow_clone());
                for row in [0, 7, 8, 15, 16, 18] {
                    let own = |t: &Tensor| t.narrow(0, row, 1);
                    let alone = match &coupling {
                        Coupling::Dense(a) if a.dim() == 3 => Coupling::Dense(own(a)),
                        Coupling::LowRank(a) if a.dim() == 3 => Coupling::LowRank(own(a)),
                        shared => shared.shallow_clone(),
                    };
                    let alone = solve(solver.as_ref(), own(&u), alone);
                    let name = solver.name();
                    assert!(
                        bits(&own(&all.argmax)) == bits(&alone.argmax),
                        "{name} {kind:?} {row}"
                    );
                    let sweeps = own(&all.report.iterations);
                    assert!(
                        bits(&sweeps) == bits(&alone.report.iterations),
                        "{name} {row}"
                    );
                }
            }
        }
    }
}

#[test]
fn native_loops_agree_on_blocks_of_every_shape() {
    let regularizer = Gini::new(0.9).unwrap();
    for (u, coupling) in ragged(Kind::Double) {
        let energy = Quadratic::new(u, coupling).unwrap();
        let problem = Problem {
            energy: &energy,
            regularizer: &regularizer,
            domain: &Cube,
        };
        let batched = Mirror {
            options: OPTIONS,
            ..Mirror::default()
        };
        let batched = batched.solve(&problem, None).unwrap();
        for solver in native_solvers(OPTIONS) {
            let native = solver.solve(&problem, None).unwrap();
            assert_same(solver.name(), &batched, &native);
        }
    }
}

/// Coordinates that fill no group or some, and columns that no quarter of a pass divides.
#[test]
fn coordinate_ascent_on_a_thin_shared_coupling_agrees_with_the_batched_one() {
    let wide = BoxDomain::new(0.25, 1.5).unwrap();
    for (k, rank) in [(2, 1), (4, 1), (5, 1), (13, 3), (18, 2), (27, 5), (71, 17)] {
        let u = numbers(&[19, k], 5) * 2.0;
        let a = numbers(&[k, rank], 6) / (rank as f64).sqrt();
        let energy = Quadratic::new(u, Coupling::LowRank(a)).unwrap();
        for (regularizer, domain) in [
            (
                &Gini::new(0.9).unwrap() as &dyn Regularizer,
                &Cube as &dyn Domain,
            ),
            (&HalfSquaredNorm::new(0.7).unwrap(), &wide),
        ] {
            let problem = Problem {
                energy: &energy,
                regularizer,
                domain,
            };
            let solver = CoordinateAscent { options: OPTIONS };
            let native = solver.solve(&problem, None).unwrap();
            let start = problem.start(None).unwrap();
            let batched = solver.solve_batched(&problem, &start).unwrap();
            assert_same(&format!("k {k} rank {rank}"), &batched, &native);
            let again = solver.solve(&problem, Some(&native.argmax)).unwrap();
            assert_same("from the maximum", &batched, &again);
        }
    }
}

#[test]
fn large_batches_have_the_same_bits_for_any_number_of_threads() {
    let regularizer = Gini::new(0.9).unwrap();
    for kind in [Kind::Float, Kind::Double] {
        let u = (numbers(&[203, 45], 7) * 2.0).to_kind(kind);
        let a = (numbers(&[45, 10], 8) / 3.0).to_kind(kind);
        let solve = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let (u, a) = (u.shallow_clone(), a.shallow_clone());
            pool.install(|| {
                let energy = Quadratic::new(u, Coupling::LowRank(a)).unwrap();
                let problem = Problem {
                    energy: &energy,
                    regularizer: &regularizer,
                    domain: &Cube,
                };
                let found = CoordinateAscent { options: OPTIONS }.solve(&problem, None);
                bits(&found.unwrap().argmax)
            })
        };
        let one = solve(1);
        for threads in [2, 5] {
            assert!(one == solve(threads), "{kind:?} {threads}");
        }
    }
}

fn assert_same(context: &str, batched: &Solution, native: &Solution) {
    let close = |what: &str, a: &Tensor, b: &Tensor| {
        let difference: Vec<f64> = read::to_vec(&(a - b).abs()).unwrap();
        let largest = difference.into_iter().fold(0.0, f64::max);
        assert!(largest <= 1e-9, "{context}: {what} differs by {largest}");
    };
    close("argmax", &batched.argmax, &native.argmax);
    let (ours, theirs) = (
        batched.certificate.as_ref().unwrap(),
        native.certificate.as_ref().unwrap(),
    );
    close("value", &ours.value, &theirs.value);
    close("gap", &ours.gap, &theirs.gap);
    for report in [&batched.report, &native.report] {
        let converged: Vec<bool> = read::to_vec(&report.converged).unwrap();
        assert!(converged.into_iter().all(|c| c), "{context}: not converged");
    }
}

#[test]
fn batched_projected_gradient_agrees_with_the_native_one() {
    let curvature = Step::Curvature;
    let methods = [
        (Step::Fixed(0.15), Momentum::None),
        (Step::Fixed(0.15), Momentum::Nesterov { restart: true }),
        (curvature, Momentum::None),
        (curvature, Momentum::Nesterov { restart: false }),
        (curvature, Momentum::Nesterov { restart: true }),
        (curvature, Momentum::Constant),
        (Step::Backtracking { initial: 1.0 }, Momentum::None),
        (
            Step::Backtracking { initial: 1.0 },
            Momentum::Nesterov { restart: true },
        ),
    ];
    let regularizers: [Box<dyn Regularizer>; 2] = [
        Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        Box::new(Gini::new(1.2).unwrap()),
    ];
    let domain = BoxDomain::new(-0.5, 0.8).unwrap();
    for energy in energies() {
        for regularizer in &regularizers {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer: regularizer.as_ref(),
                domain: &domain,
            };
            for (step, momentum) in methods {
                let solver = ProjectedGradient {
                    step,
                    momentum,
                    options: OPTIONS,
                };
                let native = solver.solve(&problem, None).unwrap();
                let start = problem.start(None).unwrap();
                let rates = Rates::new(&solver, &problem);
                let batched = solver
                    .solve_batched(&problem, &start, rates.unwrap())
                    .unwrap();
                assert_same(&format!("{step:?} {momentum:?}"), &batched, &native);
            }
        }
    }
}

#[test]
fn batched_coordinate_ascent_agrees_with_the_native_one() {
    let cube = || Box::new(Cube) as Box<dyn Domain>;
    let wide = || Box::new(BoxDomain::new(-1.5, 0.5).unwrap()) as Box<dyn Domain>;
    let problems: [(Box<dyn Regularizer>, Box<dyn Domain>); 8] = [
        (Box::new(HalfSquaredNorm::new(0.7).unwrap()), cube()),
        (Box::new(Gini::new(1.2).unwrap()), cube()),
        (Box::new(BinaryEntropy::new(0.8).unwrap()), cube()),
        (Box::new(OneSidedShannon::new(0.8).unwrap()), cube()),
        (
            Box::new(BinaryEntropy::on_box(0.8, -1.5, 0.5).unwrap()),
            wide(),
        ),
        (Box::new(BinaryTsallis::new(1.2, 0.9).unwrap()), cube()),
        (Box::new(BinaryTsallis::new(2.7, 0.9).unwrap()), cube()),
        (Box::new(NoRegularizer), wide()),
    ];
    for (index, energy) in energies().into_iter().enumerate() {
        for (regularizer, domain) in &problems {
            let regularizer = regularizer.as_ref();
            // Every Newton step is twenty launches: three kinds of energy are enough.
            let quadratic = matches!(regularizer.separable(), Some(Separable::Quadratic { .. }));
            if !quadratic && ![0, 1, 4].contains(&index) {
                continue;
            }
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain: domain.as_ref(),
            };
            let solver = CoordinateAscent { options: OPTIONS };
            let native = solver.solve(&problem, None).unwrap();
            let start = problem.start(None).unwrap();
            let batched = solver.solve_batched(&problem, &start).unwrap();
            assert_same(regularizer.name(), &batched, &native);
        }
    }
}

#[test]
fn mirror_ascent_agrees_with_coordinate_ascent() {
    let regularizer = BinaryEntropy::new(0.8).unwrap();
    for energy in energies().into_iter().skip(1) {
        let problem = Problem {
            energy: energy.as_ref(),
            regularizer: &regularizer,
            domain: &Cube,
        };
        let mirror = Mirror {
            options: OPTIONS,
            ..Mirror::default()
        }
        .solve(&problem, None)
        .unwrap();
        let native = CoordinateAscent { options: OPTIONS }
            .solve(&problem, None)
            .unwrap();
        assert_same("mirror", &mirror, &native);
    }
}

#[test]
fn the_curvature_bound_holds_and_is_tight() {
    for seed in 0..20 {
        let a = numbers(&[6, 3], 10 + seed);
        for coupling in [
            Coupling::LowRank(a.shallow_clone()),
            Coupling::Dense(a.matmul(&a.tr()).neg()),
        ] {
            let bound = read::scalar(&coupling.curvature_bound(1)).unwrap();
            let gram = a.tr().matmul(&a);
            let exact = read::scalar(&gram.linalg_eigvalsh("L").max()).unwrap();
            assert!(
                bound >= exact * (1.0 - 1e-12) && bound <= exact * 1.3,
                "{bound} {exact}"
            );
        }
    }
}

#[test]
fn unsupported_problems_say_what_would_do() {
    let energy = Linear::new(Tensor::zeros([1, 2], (Kind::Double, Device::Cpu))).unwrap();
    let regularizer = BinaryEntropy::new(1.0).unwrap();
    let domain = BoxDomain::new(-1.0, 1.0).unwrap();
    let problem = Problem {
        energy: &energy,
        regularizer: &regularizer,
        domain: &domain,
    };
    for solver in [
        Box::new(ProjectedGradient::default()) as Box<dyn Solver>,
        Box::new(CoordinateAscent::default()),
        Box::new(Mirror::default()),
        Box::new(ClosedForm::default()),
        Box::new(Auto::default()),
    ] {
        let message = solver.solve(&problem, None).unwrap_err().to_string();
        let expected = "cannot solve a linear energy with binary_entropy on box; ";
        assert!(message.contains(expected), "{message}");
    }
}
