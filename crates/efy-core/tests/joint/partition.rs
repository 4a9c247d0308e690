//! Exact values against each other and against plain enumeration.

use efy_core::divergence::Divergence;
use efy_core::energy::{Energy, Linear};
use efy_core::joint::{
    BaseMeasure, Enumeration, ExactMethod, Space, Threshold, log_partition,
    log_permanent_over_factorial, mean_output,
};
use tch::{Kind, Tensor};

use crate::made_up::{Opaque, normal, vector};
use efy_test::{assert_close, device, everywhere};

fn measures() -> Vec<BaseMeasure> {
    vec![
        BaseMeasure::uniform_sets(5).unwrap(),
        BaseMeasure::bernoulli_sets(vec![0.1, 0.5, 0.8, 0.99]).unwrap(),
        BaseMeasure::subsets(6, 2).unwrap(),
        BaseMeasure::permutahedron(5).unwrap(),
        BaseMeasure::birkhoff(4).unwrap(),
    ]
}

#[everywhere(f64)]
fn base_measures_are_probabilities_over_different_outputs() {
    for base in measures() {
        let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
        let total = vector(&all.log_prior.exp().sum(Kind::Double))[0];
        assert!((total - 1.0).abs() < 1e-12, "{base:?}: {total}");
        let rows = all.outputs.size()[0];
        let distance = (all.outputs.unsqueeze(0) - all.outputs.unsqueeze(1)).abs();
        let same = distance
            .sum_dim_intlist([2_i64].as_slice(), false, None::<Kind>)
            .eq(0.0);
        assert_eq!(vector(&same.sum(Kind::Double))[0], rows as f64, "{base:?}");
        assert!(((rows as f64).ln() - base.log_count()).abs() < 1e-12);
        if base.is_permutations() {
            let again = base.encode_ranks(&base.decode_ranks(&all.outputs).unwrap(), Kind::Double);
            assert_close("ranks", &again.unwrap(), &all.outputs, 0.0);
        }
    }
}

#[everywhere(f64)]
fn closed_forms_and_dynamic_programming_agree_with_enumeration() {
    for base in measures() {
        let u = normal(3, &[4, base.outputs()]) * 3.0;
        let energy = Linear::new(u.shallow_clone()).unwrap();
        let plain = Opaque(&energy);
        assert_eq!(
            ExactMethod::of(&base, &plain),
            Some(ExactMethod::Enumeration)
        );
        let subsets = matches!(base.space(), Space::Subsets { .. });
        assert_eq!(
            ExactMethod::of(&base, &energy) == Some(ExactMethod::Enumeration),
            subsets
        );
        let expected = log_partition(&base, &plain).unwrap();
        assert_close(
            "log-partition",
            &log_partition(&base, &energy).unwrap(),
            &expected,
            1e-12,
        );
        // The mean output is the probability-weighted sum.
        let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
        let weights = (energy.values(&all.outputs) + &all.log_prior).softmax(1, Kind::Double);
        let mean = weights.matmul(&all.outputs);
        assert_close("mean", &mean_output(&base, &energy).unwrap(), &mean, 1e-12);
    }
}

#[everywhere(f64)]
fn permanents_of_16_items_with_known_values() {
    // All scores equal: the logarithm of the average of e^{k c}; rows shift the result by their sum.
    for k in [1, 2, 7, 16] {
        let rows = normal(1, &[2, k, 1]) * 100.0;
        let theta = rows.expand([2, k, k], false);
        let found = log_permanent_over_factorial(&theta).unwrap();
        let expected = rows.sum_dim_intlist([1_i64, 2].as_slice(), false, None::<Kind>);
        assert_close("permanent", &found, &expected, 1e-11);
    }
    let square = Tensor::zeros([1, 17, 17], (Kind::Double, device()));
    let message = log_permanent_over_factorial(&square)
        .unwrap_err()
        .to_string();
    assert!(message.contains("17 items, more than 16"), "{message}");
    assert!(log_permanent_over_factorial(&square.narrow(1, 0, 3)).is_err());
}

#[everywhere(f64)]
fn strong_duality_holds_for_every_divergence_on_random_instances() {
    let mut divergences = vec![
        Divergence::KullbackLeibler,
        Divergence::ReverseKullbackLeibler,
        Divergence::SquaredHellinger,
        Divergence::JensenShannon,
    ];
    let orders = [1.01, 1.3, 1.5, 2.0, 3.0];
    divergences.extend(orders.map(|alpha| Divergence::tsallis(alpha).unwrap()));
    for (seed, scale) in [(1, 0.1), (2, 1.0), (3, 10.0)] {
        let g = normal(seed, &[6, 16]) * scale;
        let log_prior = normal(seed + 10, &[6, 16]).log_softmax(1, Kind::Double);
        let q = log_prior.exp();
        for &f in &divergences {
            let context = format!("{f:?} {scale}");
            let found = Threshold::solve(f, &g, &log_prior).unwrap();
            let ones = Tensor::ones([6], (Kind::Double, device()));
            let over = |t: Tensor| t.sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>);
            let total = over(found.probability.shallow_clone());
            assert_close(&context, &total, &ones, 1e-9);
            let primal =
                over(&g * &found.probability) - over(&q * f.value(&(&found.probability / &q)));
            assert_close(&context, &primal, &found.value, 1e-9);
            let (value, tau) = (found.value, &found.tau);
            for shift in [-1e-3, 1e-3] {
                let excess = &g - (tau + shift).unsqueeze(1);
                let other = tau + shift + over(&q * f.conjugate(&excess));
                let above = vector(&(other - &value));
                assert!(
                    above.iter().all(|&gap| gap > -1e-12),
                    "{context}: {above:?}"
                );
            }
        }
    }
}

#[everywhere(f64)]
fn f32_thresholds_are_those_of_f64_to_its_precision() {
    let g = normal(4, &[5, 32]);
    let log_prior = Tensor::full([32], -(32_f64.ln()), (Kind::Double, device()));
    for alpha in [1.0, 1.5, 2.0] {
        let f = Divergence::tsallis(alpha).unwrap();
        let double = Threshold::solve(f, &g, &log_prior).unwrap();
        let (g, log_prior) = (g.to_kind(Kind::Float), log_prior.to_kind(Kind::Float));
        let single = Threshold::solve(f, &g, &log_prior).unwrap();
        assert_eq!(single.tau.kind(), Kind::Float);
        assert_close("tau", &single.tau, &double.tau, 1e-5);
        assert_close("p", &single.probability, &double.probability, 1e-5);
    }
}

#[everywhere(f64)]
fn too_many_items_are_refused_by_name() {
    let base = BaseMeasure::uniform_sets(21).unwrap();
    let energy = Linear::new(normal(1, &[2, 21])).unwrap();
    assert!(log_partition(&base, &energy).is_ok());
    let message = log_partition(&base, &Opaque(&energy))
        .unwrap_err()
        .to_string();
    assert!(message.contains("21 items"), "{message}");
    let message = log_partition(&BaseMeasure::uniform_sets(3).unwrap(), &energy).unwrap_err();
    assert!(message.to_string().contains("[B, 3]"), "{message}");
    for wrong in [
        BaseMeasure::uniform_sets(0),
        BaseMeasure::bernoulli_sets(vec![0.5, 1.0]),
        BaseMeasure::subsets(3, 4),
        BaseMeasure::permutahedron_with(vec![1.0, 1.0]),
    ] {
        assert!(wrong.is_err());
    }
}
