//! The golden vectors of network energies, and their weight gradients.

use super::*;

#[everywhere]
fn s01_s02_s03_golden_vectors_with_all_weight_gradients() {
    for (id, names) in [
        ("S01", &["W1", "b1", "w2"][..]),
        ("S02", &["W1", "b1", "w2"]),
        ("S03", &["W0", "b0", "Wz", "Wp", "b", "wo"]),
    ] {
        let case = golden(id);
        let solvers: [Box<dyn Solver>; 2] = [
            Box::new(Auto {
                options: options(by_device(1e-13, 1e-11)),
            }),
            Box::new(fista(1e-11)),
        ];
        for solver in solvers {
            let context = format!("{id} {}", solver.name());
            let loss = case.loss(solver);
            let u = case.matrix("u").set_requires_grad(true);
            let weights: Vec<(&str, Tensor)> = names
                .iter()
                .map(|&name| (name, case.tensor(name).set_requires_grad(true)))
                .collect();
            let energy = spen(&case, &u, &weights);
            let y = case.matrix("y");
            let value = loss.loss(&energy, &y, None).unwrap();
            let expect = |key: &str, found: &Tensor| {
                let expected = case.expected(key).unwrap();
                assert_close(
                    &format!("{context} {key}"),
                    found,
                    &expected,
                    case.tolerance,
                );
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
            for scalar in [value.per_row.sum(None::<Kind>), mean] {
                let gradients = Tensor::run_backward(&[scalar], &inputs, false, false);
                expect("grad_u", &gradients[0]);
                for (name, gradient) in names.iter().zip(&gradients[1..]) {
                    expect(&format!("grad_{name}"), gradient);
                }
            }
        }
    }
}

#[everywhere]
fn s01_and_s02_are_certified_by_their_weights() {
    // In S02 the regularizer bends more than the energy does the other way.
    for id in ["S01", "S02"] {
        let case = golden(id);
        let weights: Vec<(&str, Tensor)> = ["W1", "b1", "w2"]
            .map(|name| (name, case.tensor(name)))
            .into();
        let energy = spen(&case, &case.matrix("u"), &weights);
        let mut solvers: Vec<Box<dyn Solver>> = vec![Box::new(fista(1e-12))];
        if on_cpu() {
            solvers.push(Box::new(newton(1e-12)));
        }
        for solver in solvers {
            let solution = case.loss(solver).predict(&energy, None).unwrap();
            let gap = number(&solution.certificate.unwrap().gap);
            assert!(gap < tolerance(1e-11), "{id}: {gap}");
        }
    }
}

#[everywhere(f64)]
fn eq_weight_gradients_equal_central_differences_of_the_resolved_loss() {
    let case = golden("S03");
    let names = ["W0", "b0", "Wz", "Wp", "b", "wo"];
    let weights = || -> Vec<(&str, Tensor)> { names.map(|name| (name, case.tensor(name))).into() };
    let (u, y) = (
        uniform(&[3, 4], 2.0, 50),
        uniform(&[3, 4], 1.0, 51).gt(0.0).to_kind(kind()),
    );
    let precise = Auto {
        options: options(1e-14),
    };
    let loss = FenchelYoung::new(BinaryEntropy::new(0.5).unwrap(), Cube, precise);
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
                    number(&mean(&moved))
                };
                (at(h) - at(-h)) / (2.0 * h)
            })
            .collect();
        assert_close(names[index], gradient, &tensor(&slopes), 1e-8);
    }
}
