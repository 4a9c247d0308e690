//! Losses and solvers on every domain, and domains that do not fit.

use super::*;

/// $\Omega^*(u) \ge \langle u, y \rangle - \Omega(y)$ for every y of C, with equality at the projection.
#[everywhere]
fn closed_form_fenchel_young_losses_on_every_domain() {
    let u = uniform(&[12, 9], 3.0, 8);
    for domain in domains() {
        let name = domain.name();
        let target = domain.project(&uniform(&[12, 9], 3.0, 9));
        let argmax = domain.project(&(&u / 2.0));
        let regularizer = Box::new(HalfSquaredNorm::new(2.0).unwrap());
        let loss = FenchelYoung::from_parts(regularizer, domain, Box::new(ClosedForm::default()));
        let leaf = u.copy().set_requires_grad(true);
        let energy = Linear::new(leaf.shallow_clone()).unwrap();
        let value = loss.loss(&energy, &target, None).unwrap();
        assert_close(name, &value.solution.argmax, &argmax, 0.0);
        let conjugate = value.solution.certificate.unwrap().value;
        assert_close(
            name,
            &conjugate,
            &(dot(&u, &argmax) - dot(&argmax, &argmax)),
            1e-12,
        );
        let expected = conjugate + dot(&target, &target) - dot(&u, &target);
        assert_close(name, &value.per_row, &expected, 1e-11);
        assert!(largest(&value.per_row.neg()) <= tolerance(1e-13), "{name}");
        let mean = loss.mean_loss(&energy, &target, None).unwrap().mean;
        mean.backward();
        assert_close(name, &leaf.grad(), &((&argmax - &target) / 12.0), 1e-14);
        let zero = loss.loss(&energy, &argmax, None).unwrap().per_row;
        assert_close(name, &zero, &zero.zeros_like(), 1e-13);
    }
}

#[everywhere]
fn concave_pairwise_energies_are_solved_and_certified_on_every_convex_domain() {
    let u = uniform(&[5, 9], 3.0, 10);
    let loss_domain = |index: usize| domains().swap_remove(index);
    // The last one is not convex.
    for index in (0..domains().len() - 1).step_by(by_device(1, 3)) {
        let domain = loss_domain(index);
        let name = domain.name();
        let coupling = Coupling::LowRank(uniform(&[9, 3], 0.7, 11));
        let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
        let regularizer = Box::new(HalfSquaredNorm::new(1.0).unwrap());
        let options = Options {
            tolerance: tolerance(1e-11),
            ..Options::default()
        };
        let solver = Box::new(Auto { options });
        let loss = FenchelYoung::from_parts(regularizer, domain, solver);
        let solution = loss.predict(&energy, None).unwrap();
        assert!(all(&solution.report.converged), "{name}");
        assert!(
            largest(&solution.certificate.unwrap().gap) <= tolerance(1e-9),
            "{name}"
        );
        let objective = |p: &Tensor| energy.value(p) - dot(p, p) * 0.5;
        let best = objective(&solution.argmax);
        for seed in 0..20 {
            let other = loss_domain(index).project(&uniform(&[5, 9], 3.0, seed));
            assert!(
                largest(&(objective(&other) - &best)) <= tolerance(1e-10),
                "{name}"
            );
        }
    }
}

#[test]
fn misfits_and_bad_parameters_are_named() {
    let message = |result: efy_core::Result<()>| result.unwrap_err().to_string();
    for (result, expected) in [
        (
            Simplex::new(0.0).map(|_| ()),
            "simplex.scale: expected a positive number, found 0",
        ),
        (
            Knapsack::new(2.0, 1.0).map(|_| ()),
            "knapsack: expected finite bounds with 0 <= min <= max, found min 2, max 1",
        ),
        (
            Permutahedron::new(vec![1.0, f64::NAN]).map(|_| ()),
            "permutahedron.weights: expected a list of finite numbers, not empty, found [1.0, NaN]",
        ),
        (
            Birkhoff::new(0).map(|_| ()),
            "birkhoff.n: expected at least 1, found 0",
        ),
        (
            Ball::new(f64::INFINITY).map(|_| ()),
            "ball.radius: expected a positive number, found inf",
        ),
        (
            Sphere::new(-1.0).map(|_| ()),
            "sphere.radius: expected a positive number, found -1",
        ),
        (
            Product::new(vec![]).map(|_| ()),
            "product: expected factors with at least one coordinate each, found sizes []",
        ),
        (
            Product::new(vec![(Box::new(Birkhoff::new(2).unwrap()), 3)]).map(|_| ()),
            "birkhoff.n: expected n^2 = k, found n = 2 with k = 3",
        ),
        (
            Permutahedron::ranking(4).unwrap().check(3),
            "permutahedron.weights: expected one weight an output, found 4 weights with k = 3",
        ),
        (
            Knapsack::new(2.5, 9.0).unwrap().check(2),
            "knapsack.min: expected at most k >= 1, found 2.5 with k = 2",
        ),
        (
            product().check(8),
            "product: expected factors with k coordinates in all, found 9 coordinates with k = 8",
        ),
    ] {
        assert_eq!(message(result), expected);
    }
    assert!(Reals.check(5).is_ok() && Cube.check(1).is_ok());
}

#[everywhere]
fn solvers_refuse_a_domain_that_does_not_fit() {
    let u = Tensor::zeros([2, 8], place());
    let coupling = Coupling::LowRank(Tensor::ones([8, 1], place()));
    let energies: [Box<dyn Energy>; 2] = [
        Box::new(Linear::new(u.shallow_clone()).unwrap()),
        Box::new(Quadratic::new(u, coupling).unwrap()),
    ];
    for energy in energies {
        for solver in [
            Box::new(Auto::default()) as Box<dyn Solver>,
            Box::new(ClosedForm::default()),
            Box::new(ProjectedGradient::default()),
        ] {
            let name = solver.name();
            let regularizer = Box::new(HalfSquaredNorm::new(1.0).unwrap());
            let loss = FenchelYoung::from_parts(regularizer, Box::new(product()), solver);
            let message = loss.predict(energy.as_ref(), None).unwrap_err().to_string();
            assert!(
                message.starts_with("product: expected"),
                "{name}: {message}"
            );
        }
    }
}
