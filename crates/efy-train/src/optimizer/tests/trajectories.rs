//! The steps of libtorch's optimizers, and of the one engine those of the other.
#![allow(clippy::disallowed_methods)]

use tch::{Tensor, nn, nn::OptimizerConfig};

use super::*;

/// The weights that libtorch's optimizer gets to.
fn theirs(config: &TrainConfig) -> Tensor {
    let mut store = nn::VarStore::new(device());
    let mut weights = store.root().zeros("w", &[WEIGHTS as i64]);
    store.set_kind(kind());
    {
        let _guard = tch::no_grad_guard();
        weights.copy_(&tensor(&start()));
    }
    let wd = config.weight_decay;
    let optimizer = match config.optimizer {
        OptimizerKind::Adam => nn::adam(config.beta1, config.beta2, wd)
            .eps(config.epsilon)
            .build(&store, config.lr),
        OptimizerKind::AdamW => nn::adamw(config.beta1, config.beta2, wd)
            .eps(config.epsilon)
            .build(&store, config.lr),
        OptimizerKind::Sgd => {
            nn::sgd(config.momentum, 0.0, wd, config.nesterov).build(&store, config.lr)
        }
    };
    let mut optimizer = optimizer.unwrap();
    for step in 1..=TOTAL {
        optimizer.set_lr(config.lr * config.schedule.fraction(step, TOTAL));
        match config.clip_norm {
            Some(norm) => optimizer.backward_step_clip_norm(&loss(&weights), norm),
            None => optimizer.backward_step(&loss(&weights)),
        }
    }
    weights.detach()
}

#[everywhere]
fn both_engines_take_the_steps_of_libtorch() {
    for config in configs() {
        let expected = theirs(&config);
        for make in ENGINES {
            let ours = parameters(true);
            let mut optimizer = make(&config, &ours, TOTAL).unwrap();
            for _ in 0..TOTAL {
                let loss = loss(&ours.flat().detach());
                let all: Vec<Tensor> = (0..WEIGHTS).map(|place| ours.tensor(place)).collect();
                let gradient = ours.gradient(&super::loss(&Tensor::cat(&all, 0))).unwrap();
                optimizer.step(&ours, gradient, &loss).unwrap();
            }
            let found = difference(ours.flat(), &expected);
            assert!(found < rounding(), "{config:?}: {found:e}");
        }
    }
}

#[everywhere]
fn the_engines_agree_when_some_weights_do_not_decay() {
    for config in configs() {
        let [native, batched] = ENGINES.map(|make| {
            let ours = parameters(false);
            let mut optimizer = make(&config, &ours, TOTAL).unwrap();
            descend(&mut optimizer, &ours, TOTAL as usize);
            ours
        });
        let found = difference(native.flat(), batched.flat());
        assert!(found < rounding(), "{config:?}: {found:e}");
    }
}

#[everywhere]
fn decay_is_for_the_weights_that_decay_alone() {
    for text in ["optimizer: adam", "optimizer: adamw", "optimizer: sgd"] {
        let config = config(&format!("{text}, lr: 0.1, weight_decay: 0.5"));
        for make in ENGINES {
            let ours = parameters(false);
            let mut optimizer = make(&config, &ours, TOTAL).unwrap();
            let before = values(ours.flat());
            let zeros = ours.flat().zeros_like();
            let verdict = optimizer.step(&ours, zeros, &scalar(0.0));
            verdict.unwrap();
            let pairs = values(ours.flat()).into_iter().zip(before);
            for (place, (now, before)) in pairs.enumerate() {
                let decays = place % 3 > 0 && before != 0.0;
                assert_eq!(now != before, decays, "{text} {place}");
            }
        }
    }
}

#[everywhere]
fn clipping_shortens_long_gradients_and_leaves_short_ones() {
    // Plain descent with rate 1 from 0: the weights are the gradient that was used.
    let used = |make: Make, clip: &str, gradient: &[f64]| {
        let ours = parameters(true);
        let mut flat = ours.flat().shallow_clone();
        let _ = flat.zero_();
        let config = config(&format!(
            "optimizer: sgd, momentum: 0, lr: 1, clip_norm: {clip}"
        ));
        let mut optimizer = make(&config, &ours, TOTAL).unwrap();
        let mut all = gradient.to_vec();
        all.resize(WEIGHTS, 0.0);
        optimizer.step(&ours, tensor(&all), &scalar(0.0)).unwrap();
        values(&-ours.flat())[..gradient.len()].to_vec()
    };
    for make in ENGINES {
        let scale = 1.0 / (5.0 + 1e-6);
        let clipped = used(make, "1", &[3.0, 4.0]);
        assert!(
            (clipped[0] - 3.0 * scale).abs() < tolerance(1e-15),
            "{clipped:?}"
        );
        assert!(
            (clipped[1] - 4.0 * scale).abs() < tolerance(1e-15),
            "{clipped:?}"
        );
        for none in ["0", "null", "6"] {
            assert_eq!(used(make, none, &[3.0, 4.0]), [3.0, 4.0], "{none}");
        }
        assert_eq!(used(make, "1", &[0.0, 0.0]), [0.0, 0.0]);
    }
}

#[everywhere]
fn the_learning_rate_is_that_of_the_next_step() {
    let config = config("lr: 0.2, schedule: {warmup_steps: 2, kind: step, every: 1, factor: 0.5}");
    for make in ENGINES {
        let ours = parameters(true);
        let mut optimizer = make(&config, &ours, TOTAL).unwrap();
        let mut rates = Vec::new();
        for _ in 0..5 {
            rates.push(optimizer.learning_rate());
            descend(&mut optimizer, &ours, 1);
        }
        assert_eq!(rates, [0.1, 0.2, 0.2, 0.1, 0.05]);
    }
}
