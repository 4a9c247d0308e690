//! Every loss of the configuration trains a model that predicts.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use efy_core::random::{Stream, generator};
use efy_tasks::config::{
    Config, CostKind, DataConfig, DifferentiationKind, FlowConfig, LossConfig, LossKind,
    ModelConfig, ModelKind, NegativesKind, RegularizerKind, RolloutConfig, SolverConfig, Task,
};
use efy_tasks::data::{Dataset, Feature, Schema};
use efy_tasks::supervised::{Splits, Supervised};
use efy_test::{device, everywhere, on_cpu};
use efy_train::{CheckpointConfig, Metrics, Objective, Split, TrainConfig, Trainer};
use rand::RngExt;
use tch::{Device, Kind};

const FEATURES: usize = 5;
const LABELS: usize = 4;

/// Labels that a linear model can tell: label i is whether feature i is larger than feature i + 1.
fn dataset() -> Dataset {
    let rows = 300;
    let mut random = generator(3, Stream::MadeUp, 0);
    let x: Vec<f32> = (0..rows * FEATURES)
        .map(|_| random.random_range(-1.0..=1.0))
        .collect();
    let y = x
        .chunks(FEATURES)
        .flat_map(|x| (0..LABELS).map(|i| u8::from(x[i] > x[i + 1])))
        .collect();
    let name = |prefix: &str, i: usize| format!("{prefix}{i}");
    let schema = Schema {
        features: (0..FEATURES)
            .map(|i| Feature::Numeric { name: name("x", i) })
            .collect(),
        labels: (0..LABELS).map(|i| name("y", i)).collect(),
    };
    Dataset::new("planted", schema, x, y, 200).unwrap()
}

/// The metrics of the test split after some epochs.
fn trained(loss: LossConfig, kind: ModelKind, (epochs, device): (u64, Device)) -> Metrics {
    let config = Config {
        task: Task::Multilabel,
        name: "test".to_owned(),
        data: DataConfig::default(),
        model: ModelConfig {
            kind,
            rank: 2,
            ..ModelConfig::default()
        },
        loss,
        solver: SolverConfig::default(),
        rollout: RolloutConfig::default(),
        flow: FlowConfig::default(),
        train: TrainConfig {
            epochs,
            batch_size: 10,
            lr: 0.02,
            monitor: "hamming_accuracy".to_owned(),
            ..TrainConfig::default()
        },
        checkpoint: CheckpointConfig::default(),
    };
    let options = (Kind::Float, device);
    let splits = Splits::new(&dataset(), &config.data, 0, options).unwrap();
    let mut objective = Supervised::new(&config, splits).unwrap();
    objective.rehearse().unwrap();
    let mut trainer = Trainer::new(&config.train, Vec::new());
    trainer.fit(&mut objective).unwrap();
    objective.evaluate(Split::Test).unwrap()
}

fn of(kind: LossKind) -> LossConfig {
    LossConfig {
        kind,
        ..LossConfig::default()
    }
}

#[everywhere(f32)]
fn every_loss_but_the_energy_loss_trains_unary_and_pairwise_models() {
    let entropy = |kind, differentiation| LossConfig {
        regularizer: RegularizerKind::BinaryEntropy,
        differentiation,
        ..of(kind)
    };
    let (implicit, unrolled) = (DifferentiationKind::Implicit, DifferentiationKind::Unrolled);
    let losses = [
        of(LossKind::FenchelYoung),
        of(LossKind::Perceptron),
        of(LossKind::Margin),
        of(LossKind::RegularizedMargin),
        LossConfig {
            cost: CostKind::Squared,
            ..of(LossKind::RegularizedMargin)
        },
        of(LossKind::Log),
        of(LossKind::Contrastive),
        LossConfig {
            negatives: NegativesKind::Langevin,
            ..of(LossKind::Contrastive)
        },
        entropy(LossKind::CrossEntropy, implicit),
        entropy(LossKind::CrossEntropy, unrolled),
        of(LossKind::Mse),
        LossConfig {
            differentiation: unrolled,
            ..of(LossKind::Mse)
        },
    ];
    for loss in losses {
        for model in [ModelKind::Unary, ModelKind::Pairwise] {
            let accuracy = |run| {
                let metrics = trained(loss.clone(), model, run);
                metrics.get("hamming_accuracy").unwrap()
            };
            if on_cpu() {
                // Half of the labels are 1.
                let found = accuracy((12, device()));
                assert!(found > 0.85, "{loss:?} {model:?}: {found}");
            } else {
                // One label in a hundred may be decided by rounding.
                let (found, expected) = (accuracy((1, device())), accuracy((1, Device::Cpu)));
                let close = (found - expected).abs() <= 0.01;
                assert!(close, "{loss:?} {model:?}: {found}, on the CPU {expected}");
            }
        }
    }
}

/// Its gradient only ever raises scores, whatever the labels: the loss falls on and on, and says nothing.
#[everywhere(f32)]
fn the_energy_loss_collapses() {
    let kinds = [LossKind::Energy, LossKind::FenchelYoung];
    let [energy, fenchel_young] =
        kinds.map(|kind| trained(of(kind), ModelKind::Unary, (12, device())));
    assert!(energy.get("loss").unwrap() < -1.0);
    let accuracy = |metrics: &Metrics| metrics.get("hamming_accuracy").unwrap();
    assert!(accuracy(&energy) + 0.05 < accuracy(&fenchel_young));
}
