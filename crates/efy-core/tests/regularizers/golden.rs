//! The golden vectors of the paper (assets/golden/fy).

use super::*;

#[everywhere]
fn golden_argmax_conjugate_loss_and_gradient() {
    for id in ["B07", "B08", "B09", "B12", "B14", "B16", "R01", "R02"] {
        check_linear(&golden(id), Box::new(ClosedForm::default()));
        check_linear(&golden(id), Box::new(Auto::default()));
    }
}

#[everywhere]
fn r04_proximal_maps() {
    let case = golden("R04");
    let number = |key: &str| case.json["inputs"][key].as_f64().unwrap();
    let gamma = number("gamma");
    let parts = [
        (
            "half_sq_l2_cube",
            boxed(HalfSquaredNorm::new(gamma).unwrap(), Cube),
        ),
        ("gini_cube", boxed(Gini::new(gamma).unwrap(), Cube)),
        (
            "fermi_cube",
            boxed(BinaryEntropy::new(gamma).unwrap(), Cube),
        ),
        (
            "shannon_simplex",
            boxed(Shannon::new(gamma).unwrap(), Simplex::new(1.0).unwrap()),
        ),
        (
            "half_sq_l2_simplex",
            boxed(
                HalfSquaredNorm::new(gamma).unwrap(),
                Simplex::new(1.0).unwrap(),
            ),
        ),
        (
            "half_sq_l2_Rk",
            boxed(HalfSquaredNorm::new(gamma).unwrap(), Reals),
        ),
    ];
    for (key, (regularizer, domain)) in &parts {
        let x = case.matrix("x");
        let eta = Tensor::from(number("eta")).to_device(x.device());
        let found = regularizer.prox(&x, &eta, domain.as_ref()).unwrap();
        assert_close(key, &found, &case.expected(key).unwrap(), case.tolerance);
    }
}

#[everywhere]
fn l02_perceptron_loss_without_a_regularizer() {
    let case = golden("L02");
    let loss = FenchelYoung::new(NoRegularizer, Cube, Auto::default());
    let u = case.matrix("u").set_requires_grad(true);
    let coupling = Coupling::Dense(case.tensor("U"));
    let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
    let value = loss.loss(&energy, &case.matrix("y"), None).unwrap();
    assert_close(
        "L02",
        &value.per_row,
        &case.expected("loss").unwrap(),
        case.tolerance,
    );
    let p = case.expected("p_hat").unwrap();
    assert_close("L02", &value.solution.argmax, &p, case.tolerance);
    value.per_row.sum(None::<Kind>).backward();
    let gradient = p - case.matrix("y");
    assert_close("L02", &u.grad(), &gradient, case.tolerance);
}
