//! Golden case X04 and the bound on random distributions.

use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::{FenchelYoung, HammingLoss, calibration_bound};
use efy_core::regularizer::HalfSquaredNorm;
use efy_test::{assert_close, everywhere, kind, number, place, tensor, tolerance, uniform};
use tch::{Kind, Tensor};

use crate::made_up::{fenchel_young, labels, precise};
use crate::support::golden;

/// $E_y L(v, y)$ for y `[n, k]` with probabilities `[n]` at one u `[1, k]`.
fn risk(
    loss: &FenchelYoung,
    u: &Tensor,
    matrix: &Tensor,
    (y, probability): (&Tensor, &Tensor),
) -> f64 {
    let u = u.expand_as(y).contiguous();
    let energy = Quadratic::new(u, Coupling::Dense(matrix.shallow_clone())).unwrap();
    let rows = loss.loss(&energy, y, None).unwrap().per_row;
    number(&rows.dot(probability))
}

#[everywhere]
fn x04_excess_hamming_loss_is_bounded_by_the_excess_surrogate_loss() {
    let case = golden("X04");
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    for item in case.json["inputs"]["distribution"].as_array().unwrap() {
        points.extend(
            item[0]
                .as_array()
                .unwrap()
                .iter()
                .map(|y| y.as_f64().unwrap()),
        );
        weights.push(item[1].as_f64().unwrap());
    }
    let y = tensor(&points).reshape([-1, 2]);
    let probability = tensor(&weights);
    let mean = probability.unsqueeze(0).matmul(&y);
    assert_close("E_y", &mean, &case.expected("E_y").unwrap(), case.tolerance);

    let omega = HalfSquaredNorm::new(case.scalar("gamma")).unwrap();
    let loss = FenchelYoung::new(omega, Cube, precise());
    let matrix = case.tensor("U");
    let bad = case.matrix("u_bad");
    let best = case.expected("u_star").unwrap();
    let at = |u: &Tensor| risk(&loss, u, &matrix, (&y, &probability));
    let surrogate = at(&bad) - at(&best.unsqueeze(0));
    let expect = |key: &str, found: f64| {
        assert!(
            (found - case.scalar(key)).abs() < tolerance(case.tolerance),
            "{key}: {found}"
        );
    };
    expect("surrogate_excess", surrogate);

    let hamming = HammingLoss::new(2).unwrap();
    let energy = Quadratic::new(bad, Coupling::Dense(matrix)).unwrap();
    let prediction = loss.predict(&energy, None).unwrap().argmax;
    assert_close(
        "p_hat",
        &prediction,
        &case.expected("p_hat_bad").unwrap(),
        case.tolerance,
    );
    let decoded = hamming.decode(&prediction);
    assert_close("decoded", &decoded, &case.expected("decoded").unwrap(), 0.0);
    let cost = |decoded: &Tensor| number(&hamming.value(decoded, &mean));
    let excess = cost(&decoded) - cost(&hamming.decode(&mean));
    expect("target_excess_hamming", excess);
    expect("sigma", hamming.sigma());
    let psi = calibration_bound(excess, case.scalar("gamma"), hamming.sigma());
    expect("psi", psi);
    assert!(psi <= surrogate);
}

#[everywhere]
fn hamming_loss_is_its_affine_decomposition_and_its_decoder_the_minimizer() {
    let k = 4;
    let hamming = HammingLoss::new(k as usize).unwrap();
    let (decoded, y) = (labels(&[40, k], 1), labels(&[40, k], 2));
    let wrong =
        decoded
            .ne_tensor(&y)
            .to_kind(kind())
            .mean_dim([-1].as_slice(), false, None::<Kind>);
    assert_close("hamming", &hamming.value(&decoded, &y), &wrong, 1e-15);
    // d(p) minimizes <., V p + b> over all sets of labels.
    let p = (uniform(&[30, k], 0.5, 3) + 0.5).contiguous();
    let codes: Vec<f64> = (0..16)
        .flat_map(|code| (0..4).map(move |i| f64::from(code >> i & 1)))
        .collect();
    let all = tensor(&codes).reshape([16, k]);
    let slope = &p * hamming.v() + hamming.b();
    let best = slope.matmul(&all.tr()).amin([-1].as_slice(), false);
    let ours = (hamming.decode(&p) * &slope).sum_dim_intlist(-1, false, None::<Kind>);
    assert_close("decoder", &ours, &best, 1e-15);
    // sigma is the largest norm of V y, at y = 1.
    let norms = (&all * hamming.v())
        .square()
        .sum_dim_intlist(-1, false, None::<Kind>)
        .sqrt();
    assert!((number(&norms.max()) - hamming.sigma()).abs() < tolerance(1e-15));
    assert!(HammingLoss::new(0).is_err());
}

#[everywhere]
fn calibration_bound_holds_for_random_distributions_and_scores() {
    let (n, k) = (6, 3);
    let hamming = HammingLoss::new(k as usize).unwrap();
    let mut tight = 0.0_f64;
    for seed in 0..40 {
        let y = labels(&[n, k], 100 + seed);
        let probability = uniform(&[n], 2.0, 200 + seed).softmax(-1, None::<Kind>);
        let a = uniform(&[k, 2], 0.8, 300 + seed);
        let matrix = a.matmul(&a.tr()).neg();
        let mean = probability.unsqueeze(0).matmul(&y);
        // Half squared norm of strength 0.7: the prediction is E y at u = (0.7 I - U) E y.
        let loss = fenchel_young(0);
        let best = mean.matmul(&(Tensor::eye(k, place()) * 0.7 - &matrix));
        let u = uniform(&[1, k], 1.5, 400 + seed);
        let surrogate = risk(&loss, &u, &matrix, (&y, &probability))
            - risk(&loss, &best, &matrix, (&y, &probability));
        let energy = Quadratic::new(u, Coupling::Dense(matrix)).unwrap();
        let decoded = hamming.decode(&loss.predict(&energy, None).unwrap().argmax);
        let cost = |decoded: &Tensor| number(&hamming.value(decoded, &mean));
        let excess = cost(&decoded) - cost(&hamming.decode(&mean));
        let psi = calibration_bound(excess, 0.7, hamming.sigma());
        assert!(
            psi <= surrogate + tolerance(1e-12),
            "{seed}: {psi} {surrogate}"
        );
        tight = tight.max(psi / surrogate);
    }
    // Not vacuous: some excess is there to be bounded.
    assert!(tight > 1e-4, "{tight}");
}
