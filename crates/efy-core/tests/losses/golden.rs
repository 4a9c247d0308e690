//! Golden cases L01 to L07 and X03, in f64 to their tolerances and in f32 to 1e-4.

use efy_core::domain::{Cube, Reals};
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::{
    Boltzmann, Criterion, Differentiation, EnergyLoss, FenchelYoung, Found, LogLoss, Loss,
    ThroughArgmax, bregman_divergence,
};
use efy_core::regularizer::{Gini, HalfSquaredNorm};
use efy_core::solver::Auto;
use efy_test::{assert_close, everywhere};
use tch::{Kind, Tensor};

use crate::made_up::{margin, perceptron};
use crate::support::{self, Case, golden};

/// A leaf for u and one for U.
fn energy(case: &Case) -> (Quadratic, [Tensor; 2]) {
    let u = case.matrix("u").set_requires_grad(true);
    let matrix = case.tensor("U").set_requires_grad(true);
    let coupling = Coupling::Dense(matrix.shallow_clone());
    let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
    (energy, [u, matrix])
}

/// Value, gradients in u and U, and the point that was found, from start to end of both kinds.
fn check(id: &str, point: &str, start: Option<&str>, loss: &dyn Loss) {
    let case = golden(id);
    let (energy, leaves) = energy(&case);
    let y = case.matrix("y");
    let start = start.map(|key| case.matrix(key));
    let value = loss.loss(&energy, &y, start.as_ref()).unwrap();
    let mean = loss.mean_loss(&energy, &y, start.as_ref()).unwrap().mean;
    if let Some(expected) = case.expected(point) {
        let found = value.solution.point().unwrap();
        assert_close(&format!("{id} {point}"), found, &expected, case.tolerance);
    }
    for scalar in [value.per_row.sum(None::<Kind>), mean] {
        let expected = case.expected("loss").unwrap();
        assert_close(&format!("{id} loss"), &scalar, &expected, case.tolerance);
        let gradients = Tensor::run_backward(&[scalar], &leaves, true, false);
        for (key, gradient) in ["grad_u", "grad_U"].iter().zip(gradients) {
            let expected = case.expected(key).unwrap();
            assert_close(&format!("{id} {key}"), &gradient, &expected, case.tolerance);
        }
    }
}

fn predictor(id: &str) -> FenchelYoung {
    golden(id).loss(support::precise())
}

#[everywhere]
fn l01_energy_loss() {
    check("L01", "", None, &EnergyLoss::new(predictor("L05")));
}

#[everywhere]
fn l02_perceptron() {
    check("L02", "p_hat", None, &perceptron());
}

#[everywhere]
fn l03_margin_with_hamming_cost() {
    check("L03", "p_hat", None, &margin());
}

#[everywhere]
fn l04_log_loss_with_the_exact_partition_function() {
    check("L04", "", None, &LogLoss::new(predictor("L05")));
    let case = golden("L04");
    let (energy, _) = energy(&case);
    let distribution = Boltzmann::of(&energy).unwrap();
    for (key, found) in [
        ("log_partition", &distribution.log_partition),
        ("marginals", &distribution.marginals),
    ] {
        assert_close(key, found, &case.expected(key).unwrap(), case.tolerance);
    }
}

#[everywhere]
fn l05_squared_error_through_the_argmax_by_implicit_differentiation() {
    let (criterion, differentiation) = (Criterion::SquaredError, Differentiation::Implicit);
    let loss = ThroughArgmax::new(predictor("L05"), criterion, differentiation).unwrap();
    check("L05", "p_hat", None, &loss);
}

#[everywhere]
fn l06_cross_entropy_through_the_argmax_by_implicit_differentiation() {
    let (criterion, differentiation) = (Criterion::CrossEntropy, Differentiation::Implicit);
    let loss = ThroughArgmax::new(predictor("L06"), criterion, differentiation).unwrap();
    check("L06", "p_hat", None, &loss);
}

#[everywhere]
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

#[everywhere]
fn x03_generalized_bregman_divergence_is_the_quadratic_form_and_a_loss() {
    let case = golden("X03");
    let (p, p_prime) = (case.matrix("p"), case.matrix("p_prime"));
    let u = case.matrix("u_of_p_prime");
    let energy = Quadratic::new(u, Coupling::Dense(case.tensor("U"))).unwrap();
    let omega = HalfSquaredNorm::new(1.0).unwrap();
    let found = bregman_divergence(&energy, &omega, &p, &p_prime).unwrap();
    for key in ["divergence", "quadratic_form"] {
        assert_close(key, &found, &case.expected(key).unwrap(), case.tolerance);
    }
    let on_reals = FenchelYoung::new(omega, Reals, Auto::default());
    let value = on_reals.loss(&energy, &p, None).unwrap();
    assert_close("loss", &value.per_row, &found, case.tolerance);
    assert_close("argmax", &value.solution.argmax, &p_prime, case.tolerance);
}

#[everywhere]
fn losses_say_what_they_found() {
    let case = golden("L03");
    let (energy, _) = energy(&case);
    let y = case.matrix("y");
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
