//! Primal and dual on the discretized problem: T16 to T19.

use super::*;
use efy_core::duality::{Discretized, Regime};

/// 40 points and 24 rectifiers on the circle, beta 5.
fn problem() -> Discretized {
    let circle = |count: i64, shift: f64| {
        let angle =
            (Tensor::arange(count, place()) + shift) * (std::f64::consts::TAU / count as f64);
        Tensor::stack(&[angle.cos(), angle.sin()], 1)
    };
    let features = circle(40, 0.0).mm(&circle(24, 0.3).tr()).relu();
    let mut q = [0.0; 40];
    for i in [2, 3, 3, 4, 5, 18, 20, 33] {
        q[i] += 0.125;
    }
    let base = Tensor::full([40], 1.0 / 40.0, place());
    Discretized::new(features, &base, tensor(&q), 5.0).unwrap()
}

fn value(case: &str, name: &str) -> f64 {
    golden(case)[name].as_f64().unwrap()
}

#[everywhere]
fn t16_t19_primal_is_minus_dual_in_the_feature_learning_regime() {
    let (problem, small) = (problem(), by_kind(1e-7, 2e-5));
    let optimum = problem.solve(Regime::F1, 10_000).unwrap();
    let (primal, dual) = (number(&optimum.primal), number(&optimum.dual));
    let gap = number(&optimum.gap);
    assert!(
        (-tolerance(1e-12)..by_kind(1e-6, 1e-4)).contains(&gap),
        "gap {gap:e}"
    );
    assert!(
        (primal - value("T16_F1_duality", "primal_value")).abs() < small,
        "{primal}"
    );
    assert!(
        (dual - value("T16_F1_duality", "dual_value")).abs() < small + gap.abs(),
        "{dual}"
    );
    let p = of(&golden("T16_F1_duality"), "p_star");
    assert_close("p", &optimum.p, &p, by_kind(1e-5, 1e-9));
    assert!(number(&optimum.mu.abs().sum(None)) <= 1.0 + tolerance(1e-12));
    let distance = number(&problem.distance(Regime::F1, &p));
    assert!((distance - value("T16_F1_duality", "IPM_at_opt")).abs() < by_kind(1e-10, 1e-5));
    assert!(
        (number(&problem.kl(&p)) - value("T16_F1_duality", "KL_at_opt")).abs()
            < by_kind(1e-10, 1e-5)
    );
    let v = of(&golden("T16_F1_duality"), "V_theta_at_opt");
    assert_close("V", &-problem.excess(&p), &v, 1e-10);
}

#[everywhere]
fn t17_primal_is_minus_dual_in_the_lazy_regime() {
    let problem = problem();
    let optimum = problem.solve(Regime::F2, 3_000).unwrap();
    let gap = number(&optimum.gap);
    assert!(
        (-tolerance(1e-12)..by_kind(1e-6, 1e-4)).contains(&gap),
        "gap {gap:e}"
    );
    let case = golden("T17_F2_duality");
    assert!(
        (number(&optimum.primal) - value("T17_F2_duality", "primal_value")).abs()
            < by_kind(1e-7, 2e-5)
    );
    assert_close("p", &optimum.p, &of(&case, "p_star"), by_kind(1e-5, 1e-9));
    // The best h is the witness of the distance.
    let excess = problem.excess(&of(&case, "p_star"));
    let h = &excess / excess.square().mean(None).sqrt();
    assert_close("h", &h, &of(&case, "h_star"), by_kind(1e-5, 1e-7));
    assert_close(
        "h of the solver",
        &(&optimum.mu * 24.0),
        &h,
        by_kind(1e-3, 1e-6),
    );
}

#[everywhere]
fn t18_penalty_in_place_of_the_ball() {
    let problem = problem();
    let optimum = problem.solve_penalized(0.05, 2_000).unwrap();
    assert!(
        (number(&optimum.primal) - value("T18_F2_penalised", "primal_value")).abs()
            < by_kind(1e-10, 1e-5)
    );
    let gap = number(&optimum.gap);
    assert!(
        (-tolerance(1e-12)..by_kind(1e-10, 1e-5)).contains(&gap),
        "gap {gap:e}"
    );
    let h = problem.excess(&optimum.p) / 0.05;
    assert_close("h", &(&optimum.mu * 24.0), &h, 1e-6);
}

#[everywhere]
fn the_gap_of_any_pair_is_not_negative_and_that_of_a_gibbs_measure_is_the_formula() {
    let problem = problem();
    for seed in 0..20 {
        let mu = uniform(&[24], 1.0, seed);
        let p = uniform(&[40], 3.0, seed + 100).softmax(0, None::<Kind>);
        for regime in [Regime::F1, Regime::F2] {
            let norm = match regime {
                Regime::F1 => mu.abs().sum(None),
                Regime::F2 => (mu.square().sum(None) * 24.0).sqrt(),
            };
            let mu = &mu / norm;
            assert!(number(&problem.gap(regime, &mu, &p)) >= -tolerance(1e-14));
            let gibbs = problem.gibbs(&mu);
            let formula = problem.distance(regime, &gibbs) - mu.dot(&problem.excess(&gibbs));
            let gap = problem.gap(regime, &mu, &gibbs);
            assert!((number(&gap) - number(&formula)).abs() < tolerance(1e-13));
        }
    }
}
