//! Gradients, Hessian products, discrete gradients and concavity.

use super::*;

#[test]
fn eq_gradient_is_that_of_autograd_and_of_central_differences() {
    let p = uniform(&[11, 5], 0.5, 30) + 0.5;
    for (name, energy, _) in energies() {
        let leaf = p.detach().set_requires_grad(true);
        let sum = energy.value(&leaf).sum(Kind::Double);
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

#[test]
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

#[test]
fn eq_discrete_gradient_gives_the_difference_of_values_whatever_the_distance() {
    let p = uniform(&[11, 5], 0.5, 33) + 0.5;
    let direction = uniform(&[11, 5], 1.0, 34);
    for name in NETWORKS {
        for scale in [1.0, 40.0] {
            let energy = network(name, Kind::Double, scale, (0, 11));
            let size = read::scalar(&energy.value(&p).abs().max()).unwrap();
            for step in [0.0, 1e-9, 1e-4, 0.1, 1.0] {
                let q = &p + &direction * step;
                let gradient = energy.discrete_gradient(&p, &q).unwrap();
                let found = ((&p - &q) * gradient).sum_dim_intlist(-1, false, None::<Kind>);
                let expected = energy.value(&p) - energy.value(&q);
                let tolerance = 1e-14 * size.max(1.0);
                assert_close(&format!("{name} {step}"), &found, &expected, tolerance);
            }
        }
        // In f32 it keeps the digits that a difference of values loses.
        let (single, double) = (network(name, Kind::Float, 1.0, (0, 11)), whole(name));
        let (a, b) = (
            p.to_kind(Kind::Float),
            (&p + &direction * 1e-3).to_kind(Kind::Float),
        );
        let found = ((&a - &b) * single.discrete_gradient(&a, &b).unwrap()).sum_dim_intlist(
            -1,
            false,
            None::<Kind>,
        );
        let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
        let expected = double.value(&a) - double.value(&b);
        let scale = 1.0 / read::scalar(&expected.abs().max()).unwrap();
        assert_close(name, &(found * scale), &(expected * scale), 3e-6);
    }
}

#[test]
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
                .gt(1e-12)
                .to_kind(Kind::Double)
                .sum(Kind::Double);
            broken += read::scalar(&below).unwrap() as i64;
        }
        assert_eq!(broken == 0, concave, "{name}: {broken}");
    }
}
