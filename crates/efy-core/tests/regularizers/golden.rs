//! The golden vectors of the paper (assets/golden/fy).

use super::*;

#[test]
fn golden_argmax_conjugate_loss_and_gradient() {
    for id in ["B07", "B08", "B09", "B12", "B14", "B16", "R01", "R02"] {
        for kind in [Kind::Double, Kind::Float] {
            check_linear(&golden(id), Box::new(ClosedForm::default()), kind);
            check_linear(&golden(id), Box::new(Auto::default()), kind);
        }
    }
}

#[test]
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
    for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
        for (key, (regularizer, domain)) in &parts {
            let x = case.matrix("x", kind);
            let eta = Tensor::from(number("eta"))
                .to_kind(kind)
                .to_device(x.device());
            let found = regularizer.prox(&x, &eta, domain.as_ref()).unwrap();
            assert_close(key, &found, &case.expected(key).unwrap(), tolerance);
        }
    }
}

#[test]
fn l02_perceptron_loss_without_a_regularizer() {
    let case = golden("L02");
    for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
        let loss = FenchelYoung::new(NoRegularizer, Cube, Auto::default());
        let u = case.matrix("u", kind).set_requires_grad(true);
        let coupling = Coupling::Dense(case.tensor("U", kind));
        let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
        let value = loss.loss(&energy, &case.matrix("y", kind), None).unwrap();
        assert_close(
            "L02",
            &value.per_row,
            &case.expected("loss").unwrap(),
            tolerance,
        );
        let p = case.expected("p_hat").unwrap();
        assert_close("L02", &value.solution.argmax, &p, tolerance);
        value.per_row.sum(kind).backward();
        let gradient = p - case.matrix("y", Kind::Double);
        assert_close("L02", &u.grad(), &gradient, tolerance);
    }
}
