//! The sampled objective: paths against each other, unbiasedness, variance, and its gap.

use efy_core::divergence::{Conjugate, Divergence};
use efy_core::energy::{Coupling, Energy, Linear, OutputNetwork, Quadratic};
use efy_core::joint::{
    BaseMeasure, Batch, Bernoulli, Draw, Joint, LikelihoodLoss, PlackettLuce, Samples, Space,
    log_partition, objective_gap,
};
use tch::{Kind, Tensor};

use crate::made_up::{Opaque, assert_mean, golden, normal, number, row, tabular, tensor, vector};
use efy_test::{assert_close, device, everywhere};

fn measures() -> Vec<BaseMeasure> {
    vec![
        BaseMeasure::uniform_sets(5).unwrap(),
        BaseMeasure::uniform_sets(19).unwrap(),
        BaseMeasure::uniform_sets(70).unwrap(),
        BaseMeasure::bernoulli_sets(vec![0.1, 0.5, 0.8, 0.9, 0.2, 0.3, 0.5, 0.5, 0.1]).unwrap(),
        BaseMeasure::subsets(9, 3).unwrap(),
        BaseMeasure::permutahedron(6).unwrap(),
        BaseMeasure::permutahedron(20).unwrap(),
        BaseMeasure::permutahedron(70).unwrap(),
        BaseMeasure::birkhoff(5).unwrap(),
    ]
}

/// Value and gradients in the leaves, flattened.
fn everything(value: &Tensor, leaves: &[&Tensor]) -> Tensor {
    let mut all = vec![value.reshape([1])];
    let gradients = Tensor::run_backward(&[value], leaves, true, false);
    all.extend(gradients.iter().map(|gradient| gradient.reshape([-1])));
    Tensor::cat(&all, 0)
}

#[everywhere(f64)]
fn native_tensor_and_autograd_paths_agree() {
    for base in measures() {
        for (alpha, kind, tolerance) in [
            (1.0, Kind::Double, 1e-11),
            (1.3, Kind::Double, 1e-11),
            (1.5, Kind::Double, 1e-11),
            (2.0, Kind::Double, 1e-11),
            (1.0, Kind::Float, 1e-4),
            (2.0, Kind::Float, 1e-4),
        ] {
            // Positions are of the order of k; ratios beyond f32 prove nothing.
            let scale = if matches!(base.space(), Space::Permutahedron { .. }) {
                1.0 / base.items() as f64
            } else {
                0.3
            };
            let u = (normal(1, &[7, base.outputs()]) * scale)
                .to_kind(kind)
                .set_requires_grad(true);
            let tau = (normal(2, &[7]) * 0.3)
                .to_kind(kind)
                .set_requires_grad(true);
            let f = Divergence::tsallis(alpha).unwrap();
            // Few samples of sets are computed otherwise than many.
            let m = if alpha == 1.3 || alpha == 2.0 && kind == Kind::Double {
                137
            } else {
                37
            };
            let loss = Joint::new(base.clone(), f, m, 5).unwrap();
            let draw = Draw {
                samples: m,
                rows: Some(7),
                first_row: 3,
                seed: 5,
                step: 11,
            };
            let outputs = base.sample(&draw, (kind, device())).unwrap();
            let target = outputs.select(1, 0);
            let energy = Linear::new(u.shallow_clone()).unwrap();
            let opaque = Opaque(&energy);
            let batch = |energy| Batch {
                first_row: 3,
                ..Batch::new(energy, &target, 11).with_auxiliary(&tau)
            };
            let context = format!("{base:?} {alpha} {kind:?}");
            let leaves = [&u, &tau];
            let drawn = loss.mean_loss(&batch(&energy)).unwrap();
            let expected = loss.mean_loss(&batch(&opaque)).unwrap();
            let ratio = expected.ratio.unwrap().tensor();
            assert_close(&context, &drawn.ratio.unwrap().tensor(), &ratio, tolerance);
            let expected = everything(&expected.mean, &leaves);
            assert_close(
                &context,
                &everything(&drawn.mean, &leaves),
                &expected,
                tolerance,
            );
            let ones = Tensor::zeros([7, m], (kind, device()));
            for log_weights in [None, Some(ones)] {
                let samples = Samples {
                    outputs: outputs.shallow_clone(),
                    log_weights,
                };
                let given = loss.mean_loss_at(&batch(&energy), &samples).unwrap();
                assert_close(
                    &context,
                    &everything(&given.mean, &leaves),
                    &expected,
                    tolerance,
                );
            }
        }
    }
}

#[everywhere(f64)]
fn parts_shared_samples_and_couplings_agree_with_autograd() {
    let base = BaseMeasure::uniform_sets(6).unwrap();
    let u = normal(1, &[3, 6]).set_requires_grad(true);
    let tau = normal(2, &[3]).set_requires_grad(true);
    let target = normal(3, &[3, 6]).gt(0.0).to_kind(Kind::Double);
    let leaf = |shape: &[i64]| (normal(4, shape) * 0.3).set_requires_grad(true);
    let matrices = [
        (leaf(&[6, 6]), false),
        (leaf(&[3, 6, 6]), false),
        (leaf(&[6, 2]), true),
        (leaf(&[3, 6, 2]), true),
    ];
    for shared in [false, true] {
        let loss = Joint::new(base.clone(), Divergence::entmax15(), 150, 5)
            .unwrap()
            .shared(shared);
        let in_parts = loss.clone().with_part(3).unwrap();
        for (matrix, low_rank) in &matrices {
            let coupling = match low_rank {
                true => Coupling::LowRank(matrix.shallow_clone()),
                false => Coupling::symmetric(matrix),
            };
            let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
            let opaque = Opaque(&energy);
            let of = |energy| Batch::new(energy, &target, 4).with_auxiliary(&tau);
            let leaves = [&u, &tau, matrix];
            let expected = loss.mean_loss(&of(&opaque)).unwrap().mean;
            let expected = everything(&expected, &leaves);
            for loss in [&loss, &in_parts] {
                let found = loss.mean_loss(&of(&energy)).unwrap().mean;
                assert_close("quadratic", &everything(&found, &leaves), &expected, 1e-11);
                assert_eq!(loss.parts(&energy), 1);
            }
            assert_eq!(in_parts.parts(&opaque), 3);
            let parts = (0..3).map(|part| in_parts.part_loss(&of(&opaque), part).unwrap().mean);
            let sum = parts
                .map(|part| everything(&part, &leaves))
                .reduce(|a, b| a + b);
            assert_close("parts", &sum.unwrap(), &expected, 1e-11);
        }
    }
}

#[everywhere(f64)]
fn networks_over_inputs_and_outputs_agree_with_autograd() {
    let base = BaseMeasure::uniform_sets(6).unwrap();
    let leaf = |seed, shape: &[i64]| (normal(seed, shape) * 0.4).set_requires_grad(true);
    let tau = leaf(1, &[3]);
    let target = normal(2, &[3, 6]).gt(0.0).to_kind(Kind::Double);
    let (input, first) = (leaf(3, &[3, 5]), leaf(4, &[5, 6]));
    let hidden = [
        (leaf(5, &[7, 5]), leaf(6, &[7])),
        (leaf(7, &[1, 7]), leaf(8, &[1])),
    ];
    let last = [(leaf(9, &[1, 5]), leaf(10, &[1]))];
    for layers in [&hidden[..], &last[..]] {
        let weights: Vec<&Tensor> = layers.iter().flat_map(|(w, b)| [w, b]).collect();
        let leaves = [&[&tau, &input, &first], weights.as_slice()].concat();
        let shared = |(w, b): &(Tensor, Tensor)| (w.shallow_clone(), b.shallow_clone());
        let layers = layers.iter().map(shared).collect();
        let energy = OutputNetwork::new(input.shallow_clone(), first.shallow_clone(), layers);
        let energy = energy.unwrap();
        let opaque = Opaque(&energy);
        let of = |energy| Batch::new(energy, &target, 4).with_auxiliary(&tau);
        for divergence in [Divergence::KullbackLeibler, Divergence::entmax15()] {
            let loss = Joint::new(base.clone(), divergence, 150, 5).unwrap();
            let proposal = BaseMeasure::bernoulli_sets(vec![0.3; 6]).unwrap();
            for loss in [
                loss.clone(),
                loss.clone().shared(true),
                loss.with_proposal(proposal).unwrap(),
            ] {
                let value = loss.mean_loss(&of(&opaque)).unwrap();
                let ratio = value.ratio.unwrap().tensor();
                let expected = everything(&value.mean, &leaves);
                for loss in [loss.clone(), loss.with_part(3).unwrap()] {
                    let found = loss.mean_loss(&of(&energy)).unwrap();
                    assert_close("ratio", &found.ratio.unwrap().tensor(), &ratio, 1e-12);
                    assert_close(
                        "network",
                        &everything(&found.mean, &leaves),
                        &expected,
                        1e-12,
                    );
                    assert_eq!(loss.parts(&energy), 1);
                }
            }
        }
    }
}

#[everywhere(f64)]
fn networks_over_inputs_and_outputs_have_the_gradient_of_autograd() {
    let (input, first) = (normal(1, &[3, 5]), normal(2, &[5, 4]));
    let layers = vec![
        (normal(3, &[6, 5]), normal(4, &[6])),
        (normal(5, &[1, 6]), normal(6, &[1])),
    ];
    let energy = OutputNetwork::new(input, first, layers).unwrap();
    let p = normal(7, &[3, 4]).set_requires_grad(true);
    let value = energy.value(&p).sum(Kind::Double);
    let gradient = Tensor::run_backward(&[value], &[&p], false, false);
    assert_close("gradient", &energy.gradient(&p), &gradient[0], 1e-12);
    for points in [normal(8, &[7, 4]), normal(9, &[3, 7, 4])] {
        assert_close(
            "values",
            &energy.values(&points),
            &Opaque(&energy).values(&points),
            1e-12,
        );
    }
    assert!(OutputNetwork::new(normal(1, &[3, 5]), normal(2, &[5, 4]), Vec::new()).is_err());
}

/// 100 estimates with one seed each of the value and all gradients at T02's energy.
fn estimates(loss: &Joint, draws: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (g, y) = (row(&golden("T02")["g"]).set_requires_grad(true), {
        let base = BaseMeasure::uniform_sets(3).unwrap();
        efy_core::joint::Enumeration::of(&base, (Kind::Double, device()))
            .unwrap()
            .outputs
    });
    let tau = number(0.25).set_requires_grad(true);
    let energy = tabular(&g, &y);
    let target = y.narrow(0, 3, 1);
    let batch = |step| Batch::new(&energy, &target, step).with_auxiliary(&tau);
    let exact = everything(&loss.exact(&batch(0)).unwrap(), &[&g, &tau]);
    let all = (0..draws).map(|step| {
        let mean = loss.mean_loss(&batch(step)).unwrap().mean;
        vector(&everything(&mean, &[&g, &tau]))
    });
    (all.collect(), vector(&exact))
}

#[everywhere(f64)]
fn estimates_are_unbiased_whatever_the_divergence_and_the_proposal() {
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let proposal = BaseMeasure::bernoulli_sets(vec![0.2, 0.5, 0.9]).unwrap();
    for alpha in [1.0, 1.5, 2.0] {
        let f = Divergence::tsallis(alpha).unwrap();
        let loss = Joint::new(base.clone(), f, 16, 3).unwrap();
        let weighted = loss.clone().with_proposal(proposal.clone()).unwrap();
        let other = Joint::new(proposal.clone(), f, 16, 3).unwrap();
        for loss in [loss.clone().shared(true), loss, weighted, other] {
            let (estimates, exact) = estimates(&loss, 400);
            for (i, &expected) in exact.iter().enumerate() {
                let column: Vec<f64> = estimates.iter().map(|estimate| estimate[i]).collect();
                assert_mean(&format!("alpha {alpha} number {i}"), &column, expected);
            }
        }
    }
}

#[everywhere(f64)]
fn t14_and_t15_means_and_variances_are_the_predicted_ones() {
    let t = golden("T14");
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let loss = Joint::new(base, Divergence::KullbackLeibler, 10, 8).unwrap();
    let pi = vector(&tensor(&golden("T03")["pi"]));
    let weighted = BaseMeasure::bernoulli_sets(pi).unwrap();
    let weighted = loss.clone().with_proposal(weighted).unwrap();
    let of = |id: &str, key: &str| golden(id)[key].as_f64().unwrap();
    let cases = [
        (loss, of("T14", "var_grad_tau")),
        (
            weighted,
            of("T15", "var_one_sample") / t["m"].as_f64().unwrap(),
        ),
    ];
    for (loss, variance) in cases {
        let draws = 3000;
        let (estimates, _) = estimates(&loss, draws);
        let tau: Vec<f64> = estimates
            .iter()
            .map(|estimate| estimate[estimate.len() - 1])
            .collect();
        let expected = of("T14", "mean_grad_tau");
        assert_mean("T14 tau", &tau, expected);
        // The squared deviations have the variance as their mean.
        let squares: Vec<f64> = tau.iter().map(|x| (x - expected).powi(2)).collect();
        assert_mean("T14 variance", &squares, variance);
    }
}

#[everywhere(f64)]
fn the_gap_of_a_wrong_log_partition_is_the_predicted_one() {
    let base = BaseMeasure::uniform_sets(4).unwrap();
    let u = normal(1, &[5, 4]);
    let energy = Linear::new(u).unwrap();
    let target = normal(2, &[5, 4]).gt(0.0).to_kind(Kind::Double);
    let loss = Joint::new(base.clone(), Divergence::KullbackLeibler, 1, 0).unwrap();
    let partition = log_partition(&base, &energy).unwrap();
    let tau = &partition + normal(3, &[5]);
    let at = |tau: &Tensor| {
        let batch = Batch::new(&energy, &target, 0).with_auxiliary(tau);
        loss.exact(&batch).unwrap()
    };
    let gap = objective_gap(&partition, &tau).mean(Kind::Double);
    assert_close("gap", &(at(&tau) - at(&partition)), &gap, 1e-12);
    assert_close("tau", &loss.exact_tau(&energy).unwrap(), &partition, 1e-12);
}

#[everywhere(f64)]
fn at_the_exact_threshold_every_mean_ratio_is_1_and_the_gradient_exact() {
    let base = BaseMeasure::uniform_sets(4).unwrap();
    let energy = Linear::new(normal(1, &[5, 4])).unwrap();
    let target = normal(2, &[5, 4]).gt(0.0).to_kind(Kind::Double);
    for alpha in [1.0, 1.5, 2.0] {
        let f = Divergence::tsallis(alpha).unwrap();
        let loss = Joint::new(base.clone(), f, 1, 0).unwrap();
        let tau = loss.exact_tau(&energy).unwrap();
        let all = efy_core::joint::Enumeration::of(&base, (Kind::Double, device())).unwrap();
        let batch = Batch::new(&energy, &target, 0).with_auxiliary(&tau);
        let value = loss
            .mean_loss_at(&batch, &Samples::given(all.outputs))
            .unwrap();
        let ones = Tensor::ones([5], (Kind::Double, device()));
        assert_close("ratio", &value.ratio.unwrap().tensor(), &ones, 1e-9);
    }
}

#[everywhere(f64)]
fn learned_proposals_weight_back_to_the_prior() {
    let draw = Draw {
        samples: 4000,
        rows: Some(1),
        first_row: 0,
        seed: 1,
        step: 0,
    };
    let sets = BaseMeasure::bernoulli_sets(vec![0.3, 0.6, 0.5]).unwrap();
    let bernoulli = Bernoulli::new(row(&serde_json::json!([0.4, -0.3, 0.8]))).unwrap();
    let permutations = BaseMeasure::permutahedron(4).unwrap();
    let plackett = PlackettLuce::new(row(&serde_json::json!([0.4, -0.3, 0.2, 0.1]))).unwrap();
    for (base, samples, expected) in [
        (
            &sets,
            bernoulli.samples(&sets, &draw).unwrap(),
            [0.3, 0.6, 0.5, 0.0],
        ),
        (
            &permutations,
            plackett.samples(&permutations, &draw).unwrap(),
            [0.0; 4],
        ),
    ] {
        let weights = samples.log_weights.unwrap().exp().squeeze_dim(0);
        assert_mean("weights", &vector(&weights), 1.0);
        for item in 0..base.outputs() {
            let column = &weights * samples.outputs.squeeze_dim(0).select(1, item);
            assert_mean("outputs", &vector(&column), expected[item as usize]);
        }
    }
    assert!(bernoulli.samples(&permutations, &draw).is_err());
    assert!(plackett.samples(&sets, &draw).is_err());
}

#[everywhere(f64)]
fn a_thousand_labels_and_wild_scores_stay_finite() {
    for divergence in [
        Divergence::KullbackLeibler,
        Divergence::chi_square(),
        Divergence::JensenShannon,
    ] {
        let base = BaseMeasure::uniform_sets(1000).unwrap();
        let u = (normal(1, &[4, 1000]) * 5.0)
            .to_kind(Kind::Float)
            .set_requires_grad(true);
        let tau = Tensor::zeros([4], (Kind::Float, device())).set_requires_grad(true);
        let target = u.detach().gt(0.0).to_kind(Kind::Float);
        let energy = Linear::new(u.shallow_clone()).unwrap();
        let loss = Joint::new(base, divergence, 64, 0).unwrap();
        assert!(loss.conjugate().cap() > 0.0);
        let batch = Batch::new(&energy, &target, 0).with_auxiliary(&tau);
        let value = loss.mean_loss(&batch).unwrap();
        let all = vector(&everything(&value.mean, &[&u, &tau]));
        assert!(
            all.iter().all(|number| number.is_finite()),
            "{divergence:?}"
        );
    }
}

#[everywhere(f64)]
fn what_does_not_fit_is_refused_in_one_line() {
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let loss = Joint::new(base.clone(), Divergence::KullbackLeibler, 4, 0).unwrap();
    let energy = Linear::new(normal(1, &[2, 3])).unwrap();
    let target = normal(2, &[2, 3]);
    let batch = Batch::new(&energy, &target, 0);
    let message = |error: efy_core::Error| error.to_string();
    assert!(message(loss.mean_loss(&batch).unwrap_err()).contains("tau: expected shape [2]"));
    let tau = normal(3, &[3]);
    assert!(loss.mean_loss(&batch.with_auxiliary(&tau)).is_err());
    let tau = normal(3, &[2]);
    let batch = batch.with_auxiliary(&tau);
    for wrong in [normal(1, &[3]), normal(1, &[4, 2]), normal(1, &[3, 5, 3])] {
        let error = loss
            .mean_loss_at(&batch, &Samples::given(wrong))
            .unwrap_err();
        assert!(message(error).contains("[2, m, 3] or [m, 3]"));
    }
    assert!(Joint::new(base.clone(), Divergence::KullbackLeibler, 0, 0).is_err());
    assert!(
        loss.clone()
            .with_proposal(BaseMeasure::permutahedron(3).unwrap())
            .is_err()
    );
    assert!(
        loss.clone()
            .with_proposal(BaseMeasure::subsets(3, 1).unwrap())
            .is_err()
    );
    assert!(loss.clone().with_part(0).is_err());
    assert!(Conjugate::with_cap(Divergence::KullbackLeibler, -1.0).is_err());
}
