//! Formulas of the paper and of the literature, and solvers that use them.

use super::*;

#[everywhere]
fn orders_one_and_two_are_the_entropies_and_the_squared_norms() {
    let gamma = 0.7;
    let (simplex, theta) = (Simplex::new(1.0).unwrap(), uniform(&[5, 9], 2.0, 23));
    let pairs = [
        (
            boxed(
                Tsallis::new(2.0, gamma).unwrap(),
                Simplex::new(1.0).unwrap(),
            ),
            boxed(HalfSquaredNorm::new(gamma).unwrap(), simplex),
            1e-12,
        ),
        (
            boxed(
                Tsallis::new(1.0 + tolerance(1e-7), gamma).unwrap(),
                Simplex::new(1.0).unwrap(),
            ),
            boxed(Shannon::new(gamma).unwrap(), Simplex::new(1.0).unwrap()),
            1e-5,
        ),
        (
            boxed(BinaryTsallis::new(2.0, gamma).unwrap(), Cube),
            boxed(Gini::new(2.0 * gamma).unwrap(), Cube),
            1e-12,
        ),
        (
            boxed(
                BinaryTsallis::new(1.0 + tolerance(1e-6), gamma).unwrap(),
                Cube,
            ),
            boxed(BinaryEntropy::new(gamma).unwrap(), Cube),
            1e-5,
        ),
    ];
    for (tsallis, limit, tolerance) in pairs {
        let argmax = |parts: &Parts| parts.0.argmax(&theta, parts.1.as_ref()).unwrap();
        assert_close(
            &describe(&limit),
            &argmax(&tsallis),
            &argmax(&limit),
            tolerance,
        );
    }
    for error in [
        Tsallis::new(1.0, gamma).err(),
        BinaryTsallis::new(0.5, gamma).err(),
        Tsallis::new(f64::NAN, gamma).err(),
    ] {
        let message = error.unwrap().to_string();
        assert!(
            message.contains("alpha: expected a number > 1"),
            "{message}"
        );
    }
    assert!(Tsallis::new(1.5, 0.0).is_err() && BinaryEntropy::on_box(1.0, 1.0, 1.0).is_err());
}

#[everywhere]
fn closed_forms_of_the_paper_and_of_the_literature() {
    let theta = uniform(&[3, 6], 1.5, 29);
    // [-1, 1]: the hyperbolic tangent.
    let tanh = BinaryEntropy::on_box(0.8, -1.0, 1.0).unwrap();
    let domain = BoxDomain::new(-1.0, 1.0).unwrap();
    assert_close(
        "tanh",
        &tanh.argmax(&theta, &domain).unwrap(),
        &(&theta / 0.8).tanh(),
        1e-14,
    );
    // Binary 1.5-entmax is 1.5-entmax of (t, 0).
    let t = uniform(&[200, 1], 2.5, 31);
    let pair = Tensor::cat(&[&t, &t.zeros_like()], 1);
    let both = Tsallis::new(1.5, 1.0)
        .unwrap()
        .argmax(&pair, &Simplex::new(1.0).unwrap())
        .unwrap();
    let one = BinaryTsallis::new(1.5, 1.0)
        .unwrap()
        .argmax(&t, &Cube)
        .unwrap();
    assert_close("binary 1.5-entmax", &one, &both.narrow(1, 0, 1), 1e-14);
    // A knapsack that does not bind is the cube.
    let entropy = BinaryEntropy::new(0.9).unwrap();
    let loose = Knapsack::new(0.0, 6.0).unwrap();
    let found = entropy.argmax(&theta, &loose).unwrap();
    let cube = entropy.argmax(&theta, &Cube).unwrap();
    assert_close("loose knapsack", &found, &cube, 4e-16);
}

#[everywhere]
fn entropies_vanish_at_vertices_and_losses_keep_their_relative_accuracy() {
    let y = tensor(&[1.0, 0.0, 0.0]).reshape([1, 3]);
    let zero_at_vertices: [Box<dyn Regularizer>; 5] = [
        Box::new(Shannon::new(0.7).unwrap()),
        Box::new(Tsallis::new(1.5, 0.7).unwrap()),
        Box::new(BinaryTsallis::new(1.3, 0.7).unwrap()),
        Box::new(BinaryEntropy::new(0.7).unwrap()),
        Box::new(OneSidedShannon::new(0.7).unwrap()),
    ];
    for regularizer in zero_at_vertices {
        assert_eq!(number(&regularizer.value(&y)), 0.0);
    }
    // The cross-entropy of a prediction that is right but for e^-60.
    let theta = tensor(&[60.0, 0.0, f64::NEG_INFINITY]).reshape([1, 3]);
    let shannon = Shannon::new(1.0).unwrap();
    let theta = theta.set_requires_grad(true);
    let loss = shannon
        .linear_loss(&theta, &y, &Simplex::new(1.0).unwrap())
        .unwrap();
    let found = number(&loss);
    assert!(
        (found / (-60.0_f64).exp() - 1.0).abs() < tolerance(1e-14),
        "{found}"
    );
    loss.sum(None::<Kind>).backward();
    let gradient = values(&theta.grad());
    assert!((gradient[1] / (-60.0_f64).exp() - 1.0).abs() < tolerance(1e-14) && gradient[2] == 0.0);
}

#[everywhere]
fn the_perceptron_takes_the_low_end_of_a_tie() {
    let theta = tensor(&[0.3, 0.0, -0.2]).reshape([1, 3]);
    let domain = BoxDomain::new(-1.0, 2.0).unwrap();
    let energy = Linear::new(theta.shallow_clone()).unwrap();
    let zero = Tensor::zeros([3, 3], place());
    let coupled = Quadratic::new(theta, Coupling::Dense(zero)).unwrap();
    let ascent = || Box::new(CoordinateAscent::default()) as Box<dyn Solver>;
    for (energy, solver) in [
        (
            &energy as &dyn efy_core::energy::Energy,
            Box::new(Auto::default()) as Box<dyn Solver>,
        ),
        (&energy, ascent()),
        (&coupled, ascent()),
    ] {
        let loss = FenchelYoung::from_parts(Box::new(NoRegularizer), Box::new(domain), solver);
        let p = loss.predict(energy, None).unwrap().argmax;
        assert_eq!(values(&p), [2.0, -1.0, -1.0]);
    }
}

#[everywhere]
fn coordinate_ascent_finds_the_maximum_for_every_separable_regularizer() {
    let (k, options) = (
        9,
        Options {
            tolerance: tolerance(by_kind(1e-12, 1e-10)),
            ..Options::default()
        },
    );
    let mut parts: Vec<Parts> = catalogue(0.7)
        .into_iter()
        .filter(|(regularizer, domain)| {
            regularizer.separable().is_some() && domain.bounds().is_some()
        })
        .collect();
    parts.push(boxed(NoRegularizer, Cube));
    assert_eq!(parts.len(), 10);
    // On a device, where every coordinate is launches of its own, a few of them.
    for parts in parts.into_iter().step_by(by_device(1, 4)) {
        let context = describe(&parts);
        let points = points(parts.1.as_ref(), k, 37);
        let u = uniform(&[4, k], 2.0, 39).set_requires_grad(true);
        let a = uniform(&[k, 3], 0.8, 41);
        let dense = Coupling::Dense(a.matmul(&a.tr()).neg());
        for coupling in [Coupling::LowRank(a), dense] {
            let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
            let (regularizer, domain) = catalogue(0.7)
                .into_iter()
                .chain([boxed(NoRegularizer, Cube)])
                .find(|other| {
                    let same = |p: &Tensor| values(&other.0.value(p)) == values(&parts.0.value(p));
                    describe(other) == context && points.iter().all(same)
                })
                .unwrap();
            let solver = Box::new(CoordinateAscent { options });
            let loss = FenchelYoung::from_parts(regularizer, domain, solver);
            let best = loss.predict(&energy, None).unwrap();
            let converged = values(&best.report.converged);
            assert_eq!(converged, [1.0; 4], "{context} {:?}", best.report);
            assert!(
                values(&best.certificate.unwrap().gap)
                    .iter()
                    .all(|&gap| gap <= tolerance(1e-10)),
                "{context}"
            );
            // On a device, one of them in place of all.
            for y in points.iter().rev().take(by_device(points.len(), 1)) {
                let y = y.expand([4, k], false).contiguous();
                let value = loss.loss(&energy, &y, None).unwrap();
                assert!(
                    values(&value.per_row)
                        .iter()
                        .all(|&loss| loss >= -tolerance(1e-10)),
                    "{context}"
                );
                let gradient =
                    Tensor::run_backward(&[value.per_row.sum(None::<Kind>)], &[&u], false, false);
                assert_close(&context, &gradient[0], &(&best.argmax - y), 1e-10);
            }
        }
    }
}
