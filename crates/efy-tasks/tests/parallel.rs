//! Several processes train what one does, with every algorithm. Threads take the place of processes.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use std::sync::{Arc, Mutex};

use efy_core::device::read;
use efy_tasks::config::{Config, Task};
use efy_tasks::data::Cache;
use efy_tasks::density::{Density, Examples};
use efy_tasks::imitation::{Lesson, Prepared};
use efy_tasks::supervised::{Splits, Supervised};
use efy_train::parallel::Threads;
use efy_train::{Alone, Collective, Objective, Trainer};
use support::planted;
use tch::{Device, Tensor};

/// What a training leaves: the weights, and the validation metrics of its best epoch.
type Left = (Vec<f64>, Vec<f64>);

fn objective(config: &Config) -> Box<dyn Objective> {
    match config.task {
        Task::Density => {
            let examples = Examples::new(config).unwrap();
            Box::new(Density::new(config, &examples, Device::Cpu).unwrap())
        }
        Task::Imitation => {
            let lesson = Lesson::new(config, &Cache::new("no-such-cache")).unwrap();
            let prepared = Prepared::new(config, lesson, Device::Cpu).unwrap();
            Box::new(prepared.into_objective())
        }
        task => {
            let options = (config.model.dtype.kind(), Device::Cpu);
            let data = planted(task);
            let splits = config.train.seeds();
            let splits =
                splits.map(|seed| Splits::new(&data, &config.data, seed, options).unwrap());
            Box::new(Supervised::replicas(config, splits.collect(), Device::Cpu).unwrap())
        }
    }
}

fn train(config: &Config, collective: Box<dyn Collective>) -> Left {
    let mut objective = objective(config);
    let mut trainer = Trainer::new(&config.train, Vec::new()).together(collective);
    let outcomes = trainer.fit_replicas(objective.as_mut()).unwrap();
    let metrics = outcomes
        .iter()
        .flat_map(|outcome| outcome.validation.iter());
    let metrics = metrics.map(|(_, value)| value).collect();
    (
        read::to_vec(objective.parameters().flat()).unwrap(),
        metrics,
    )
}

/// What each of `world` threads has in the end.
fn together(config: &Config, world: usize) -> Vec<Left> {
    std::thread::scope(|scope| {
        let start = |member| scope.spawn(move || train(config, Box::new(member)));
        let handles: Vec<_> = Threads::group(world).into_iter().map(start).collect();
        handles.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn config(text: &str, dtype: &str) -> Config {
    let sets = [
        "train.lr=0.02",
        "train.batch_size=16",
        "train.epochs=3",
        "train.patience=0",
    ];
    let density = ["train.epochs=30", "train.eval_every=10", "train.patience=0"];
    let sets = match text.contains("task: density") {
        true => density.as_slice(),
        false => sets.as_slice(),
    };
    let mut sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    sets.push(format!("model.dtype={dtype}"));
    Config::from_text("test", text, &sets).unwrap()
}

/// Several processes against one: weights to 1e-6 in f32 and to 1e-12 in f64, all processes alike, twice the same bits.
///
/// Noise-contrastive estimation begins with gradients that cancel. Three processes have unequal parts of a batch, whose means are
/// rounded before they are added, and Adam makes a step of what that leaves of zero; gradient descent does not. Rewards of the
/// min-max objective cancel likewise, in f32 with any number of processes.
fn assert_same(text: &str) {
    for (dtype, worlds) in [("f32", [2, 4]), ("f64", [2, 3])] {
        let config = config(text, dtype);
        let (alone, metrics) = train(&config, Box::new(Alone));
        for world in worlds {
            let told = format!("{text}: {dtype}, {world} processes");
            let all = together(&config, world);
            assert!(all.iter().all(|one| *one == all[0]), "{told} differ");
            let pairs = all[0].0.iter().zip(&alone);
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let sgd = text.contains("sgd");
            let cancels = text.contains("noise_contrastive") && !sgd;
            let most = match dtype {
                "f32" if text.contains("min_max") && !sgd => 1e-4,
                "f32" => 1e-6,
                _ if world == 3 && cancels => 1e-5,
                _ => 1e-12,
            };
            assert!(worst <= most, "{told}: {worst:e} away from one");
            for (a, b) in all[0].1.iter().zip(&metrics) {
                let same = (a - b).abs() <= 1e-5 * b.abs().max(1.0) || a.is_nan() && b.is_nan();
                assert!(same, "{told}: metrics {a} and {b}");
            }
        }
        let [_, world] = worlds;
        let [first, second] = [(); 2].map(|()| together(&config, world));
        assert_eq!(first, second, "{text}: not the same bits again");
    }
}

#[test]
fn losses_by_inference() {
    for rest in [
        "model: {kind: unary}, loss: {kind: fenchel_young}",
        "model: {kind: pairwise, rank: 2}, loss: {kind: fenchel_young}",
        "model: {kind: pairwise, rank: 2}, loss: {kind: fenchel_young}, solver: {kind: lbfgsb, warm_start: true}",
        "model: {kind: spen, hidden: [6]}, loss: {kind: fenchel_young}",
        "model: {kind: pairwise, rank: 2}, loss: {kind: log}",
        "model: {kind: pairwise, rank: 2}, loss: {kind: mse}",
        "model: {kind: pairwise, rank: 2}, loss: {kind: fenchel_young}, train: {accumulate: 2}",
        "model: {kind: unary}, loss: {kind: fenchel_young}, train: {replicas: 2}",
    ] {
        assert_same(&format!("{{task: multilabel, {rest}}}"));
    }
}

#[test]
fn contrastive_losses() {
    for rest in [
        "loss: {kind: contrastive}",
        "loss: {kind: contrastive}, train: {accumulate: 3}",
        "loss: {kind: contrastive}, solver: {warm_start: true}",
        "loss: {kind: contrastive, negatives: langevin}",
    ] {
        assert_same(&format!(
            "{{task: multilabel, model: {{kind: pairwise, rank: 2}}, {rest}}}"
        ));
    }
}

#[test]
fn joint_learning_and_what_it_is_compared_with() {
    for task in ["multilabel", "label_ranking"] {
        for loss in [
            "{kind: joint}",
            "{kind: joint, shared: true}",
            "{kind: exact_likelihood}",
            "{kind: markov_chains}",
            "{kind: min_max}",
            "{kind: noise_contrastive}",
        ] {
            let model = "{kind: unary, log_partition: {hidden: [8]}}";
            assert_same(&format!("{{task: {task}, model: {model}, loss: {loss}}}"));
        }
    }
    let pairwise = "{kind: pairwise, matrix: full, log_partition: {hidden: [8]}}";
    for rest in [
        "loss: {kind: joint}",
        "loss: {kind: markov_chains}, solver: {warm_start: true}",
        "loss: {kind: markov_chains}, train: {accumulate: 2}",
    ] {
        assert_same(&format!("{{task: multilabel, model: {pairwise}, {rest}}}"));
    }
    assert_same(
        "{task: multilabel, model: {kind: unary, log_partition: {hidden: [8]}}, loss: {kind: noise_contrastive}, \
         train: {optimizer: sgd}}",
    );
    assert_same(
        "{task: label_ranking, model: {kind: unary, log_partition: {hidden: [8]}}, loss: {kind: min_max}, \
         train: {optimizer: sgd}}",
    );
    let table = "{kind: unary, log_partition: {kind: table}}";
    assert_same(&format!(
        "{{task: multilabel, model: {table}, loss: {{kind: joint}}}}"
    ));
}

#[test]
fn rankings_by_inference() {
    for polytope in ["permutahedron", "birkhoff"] {
        let model = format!("{{kind: unary, polytope: {polytope}}}");
        assert_same(&format!(
            "{{task: label_ranking, model: {model}, loss: {{kind: fenchel_young, regularizer: half_squared_norm}}}}"
        ));
    }
}

#[test]
fn flows_of_particles_and_neurons() {
    let data = "data: {teacher: bimodal_s2, samples: 150, test_samples: 100}";
    for (model, flow) in [
        ("", "{kind: gda}"),
        ("", "{kind: gda, restart: every, restart_every: 7}"),
        (
            "",
            "{kind: gda, restart: bernoulli, restart_probability: 0.1, langevin_steps: 3}",
        ),
        ("", "{kind: gda, neuron_step: 0}"),
        (", power: 0", "{kind: gda}"),
        ("", "{kind: kernel, start: base}"),
    ] {
        let model = format!("model: {{kind: shallow, neurons: 20{model}}}");
        assert_same(&format!(
            "{{task: density, train: {{monitor: tv}}, {data}, {model}, flow: {flow}}}"
        ));
    }
}

/// Policies of the linear plant, which act after every second epoch.
const POLICY: &str = "task: imitation, data: {expert: linear_plant, coupling: 0.8, episodes: 3, subsample: 4}, \
                      rollout: {every: 2, episodes: 2, test_episodes: 1}, train: {monitor: return_normalized}";

#[test]
fn policies() {
    for rest in [
        "model: {kind: pairwise, hidden: [6], rank: 2}, loss: {kind: fenchel_young, regularizer: half_squared_norm}",
        "model: {kind: pairwise, hidden: [6], rank: 2, coupling: network}, loss: {kind: fenchel_young, regularizer: half_squared_norm}",
        "model: {kind: spen, hidden: [6]}, loss: {kind: fenchel_young, regularizer: half_squared_norm}",
        "model: {kind: unary}, loss: {kind: least_squares, regularizer: half_squared_norm}",
        "model: {kind: pairwise, hidden: [6], rank: 2}, loss: {kind: mse, regularizer: half_squared_norm}",
        "model: {kind: pairwise, hidden: [6], rank: 2}, loss: {kind: info_nce, samples: 16, regularizer: half_squared_norm}",
        "model: {kind: pairwise, hidden: [6], rank: 2}, loss: {kind: energy, regularizer: half_squared_norm}",
        "model: {kind: pairwise, hidden: [6], rank: 2}, \
         loss: {kind: regularized_margin, cost: squared, gamma: 2, regularizer: half_squared_norm}",
    ] {
        assert_same(&format!("{{{POLICY}, {rest}}}"));
    }
}

/// A group's member that notes the length of what it sums.
struct Noting {
    inner: Threads,
    lengths: Arc<Mutex<Vec<usize>>>,
}

impl Collective for Noting {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn world(&self) -> usize {
        self.inner.world()
    }

    fn sum(&mut self, tensor: Tensor) -> efy_core::Result<Tensor> {
        self.lengths.lock().unwrap().push(tensor.numel());
        self.inner.sum(tensor)
    }
}

/// The lengths of all sums of a training by two processes, and its steps and weights.
fn sums(text: &str, batch_size: usize) -> (Vec<usize>, u64, usize) {
    let mut config = config(text, "f32");
    config.train.batch_size = batch_size;
    config.train.log_every = 1_000_000;
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let ends = std::thread::scope(|scope| {
        let members = Threads::group(2).into_iter().map(|inner| {
            let lengths = match inner.rank() {
                0 => Arc::clone(&lengths),
                _ => Arc::default(),
            };
            let member = Noting { inner, lengths };
            scope.spawn(|| {
                let mut objective = objective(&config);
                let trainer = Trainer::new(&config.train, Vec::new());
                let mut trainer = trainer.together(Box::new(member));
                let outcomes = trainer.fit_replicas(objective.as_mut()).unwrap();
                (outcomes[0].steps, objective.parameters().flat().numel())
            })
        });
        let handles: Vec<_> = members.collect();
        handles
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect::<Vec<_>>()
    });
    let (steps, size) = ends[0];
    (lengths.lock().unwrap().clone(), steps, size)
}

#[test]
fn a_step_is_one_sum_of_the_flat_gradient_and_nothing_else() {
    let pairwise = "model: {kind: pairwise, rank: 2}";
    let policy =
        "model: {kind: pairwise, hidden: [6], rank: 2}, loss: {regularizer: half_squared_norm}";
    for text in [
        format!("{{task: multilabel, {pairwise}, loss: {{kind: fenchel_young}}}}"),
        format!("{{task: multilabel, {pairwise}, loss: {{kind: contrastive}}, train: {{accumulate: 3}}}}"),
        "{task: multilabel, model: {kind: unary, log_partition: {hidden: [8]}}, loss: {kind: joint}}".to_owned(),
        "{task: label_ranking, model: {kind: unary}, loss: {kind: fenchel_young, regularizer: half_squared_norm}}"
            .to_owned(),
        format!("{{{POLICY}, {policy}}}"),
    ] {
        let (few, steps, size) = sums(&text, 16);
        let (many, more, _) = sums(&text, 4);
        assert!(more > 2 * steps && steps > 2, "{text}: {steps} and {more} steps");
        // The gradient, the loss and three flags; what is summed between epochs does not depend on their steps.
        let [few, many] = [few, many].map(|all| {
            let is_step = |length: &usize| *length == size + 4;
            all.into_iter().partition::<Vec<_>, _>(is_step)
        });
        assert_eq!([few.0.len(), many.0.len()], [steps as usize, more as usize], "{text}");
        assert_eq!(few.1, many.1, "{text}");
    }
}
