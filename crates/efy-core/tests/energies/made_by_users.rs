//! Energies from closures, couplings by name, and what does not fit together.

use super::*;

#[everywhere]
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
    let expected = Auto {
        options: options(1e-12),
    };
    let expected = solve(&whole(name), gini(), Cube, expected);
    for (energy, certified) in [(&by_autograd, true), (&by_formula, false)] {
        let found = solve(energy, gini(), Cube, fista(1e-9));
        assert_close("argmax", &found.argmax, &expected.argmax, 1e-7);
        let gap = values(&found.certificate.unwrap().gap);
        assert!(
            gap.iter().all(|gap| gap.is_finite() == certified),
            "{gap:?}"
        );
    }
    // With gradients on, a gradient by autograd has a graph to what the closure holds.
    let weight = tensor(&[2.0]).set_requires_grad(true);
    let held = weight.shallow_clone();
    let cubic = Custom::new(&like, move |p| {
        (p.pow_tensor_scalar(3) * &held).sum_dim_intlist(-1, false, None::<Kind>)
    });
    let p = like.shallow_clone();
    let gradient = cubic.unwrap().gradient(&p).sum(None::<Kind>);
    let found = Tensor::run_backward(&[gradient], &[&weight], false, false).swap_remove(0);
    assert_close(
        "graph",
        &found,
        &(p.square() * 3.0).sum(None::<Kind>),
        1e-12,
    );
}

#[everywhere]
fn couplings_are_symmetric_hollow_and_bounded_as_their_names_say() {
    let b = uniform(&[3, 4, 4], 1.0, 70);
    let symmetric = Coupling::symmetric(&b);
    let u = symmetric.tensor();
    assert_close("symmetric", u, &u.transpose(-1, -2), 0.0);
    let hollow = Coupling::zero_diagonal(&b);
    assert_close(
        "diagonal",
        &hollow.tensor().diagonal(0, -2, -1),
        &Tensor::zeros([12], place()),
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
    let gap = values(&solution.certificate.unwrap().gap);
    assert!(gap.iter().all(|&gap| gap < tolerance(1e-9)), "{gap:?}");
}

#[everywhere]
fn wrong_networks_are_named() {
    let zeros = |shape: &[i64]| Tensor::zeros(shape, place());
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
