//! The losses behind one seam, with gradients in expectation.

use efy_core::divergence::Divergence;
use efy_core::energy::{Energy, Linear, OutputNetwork};
use efy_core::joint::{
    Auxiliary, BaseMeasure, Batch, Enumeration, ExactLikelihood, Joint, LikelihoodLoss,
    MarkovChains, MinMax, NoiseContrastive,
};
use tch::{Kind, Tensor};

use crate::made_up::{assert_mean, normal, vector};
use efy_test::{assert_close, device, everywhere};

#[everywhere(f64)]
fn every_loss_trains_a_model_of_sets_and_one_of_permutations() {
    for base in [
        BaseMeasure::uniform_sets(4).unwrap(),
        BaseMeasure::permutahedron(4).unwrap(),
        BaseMeasure::birkhoff(3).unwrap(),
    ] {
        let losses: Vec<Box<dyn LikelihoodLoss>> = vec![
            Box::new(Joint::new(base.clone(), Divergence::KullbackLeibler, 64, 1).unwrap()),
            Box::new(ExactLikelihood::new(base.clone())),
            Box::new(MarkovChains::new(base.clone(), 10, 1).unwrap()),
            Box::new(MinMax::new(base.clone(), 64, 1).unwrap()),
            Box::new(NoiseContrastive::new(base.clone(), 64, 1).unwrap()),
        ];
        // One output is far more frequent than others.
        let all = Enumeration::of(&base, (Kind::Double, device()))
            .unwrap()
            .outputs;
        let target = all
            .narrow(0, 3, 1)
            .expand([8, base.outputs()], false)
            .contiguous();
        for loss in losses {
            assert_eq!(loss.base(), &base);
            let u = Tensor::zeros([1, base.outputs()], (Kind::Double, device()))
                .set_requires_grad(true);
            let auxiliary = match loss.auxiliary() {
                Auxiliary::Nothing => None,
                Auxiliary::LogPartition => Some(vec![1]),
                Auxiliary::SamplerScores => Some(vec![1, base.items()]),
            };
            let auxiliary = auxiliary.map(|shape| {
                Tensor::zeros(shape, (Kind::Double, device())).set_requires_grad(true)
            });
            let mut leaves = vec![&u];
            leaves.extend(&auxiliary);
            for step in 0..60 {
                let energy = Linear::new(u.expand([8, base.outputs()], false)).unwrap();
                let rows = auxiliary.as_ref().map(|t| {
                    let mut shape = t.size();
                    shape[0] = 8;
                    t.expand(shape, false)
                });
                let mut batch = Batch::new(&energy, &target, step);
                batch.auxiliary = rows.as_ref();
                let mean = loss.mean_loss(&batch).unwrap().mean;
                let gradients = Tensor::run_backward(&[mean], &leaves, false, false);
                let _guard = tch::no_grad_guard();
                for (leaf, gradient) in leaves.iter().zip(&gradients) {
                    let _ = leaf.shallow_clone().f_sub_(&(gradient * 0.3)).unwrap();
                }
            }
            let values = Linear::new(u.detach()).unwrap().values(&all);
            let best = vector(&values.argmax(1, false))[0];
            assert_eq!(best, 3.0, "{} {base:?}: {:?}", loss.name(), vector(&values));
        }
    }
}

#[everywhere(f64)]
fn the_min_max_game_has_the_exact_gradients_on_average() {
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
    let u = normal(1, &[1, 3]).set_requires_grad(true);
    let scores = normal(2, &[1, 3]).set_requires_grad(true);
    let target = all.outputs.narrow(0, 5, 1);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    // By enumeration, with the sign of the sampler turned.
    let log_p = efy_core::joint::Bernoulli::new(scores.shallow_clone())
        .unwrap()
        .log_density(&all.outputs);
    let inner =
        (log_p.exp() * (energy.values(&all.outputs) - &log_p + &all.log_prior)).sum(Kind::Double);
    let value = &inner - energy.value(&target).sum(Kind::Double);
    let exact = Tensor::run_backward(&[&value], &[&u, &scores], true, false);
    let game = MinMax::new(base, 20, 4).unwrap();
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 7];
    for step in 0..500 {
        let batch = Batch::new(&energy, &target, step).with_auxiliary(&scores);
        let mean = game.mean_loss(&batch).unwrap().mean;
        let gradients = Tensor::run_backward(&[&mean], &[&u, &scores], true, false);
        let mut numbers = vector(&gradients[0]);
        numbers.extend(vector(&gradients[1]).iter().map(|x| -x));
        numbers.extend(vector(&mean));
        columns
            .iter_mut()
            .zip(numbers)
            .for_each(|(column, x)| column.push(x));
    }
    let mut expected = vector(&exact[0]);
    expected.extend(vector(&exact[1]));
    expected.extend(vector(&value));
    for (column, expected) in columns.iter().zip(expected) {
        assert_mean("game", column, expected);
    }
    assert!(MinMax::new(BaseMeasure::subsets(4, 2).unwrap(), 8, 0).is_err());
    assert!(MinMax::new(BaseMeasure::uniform_sets(4).unwrap(), 1, 0).is_err());
}

#[everywhere(f64)]
fn noise_contrastive_estimation_approaches_the_joint_objective() {
    let base = BaseMeasure::uniform_sets(5).unwrap();
    let energy = Linear::new(normal(1, &[3, 5]) * 0.3).unwrap();
    let target = normal(2, &[3, 5]).gt(0.0).to_kind(Kind::Double);
    let tau = normal(3, &[3]) * 0.1;
    let batch = Batch::new(&energy, &target, 0).with_auxiliary(&tau);
    // The same draws for both: seed and number of samples are the same.
    let joint = Joint::new(base.clone(), Divergence::KullbackLeibler, 20_000, 1).unwrap();
    let noise = NoiseContrastive::new(base, 20_000, 1).unwrap();
    let joint = joint.mean_loss(&batch).unwrap().mean;
    let noise = noise.mean_loss(&batch).unwrap().mean;
    assert_close("limit", &noise, &(joint + 1.0), 1e-3);
}

#[everywhere(f64)]
fn noise_in_parts_is_the_noise_of_the_whole() {
    let base = BaseMeasure::uniform_sets(6).unwrap();
    let u = normal(1, &[3, 6]).set_requires_grad(true);
    let tau = normal(2, &[3]).set_requires_grad(true);
    let target = normal(3, &[3, 6]).gt(0.0).to_kind(Kind::Double);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let batch = Batch::new(&energy, &target, 4).with_auxiliary(&tau);
    let loss = NoiseContrastive::new(base, 150, 5).unwrap();
    assert_eq!(loss.parts(&energy), 1);
    let all = |mean: &Tensor| {
        let gradients = Tensor::run_backward(&[mean], &[&u, &tau], true, false);
        Tensor::cat(
            &[
                &mean.reshape([1]),
                &gradients[0].reshape([-1]),
                &gradients[1],
            ],
            0,
        )
    };
    let whole = all(&loss.mean_loss(&batch).unwrap().mean);
    let loss = loss.with_part(3).unwrap();
    // Parts are rounded up to 64 samples.
    assert_eq!(loss.parts(&energy), 3);
    let parts = (0..3).map(|part| all(&loss.part_loss(&batch, part).unwrap().mean));
    assert_close("parts", &parts.reduce(|a, b| a + b).unwrap(), &whole, 1e-12);
}

#[everywhere(f64)] // Nothing is computed.
fn what_would_not_fit_into_memory_is_refused_before_it_is_tried() {
    let (u, target) = (normal(1, &[64, 20]), normal(2, &[64, 20]).gt(0.0));
    let target = target.to_kind(Kind::Double);
    let scores = normal(3, &[64, 20]);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let base = BaseMeasure::uniform_sets(20).unwrap();
    let game = MinMax::new(base.clone(), 10_000_000, 1).unwrap();
    let error = game.mean_loss(&Batch::new(&energy, &target, 0).with_auxiliary(&scores));
    let words = error.unwrap_err().to_string();
    assert!(
        words.contains("min_max cannot solve 10000000 outputs"),
        "{words}"
    );
    let (first, weight) = (normal(4, &[128, 20]), normal(5, &[1, 128]));
    let layers = vec![(weight, normal(6, &[1]))];
    let network = OutputNetwork::new(normal(7, &[64, 128]), first, layers).unwrap();
    let error = ExactLikelihood::new(base).mean_loss(&Batch::new(&network, &target, 0));
    let words = error.unwrap_err().to_string();
    assert!(
        words.contains("exact_likelihood cannot solve 1048576 outputs"),
        "{words}"
    );
}
