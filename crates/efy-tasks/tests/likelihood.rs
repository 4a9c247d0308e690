//! Losses of distributions train both tasks on data that a small model can tell.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod support;

use efy_tasks::config::{
    Config, CouplingKind, DivergenceKind, Dtype, LogPartitionKind, LossKind, MatrixKind,
    MeasureKind, ModelKind, PolytopeKind, Task,
};
use efy_tasks::supervised::Supervised;
use efy_test::{assert_close, device, everywhere, number, values};
use efy_train::{Metrics, Objective, Part};
use support::{K, objective, trained};
use tch::{Kind, Tensor};

const LOSSES: [LossKind; 5] = [
    LossKind::Joint,
    LossKind::ExactLikelihood,
    LossKind::MarkovChains,
    LossKind::MinMax,
    LossKind::NoiseContrastive,
];

fn config(task: Task, loss: LossKind, dtype: Dtype) -> Config {
    let name = task.name();
    let text = format!("{{task: {name}, model: {{kind: unary}}, loss: {{kind: joint}}}}");
    let mut config = Config::from_text("test", &text, &[]).unwrap();
    config.model.dtype = dtype;
    config.loss.kind = loss;
    config.model.log_partition.hidden = vec![16];
    config.model.sampler_hidden = Vec::new();
    config.train.epochs = 15;
    config.train.batch_size = 10;
    config.train.lr = 0.02;
    config.train.seed = 1;
    config
}

/// A training makes a metric better than `least`, and the exact likelihood better than that of the prior.
fn assert_learns(config: &Config, name: &str, least: f64) -> Metrics {
    let (_, metrics) = trained(config);
    let told = format!("{:?} {:?}: {metrics:?}", config.loss, config.model);
    assert!(metrics.get(name).unwrap() > least, "{told}");
    let prior = match config.task {
        Task::Multilabel => K as f64 * 2.0_f64.ln(),
        _ => 24.0_f64.ln(),
    };
    if config.loss.divergence == DivergenceKind::KullbackLeibler {
        let loss = metrics.get("loss").unwrap();
        assert!(loss < prior - 0.5 && loss > 0.0, "{told}");
    }
    metrics
}

#[everywhere(f32)]
fn sets_are_learned_with_all_losses_and_couplings() {
    for loss in LOSSES {
        let mut config = config(Task::Multilabel, loss, Dtype::F32);
        assert_learns(&config, "micro_f1", 0.9);
        config.train.epochs = 10;
        config.model.kind = ModelKind::Pairwise;
        config.model.matrix = MatrixKind::Full;
        assert_learns(&config, "micro_f1", 0.85);
        config.model.matrix = MatrixKind::LowRank;
        config.model.coupling = CouplingKind::Predicted;
        config.model.rank = 2;
        assert_learns(&config, "micro_f1", 0.85);
    }
}

#[everywhere(f32)]
fn rankings_are_learned_with_all_losses_on_both_polytopes() {
    for polytope in [PolytopeKind::Permutahedron, PolytopeKind::Birkhoff] {
        for loss in LOSSES {
            let mut config = config(Task::LabelRanking, loss, Dtype::F32);
            config.model.polytope = polytope;
            // The sampler of the game is the slowest to learn.
            let least = if loss == LossKind::MinMax { 0.5 } else { 0.8 };
            assert_learns(&config, "kendall_tau", least);
        }
    }
}

#[everywhere(f32)]
fn networks_on_outputs_and_all_divergences_learn() {
    for task in [Task::Multilabel, Task::LabelRanking] {
        let metric = match task {
            Task::Multilabel => "micro_f1",
            _ => "kendall_tau",
        };
        for hidden in [Vec::new(), vec![8]] {
            let mut config = config(task, LossKind::Joint, Dtype::F32);
            config.model.kind = ModelKind::Network;
            config.model.hidden = hidden;
            config.train.epochs = 25;
            assert_learns(&config, metric, 0.7);
        }
        for divergence in [
            DivergenceKind::ChiSquare,
            DivergenceKind::Entmax15,
            DivergenceKind::Tsallis,
            DivergenceKind::ReverseKullbackLeibler,
            DivergenceKind::SquaredHellinger,
            DivergenceKind::JensenShannon,
        ] {
            let mut config = config(task, LossKind::Joint, Dtype::F32);
            config.loss.divergence = divergence;
            assert_learns(&config, metric, 0.6);
        }
    }
}

#[everywhere(f64)]
fn the_learned_log_partition_is_near_the_exact_one_on_unseen_inputs() {
    for (kind, logits) in [
        (LogPartitionKind::Mlp, false),
        (LogPartitionKind::Icnn, false),
        (LogPartitionKind::Icnn, true),
    ] {
        for divergence in [DivergenceKind::KullbackLeibler, DivergenceKind::ChiSquare] {
            let mut config = config(Task::Multilabel, LossKind::Joint, Dtype::F64);
            config.model.log_partition.kind = kind;
            if logits {
                config.model.log_partition.input = efy_tasks::config::LogPartitionInput::Logits;
            }
            config.loss.divergence = divergence;
            config.loss.samples = 300;
            config.train.weight_decay = 0.01;
            let (_, metrics) = trained(&config);
            let get = |name| metrics.get(name).unwrap();
            let told = format!("{kind:?} {divergence:?}: {metrics:?}");
            assert!(get("log_partition_correlation") > 0.8, "{told}");
            assert!((get("normalization") - 1.0).abs() < 0.3, "{told}");
            assert!(get("log_partition_gap") >= 0.0, "{told}");
            assert!(
                get("log_partition_mae") <= get("log_partition_rmse"),
                "{told}"
            );
        }
    }
}

#[everywhere(f64)]
fn a_batch_in_parts_has_the_gradient_of_the_whole() {
    for loss in [
        LossKind::Joint,
        LossKind::NoiseContrastive,
        LossKind::ExactLikelihood,
    ] {
        for measure in [MeasureKind::Uniform, MeasureKind::Frequencies] {
            let mut config = config(Task::Multilabel, loss, Dtype::F64);
            config.loss.base_measure = measure;
            let mut objective = objective(&config);
            let rows = Tensor::arange(8, (Kind::Int64, device()));
            let gradient = |objective: &mut Supervised, (first, count): (i64, i64)| {
                objective.part(Part::whole(8).inner(first, count));
                let found = objective.step(&rows.narrow(0, first, count)).unwrap();
                // Written out, or left to autograd.
                let gradient = match found.gradient {
                    Some(gradient) => gradient,
                    None => objective.parameters().gradient(&found.loss).unwrap(),
                };
                (number(&found.loss.detach()), gradient)
            };
            let (loss, whole) = gradient(&mut objective, (0, 8));
            objective.rewind().unwrap();
            let (first, a) = gradient(&mut objective, (0, 3));
            let (second, b) = gradient(&mut objective, (3, 5));
            assert_close("parts", &(a * (3.0 / 8.0) + b * (5.0 / 8.0)), &whole, 1e-12);
            assert!((first * 3.0 / 8.0 + second * 5.0 / 8.0 - loss).abs() < 1e-12);
            assert!(values(&whole).iter().any(|g| g.abs() > 1e-3));
        }
    }
}

#[everywhere(f64)]
fn parts_of_the_samples_have_the_gradient_of_all() {
    let of = |chunk: Option<u32>| {
        let mut config = config(Task::Multilabel, LossKind::Joint, Dtype::F64);
        config.model.kind = ModelKind::Network;
        config.loss.chunk = chunk;
        let mut objective = objective(&config);
        let rows = Tensor::arange(8, (Kind::Int64, device()));
        let found = objective.step(&rows).unwrap();
        let loss = number(&found.loss.detach());
        let gradient = match found.gradient {
            Some(gradient) => gradient,
            None => objective.parameters().gradient(&found.loss).unwrap(),
        };
        (loss, gradient)
    };
    let (all, parts) = (of(None), of(Some(64)));
    assert!((all.0 - parts.0).abs() < 1e-12);
    assert_close("parts", &parts.1, &all.1, 1e-12);
}
