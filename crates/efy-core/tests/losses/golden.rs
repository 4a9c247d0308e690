//! Golden cases L01 to L07 and X03, in f64 to their tolerances and in f32 to 1e-4.

use efy_core::domain::{Cube, Reals};
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::{
    Boltzmann, Criterion, Differentiation, EnergyLoss, FenchelYoung, Found, LogLoss, Loss,
    ThroughArgmax, bregman_divergence,
};
use efy_core::regularizer::{Gini, HalfSquaredNorm};
use efy_core::solver::Auto;
use tch::{Kind, Tensor};

use crate::made_up::{margin, perceptron};
use crate::support::{self, Case, assert_close, golden};

/// A leaf for u and one for U.
fn energy(case: &Case, kind: Kind) -> (Quadratic, [Tensor; 2]) {
    let u = case.matrix("u", kind).set_requires_grad(true);
    let matrix = case.tensor("U", kind).set_requires_grad(true);
    let coupling = Coupling::Dense(matrix.shallow_clone());
    let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
    (energy, [u, matrix])
}

/// Value, gradients in u and U, and the point that was found, from start to end of both kinds.
fn check(id: &str, point: &str, start: Option<&str>, loss: &dyn Loss) {
    let case = golden(id);
    for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
        let (energy, leaves) = energy(&case, kind);
        let y = case.matrix("y", kind);
        let start = start.map(|key| case.matrix(key, kind));
        let value = loss.loss(&energy, &y, start.as_ref()).unwrap();
        let mean = loss.mean_loss(&energy, &y, start.as_ref()).unwrap().mean;
        if let Some(expected) = case.expected(point) {
            let found = value.solution.point().unwrap();
            assert_close(&format!("{id} {point}"), found, &expected, tolerance);
        }
        for scalar in [value.per_row.sum(kind), mean] {
            let expected = case.expected("loss").unwrap();
            assert_close(&format!("{id} loss"), &scalar, &expected, tolerance);
            let gradients = Tensor::run_backward(&[scalar], &leaves, true, false);
            for (key, gradient) in ["grad_u", "grad_U"].iter().zip(gradients) {
                let expected = case.expected(key).unwrap();
                assert_close(&format!("{id} {key}"), &gradient, &expected, tolerance);
            }
        }
    }
}

fn predictor(id: &str) -> FenchelYoung {
    golden(id).loss(support::precise())
}

#[test]
fn l01_energy_loss() {
    check("L01", "", None, &EnergyLoss::new(predictor("L05")));
}

#[test]
fn l02_perceptron() {
    check("L02", "p_hat", None, &perceptron());
}

#[test]
fn l03_margin_with_hamming_cost() {
    check("L03", "p_hat", None, &margin());
}

#[test]
fn l04_log_loss_with_the_exact_partition_function() {
    check("L04", "", None, &LogLoss::new(predictor("L05")));
    let case = golden("L04");
    let (energy, _) = energy(&case, Kind::Double);
    let distribution = Boltzmann::of(&energy).unwrap();
    for (key, found) in [
        ("log_partition", &distribution.log_partition),
        ("marginals", &distribution.marginals),
    ] {
        assert_close(key, found, &case.expected(key).unwrap(), case.tolerance);
    }
}

#[test]
fn l05_squared_error_through_the_argmax_by_implicit_differentiation() {
    let (criterion, differentiation) = (Criterion::SquaredError, Differentiation::Implicit);
    let loss = ThroughArgmax::new(predictor("L05"), criterion, differentiation).unwrap();
    check("L05", "p_hat", None, &loss);
}

#[test]
fn l06_cross_entropy_through_the_argmax_by_implicit_differentiation() {
    let (criterion, differentiation) = (Criterion::CrossEntropy, Differentiation::Implicit);
    let loss = ThroughArgmax::new(predictor("L06"), criterion, differentiation).unwrap();
    check("L06", "p_hat", None, &loss);
}

#[test]
fn l07_squared_error_through_five_unrolled_iterations() {
    let inputs = &golden("L07").json["inputs"];
    let differentiation = Differentiation::Unrolled {
        iterations: inputs["T"].as_u64().unwrap() as usize,
        step: inputs["eta"].as_f64(),
    };
    let criterion = Criterion::SquaredError;
    let loss = ThroughArgmax::new(predictor("L07"), criterion, differentiation).unwrap();
    check("L07", "p_T", Some("p0"), &loss);
    check("L07", "p_T", None, &loss);
}

#[test]
fn x03_generalized_bregman_divergence_is_the_quadratic_form_and_a_loss() {
    let case = golden("X03");
    for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
        let (p, p_prime) = (case.matrix("p", kind), case.matrix("p_prime", kind));
        let u = case.matrix("u_of_p_prime", kind);
        let energy = Quadratic::new(u, Coupling::Dense(case.tensor("U", kind))).unwrap();
        let omega = HalfSquaredNorm::new(1.0).unwrap();
        let found = bregman_divergence(&energy, &omega, &p, &p_prime).unwrap();
        for key in ["divergence", "quadratic_form"] {
            assert_close(key, &found, &case.expected(key).unwrap(), tolerance);
        }
        let on_reals = FenchelYoung::new(omega, Reals, Auto::default());
        let value = on_reals.loss(&energy, &p, None).unwrap();
        assert_close("loss", &value.per_row, &found, tolerance);
        assert_close("argmax", &value.solution.argmax, &p_prime, tolerance);
    }
}

#[test]
fn losses_say_what_they_found() {
    let case = golden("L03");
    let (energy, _) = energy(&case, Kind::Double);
    let y = case.matrix("y", Kind::Double);
    let fenchel_young = || FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto::default());
    let found = |loss: &dyn Loss| loss.loss(&energy, &y, None).unwrap().solution;
    assert!(matches!(found(&fenchel_young()), Found::Prediction(_)));
    assert!(matches!(found(&perceptron()), Found::Prediction(_)));
    assert!(matches!(found(&margin()), Found::Other(_)));
    assert!(matches!(
        found(&EnergyLoss::new(fenchel_young())),
        Found::Nothing
    ));
    assert!(found(&LogLoss::new(fenchel_young())).point().is_none());
}
