//! Golden cases on every domain.

use super::*;

#[everywhere]
fn golden_fenchel_young_losses_that_are_projections() {
    for id in ["B08", "B10", "B11", "B13", "B15", "R03"] {
        let case = golden(id);
        let fista = ProjectedGradient::fista();
        let options = Options {
            tolerance: tolerance(1e-13),
            ..Options::default()
        };
        let solvers: [Box<dyn Solver>; 4] = [
            Box::new(ClosedForm::default()),
            Box::new(Auto::default()),
            Box::new(ProjectedGradient { options, ..fista }),
            Box::new(ProjectedGradient {
                step: Step::Curvature,
                momentum: Momentum::None,
                options,
            }),
        ];
        for solver in solvers {
            check_linear(&case, solver);
        }
    }
}

#[everywhere]
fn golden_pairwise_energy_on_the_simplex() {
    let case = golden("P09");
    let options = Options {
        tolerance: tolerance(1e-13),
        ..Options::default()
    };
    let steps = [Step::Backtracking { initial: 1.0 }, Step::Curvature];
    let gradients = steps.map(|step| ProjectedGradient {
        step,
        options,
        ..ProjectedGradient::fista()
    });
    let mut solvers: Vec<Box<dyn Solver>> = vec![Box::new(Auto { options })];
    solvers.extend(gradients.map(|solver| Box::new(solver) as Box<dyn Solver>));
    for solver in solvers {
        let u = case.matrix("u").set_requires_grad(true);
        let matrix = case.tensor("U").set_requires_grad(true);
        let coupling = Coupling::Dense(matrix.shallow_clone());
        let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
        let loss = case.loss(solver);
        let value = loss.loss(&energy, &case.matrix("y"), None).unwrap();
        let gradients = Tensor::run_backward(
            &[value.per_row.sum(None::<Kind>)],
            &[&u, &matrix],
            false,
            false,
        );
        let certificate = value.solution.certificate.unwrap();
        for (key, found) in [
            ("p_hat", &value.solution.argmax),
            ("conjugate", &certificate.value),
            ("loss", &value.per_row),
            ("grad_u", &gradients[0]),
            ("grad_U", &gradients[1]),
        ] {
            assert_close(key, found, &case.expected(key).unwrap(), case.tolerance);
        }
        assert!(largest(&certificate.gap) <= tolerance(case.tolerance));
    }
}
