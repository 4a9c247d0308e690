//! The golden vectors of the generalized Fenchel-Young paper (assets/golden/fy), in f64 to their own
//! tolerances and in f32 to 1e-4, on every solver path that applies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/mod.rs"]
mod support;

use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::solver::{Momentum, Options, ProjectedGradient, Solver, Step};
use serde_json::Value;
use support::{Case, assert_close, golden, solvers_for};
use tch::Kind;

const LINEAR: [&str; 7] = ["B01", "B02", "B03", "B04", "B05", "B06", "B16"];
const PAIRWISE: [&str; 9] = [
    "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P10", "P11",
];

/// Argmax, conjugate, loss and all gradients of one case with one solver.
fn check(case: &Case, solver: Box<dyn Solver>, kind: Kind, tolerance: f64) {
    let context = format!("{} {} {kind:?}", case.id, solver.name());
    let loss = case.loss(solver);
    let u = case.matrix("u", kind).set_requires_grad(true);
    let y = case.matrix("y", kind);
    for (name, coupling) in case.couplings(kind) {
        let parameter = coupling.as_ref().map(|c| c.tensor().shallow_clone());
        let energy: Box<dyn Energy> = match coupling {
            None => Box::new(Linear::new(u.shallow_clone()).unwrap()),
            Some(coupling) => Box::new(Quadratic::new(u.shallow_clone(), coupling).unwrap()),
        };
        let value = loss.loss(energy.as_ref(), &y, None).unwrap();
        let expect = |key: &str, found: &tch::Tensor| {
            if let Some(expected) = case.expected(key) {
                assert_close(
                    &format!("{context} {name} {key}"),
                    found,
                    &expected,
                    tolerance,
                );
            }
        };
        expect("p_hat", &value.solution.argmax);
        expect(
            "conjugate",
            &value.solution.certificate.as_ref().unwrap().value,
        );
        expect("loss", &value.per_row);
        let mut inputs = vec![u.shallow_clone()];
        inputs.extend(parameter);
        let mean = loss.mean_loss(energy.as_ref(), &y, None).unwrap().mean;
        expect("loss", &mean);
        for scalar in [value.per_row.sum(kind), mean] {
            let gradients = tch::Tensor::run_backward(&[scalar], &inputs, false, false);
            expect("grad_u", &gradients[0]);
            if let Some(gradient) = gradients.get(1) {
                expect(&format!("grad_{name}"), gradient);
            }
        }
    }
}

#[test]
fn linear_energies_on_every_solver() {
    for id in LINEAR {
        let case = golden(id);
        for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
            for solver in solvers_for(&case, kind) {
                check(&case, solver, kind, tolerance);
            }
        }
    }
}

#[test]
fn pairwise_energies_on_every_solver() {
    for id in PAIRWISE {
        let case = golden(id);
        for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
            for solver in solvers_for(&case, kind) {
                check(&case, solver, kind, tolerance);
            }
        }
    }
}

#[test]
fn b06_loss_terms_are_accurate_relative_to_their_size() {
    let case = golden("B06");
    let loss = case.loss(Box::new(efy_core::solver::Auto::default()));
    let energy = Linear::new(case.matrix("u", Kind::Double)).unwrap();
    let value = loss
        .loss(&energy, &case.matrix("y", Kind::Double), None)
        .unwrap();
    let expected = case.scalar("loss");
    let found = efy_core::device::read::scalar(&value.per_row).unwrap();
    assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn m01_chain_rule_through_a_linear_model() {
    let case = golden("M01");
    let loss = case.loss(Box::new(efy_core::solver::Auto::default()));
    let m = case.tensor("M", Kind::Double).set_requires_grad(true);
    let b = case.tensor("b", Kind::Double).set_requires_grad(true);
    let u = case.matrix("x", Kind::Double).matmul(&m.tr()) + &b;
    assert_close("M01 u", &u, &case.expected("u").unwrap(), case.tolerance);
    let coupling = Coupling::Dense(case.tensor("U", Kind::Double));
    let energy = Quadratic::new(u, coupling).unwrap();
    let value = loss
        .loss(&energy, &case.matrix("y", Kind::Double), None)
        .unwrap();
    value.per_row.sum(Kind::Double).backward();
    for (key, found) in [
        ("p_hat", &value.solution.argmax),
        ("loss", &value.per_row),
        ("grad_M", &m.grad()),
        ("grad_b", &b.grad()),
    ] {
        assert_close(
            &format!("M01 {key}"),
            found,
            &case.expected(key).unwrap(),
            case.tolerance,
        );
    }
}

/// Runs exactly `n` iterations and compares with the n-th entry of the trace, native and batched.
fn check_trace(id: &str, key: &str, first: usize, make: impl Fn(Options) -> Box<dyn Solver>) {
    let case = golden(id);
    let start = case.matrix("p0", Kind::Double);
    for (name, energy) in support::native_and_batched(&case, Kind::Double) {
        let trace = case.json["expected"][key].as_array().unwrap();
        for (n, expected) in trace.iter().enumerate() {
            let options = Options {
                tolerance: 0.0,
                max_iterations: n + first,
                check_every: 0,
                certify: true,
            };
            if options.max_iterations == 0 {
                continue;
            }
            let solution = case
                .loss(make(options))
                .predict(energy.as_ref(), Some(&start))
                .unwrap();
            let expected = support::tensor_of(expected, Kind::Double);
            assert_close(
                &format!("{id} {name} {n}"),
                &solution.argmax,
                &expected,
                case.tolerance,
            );
        }
    }
}

#[test]
fn t01_and_t07_gradient_traces_with_a_fixed_step() {
    for (id, momentum) in [
        ("T01", Momentum::None),
        ("T07", Momentum::Nesterov { restart: false }),
    ] {
        let eta = golden(id).json["inputs"]["eta"].as_f64().unwrap();
        let step = Step::Fixed(eta);
        check_trace(id, "iterates", 0, |options| {
            Box::new(ProjectedGradient {
                step,
                momentum,
                options,
            })
        });
    }
}

#[test]
fn t08_backtracking_trace() {
    let step = Step::Backtracking { initial: 8.0 };
    check_trace("T08", "iterates", 0, |options| {
        Box::new(ProjectedGradient {
            step,
            momentum: Momentum::None,
            options,
        })
    });
}

#[test]
fn t02_t03_t04_coordinate_ascent_traces() {
    for id in ["T02", "T03", "T04"] {
        check_trace(id, "after_sweep", 1, |options| {
            Box::new(efy_core::solver::CoordinateAscent { options })
        });
    }
}

#[test]
fn x01_quadratic_lower_and_first_order_upper_bound() {
    let case = golden("X01");
    let (loss, y) = (
        case.loss(support::precise()),
        case.matrix("y", Kind::Double),
    );
    let coupling = Coupling::Dense(case.tensor("U", Kind::Double));
    let energy = Quadratic::new(case.matrix("u", Kind::Double), coupling).unwrap();
    let value = loss.loss(&energy, &y, None).unwrap();
    let p = &value.solution.argmax;
    let gamma = case.scalar("strong_concavity_gamma");
    let lower = (&y - p).square().sum(Kind::Double) * (0.5 * gamma);
    let upper = ((energy.gradient(&y) - &y) * (p - &y)).sum(Kind::Double);
    for (key, found) in [
        ("loss", &value.per_row),
        ("lower_quadratic", &lower),
        ("upper_first_order", &upper),
    ] {
        assert_close(
            &format!("X01 {key}"),
            found,
            &case.expected(key).unwrap(),
            case.tolerance,
        );
    }
}

#[test]
fn x02_loss_is_convex_in_u_and_coupling() {
    let case = golden("X02");
    let (loss, y) = (
        case.loss(support::precise()),
        case.matrix("y", Kind::Double),
    );
    let at = |weight: f64| {
        let mix = |a: tch::Tensor, b: tch::Tensor| a * (1.0 - weight) + b * weight;
        let u = mix(
            case.matrix("u0", Kind::Double),
            case.matrix("u1", Kind::Double),
        );
        let matrix = mix(
            case.tensor("U0", Kind::Double),
            case.tensor("U1", Kind::Double),
        );
        let energy = Quadratic::new(u, Coupling::Dense(matrix)).unwrap();
        loss.loss(&energy, &y, None).unwrap().per_row
    };
    for (weight, key) in [(0.0, "loss0"), (0.5, "loss_mid"), (1.0, "loss1")] {
        let expected = case.expected(key).unwrap();
        assert_close(
            &format!("X02 {key}"),
            &at(weight),
            &expected,
            case.tolerance,
        );
    }
}

#[test]
fn r06_stable_quadratic_form_equals_the_loss() {
    let case = golden("R06");
    let losses: Vec<f64> = serde_json::from_value(case.json["expected"]["loss"].clone()).unwrap();
    for (inputs, expected) in case.json["inputs"]["cases"]
        .as_array()
        .unwrap()
        .iter()
        .zip(losses)
    {
        let get = |key: &str| support::tensor_of(&inputs[key], Kind::Double);
        let coupling = Coupling::Dense(get("U"));
        let energy = Quadratic::new(get("u").reshape([1, 4]), coupling).unwrap();
        let y = get("y").reshape([1, 4]);
        let value = case
            .loss(support::precise())
            .loss(&energy, &y, None)
            .unwrap();
        let p = &value.solution.argmax;
        let h = tch::Tensor::eye(4, (Kind::Double, support::device())) - get("U");
        let d = p - &y;
        let stable = (d.matmul(&h) * &d).sum(Kind::Double) * 0.5
            + ((energy.gradient(p) - p) * &d).sum(Kind::Double);
        for found in [&value.per_row, &stable] {
            let expected = support::tensor_of(&Value::from(expected), Kind::Double);
            assert_close("R06", found, &expected, case.tolerance);
        }
    }
}
