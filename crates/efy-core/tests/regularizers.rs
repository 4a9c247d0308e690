//! What every regularizer promises: the golden vectors of the generalized Fenchel-Young paper
//! (assets/golden/fy), and the mathematics of conjugates and proximal maps.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/mod.rs"]
mod support;

use efy_core::device::read;
use efy_core::domain::{Birkhoff, BoxDomain, Cube, Domain, Knapsack, Reals, Simplex};
use efy_core::energy::{Coupling, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, NoRegularizer, OneSidedShannon,
    Regularizer, Shannon, Tsallis,
};
use efy_core::solver::{Auto, ClosedForm, CoordinateAscent, Options, Solver};
use proptest::prelude::*;
use support::{assert_close, check_linear, golden, uniform};
use tch::{Device, Kind, Tensor};

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

type Parts = (Box<dyn Regularizer>, Box<dyn Domain>);

fn values(t: &Tensor) -> Vec<f64> {
    read::to_vec(t).unwrap()
}

fn boxed(regularizer: impl Regularizer + 'static, domain: impl Domain + 'static) -> Parts {
    (Box::new(regularizer), Box::new(domain))
}

/// Every regularizer with every domain that it has a formula for, for rows of 9.
fn catalogue(gamma: f64) -> Vec<Parts> {
    let action = || BoxDomain::new(-1.5, 0.5).unwrap();
    let mut all = vec![
        boxed(HalfSquaredNorm::new(gamma).unwrap(), Cube),
        boxed(
            HalfSquaredNorm::new(gamma).unwrap(),
            Simplex::new(1.0).unwrap(),
        ),
        boxed(Gini::new(gamma).unwrap(), action()),
        boxed(BinaryEntropy::new(gamma).unwrap(), Cube),
        boxed(BinaryEntropy::on_box(gamma, -1.5, 0.5).unwrap(), action()),
        boxed(OneSidedShannon::new(gamma).unwrap(), Cube),
        boxed(Shannon::new(gamma).unwrap(), Simplex::new(1.0).unwrap()),
        boxed(Shannon::new(gamma).unwrap(), Simplex::new(2.5).unwrap()),
        boxed(Shannon::new(gamma).unwrap(), Birkhoff::new(3).unwrap()),
    ];
    for (min, max) in [(0.0, 2.0), (4.0, 4.0), (6.0, 8.0)] {
        all.push(boxed(
            BinaryEntropy::new(gamma).unwrap(),
            Knapsack::new(min, max).unwrap(),
        ));
    }
    for alpha in [1.1, 1.5, 2.0, 3.0] {
        all.push(boxed(
            Tsallis::new(alpha, gamma).unwrap(),
            Simplex::new(1.0).unwrap(),
        ));
        all.push(boxed(
            Tsallis::new(alpha, gamma).unwrap(),
            Simplex::new(0.4).unwrap(),
        ));
        all.push(boxed(BinaryTsallis::new(alpha, gamma).unwrap(), Cube));
    }
    all
}

fn describe((regularizer, domain): &Parts) -> String {
    format!("{} on {}", regularizer.name(), domain.name())
}

/// Points of a domain: its centre, and mixtures of it with answers of regularizers to random questions.
fn points(domain: &dyn Domain, k: i64, seed: u64) -> Vec<Tensor> {
    let centre = domain.start(&Tensor::zeros([1, k], F64));
    let mut all = vec![centre.shallow_clone()];
    for (regularizer, set) in catalogue(0.3) {
        if set.name() != domain.name() {
            continue;
        }
        let theta = uniform(&[1, k], 3.0, seed + all.len() as u64);
        let p = regularizer.argmax(&theta, domain);
        if let Some(p) = p {
            all.push(p.lerp(&centre, 0.3));
            all.push(p);
        }
    }
    all
}

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

/// $\langle\theta, p\rangle - \Omega(p)$.
fn objective(regularizer: &dyn Regularizer, theta: &Tensor, p: &Tensor) -> f64 {
    let inner = (theta * p).sum_dim_intlist(-1, false, None::<Kind>);
    read::scalar(&(inner - regularizer.value(p))).unwrap()
}

#[test]
fn no_point_of_the_domain_beats_the_argmax() {
    for seed in 0..6 {
        for parts in catalogue(0.7) {
            let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
            let theta = uniform(&[1, 9], [0.5, 2.0, 9.0][seed as usize % 3], seed);
            let best = regularizer.argmax(&theta, domain).unwrap();
            let inside = domain.contains(&best, 1e-12).all();
            assert_eq!(
                read::scalar(&inside).unwrap(),
                1.0,
                "{}: {best}",
                describe(&parts)
            );
            let maximum = objective(regularizer, &theta, &best);
            for p in points(domain, 9, seed) {
                for weight in [1.0, 0.1, 1e-3] {
                    let value = objective(regularizer, &theta, &best.lerp(&p, weight));
                    assert!(
                        value <= maximum + 1e-12,
                        "{}: {value} {maximum}",
                        describe(&parts)
                    );
                }
            }
        }
    }
}

#[test]
fn the_conjugate_is_the_maximum_and_its_gradient_the_argmax() {
    let (step, k) = (1e-5, 9);
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let theta = uniform(&[1, k], 2.0, 11);
        let conjugate = |theta: &Tensor| {
            let p = regularizer.argmax(theta, domain).unwrap();
            regularizer.conjugate(theta, &p, domain)
        };
        let best = regularizer.argmax(&theta, domain).unwrap();
        let found = read::scalar(&conjugate(&theta)).unwrap();
        let maximum = objective(regularizer, &theta, &best);
        assert!(
            (found - maximum).abs() <= 1e-12 * maximum.abs().max(1.0),
            "{}",
            describe(&parts)
        );
        let shifts = Tensor::eye(k, F64) * step;
        let (up, down) = (&theta + &shifts, &theta - shifts);
        let slopes = (conjugate(&up) - conjugate(&down)) / (2.0 * step);
        assert_close(&describe(&parts), &slopes, &best, 1e-6);
    }
}

#[test]
fn losses_are_at_least_the_modulus_says_and_zero_at_the_prediction() {
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let theta = uniform(&[1, 9], 2.0, 5);
        let best = regularizer.argmax(&theta, domain).unwrap();
        let conjugate = read::scalar(&regularizer.conjugate(&theta, &best, domain)).unwrap();
        let mut targets = points(domain, 9, 3);
        targets.push(best.shallow_clone());
        for y in targets {
            let definition = conjugate - objective(regularizer, &theta, &y);
            let square = read::scalar(&(&y - &best).square().sum(Kind::Double)).unwrap();
            let bound = 0.5 * regularizer.modulus(domain) * square;
            assert!(
                definition >= bound - 1e-12,
                "{}: {definition} {bound}",
                describe(&parts)
            );
            if let Some(stable) = regularizer.linear_loss(&theta, &y, domain) {
                let stable = read::scalar(&stable).unwrap();
                assert!(
                    (stable - definition).abs() <= 1e-12,
                    "{stable} {definition}"
                );
            }
        }
        let zero = conjugate - objective(regularizer, &theta, &best);
        assert!(zero.abs() <= 1e-12, "{}: {zero}", describe(&parts));
    }
}

#[test]
fn gradients_and_curvatures_are_those_of_the_value() {
    let step = 1e-5;
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let centre = domain.start(&Tensor::zeros([1, 9], F64));
        let p = &centre * (uniform(&[1, 9], 0.2, 8) + 1.0);
        let shifts = Tensor::eye(9, F64) * step;
        let at = |sign: f64| regularizer.value(&(&p + &shifts * sign));
        let (up, down, here) = (at(1.0), at(-1.0), regularizer.value(&p));
        let slope = (&up - &down) / (2.0 * step);
        assert_close(&describe(&parts), &slope, &regularizer.gradient(&p), 1e-7);
        let bend = (up + down - here * 2.0) / (step * step);
        assert_close(&describe(&parts), &bend, &regularizer.curvature(&p), 1e-4);
    }
}

#[test]
fn discrete_gradients_give_the_difference_of_two_values_however_near() {
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let all = points(domain, 9, 21);
        for p in &all {
            for q in &all {
                let Some(gradient) = regularizer.discrete_gradient(p, q) else {
                    panic!("{}", describe(&parts));
                };
                let found = (gradient * (p - q)).sum_dim_intlist(-1, false, None::<Kind>);
                let expected = regularizer.value(p) - regularizer.value(q);
                assert_close(&describe(&parts), &found, &expected, 1e-12);
            }
        }
        // So near that the difference of two values has no digit left.
        let centre = domain.start(&Tensor::zeros([1, 9], F64));
        let p = &centre * (uniform(&[1, 9], 0.2, 8) + 1.0);
        let q = &p * (uniform(&[1, 9], 1e-12, 9) + 1.0);
        let found = regularizer.discrete_gradient(&p, &q).unwrap();
        assert_close(&describe(&parts), &found, &regularizer.gradient(&p), 1e-10);
    }
}

#[test]
fn no_point_of_the_domain_beats_the_proximal_map() {
    let mut some = 0;
    for seed in 0..6 {
        for parts in catalogue(0.7) {
            let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
            let x = uniform(&[1, 9], [0.5, 2.0, 20.0][seed as usize % 3], seed);
            for eta in [0.01, 0.5, 30.0] {
                let eta_tensor = Tensor::full([1, 1], eta, F64);
                let Some(best) = regularizer.prox(&x, &eta_tensor, domain) else {
                    continue;
                };
                some += 1;
                let inside = domain.contains(&best, 1e-11).all();
                assert_eq!(
                    read::scalar(&inside).unwrap(),
                    1.0,
                    "{}: {best}",
                    describe(&parts)
                );
                let cost = |p: &Tensor| {
                    let square = (p - &x).square().sum(Kind::Double) * 0.5;
                    read::scalar(&(square + regularizer.value(p) * eta)).unwrap()
                };
                let least = cost(&best);
                for p in points(domain, 9, seed) {
                    for weight in [1.0, 0.1, 1e-3] {
                        let other = cost(&best.lerp(&p, weight));
                        let slack = 1e-12 * least.abs().max(1.0);
                        assert!(
                            other >= least - slack,
                            "{} {eta}: {other} {least}",
                            describe(&parts)
                        );
                    }
                }
            }
        }
    }
    assert!(some > 300, "{some}");
}

#[test]
fn each_row_has_its_own_proximal_step() {
    let x = uniform(&[4, 5], 1.0, 2);
    let eta = Tensor::from_slice(&[0.1, 0.5, 2.0, 9.0]).reshape([4, 1]);
    for (regularizer, domain) in [
        boxed(Shannon::new(0.7).unwrap(), Simplex::new(1.0).unwrap()),
        boxed(BinaryEntropy::new(0.7).unwrap(), Cube),
        boxed(Gini::new(0.7).unwrap(), Cube),
    ] {
        let all = regularizer.prox(&x, &eta, domain.as_ref()).unwrap();
        for row in 0..4 {
            let (x, eta) = (x.narrow(0, row, 1), eta.get(row).get(0));
            let alone = regularizer.prox(&x, &eta, domain.as_ref()).unwrap();
            assert_close("row", &all.narrow(0, row, 1), &alone, 1e-15);
        }
    }
}

#[test]
fn permuting_theta_permutes_the_argmax() {
    let order = Tensor::from_slice(&[4_i64, 0, 8, 2, 7, 1, 3, 6, 5]);
    for parts in catalogue(0.7) {
        if parts.1.name() == "birkhoff" {
            continue;
        }
        let argmax = |theta: &Tensor| parts.0.argmax(theta, parts.1.as_ref()).unwrap();
        let theta = uniform(&[3, 9], 2.0, 13);
        let permuted = argmax(&theta.index_select(1, &order));
        let expected = argmax(&theta).index_select(1, &order);
        assert_close(&describe(&parts), &permuted, &expected, 1e-13);
    }
    // Rows and columns of a matrix.
    let order = Tensor::from_slice(&[2_i64, 0, 1]);
    let shuffle = |t: &Tensor| {
        let matrix = t.reshape([3, 3]).index_select(0, &order).tr();
        matrix.reshape([1, 9])
    };
    let argmax = |s: &Tensor| {
        Shannon::new(0.3)
            .unwrap()
            .argmax(s, &Birkhoff::new(3).unwrap())
            .unwrap()
    };
    let scores = uniform(&[1, 9], 2.0, 14);
    assert_close(
        "birkhoff",
        &argmax(&shuffle(&scores)),
        &shuffle(&argmax(&scores)),
        1e-12,
    );
}

#[test]
fn scaling_theta_and_gamma_scales_the_conjugate_and_keeps_the_argmax() {
    let scale = 3.7;
    for (small, large) in catalogue(0.7).iter().zip(catalogue(0.7 * scale)) {
        let theta = uniform(&[2, 9], 2.0, 17);
        let solve = |parts: &Parts, theta: &Tensor| {
            let p = parts.0.argmax(theta, parts.1.as_ref()).unwrap();
            let conjugate = parts.0.conjugate(theta, &p, parts.1.as_ref());
            (p, conjugate)
        };
        let (p, conjugate) = solve(small, &theta);
        let (scaled_p, scaled_conjugate) = solve(&large, &(theta * scale));
        assert_close(&describe(small), &scaled_p, &p, 1e-12);
        assert_close(
            &describe(small),
            &scaled_conjugate,
            &(conjugate * scale),
            1e-12,
        );
    }
}

#[test]
fn extreme_inputs_stay_finite_and_inside() {
    let extreme = [700.0, -700.0, 1e4, -1e4, 0.0, 1e-30, 1e4, 3.0, -1e4];
    for kind in [Kind::Float, Kind::Double] {
        for gamma in [1.0, 1e-3] {
            for parts in catalogue(gamma) {
                let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
                let context = format!("{} {kind:?} {gamma}", describe(&parts));
                let theta = Tensor::from_slice(&extreme).reshape([1, 9]).to_kind(kind);
                // A number and its many copies; neighbours of zero; the extremes themselves.
                let all = Tensor::cat(&[&theta, &theta.full_like(1e4), &(&theta * 1e-30)], 0);
                let p = regularizer.argmax(&all, domain).unwrap();
                let inside = values(&domain.contains(&p, 1e-5));
                assert_eq!(inside, [1.0; 3], "{context}: {p}");
                let finite = |t: &Tensor| values(t).iter().all(|x| x.is_finite());
                assert!(
                    finite(&regularizer.conjugate(&all, &p, domain)),
                    "{context}"
                );
                if let Some(loss) = regularizer.linear_loss(&all, &p, domain) {
                    assert!(finite(&loss), "{context} {loss}");
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_alone_and_in_a_batch() {
    for kind in [Kind::Float, Kind::Double] {
        let theta = uniform(&[40, 9], 3.0, 19).to_kind(kind);
        let _ = theta.get(7).fill_(f64::NAN);
        for parts in catalogue(0.7) {
            let argmax = |theta: &Tensor| parts.0.argmax(theta, parts.1.as_ref()).unwrap();
            let all = argmax(&theta);
            assert!(
                values(&all.get(7)).iter().all(|x| x.is_nan()),
                "{}",
                describe(&parts)
            );
            for row in (0..40).filter(|&row| row != 7) {
                let alone = argmax(&theta.narrow(0, row, 1)).get(0);
                let together = all.get(row);
                // libtorch's own elementwise exp rounds the last few elements of a tensor in another way.
                let elementwise = parts.0.is_steep() && parts.1.bounds().is_some();
                if elementwise && parts.0.name() != "binary_tsallis" {
                    let unit = if kind == Kind::Float { 2e-7 } else { 4e-16 };
                    assert_close(&describe(&parts), &together, &alone, unit);
                } else {
                    assert_eq!(values(&together), values(&alone), "{}", describe(&parts));
                }
            }
        }
    }
}

#[test]
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
                Tsallis::new(1.0 + 1e-7, gamma).unwrap(),
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
            boxed(BinaryTsallis::new(1.0 + 1e-6, gamma).unwrap(), Cube),
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

#[test]
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

#[test]
fn entropies_vanish_at_vertices_and_losses_keep_their_relative_accuracy() {
    let y = Tensor::from_slice(&[1.0, 0.0, 0.0]).reshape([1, 3]);
    let zero_at_vertices: [Box<dyn Regularizer>; 5] = [
        Box::new(Shannon::new(0.7).unwrap()),
        Box::new(Tsallis::new(1.5, 0.7).unwrap()),
        Box::new(BinaryTsallis::new(1.3, 0.7).unwrap()),
        Box::new(BinaryEntropy::new(0.7).unwrap()),
        Box::new(OneSidedShannon::new(0.7).unwrap()),
    ];
    for regularizer in zero_at_vertices {
        assert_eq!(read::scalar(&regularizer.value(&y)).unwrap(), 0.0);
    }
    // The cross-entropy of a prediction that is right but for e^-60.
    let theta = Tensor::from_slice(&[60.0, 0.0, f64::NEG_INFINITY]).reshape([1, 3]);
    let shannon = Shannon::new(1.0).unwrap();
    let theta = theta.set_requires_grad(true);
    let loss = shannon
        .linear_loss(&theta, &y, &Simplex::new(1.0).unwrap())
        .unwrap();
    let found = read::scalar(&loss).unwrap();
    assert!((found / (-60.0_f64).exp() - 1.0).abs() < 1e-14, "{found}");
    loss.sum(Kind::Double).backward();
    let gradient = values(&theta.grad());
    assert!((gradient[1] / (-60.0_f64).exp() - 1.0).abs() < 1e-14 && gradient[2] == 0.0);
}

#[test]
fn the_perceptron_takes_the_low_end_of_a_tie() {
    let theta = Tensor::from_slice(&[0.3, 0.0, -0.2]).reshape([1, 3]);
    let domain = BoxDomain::new(-1.0, 2.0).unwrap();
    let energy = Linear::new(theta.shallow_clone()).unwrap();
    let zero = Tensor::zeros([3, 3], F64);
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

#[test]
fn coordinate_ascent_finds_the_maximum_for_every_separable_regularizer() {
    let (k, options) = (
        9,
        Options {
            tolerance: 1e-12,
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
    for parts in parts {
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
                    .all(|&gap| gap <= 1e-10),
                "{context}"
            );
            for y in &points {
                let y = y.expand([4, k], false).contiguous();
                let value = loss.loss(&energy, &y, None).unwrap();
                assert!(
                    values(&value.per_row).iter().all(|&loss| loss >= -1e-10),
                    "{context}"
                );
                let gradient =
                    Tensor::run_backward(&[value.per_row.sum(Kind::Double)], &[&u], false, false);
                assert_close(&context, &gradient[0], &(&best.argmax - y), 1e-10);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Stationarity: $\theta_i - \omega'(p_i)$ is the same for all elements of the support, and $\theta_i$ no
    /// larger off it.
    #[test]
    fn entmax_satisfies_its_optimality_conditions(
        theta in prop::collection::vec(-20.0..20.0_f64, 1..12),
        alpha in prop::sample::select(vec![1.02, 1.25, 1.5, 1.9, 2.0, 2.6, 4.0]),
        gamma in 0.1..5.0_f64,
        scale in 0.2..3.0_f64,
    ) {
        let tsallis = Tsallis::new(alpha, gamma).unwrap();
        let rows = Tensor::from_slice(&theta).reshape([1, -1]);
        let p = tsallis.argmax(&rows, &Simplex::new(scale).unwrap()).unwrap();
        let gradient = values(&(rows - tsallis.gradient(&p)));
        let p = values(&p);
        let sum: f64 = p.iter().sum();
        prop_assert!((sum / scale - 1.0).abs() < 1e-13);
        let multiplier = gradient.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (p, g) in p.iter().zip(gradient) {
            prop_assert!(*p >= 0.0 && (*p == 0.0 || (multiplier - g).abs() < 1e-10), "{p} {g} {multiplier}");
        }
    }

    /// A bound that binds is met to the last digit, with one threshold for all.
    #[test]
    fn a_knapsack_has_one_threshold(
        theta in prop::collection::vec(-30.0..30.0_f64, 2..12),
        low in 0.0..1.0_f64,
        width in 0.0..1.0_f64,
        gamma in 0.05..5.0_f64,
    ) {
        let k = theta.len() as f64;
        let (min, max) = (low * k, (low + width * (1.0 - low)) * k);
        let rows = Tensor::from_slice(&theta).reshape([1, -1]);
        let entropy = BinaryEntropy::new(gamma).unwrap();
        let p = entropy.argmax(&rows, &Knapsack::new(min, max).unwrap()).unwrap();
        let sum: f64 = values(&p).iter().sum();
        prop_assert!(sum >= min - 1e-12 * k && sum <= max + 1e-12 * k, "{sum} {min} {max}");
        let taus: Vec<f64> = values(&p)
            .into_iter()
            .zip(&theta)
            .filter(|(p, _)| *p > 1e-6 && *p < 1.0 - 1e-6)
            .map(|(p, theta)| theta - gamma * (p / (1.0 - p)).ln())
            .collect();
        for tau in &taus {
            prop_assert!((tau - taus[0]).abs() < 1e-7, "{taus:?}");
            let slack = tau.abs() < 1e-7;
            let binds = (if *tau > 0.0 { sum - max } else { sum - min }).abs() < 1e-9;
            prop_assert!(slack || binds, "{tau} {sum} {min} {max}");
        }
    }

    /// Rows and columns sum to 1, and log P - S / gamma is a sum of a row's and a column's number.
    #[test]
    fn sinkhorn_is_doubly_stochastic_and_of_rank_two_in_the_log_domain(
        scores in prop::collection::vec(-10.0..10.0_f64, 16),
        gamma in 0.3..5.0_f64,
    ) {
        let s = Tensor::from_slice(&scores).reshape([1, 16]);
        let p = Shannon::new(gamma).unwrap().argmax(&s, &Birkhoff::new(4).unwrap()).unwrap();
        let p = values(&p);
        for i in 0..4 {
            let row: f64 = (0..4).map(|j| p[4 * i + j]).sum();
            let column: f64 = (0..4).map(|j| p[4 * j + i]).sum();
            prop_assert!((row - 1.0).abs() < 1e-13 && (column - 1.0).abs() < 1e-13, "{row} {column}");
        }
        let rest = |i: usize, j: usize| p[4 * i + j].ln() - scores[4 * i + j] / gamma;
        for i in 1..4 {
            for j in 1..4 {
                let cross = rest(i, j) - rest(i, 0) - rest(0, j) + rest(0, 0);
                prop_assert!(cross.abs() < 1e-10, "{cross}");
            }
        }
    }
}
