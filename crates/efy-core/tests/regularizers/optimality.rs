//! Argmaxes, conjugates, losses and proximal maps are what they are defined as.

use super::*;

#[everywhere]
fn no_point_of_the_domain_beats_the_argmax() {
    for seed in 0..by_device(6, 1) {
        for parts in catalogue(0.7) {
            let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
            let theta = uniform(&[1, 9], [0.5, 2.0, 9.0][seed as usize % 3], seed);
            let best = regularizer.argmax(&theta, domain).unwrap();
            let inside = domain.contains(&best, tolerance(1e-12)).all();
            assert_eq!(number(&inside), 1.0, "{}: {best}", describe(&parts));
            let maximum = objective(regularizer, &theta, &best);
            for p in points(domain, 9, seed) {
                for weight in [1.0, 0.1, 1e-3] {
                    let value = objective(regularizer, &theta, &best.lerp(&p, weight));
                    assert!(
                        value <= maximum + tolerance(1e-12),
                        "{}: {value} {maximum}",
                        describe(&parts)
                    );
                }
            }
        }
    }
}

#[everywhere(f64)]
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
        let found = number(&conjugate(&theta));
        let maximum = objective(regularizer, &theta, &best);
        assert!(
            (found - maximum).abs() <= tolerance(1e-12) * maximum.abs().max(1.0),
            "{}",
            describe(&parts)
        );
        let shifts = Tensor::eye(k, place()) * step;
        let (up, down) = (&theta + &shifts, &theta - shifts);
        let slopes = (conjugate(&up) - conjugate(&down)) / (2.0 * step);
        assert_close(&describe(&parts), &slopes, &best, 1e-6);
    }
}

#[everywhere]
fn losses_are_at_least_the_modulus_says_and_zero_at_the_prediction() {
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let theta = uniform(&[1, 9], 2.0, 5);
        let best = regularizer.argmax(&theta, domain).unwrap();
        let conjugate = number(&regularizer.conjugate(&theta, &best, domain));
        let mut targets = points(domain, 9, 3);
        targets.push(best.shallow_clone());
        for y in targets {
            let definition = conjugate - objective(regularizer, &theta, &y);
            let square = number(&(&y - &best).square().sum(None::<Kind>));
            let bound = 0.5 * regularizer.modulus(domain) * square;
            assert!(
                definition >= bound - tolerance(1e-12),
                "{}: {definition} {bound}",
                describe(&parts)
            );
            if let Some(stable) = regularizer.linear_loss(&theta, &y, domain) {
                let stable = number(&stable);
                assert!(
                    (stable - definition).abs() <= tolerance(1e-12),
                    "{stable} {definition}"
                );
            }
        }
        let zero = conjugate - objective(regularizer, &theta, &best);
        assert!(
            zero.abs() <= tolerance(1e-12),
            "{}: {zero}",
            describe(&parts)
        );
    }
}

#[everywhere(f64)]
fn gradients_and_curvatures_are_those_of_the_value() {
    let step = 1e-5;
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let centre = domain.start(&Tensor::zeros([1, 9], place()));
        let p = &centre * (uniform(&[1, 9], 0.2, 8) + 1.0);
        let shifts = Tensor::eye(9, place()) * step;
        let at = |sign: f64| regularizer.value(&(&p + &shifts * sign));
        let (up, down, here) = (at(1.0), at(-1.0), regularizer.value(&p));
        let slope = (&up - &down) / (2.0 * step);
        assert_close(&describe(&parts), &slope, &regularizer.gradient(&p), 1e-7);
        let bend = (up + down - here * 2.0) / (step * step);
        assert_close(&describe(&parts), &bend, &regularizer.curvature(&p), 1e-4);
    }
}

#[everywhere]
fn discrete_gradients_give_the_difference_of_two_values_however_near() {
    for parts in catalogue(0.7) {
        let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
        let mut all = points(domain, 9, 21);
        all.truncate(by_device(all.len(), 3));
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
        let centre = domain.start(&Tensor::zeros([1, 9], place()));
        let p = &centre * (uniform(&[1, 9], 0.2, 8) + 1.0);
        let q = &p * (uniform(&[1, 9], 1e-12, 9) + 1.0);
        let found = regularizer.discrete_gradient(&p, &q).unwrap();
        assert_close(&describe(&parts), &found, &regularizer.gradient(&p), 1e-10);
    }
}

#[everywhere]
fn no_point_of_the_domain_beats_the_proximal_map() {
    let mut some = 0;
    for seed in 0..by_device(6, 1) {
        for parts in catalogue(0.7) {
            let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
            let x = uniform(&[1, 9], [0.5, 2.0, 20.0][seed as usize % 3], seed);
            for eta in [0.01, 0.5, 30.0] {
                let eta_tensor = Tensor::full([1, 1], eta, place());
                let Some(best) = regularizer.prox(&x, &eta_tensor, domain) else {
                    continue;
                };
                some += 1;
                let inside = domain.contains(&best, tolerance(1e-11)).all();
                assert_eq!(number(&inside), 1.0, "{}: {best}", describe(&parts));
                let cost = |p: &Tensor| {
                    let square = (p - &x).square().sum(None::<Kind>) * 0.5;
                    number(&(square + regularizer.value(p) * eta))
                };
                let least = cost(&best);
                for p in points(domain, 9, seed) {
                    for weight in [1.0, 0.1, 1e-3] {
                        let other = cost(&best.lerp(&p, weight));
                        let slack = tolerance(1e-12) * least.abs().max(1.0);
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
    assert!(some > by_device(300, 50), "{some}");
}

#[everywhere]
fn each_row_has_its_own_proximal_step() {
    let x = uniform(&[4, 5], 1.0, 2);
    let eta = tensor(&[0.1, 0.5, 2.0, 9.0]).reshape([4, 1]);
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
