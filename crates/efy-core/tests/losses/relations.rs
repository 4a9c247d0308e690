//! What holds between the losses.

use crate::support::{self, Opaque};
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::{Cost, Criterion, Differentiation, FenchelYoung, Loss, Margin, ThroughArgmax};
use efy_core::regularizer::{Gini, HalfSquaredNorm};
use efy_test::{assert_close, by_device, everywhere, number, place, tolerance, uniform};
use proptest::prelude::*;
use tch::{Kind, Tensor};

use crate::made_up::{
    KINDS, Kinds, at_least, fenchel_young, labels, margin, perceptron, precise, total,
};

fn rows(loss: &dyn Loss, energy: &dyn Energy, y: &Tensor) -> Tensor {
    loss.loss(energy, y, None).unwrap().per_row
}

proptest! {
    #![proptest_config(ProptestConfig { cases: by_device(48, 4), ..ProptestConfig::default() })]

    /// perceptron <= margin, Fenchel-Young <= regularized margin, all >= 0 for feasible y; and
    /// $m/2 \|y - \hat y\|^2 \le L$ (X01).
    #[everywhere]
    fn losses_are_nonnegative_and_a_cost_makes_them_larger(
        seed in any::<u64>(), which in 0..4_usize, index in 0..4_usize, soft in any::<bool>(),
    ) {
        let (count, k) = (4, 5);
        let kinds = KINDS[which];
        let energy = kinds.energy(&uniform(&[count, k], 2.0, seed), &kinds.parameter(count, k, seed ^ 1));
        let energy = energy.as_ref();
        let y = if soft { uniform(&[count, k], 0.5, seed ^ 2) + 0.5 } else { labels(&[count, k], seed ^ 2) };
        let plain = rows(&perceptron(), energy, &y);
        let with_cost = rows(&margin(), energy, &y);
        let loss = fenchel_young(index);
        let fenchel = rows(&loss, energy, &y);
        let regularized = rows(&Margin::regularized(Cost::Hamming, fenchel_young(index)), energy, &y);
        let squared = rows(&Margin::new(Cost::Squared, Cube, precise()), energy, &y);
        for smaller in [&plain, &fenchel, &with_cost, &regularized, &squared] {
            prop_assert!(at_least(smaller, -tolerance(1e-9)), "{smaller:?}");
        }
        prop_assert!(at_least(&(with_cost - plain), -tolerance(1e-9)));
        prop_assert!(at_least(&(regularized - &fenchel), -tolerance(1e-9)));
        let prediction = loss.predict(energy, None).unwrap().argmax;
        let modulus = crate::made_up::regularizer(index).modulus(&Cube);
        let lower = (prediction - &y).square().sum_dim_intlist(-1, false, None::<Kind>) * (0.5 * modulus);
        prop_assert!(at_least(&(fenchel - lower), -tolerance(1e-9)));
    }
}

#[everywhere]
fn fenchel_young_tends_to_the_perceptron_as_gamma_vanishes() {
    let (count, k) = (6, 4);
    let y = labels(&[count, k], 1);
    for kinds in KINDS {
        let energy = kinds.energy(&uniform(&[count, k], 2.0, 2), &kinds.parameter(count, k, 3));
        let limit = rows(&perceptron(), energy.as_ref(), &y);
        let mut before = f64::INFINITY;
        for gamma in [1e-1, 1e-3, 1e-5] {
            // |L_gamma - L_0| <= max Omega - min Omega <= gamma k / 2.
            let loss = FenchelYoung::new(HalfSquaredNorm::new(gamma).unwrap(), Cube, precise());
            let distance = total(&(rows(&loss, energy.as_ref(), &y) - &limit).abs());
            assert!(
                distance <= count as f64 * gamma * k as f64 / 2.0 + tolerance(1e-9),
                "{gamma}: {distance}"
            );
            assert!(distance < before);
            before = distance;
        }
    }
}

#[everywhere]
fn the_cost_augmented_problem_is_the_same_whatever_form_it_takes() {
    let (count, k) = (5, 4);
    let y = labels(&[count, k], 11);
    let u = uniform(&[count, k], 1.5, 12);
    let linear = Linear::new(u.shallow_clone()).unwrap();
    let a = uniform(&[k, 2], 0.8, 13);
    let quadratic = Quadratic::new(u, Coupling::LowRank(a)).unwrap();
    for energy in [&linear as &dyn Energy, &quadratic] {
        // A strength above 1 keeps the problem with squared cost concave.
        let regularized = |cost| {
            let loss = FenchelYoung::new(Gini::new(1.5).unwrap(), Cube, precise());
            Margin::regularized(cost, loss)
        };
        for cost in [Cost::Hamming, Cost::Squared] {
            let native = rows(&regularized(cost), energy, &y);
            let hidden = rows(&regularized(cost), &Opaque(energy), &y);
            assert_close(&format!("{cost:?}"), &hidden, &native, 1e-9);
        }
    }
}

/// By brute force over the vertices: for a linear energy, and for a convex objective, one of them is a
/// maximizer.
#[everywhere]
fn margin_losses_of_linear_energies_equal_brute_force() {
    let (count, k) = (8, 5);
    let u = uniform(&[count, k], 1.5, 21);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let y = labels(&[count, k], 22);
    let target = uniform(&[count, k], 0.5, 23) + 0.5;
    let vertices = support::vertices(&Cube, k).unwrap();
    let brute = |y: &Tensor, cost: &dyn Fn(&Tensor) -> Tensor| {
        let rows: Vec<Tensor> = (0..vertices.size()[0])
            .map(|i| {
                let p = vertices.get(i).expand_as(y);
                energy.value(&p) + cost(&p) - energy.value(y)
            })
            .collect();
        Tensor::stack(&rows, 0).amax([0].as_slice(), false)
    };
    let wrong = |p: &Tensor| (p - &y).abs().sum_dim_intlist(-1, false, None::<Kind>);
    assert_close(
        "hamming",
        &rows(&margin(), &energy, &y),
        &brute(&y, &wrong),
        1e-12,
    );
    let distance = |p: &Tensor| {
        (p - &target)
            .square()
            .sum_dim_intlist(-1, false, None::<Kind>)
            * 0.5
    };
    let squared = Margin::new(Cost::Squared, Cube, precise());
    let found = rows(&squared, &energy, &target);
    assert_close("squared", &found, &brute(&target, &distance), 1e-12);
    let plain = rows(&perceptron(), &energy, &y);
    assert_close(
        "perceptron",
        &plain,
        &brute(&y, &|p| p.zeros_like().select(1, 0)),
        1e-12,
    );
}

#[everywhere]
fn implicit_differentiation_is_the_limit_of_unrolling() {
    let (count, k) = (3, 4);
    let y = labels(&[count, k], 31);
    let fixed = uniform(&[count, k], 1.0, 32);
    let kinds = Kinds {
        dense: false,
        per_row: false,
    };
    let parameter = kinds.parameter(count, k, 33);
    for index in 0..4 {
        let criterion = Criterion::SquaredError;
        let gradient = |differentiation| {
            let u = fixed.detach().set_requires_grad(true);
            let a = parameter.detach().set_requires_grad(true);
            let energy = kinds.energy(&u, &a);
            let loss =
                ThroughArgmax::new(fenchel_young(index), criterion, differentiation).unwrap();
            let value = rows(&loss, energy.as_ref(), &y).sum(None::<Kind>);
            let gradients = Tensor::run_backward(&[value], &[&u, &a], false, false);
            Tensor::cat(&[gradients[0].reshape([-1]), gradients[1].reshape([-1])], 0)
        };
        let limit = gradient(Differentiation::Implicit);
        let unrolled = |iterations| {
            gradient(Differentiation::Unrolled {
                iterations,
                step: None,
            })
        };
        assert_close(
            &format!("regularizer {index}"),
            &unrolled(400),
            &limit,
            1e-8,
        );
        let early = number(&(unrolled(3) - &limit).abs().max());
        assert!(
            early > 1e-6,
            "{index}: three iterations are too many for a test of the limit"
        );
    }
}

#[everywhere]
fn gradients_of_perceptron_and_margin_written_out_are_those_of_autograd() {
    let (count, k) = (7, 5);
    let y = labels(&[count, k], 41);
    let u = uniform(&[count, k], 1.5, 42).set_requires_grad(true);
    let a = uniform(&[k, 2], 0.8, 43).set_requires_grad(true);
    let energy = Quadratic::new(u.shallow_clone(), Coupling::LowRank(a.shallow_clone())).unwrap();
    let regularized = Margin::regularized(Cost::Hamming, fenchel_young(1));
    let soft = uniform(&[count, k], 0.5, 44) + 0.5;
    for y in [y, soft] {
        for loss in [&perceptron() as &dyn Loss, &margin(), &regularized] {
            let ours = loss.mean_gradient(&energy, &y, None).unwrap().unwrap();
            let mean = loss.mean_loss(&energy, &y, None).unwrap().mean;
            let by_rows = rows(loss, &energy, &y).mean(None::<Kind>);
            assert_close(loss.name(), &ours.mean, &mean, 1e-12);
            assert_close(loss.name(), &by_rows, &mean, 1e-12);
            let gradients = Tensor::run_backward(&[by_rows], &[&u, &a], true, false);
            assert_close(loss.name(), &ours.u, &gradients[0], 1e-12);
            assert_close(loss.name(), &ours.shared[0], &gradients[1], 1e-12);
        }
    }
}

#[everywhere]
fn wrong_targets_and_parameters_are_named() {
    let energy = Linear::new(Tensor::zeros([2, 3], place())).unwrap();
    let y = Tensor::zeros([2, 4], place());
    let message = |loss: &dyn Loss| loss.loss(&energy, &y, None).unwrap_err().to_string();
    let expected = "target: expected shape [2, 3], found [2, 4]";
    for loss in [&perceptron() as &dyn Loss, &margin(), &fenchel_young(0)] {
        assert_eq!(message(loss), expected);
    }
    let through = |differentiation| {
        let made = ThroughArgmax::new(fenchel_young(0), Criterion::SquaredError, differentiation);
        made.err().unwrap().to_string()
    };
    let none = Differentiation::Unrolled {
        iterations: 0,
        step: None,
    };
    assert_eq!(
        through(none),
        "unroll_steps: expected a positive integer, found 0"
    );
    let wrong = Differentiation::Unrolled {
        iterations: 1,
        step: Some(-1.0),
    };
    assert_eq!(
        through(wrong),
        "unroll_step_size: expected a positive number, found -1"
    );
}
