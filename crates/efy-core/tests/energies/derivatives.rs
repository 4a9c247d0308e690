//! Gradients, Hessian products, discrete gradients and concavity.

use super::*;

#[everywhere(f64)]
fn eq_gradient_is_that_of_autograd_and_of_central_differences() {
    let p = uniform(&[11, 5], 0.5, 30) + 0.5;
    for (name, energy, _) in energies() {
        let leaf = p.detach().set_requires_grad(true);
        let sum = energy.value(&leaf).sum(None::<Kind>);
        let autograd = Tensor::run_backward(&[sum], &[&leaf], false, false).swap_remove(0);
        let _guard = tch::no_grad_guard();
        let found = energy.gradient(&p);
        assert_close(name, &found, &autograd, 1e-12);
        let h = 1e-5;
        for i in 0..5 {
            let mut step = p.zeros_like();
            let _ = step.select(1, i).fill_(h);
            step = step.detach();
            let slope = (energy.value(&(&p + &step)) - energy.value(&(&p - &step))) / (2.0 * h);
            assert_close(name, &found.select(1, i), &slope, 1e-8);
        }
    }
}

#[everywhere(f64)]
fn eq_hessian_product_is_that_of_central_differences() {
    let p = uniform(&[11, 5], 0.5, 31) + 0.5;
    let q = uniform(&[11, 5], 1.0, 32);
    let h = 1e-5;
    for (name, energy, _) in energies() {
        let _guard = tch::no_grad_guard();
        let ahead = energy.gradient(&(&p + &q * h));
        let behind = energy.gradient(&(&p - &q * h));
        let expected = (ahead - behind) / (2.0 * h);
        assert_close(name, &energy.hessian_product(&p, &q), &expected, 1e-8);
    }
}

#[everywhere(f64)]
fn eq_discrete_gradient_gives_the_difference_of_values_whatever_the_distance() {
    let p = uniform(&[11, 5], 0.5, 33) + 0.5;
    let direction = uniform(&[11, 5], 1.0, 34);
    for name in NETWORKS {
        for scale in [1.0, 40.0] {
            let energy = network(name, scale, (0, 11));
            let size = number(&energy.value(&p).abs().max());
            for step in [0.0, 1e-9, 1e-4, 0.1, 1.0] {
                let q = &p + &direction * step;
                let gradient = energy.discrete_gradient(&p, &q).unwrap();
                let found = ((&p - &q) * gradient).sum_dim_intlist(-1, false, None::<Kind>);
                let expected = energy.value(&p) - energy.value(&q);
                let tolerance = 1e-14 * size.max(1.0);
                assert_close(&format!("{name} {step}"), &found, &expected, tolerance);
            }
        }
    }
}

#[everywhere]
fn eq_discrete_gradient_keeps_the_digits_that_a_difference_of_values_loses() {
    let p = uniform(&[11, 5], 0.5, 33) + 0.5;
    let q = &p + uniform(&[11, 5], 1.0, 34) * 1e-3;
    for name in NETWORKS {
        let energy = whole(name);
        let gradient = energy.discrete_gradient(&p, &q).unwrap();
        let found = ((&p - &q) * gradient).sum_dim_intlist(-1, false, None::<Kind>);
        // The slope at the middle is off by the square of the distance.
        let middle = energy.gradient(&((&p + &q) * 0.5));
        let expected = ((&p - &q) * middle).sum_dim_intlist(-1, false, None::<Kind>);
        let scale = 1.0 / number(&expected.abs().max());
        let rounding = if kind() == Kind::Double { 1e-6 } else { 3e-6 };
        let error = number(&((found - expected) * scale).abs().max());
        assert!(error <= rounding, "{name}: {error}");
    }
}

#[everywhere]
fn concave_energies_lie_above_their_chords() {
    for (name, energy, concave) in energies() {
        let mut broken = 0;
        for seed in 0..40 {
            let (p, q) = (
                uniform(&[11, 5], 2.0, 100 + seed),
                uniform(&[11, 5], 2.0, 200 + seed),
            );
            let middle = energy.value(&((&p + &q) * 0.5));
            let chord = (energy.value(&p) + energy.value(&q)) * 0.5;
            let below = (chord - middle)
                .gt(tolerance(1e-12))
                .to_kind(kind())
                .sum(None::<Kind>);
            broken += number(&below) as i64;
        }
        assert_eq!(broken == 0, concave, "{name}: {broken}");
    }
}
