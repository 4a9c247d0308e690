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
use efy_core::solver::{
    FrankWolfe, FrankWolfeStep, Mirror, MirrorUpdate, Momentum, Options, ProjectedGradient, Solver,
    Step,
};
use efy_test::{assert_close, by_device, by_kind, everywhere, flags, number, place, tolerance};
use serde_json::Value;
use support::{Case, golden, solvers_for};
use tch::Kind;

const LINEAR: [&str; 7] = ["B01", "B02", "B03", "B04", "B05", "B06", "B16"];
const PAIRWISE: [&str; 11] = [
    "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11",
];

/// Argmax, conjugate, loss and all gradients of one case with one solver.
fn check(case: &Case, solver: Box<dyn Solver>) {
    let context = format!("{} {}", case.id, solver.name());
    // On a device in f32, backtracking stops at the slack that it gives rounding: there 1e-4, of which 9e-10 is the share.
    let tolerance = match (case.id.as_str(), solver.name()) {
        ("P11", "projected_gradient") => by_device(case.tolerance, by_kind(case.tolerance, 9e-10)),
        _ => case.tolerance,
    };
    let loss = case.loss(solver);
    let u = case.matrix("u").set_requires_grad(true);
    let y = case.matrix("y");
    for (name, coupling) in case.couplings() {
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
        for scalar in [value.per_row.sum(None::<Kind>), mean] {
            let gradients = tch::Tensor::run_backward(&[scalar], &inputs, false, false);
            expect("grad_u", &gradients[0]);
            if let Some(gradient) = gradients.get(1) {
                expect(&format!("grad_{name}"), gradient);
            }
        }
    }
}

#[everywhere]
fn linear_energies_on_every_solver() {
    for id in LINEAR {
        let case = golden(id);
        for solver in solvers_for(&case) {
            check(&case, solver);
        }
    }
}

#[everywhere]
fn pairwise_energies_on_every_solver() {
    for id in PAIRWISE {
        let case = golden(id);
        for solver in solvers_for(&case) {
            check(&case, solver);
        }
    }
}

#[everywhere]
fn b06_loss_terms_are_accurate_relative_to_their_size() {
    let case = golden("B06");
    let loss = case.loss(Box::new(efy_core::solver::Auto::default()));
    let energy = Linear::new(case.matrix("u")).unwrap();
    let value = loss.loss(&energy, &case.matrix("y"), None).unwrap();
    let expected = case.scalar("loss");
    let found = number(&value.per_row);
    assert!(
        (found / expected - 1.0).abs() < tolerance(1e-12),
        "{found} {expected}"
    );
}

#[everywhere]
fn m01_chain_rule_through_a_linear_model() {
    let case = golden("M01");
    let loss = case.loss(support::precise());
    let m = case.tensor("M").set_requires_grad(true);
    let b = case.tensor("b").set_requires_grad(true);
    let u = case.matrix("x").matmul(&m.tr()) + &b;
    assert_close("M01 u", &u, &case.expected("u").unwrap(), case.tolerance);
    let coupling = Coupling::Dense(case.tensor("U"));
    let energy = Quadratic::new(u, coupling).unwrap();
    let value = loss.loss(&energy, &case.matrix("y"), None).unwrap();
    value.per_row.sum(None::<Kind>).backward();
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
    let start = case.matrix("p0");
    for (name, energy) in support::native_and_batched(&case) {
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
            let expected = support::tensor_of(expected);
            assert_close(
                &format!("{id} {name} {n}"),
                &solution.argmax,
                &expected,
                case.tolerance,
            );
        }
    }
}

#[everywhere]
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

#[everywhere]
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

#[everywhere]
fn t02_t03_t04_coordinate_ascent_traces() {
    for id in ["T02", "T03", "T04"] {
        check_trace(id, "after_sweep", 1, |options| {
            Box::new(efy_core::solver::CoordinateAscent { options })
        });
    }
}

#[everywhere]
fn t05_exponentiated_gradient_and_r05_implicit_mirror_traces() {
    for (id, update) in [
        ("T05", MirrorUpdate::Explicit),
        ("R05", MirrorUpdate::Implicit),
    ] {
        let inputs = &golden(id).json["inputs"];
        // Both have gamma = 1; the solver's step is eta gamma.
        let step = Step::Fixed(inputs["eta"].as_f64().unwrap());
        check_trace(id, "iterates", 0, |options| {
            Box::new(Mirror {
                step,
                update,
                options,
            })
        });
    }
}

#[everywhere]
fn t06_frank_wolfe_trace_with_exact_line_search_and_its_gaps() {
    let step = FrankWolfeStep::Search;
    let case = golden("T06");
    let gaps: Vec<f64> =
        serde_json::from_value(case.json["expected"]["duality_gaps"].clone()).unwrap();
    let solver = |options| FrankWolfe {
        step,
        away: false,
        options,
    };
    let energy = || {
        let coupling = Coupling::Dense(case.tensor("U"));
        Quadratic::new(case.matrix("u"), coupling).unwrap()
    };
    let start = case.matrix("p0");
    let iterates = case.json["expected"]["iterates"].as_array().unwrap();
    for (n, (expected, gap)) in iterates
        .iter()
        .zip(gaps.iter().map(Some).chain([None]))
        .enumerate()
    {
        let options = Options {
            tolerance: 0.0,
            max_iterations: n,
            check_every: 0,
            certify: true,
        };
        let solution = case
            .loss(Box::new(solver(options)))
            .predict(&energy(), Some(&start))
            .unwrap();
        let expected = support::tensor_of(expected);
        assert_close(
            &format!("T06 {n}"),
            &solution.argmax,
            &expected,
            case.tolerance,
        );
        if let Some(&gap) = gap {
            let gap = support::tensor_of(&Value::from(gap));
            assert_close(
                &format!("T06 gap {n}"),
                &solution.report.residual,
                &gap,
                case.tolerance,
            );
        }
    }
}

#[everywhere]
fn frank_wolfe_with_away_steps_on_pairwise_energies() {
    // A gap of 1e-13 bounds the distance to the maximum by its root: values are what it is good at.
    for id in ["P01", "P02", "P04", "P05", "P07", "P09", "P10", "P11"] {
        let case = golden(id);
        if case.json["regularizer"]["name"]
            .as_str()
            .unwrap()
            .contains("fermi")
        {
            continue;
        }
        let gap = 1e-13;
        for (name, energy) in support::native_and_batched(&case) {
            let options = Options {
                tolerance: tolerance(gap),
                max_iterations: 5000,
                check_every: 10,
                certify: true,
            };
            let solver = FrankWolfe {
                options,
                ..FrankWolfe::default()
            };
            let solution = case
                .loss(Box::new(solver))
                .predict(energy.as_ref(), None)
                .unwrap();
            let context = format!("{id} {name}");
            let report = &solution.report;
            let converged = flags(&report.converged);
            assert_eq!(converged, [true], "{context} {:?}", report.residual);
            let expected = case.expected("p_hat").unwrap();
            assert_close(
                &context,
                &solution.argmax,
                &expected,
                (2.0 * gap).sqrt() * 2.0,
            );
            let value = &solution.certificate.as_ref().unwrap().value;
            let expected = case.expected("conjugate").unwrap();
            assert_close(&context, value, &expected, gap.max(case.tolerance));
        }
    }
}

#[everywhere]
fn x01_quadratic_lower_and_first_order_upper_bound() {
    let case = golden("X01");
    let (loss, y) = (case.loss(support::precise()), case.matrix("y"));
    let coupling = Coupling::Dense(case.tensor("U"));
    let energy = Quadratic::new(case.matrix("u"), coupling).unwrap();
    let value = loss.loss(&energy, &y, None).unwrap();
    let p = &value.solution.argmax;
    let gamma = case.scalar("strong_concavity_gamma");
    let lower = (&y - p).square().sum(None::<Kind>) * (0.5 * gamma);
    let upper = ((energy.gradient(&y) - &y) * (p - &y)).sum(None::<Kind>);
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

#[everywhere]
fn x02_loss_is_convex_in_u_and_coupling() {
    let case = golden("X02");
    let (loss, y) = (case.loss(support::precise()), case.matrix("y"));
    let at = |weight: f64| {
        let mix = |a: tch::Tensor, b: tch::Tensor| a * (1.0 - weight) + b * weight;
        let u = mix(case.matrix("u0"), case.matrix("u1"));
        let matrix = mix(case.tensor("U0"), case.tensor("U1"));
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

#[everywhere]
fn r06_stable_quadratic_form_equals_the_loss() {
    let case = golden("R06");
    let losses: Vec<f64> = serde_json::from_value(case.json["expected"]["loss"].clone()).unwrap();
    for (inputs, expected) in case.json["inputs"]["cases"]
        .as_array()
        .unwrap()
        .iter()
        .zip(losses)
    {
        let get = |key: &str| support::tensor_of(&inputs[key]);
        let coupling = Coupling::Dense(get("U"));
        let energy = Quadratic::new(get("u").reshape([1, 4]), coupling).unwrap();
        let y = get("y").reshape([1, 4]);
        let value = case
            .loss(support::precise())
            .loss(&energy, &y, None)
            .unwrap();
        let p = &value.solution.argmax;
        let h = tch::Tensor::eye(4, place()) - get("U");
        let d = p - &y;
        let stable = (d.matmul(&h) * &d).sum(None::<Kind>) * 0.5
            + ((energy.gradient(p) - p) * &d).sum(None::<Kind>);
        for found in [&value.per_row, &stable] {
            let expected = support::tensor_of(&Value::from(expected));
            assert_close("R06", found, &expected, case.tolerance);
        }
    }
}
