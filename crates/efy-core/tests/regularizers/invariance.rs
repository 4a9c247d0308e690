//! What moves with the input, and what stays put at its extremes.

use super::*;

#[everywhere]
fn permuting_theta_permutes_the_argmax() {
    let order = indices(&[4_i64, 0, 8, 2, 7, 1, 3, 6, 5]);
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
    let order = indices(&[2_i64, 0, 1]);
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

#[everywhere]
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

#[everywhere]
fn extreme_inputs_stay_finite_and_inside() {
    let extreme = [700.0, -700.0, 1e4, -1e4, 0.0, 1e-30, 1e4, 3.0, -1e4];
    for gamma in [1.0, 1e-3] {
        for parts in catalogue(gamma) {
            let (regularizer, domain) = (parts.0.as_ref(), parts.1.as_ref());
            let context = format!("{} {gamma}", describe(&parts));
            let theta = tensor(&extreme).reshape([1, 9]);
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

#[everywhere]
fn a_row_has_the_same_bits_alone_and_in_a_batch() {
    let rows = by_device(40, 9);
    let theta = uniform(&[rows, 9], 3.0, 19);
    let _ = theta.get(7).fill_(f64::NAN);
    for parts in catalogue(0.7) {
        let argmax = |theta: &Tensor| parts.0.argmax(theta, parts.1.as_ref()).unwrap();
        let all = argmax(&theta);
        assert!(
            values(&all.get(7)).iter().all(|x| x.is_nan()),
            "{}",
            describe(&parts)
        );
        for row in (0..rows).filter(|&row| row != 7) {
            let alone = argmax(&theta.narrow(0, row, 1)).get(0);
            let together = all.get(row);
            // libtorch's own elementwise exp rounds the last few elements of a tensor in another way.
            let elementwise = parts.0.is_steep() && parts.1.bounds().is_some();
            if elementwise && parts.0.name() != "binary_tsallis" {
                assert_close(&describe(&parts), &together, &alone, 4e-16);
            } else {
                assert_same_row(&describe(&parts), &together, &alone, 1e-13);
            }
        }
    }
}

/// The threshold that makes the second number what it is lies between two floats.
#[everywhere]
fn entmax_keeps_large_elements_exact_where_small_ones_are_steep_in_the_threshold() {
    let tsallis = Tsallis::new(4.0, 1.13).unwrap();
    let theta = tensor(&[8.934, 1.3634]).reshape([1, 2]);
    let p = tsallis
        .argmax(&theta, &Simplex::new(2.73).unwrap())
        .unwrap();
    // With 40 digits.
    let expected = tensor(&[2.718886304524693, 0.011113695475306522]).reshape([1, 2]);
    assert_close("entmax", &p, &expected, tolerance(1e-13));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(by_device(200, 5)))]

    /// Stationarity: $\theta_i - \omega'(p_i)$ is the same for all elements of the support, and $\theta_i$ no
    /// larger off it.
    #[everywhere]
    fn entmax_satisfies_its_optimality_conditions(
        theta in prop::collection::vec(-20.0..20.0_f64, 1..12),
        alpha in prop::sample::select(vec![1.02, 1.25, 1.5, 1.9, 2.0, 2.6, 4.0]),
        gamma in 0.1..5.0_f64,
        scale in 0.2..3.0_f64,
    ) {
        let tsallis = Tsallis::new(alpha, gamma).unwrap();
        let rows = tensor(&theta).reshape([1, -1]);
        let p = tsallis.argmax(&rows, &Simplex::new(scale).unwrap()).unwrap();
        let gradient = values(&(rows - tsallis.gradient(&p)));
        let p = values(&p);
        let sum: f64 = p.iter().sum();
        prop_assert!((sum / scale - 1.0).abs() < tolerance(1e-13));
        let largest = (0..p.len()).fold(0, |best, i| if p[i] > p[best] { i } else { best });
        let multiplier = gradient[largest];
        // Off the support nothing is pushed inwards, or not by more than makes the smallest number.
        let least = gamma * f64::from(f32::MIN_POSITIVE).powf(alpha - 1.0) / (alpha - 1.0);
        let slack = by_kind(1e-10, 3e-3);
        for (p, g) in p.iter().zip(gradient) {
            let met = match *p == 0.0 {
                true => g <= multiplier + slack + by_kind(0.0, least),
                false => (multiplier - g).abs() < slack,
            };
            prop_assert!(*p >= 0.0 && met, "{p} {g} {multiplier}");
        }
    }

    /// A bound that binds is met to the last digit, with one threshold for all.
    #[everywhere]
    fn a_knapsack_has_one_threshold(
        theta in prop::collection::vec(-30.0..30.0_f64, 2..12),
        low in 0.0..1.0_f64,
        width in 0.0..1.0_f64,
        gamma in 0.05..5.0_f64,
    ) {
        let k = theta.len() as f64;
        let (min, max) = (low * k, (low + width * (1.0 - low)) * k);
        let rows = tensor(&theta).reshape([1, -1]);
        let entropy = BinaryEntropy::new(gamma).unwrap();
        let p = entropy.argmax(&rows, &Knapsack::new(min, max).unwrap()).unwrap();
        let sum: f64 = values(&p).iter().sum();
        prop_assert!(sum >= min - tolerance(1e-12) * k && sum <= max + tolerance(1e-12) * k, "{sum} {min} {max}");
        let taus: Vec<f64> = values(&p)
            .into_iter()
            .zip(&theta)
            .filter(|(p, _)| *p > tolerance(1e-6) && *p < 1.0 - tolerance(1e-6))
            .map(|(p, theta)| theta - gamma * (p / (1.0 - p)).ln())
            .collect();
        for tau in &taus {
            prop_assert!((tau - taus[0]).abs() < tolerance(1e-7), "{taus:?}");
            let slack = tau.abs() < tolerance(1e-7);
            let binds = (if *tau > 0.0 { sum - max } else { sum - min }).abs() < tolerance(1e-9);
            prop_assert!(slack || binds, "{tau} {sum} {min} {max}");
        }
    }

    /// Rows and columns sum to 1, and log P - S / gamma is a sum of a row's and a column's number.
    #[everywhere]
    fn sinkhorn_is_doubly_stochastic_and_of_rank_two_in_the_log_domain(
        scores in prop::collection::vec(-10.0..10.0_f64, 16),
        gamma in 0.3..5.0_f64,
    ) {
        let s = tensor(&scores).reshape([1, 16]);
        let p = Shannon::new(gamma).unwrap().argmax(&s, &Birkhoff::new(4).unwrap()).unwrap();
        let p = values(&p);
        for i in 0..4 {
            let row: f64 = (0..4).map(|j| p[4 * i + j]).sum();
            let column: f64 = (0..4).map(|j| p[4 * j + i]).sum();
            prop_assert!((row - 1.0).abs() < tolerance(1e-12) && (column - 1.0).abs() < tolerance(1e-12), "{row} {column}");
        }
        let rest = |i: usize, j: usize| p[4 * i + j].ln() - scores[4 * i + j] / gamma;
        for i in 1..4 {
            for j in 1..4 {
                let cross = rest(i, j) - rest(i, 0) - rest(0, j) + rest(0, 0);
                prop_assert!(cross.abs() < tolerance(1e-10), "{cross}");
            }
        }
    }
}
