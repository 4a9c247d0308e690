//! Energies beyond the quadratic: golden vectors, derivatives, concavity, and the native inference in
//! network energies beside the tensor path.
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
use efy_core::energy::{
    Coupling, Custom, Energy, Features, Form, Layer, LinearConcave, LogSumExp, Prior, Quadratic,
    Spen,
};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{Auto, CoordinateNewton, Options, ProjectedGradient, Solution, Solver};
use support::{Case, Opaque, assert_close, golden, uniform};
use tch::{Device, Kind, Tensor};

fn options(tolerance: f64) -> Options {
    Options {
        tolerance,
        max_iterations: 5000,
        check_every: 10,
        certify: true,
    }
}

fn newton(tolerance: f64) -> CoordinateNewton {
    CoordinateNewton {
        options: options(tolerance),
    }
}

/// Its line search makes fifteen trials an iteration on every batch: not many iterations, then.
fn fista(tolerance: f64) -> ProjectedGradient {
    ProjectedGradient {
        options: Options {
            max_iterations: 60,
            check_every: 5,
            ..options(tolerance)
        },
        ..ProjectedGradient::fista()
    }
}

/// The networks that tests run on.
const NETWORKS: [&str; 5] = ["shallow", "mixed signs", "deep", "gated", "gated shallow"];

/// A network energy for rows `from..from + count` of a batch of 11, weights times `scale`.
fn network(name: &str, kind: Kind, scale: f64, (from, count): (i64, i64)) -> Spen {
    let (rows, k) = (11, 5);
    let free = |shape: &[i64], seed| (uniform(shape, 1.5, seed) * scale).to_kind(kind);
    let positive = |shape: &[i64], seed| free(shape, seed).abs();
    let own = |t: Tensor| t.narrow(0, from, count);
    let u = own((uniform(&[rows, k], 3.0, 1) * scale.max(1.0)).to_kind(kind));
    let (w1, b1) = (free(&[7, k], 2), free(&[7], 3));
    let second = || Layer::next(positive(&[6, 7], 5), free(&[6, k], 6), free(&[6], 7));
    let third = || {
        Layer::next(
            positive(&[4, 6], 8),
            free(&[4, k], 9),
            own(free(&[rows, 4], 10)),
        )
    };
    let prior = match name {
        "shallow" => Prior::shallow(w1, b1, positive(&[7], 4)),
        "mixed signs" => Prior::shallow(w1, b1, free(&[7], 4)),
        "deep" => Prior::new(
            vec![Layer::first(w1, b1), second(), third()],
            positive(&[4], 11),
        ),
        "gated" => Prior::new(
            vec![
                Layer::first(w1, own(free(&[rows, 7], 3))).gate_input(own(free(&[rows, k], 12))),
                second()
                    .gate_input(own(free(&[rows, k], 13)))
                    .gate_hidden(own(positive(&[rows, 7], 14))),
                third().gate_hidden(own(positive(&[rows, 6], 15))),
            ],
            own(positive(&[rows, 4], 16)),
        ),
        _ => Prior::new(
            vec![Layer::first(w1, b1).gate_input(own(free(&[rows, k], 12)))],
            own(positive(&[rows, 7], 17)),
        ),
    };
    Spen::new(u, prior.unwrap()).unwrap()
}

fn whole(name: &str) -> Spen {
    network(name, Kind::Double, 1.0, (0, 11))
}

/// U(p) = (-p^2, -e^p): concave features.
struct Bowls(i64);

impl Features for Bowls {
    fn outputs(&self) -> i64 {
        self.0
    }
    fn value(&self, p: &Tensor) -> Tensor {
        Tensor::cat(&[p.square().neg(), p.exp().neg()], 1)
    }
    fn transposed_jacobian(&self, p: &Tensor, v: &Tensor) -> Tensor {
        let parts = v.chunk(2, 1);
        p * &parts[0] * -2.0 - p.exp() * &parts[1]
    }
}

/// Every energy of this file on 11 rows of 5 outputs, and whether it is concave.
fn energies() -> Vec<(&'static str, Box<dyn Energy>, bool)> {
    let k = 5;
    let mut all: Vec<(&'static str, Box<dyn Energy>, bool)> = NETWORKS
        .into_iter()
        .map(|name| {
            (
                name,
                Box::new(whole(name)) as Box<dyn Energy>,
                name != "mixed signs",
            )
        })
        .collect();
    let (u, w, b) = (
        uniform(&[11, k], 2.0, 20),
        uniform(&[6, k], 2.0, 21),
        uniform(&[6], 1.0, 22),
    );
    let soft = LogSumExp::new(u.shallow_clone(), w, b, 0.7).unwrap();
    all.push(("log sum exp", Box::new(soft), true));
    let v = uniform(&[11, 2 * k], 1.0, 23).abs();
    all.push((
        "linear-concave",
        Box::new(LinearConcave::new(v, Bowls(k)).unwrap()),
        true,
    ));
    let custom = Custom::new(&u.shallow_clone(), move |p| {
        (&u * p - p.pow_tensor_scalar(4)).sum_dim_intlist(-1, false, None::<Kind>)
    });
    all.push(("custom", Box::new(custom.unwrap().concave()), true));
    all
}

/// The energy of a golden case from weights that require gradients.
fn spen(case: &Case, u: &Tensor, weights: &[(&str, Tensor)]) -> Spen {
    let get = |name: &str| {
        let found = weights.iter().find(|(key, _)| *key == name);
        found.unwrap().1.shallow_clone()
    };
    let prior = if case.id == "S03" {
        let second = Layer::next(get("Wz"), get("Wp"), get("b"));
        Prior::new(vec![Layer::first(get("W0"), get("b0")), second], get("wo"))
    } else {
        Prior::shallow(get("W1"), get("b1"), get("w2"))
    };
    Spen::new(u.shallow_clone(), prior.unwrap()).unwrap()
}

#[test]
fn s01_s02_s03_golden_vectors_with_all_weight_gradients() {
    for (id, names) in [
        ("S01", &["W1", "b1", "w2"][..]),
        ("S02", &["W1", "b1", "w2"]),
        ("S03", &["W0", "b0", "Wz", "Wp", "b", "wo"]),
    ] {
        let case = golden(id);
        for (kind, tolerance, precise) in [
            (Kind::Double, case.tolerance, 1e-13),
            (Kind::Float, 1e-4, 1e-7),
        ] {
            let solvers: [Box<dyn Solver>; 2] = [
                Box::new(Auto {
                    options: options(precise),
                }),
                Box::new(fista(precise * 100.0)),
            ];
            for solver in solvers {
                let context = format!("{id} {} {kind:?}", solver.name());
                let loss = case.loss(solver);
                let u = case.matrix("u", kind).set_requires_grad(true);
                let weights: Vec<(&str, Tensor)> = names
                    .iter()
                    .map(|&name| (name, case.tensor(name, kind).set_requires_grad(true)))
                    .collect();
                let energy = spen(&case, &u, &weights);
                let y = case.matrix("y", kind);
                let value = loss.loss(&energy, &y, None).unwrap();
                let expect = |key: &str, found: &Tensor| {
                    let expected = case.expected(key).unwrap();
                    assert_close(&format!("{context} {key}"), found, &expected, tolerance);
                };
                expect("p_hat", &value.solution.argmax);
                expect(
                    "conjugate",
                    &value.solution.certificate.as_ref().unwrap().value,
                );
                expect("phi_target", &energy.value(&y));
                expect("loss", &value.per_row);
                let mean = loss.mean_loss(&energy, &y, None).unwrap().mean;
                let inputs: Vec<Tensor> = std::iter::once(&u)
                    .chain(weights.iter().map(|(_, weight)| weight))
                    .map(Tensor::shallow_clone)
                    .collect();
                for scalar in [value.per_row.sum(kind), mean] {
                    let gradients = Tensor::run_backward(&[scalar], &inputs, false, false);
                    expect("grad_u", &gradients[0]);
                    for (name, gradient) in names.iter().zip(&gradients[1..]) {
                        expect(&format!("grad_{name}"), gradient);
                    }
                }
            }
        }
    }
}

#[test]
fn s01_and_s02_are_certified_by_their_weights() {
    // In S02 the regularizer bends more than the energy does the other way.
    for id in ["S01", "S02"] {
        let case = golden(id);
        let weights: Vec<(&str, Tensor)> = ["W1", "b1", "w2"]
            .map(|name| (name, case.tensor(name, Kind::Double)))
            .into();
        let energy = spen(&case, &case.matrix("u", Kind::Double), &weights);
        let mut solvers: Vec<Box<dyn Solver>> = vec![Box::new(fista(1e-12))];
        if support::device() == Device::Cpu {
            solvers.push(Box::new(newton(1e-12)));
        }
        for solver in solvers {
            let solution = case.loss(solver).predict(&energy, None).unwrap();
            let gap = read::scalar(&solution.certificate.unwrap().gap).unwrap();
            assert!(gap < 1e-11, "{id}: {gap}");
        }
    }
}

#[test]
fn eq_gradient_is_that_of_autograd_and_of_central_differences() {
    let p = uniform(&[11, 5], 0.5, 30) + 0.5;
    for (name, energy, _) in energies() {
        let leaf = p.detach().set_requires_grad(true);
        let sum = energy.value(&leaf).sum(Kind::Double);
        let autograd = Tensor::run_backward(&[sum], &[&leaf], false, false).swap_remove(0);
        let _guard = tch::no_grad_guard();
        let found = energy.gradient(&p);
        assert_close(name, &found, &autograd, 1e-12);
        let h = 1e-5;
        for i in 0..5 {
            let mut step = p.zeros_like();
            let _ = step.select(1, i).fill_(h);
            step = step.detach();
            let slope = (energy.value(&(&p + &step)) - energy.value(&(&p - &step))) / (2.0 * h);
            assert_close(name, &found.select(1, i), &slope, 1e-8);
        }
    }
}

#[test]
fn eq_hessian_product_is_that_of_central_differences() {
    let p = uniform(&[11, 5], 0.5, 31) + 0.5;
    let q = uniform(&[11, 5], 1.0, 32);
    let h = 1e-5;
    for (name, energy, _) in energies() {
        let _guard = tch::no_grad_guard();
        let ahead = energy.gradient(&(&p + &q * h));
        let behind = energy.gradient(&(&p - &q * h));
        let expected = (ahead - behind) / (2.0 * h);
        assert_close(name, &energy.hessian_product(&p, &q), &expected, 1e-8);
    }
}

#[test]
fn eq_discrete_gradient_gives_the_difference_of_values_whatever_the_distance() {
    let p = uniform(&[11, 5], 0.5, 33) + 0.5;
    let direction = uniform(&[11, 5], 1.0, 34);
    for name in NETWORKS {
        for scale in [1.0, 40.0] {
            let energy = network(name, Kind::Double, scale, (0, 11));
            let size = read::scalar(&energy.value(&p).abs().max()).unwrap();
            for step in [0.0, 1e-9, 1e-4, 0.1, 1.0] {
                let q = &p + &direction * step;
                let gradient = energy.discrete_gradient(&p, &q).unwrap();
                let found = ((&p - &q) * gradient).sum_dim_intlist(-1, false, None::<Kind>);
                let expected = energy.value(&p) - energy.value(&q);
                let tolerance = 1e-14 * size.max(1.0);
                assert_close(&format!("{name} {step}"), &found, &expected, tolerance);
            }
        }
        // In f32 it keeps the digits that a difference of values loses.
        let (single, double) = (network(name, Kind::Float, 1.0, (0, 11)), whole(name));
        let (a, b) = (
            p.to_kind(Kind::Float),
            (&p + &direction * 1e-3).to_kind(Kind::Float),
        );
        let found = ((&a - &b) * single.discrete_gradient(&a, &b).unwrap()).sum_dim_intlist(
            -1,
            false,
            None::<Kind>,
        );
        let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
        let expected = double.value(&a) - double.value(&b);
        let scale = 1.0 / read::scalar(&expected.abs().max()).unwrap();
        assert_close(name, &(found * scale), &(expected * scale), 3e-6);
    }
}

#[test]
fn concave_energies_lie_above_their_chords() {
    for (name, energy, concave) in energies() {
        let mut broken = 0;
        for seed in 0..40 {
            let (p, q) = (
                uniform(&[11, 5], 2.0, 100 + seed),
                uniform(&[11, 5], 2.0, 200 + seed),
            );
            let middle = energy.value(&((&p + &q) * 0.5));
            let chord = (energy.value(&p) + energy.value(&q)) * 0.5;
            let below = (chord - middle)
                .gt(1e-12)
                .to_kind(Kind::Double)
                .sum(Kind::Double);
            broken += read::scalar(&below).unwrap() as i64;
        }
        assert_eq!(broken == 0, concave, "{name}: {broken}");
    }
}

fn regularizers() -> [Box<dyn Regularizer>; 4] {
    [
        Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        Box::new(Gini::new(1.3).unwrap()),
        Box::new(BinaryEntropy::new(0.6).unwrap()),
        Box::new(OneSidedShannon::new(0.9).unwrap()),
    ]
}

fn solve(
    energy: &dyn Energy,
    regularizer: Box<dyn Regularizer>,
    domain: impl Domain + 'static,
    solver: impl Solver + 'static,
) -> Solution {
    FenchelYoung::from_parts(regularizer, Box::new(domain), Box::new(solver))
        .predict(energy, None)
        .unwrap()
}

#[test]
fn native_and_tensor_paths_agree() {
    let wide = || BoxDomain::new(-0.7, 1.4).unwrap();
    for name in NETWORKS.into_iter().filter(|&name| name != "mixed signs") {
        let energy = whole(name);
        let (gini, norm) = (
            || Box::new(Gini::new(1.3).unwrap()),
            || Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        );
        for (native, batched) in [
            (
                solve(&energy, gini(), Cube, newton(1e-12)),
                solve(&energy, gini(), Cube, fista(1e-8)),
            ),
            (
                solve(&energy, norm(), wide(), newton(1e-12)),
                solve(&energy, norm(), wide(), fista(1e-8)),
            ),
        ] {
            assert_eq!(native.report.solver, "coordinate_newton");
            assert_close(name, &native.argmax, &batched.argmax, 1e-4);
            let (a, b) = (native.certificate.unwrap(), batched.certificate.unwrap());
            assert_close(name, &a.value, &b.value, 1e-7);
            let residual = read::to_vec::<f64>(&native.report.residual).unwrap();
            assert!(residual.into_iter().all(|r| r <= 1e-12), "{name}");
        }
    }
}

#[test]
fn native_and_tensor_certificates_are_the_same_at_the_same_point() {
    for name in NETWORKS {
        let energy = whole(name);
        // Without an iteration both report their start.
        let options = Options {
            max_iterations: 0,
            ..options(0.0)
        };
        let gini = || Box::new(Gini::new(1.3).unwrap());
        let native = solve(&energy, gini(), Cube, CoordinateNewton { options });
        let batched = solve(
            &energy,
            gini(),
            Cube,
            ProjectedGradient {
                options,
                ..fista(0.0)
            },
        );
        assert_close(name, &native.argmax, &batched.argmax, 0.0);
        assert_close(
            name,
            &native.report.residual,
            &batched.report.residual,
            1e-13,
        );
        let (a, b) = (native.certificate.unwrap(), batched.certificate.unwrap());
        assert_close(name, &a.value, &b.value, 1e-12);
        let finite = |t: &Tensor| t.nan_to_num(0.0, -1.0, -1.0);
        assert_close(name, &finite(&a.gap), &finite(&b.gap), 1e-12);
    }
}

#[test]
fn every_regularizer_converges_on_every_network_however_stiff() {
    for name in NETWORKS {
        for scale in [0.1, 1.0, 3.0, 10.0] {
            for kind in [Kind::Double, Kind::Float] {
                // Weights multiply through the layers, and rounding with them.
                let most = match (name, kind) {
                    ("deep" | "gated", Kind::Float) => 1.0,
                    ("deep" | "gated" | "gated shallow", _) => 3.0,
                    _ => 10.0,
                };
                if scale > most {
                    continue;
                }
                for regularizer in regularizers() {
                    let context = format!("{name} {scale} {kind:?} {}", regularizer.name());
                    let energy = network(name, kind, scale, (0, 11));
                    let tolerance = if kind == Kind::Double { 1e-10 } else { 1e-5 };
                    let solution = solve(&energy, regularizer, Cube, newton(tolerance));
                    let report = solution.report;
                    let iterations: Vec<i64> = read::to_vec(&report.iterations).unwrap();
                    let converged: Vec<bool> = read::to_vec(&report.converged).unwrap();
                    assert!(converged.iter().all(|&c| c), "{context}: {iterations:?}");
                    let most = if scale > 1.0 { 600 } else { 40 };
                    let found = iterations.iter().max().unwrap();
                    assert!(*found <= most, "{context}: {iterations:?}");
                }
            }
        }
    }
}

#[test]
fn a_certificate_encloses_the_conjugate_after_any_number_of_sweeps() {
    for name in NETWORKS {
        for regularizer in 0..4 {
            let pick = || regularizers().into_iter().nth(regularizer).unwrap();
            let exact = solve(&whole(name), pick(), Cube, newton(1e-13));
            let exact = exact.certificate.unwrap().value;
            for sweeps in 0..5 {
                let options = Options {
                    max_iterations: sweeps,
                    ..options(0.0)
                };
                let early = solve(&whole(name), pick(), Cube, CoordinateNewton { options });
                let early = early.certificate.unwrap();
                let above: Vec<f64> = read::to_vec(&(&early.value + &early.gap - &exact)).unwrap();
                assert!(
                    above.iter().all(|&a| a >= -1e-10),
                    "{name} {sweeps}: {above:?}"
                );
                if name == "mixed signs" {
                    continue;
                }
                let below: Vec<f64> = read::to_vec(&(&exact - &early.value)).unwrap();
                assert!(
                    below.iter().all(|&b| b >= -1e-10),
                    "{name} {sweeps}: {below:?}"
                );
                assert!(
                    above.iter().all(|a| a.is_finite()),
                    "{name} {sweeps}: {above:?}"
                );
            }
        }
    }
}

#[test]
fn a_network_with_a_negative_weight_gets_no_certificate_on_any_path() {
    for (name, expected) in [("deep", true), ("gated", true), ("mixed signs", false)] {
        for hidden_sign in [1.0, -1.0] {
            let u = uniform(&[3, 5], 1.0, 40);
            let first = Layer::first(uniform(&[4, 5], 4.0, 41), uniform(&[4], 1.0, 42));
            let hidden = uniform(&[2, 4], 1.0, 43).abs() * hidden_sign;
            let next = Layer::next(hidden, uniform(&[2, 5], 1.0, 44), uniform(&[2], 1.0, 45));
            let sign = if expected { 1.0 } else { -1.0 };
            let output = uniform(&[2], 1.0, 46).abs() * sign;
            let energy = Spen::new(u, Prior::new(vec![first, next], output).unwrap()).unwrap();
            for solver in [
                Box::new(newton(1e-2)) as Box<dyn Solver>,
                Box::new(fista(1e-2)),
            ] {
                let gini: Box<dyn Regularizer> = Box::new(Gini::new(1.0).unwrap());
                let loss = FenchelYoung::from_parts(gini, Box::new(Cube), solver);
                let gap = loss
                    .predict(&energy, None)
                    .unwrap()
                    .certificate
                    .unwrap()
                    .gap;
                let finite = read::to_vec::<f64>(&gap)
                    .unwrap()
                    .into_iter()
                    .all(f64::is_finite);
                assert_eq!(
                    finite,
                    expected && hidden_sign > 0.0,
                    "{name} {hidden_sign}"
                );
            }
        }
    }
}

fn bits(t: &Tensor) -> Vec<u64> {
    let values: Vec<f64> = read::to_vec(t).unwrap();
    values.into_iter().map(f64::to_bits).collect()
}

#[test]
fn a_row_keeps_its_bits_whatever_the_other_rows_are() {
    for name in NETWORKS {
        for kind in [Kind::Float, Kind::Double] {
            for index in 0..4 {
                let pick = || regularizers().into_iter().nth(index).unwrap();
                let solver = || CoordinateNewton {
                    options: Options {
                        max_iterations: 100,
                        ..options(1e-6)
                    },
                };
                let predict = |energy: &Spen| {
                    let solution = solve(energy, pick(), Cube, solver());
                    (solution.argmax, solution.report.iterations)
                };
                let energy = network(name, kind, 2.0, (0, 11));
                let (together, iterations) = predict(&energy);
                let stiff = network(name, kind, 2.0, (0, 11));
                if let Form::Network { u, .. } = stiff.form() {
                    let _ = u.get(4).fill_(f64::NAN);
                    let _ = u.get(9).g_mul_scalar_(1e4);
                }
                let (beside, beside_iterations) = predict(&stiff);
                for row in (0..11).filter(|row| ![4, 9].contains(row)) {
                    let (alone, count) = predict(&network(name, kind, 2.0, (row, 1)));
                    assert_eq!(
                        bits(&together.get(row)),
                        bits(&alone.get(0)),
                        "{name} {row}"
                    );
                    assert_eq!(bits(&beside.get(row)), bits(&alone.get(0)), "{name} {row}");
                    assert_eq!(bits(&iterations.get(row)), bits(&count.get(0)));
                    assert_eq!(bits(&beside_iterations.get(row)), bits(&count.get(0)));
                }
                let converged = solve(&stiff, pick(), Cube, solver()).report.converged;
                assert!(!read::to_vec::<bool>(&converged).unwrap()[4]);
            }
        }
    }
}

#[test]
fn eq_weight_gradients_equal_central_differences_of_the_resolved_loss() {
    let case = golden("S03");
    let names = ["W0", "b0", "Wz", "Wp", "b", "wo"];
    let weights = || -> Vec<(&str, Tensor)> {
        names
            .map(|name| (name, case.tensor(name, Kind::Double)))
            .into()
    };
    let (u, y) = (
        uniform(&[3, 4], 2.0, 50),
        uniform(&[3, 4], 1.0, 51).gt(0.0).to_kind(Kind::Double),
    );
    let loss = FenchelYoung::new(BinaryEntropy::new(0.5).unwrap(), Cube, newton(1e-14));
    let mean = |weights: &[(&str, Tensor)]| {
        loss.mean_loss(&spen(&case, &u, weights), &y, None)
            .unwrap()
            .mean
    };
    let leaves: Vec<(&str, Tensor)> = weights()
        .into_iter()
        .map(|(name, weight)| (name, weight.set_requires_grad(true)))
        .collect();
    let tensors: Vec<&Tensor> = leaves.iter().map(|(_, weight)| weight).collect();
    let gradients = Tensor::run_backward(&[mean(&leaves)], &tensors, false, false);
    let h = 1e-5;
    for (index, gradient) in gradients.iter().enumerate() {
        let count = gradient.numel() as i64;
        let slopes: Vec<f64> = (0..count)
            .map(|i| {
                let at = |step: f64| {
                    let moved = weights();
                    let _ = moved[index].1.view(-1).get(i).g_add_scalar_(step);
                    read::scalar(&mean(&moved)).unwrap()
                };
                (at(h) - at(-h)) / (2.0 * h)
            })
            .collect();
        assert_close(names[index], gradient, &Tensor::from_slice(&slopes), 1e-8);
    }
}

#[test]
fn an_energy_from_closures_is_solved_like_the_one_that_is_written_out() {
    let name = "shallow";
    let energy = || whole(name);
    let like = uniform(&[11, 5], 1.0, 60);
    let by_autograd = Custom::new(&like, move |p| energy().value(p))
        .unwrap()
        .concave();
    let by_formula = Custom::new(&like, move |p| energy().value(p))
        .unwrap()
        .with_gradient(move |p| energy().gradient(p));
    let gini = || Box::new(Gini::new(1.0).unwrap());
    let expected = solve(&whole(name), gini(), Cube, newton(1e-12));
    for (energy, certified) in [(&by_autograd, true), (&by_formula, false)] {
        let found = solve(energy, gini(), Cube, fista(1e-9));
        assert_close("argmax", &found.argmax, &expected.argmax, 1e-7);
        let gap: Vec<f64> = read::to_vec(&found.certificate.unwrap().gap).unwrap();
        assert!(
            gap.iter().all(|gap| gap.is_finite() == certified),
            "{gap:?}"
        );
    }
    // With gradients on, a gradient by autograd has a graph to what the closure holds.
    let weight = Tensor::from(2.0).set_requires_grad(true);
    let held = weight.shallow_clone();
    let cubic = Custom::new(&like, move |p| {
        (p.pow_tensor_scalar(3) * &held).sum_dim_intlist(-1, false, None::<Kind>)
    });
    let p = like.shallow_clone();
    let gradient = cubic.unwrap().gradient(&p).sum(Kind::Double);
    let found = Tensor::run_backward(&[gradient], &[&weight], false, false).swap_remove(0);
    assert_close(
        "graph",
        &found,
        &(p.square() * 3.0).sum(Kind::Double),
        1e-12,
    );
}

#[test]
fn couplings_are_symmetric_hollow_and_bounded_as_their_names_say() {
    let b = uniform(&[3, 4, 4], 1.0, 70);
    let symmetric = Coupling::symmetric(&b);
    let u = symmetric.tensor();
    assert_close("symmetric", u, &u.transpose(-1, -2), 0.0);
    let hollow = Coupling::zero_diagonal(&b);
    assert_close(
        "diagonal",
        &hollow.tensor().diagonal(0, -2, -1),
        &Tensor::zeros([12], (Kind::Double, Device::Cpu)),
        0.0,
    );
    let off = |t: &Tensor| t - t.diagonal(0, -2, -1).diag_embed(0, -2, -1);
    assert_close("off diagonal", &off(hollow.tensor()), &off(u), 0.0);
    for rho in [-0.5, 0.0, 0.4, 9.0] {
        let bounded = Coupling::symmetric(&b).bounded(rho).unwrap();
        let largest = |t: &Tensor| t.linalg_eigvalsh("L").amax([-1].as_slice(), false);
        let expected = largest(u).clamp_max(rho);
        assert_close("eigenvalue", &largest(bounded.tensor()), &expected, 1e-12);
        assert_close("off diagonal", &off(bounded.tensor()), &off(u), 0.0);
    }
    let low_rank = || Coupling::LowRank(uniform(&[4, 2], 1.0, 71));
    assert!(low_rank().bounded(0.1).is_ok() && low_rank().bounded(-0.1).is_err());
    // Below the modulus of the regularizer, an indefinite coupling has a certificate.
    let energy = Quadratic::new(
        uniform(&[3, 4], 1.0, 72),
        Coupling::symmetric(&b).bounded(0.9).unwrap(),
    );
    let gini = Box::new(Gini::new(1.0).unwrap());
    let solution = solve(
        &energy.unwrap(),
        gini,
        Cube,
        Auto {
            options: options(1e-10),
        },
    );
    let gap: Vec<f64> = read::to_vec(&solution.certificate.unwrap().gap).unwrap();
    assert!(gap.iter().all(|&gap| gap < 1e-9), "{gap:?}");
}

#[test]
fn wrong_networks_are_named() {
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Double, Device::Cpu));
    let message = |result: efy_core::Result<Prior>| result.unwrap_err().to_string();
    assert_eq!(
        message(Prior::shallow(zeros(&[3, 2]), zeros(&[4]), zeros(&[3]))),
        "b: expected shape [3] or [B, 3], found [4]"
    );
    let layers = || vec![Layer::first(zeros(&[3, 2]), zeros(&[3]))];
    let mut deep = layers();
    deep.push(Layer::next(zeros(&[2, 4]), zeros(&[2, 2]), zeros(&[2])));
    assert_eq!(
        message(Prior::new(deep, zeros(&[2]))),
        "Wz: expected shape [2, 3], found [2, 4]"
    );
    assert!(Prior::new(Vec::new(), zeros(&[2])).is_err());
    let gated = vec![Layer::first(zeros(&[3, 2]), zeros(&[3])).gate_input(zeros(&[7, 2]))];
    let prior = Prior::new(gated, zeros(&[3])).unwrap();
    let energy = Spen::new(zeros(&[6, 2]), prior).unwrap_err().to_string();
    assert_eq!(energy, "gate of p: expected shape [6, 2], found [7, 2]");
    let energy = Opaque(Box::new(
        Spen::new(zeros(&[6, 2]), Prior::new(layers(), zeros(&[3])).unwrap()).unwrap(),
    ));
    let regularizer: Box<dyn Regularizer> = Box::new(Gini::new(1.0).unwrap());
    let loss = FenchelYoung::from_parts(regularizer, Box::new(Cube), Box::new(newton(1e-6)));
    let message = loss.predict(&energy, None).unwrap_err().to_string();
    assert!(
        message.contains("cannot solve a concave energy with gini on cube"),
        "{message}"
    );
}
