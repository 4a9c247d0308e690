//! Data that a small model can tell, and its training.

use efy_core::random::{Stream, generator};
use efy_tasks::config::{Config, Task};
use efy_tasks::data::{Dataset, Feature, Schema};
use efy_tasks::supervised::{Splits, Supervised};
use efy_test::device;
use efy_train::{Metrics, Objective, Split, Trainer};
use rand::RngExt;

/// Labels, and features.
pub(crate) const K: usize = 4;

/// Label i is there where feature i is positive, or has rank i by it; 200 training rows and 100 test rows.
pub(crate) fn planted(task: Task) -> Dataset {
    let mut random = generator(3, Stream::MadeUp, 0);
    let x: Vec<f32> = (0..300 * K)
        .map(|_| random.random_range(-1.0..=1.0))
        .collect();
    let rank = |x: &[f32], i: usize| 1 + x.iter().filter(|other| **other > x[i]).count() as u8;
    let name = |prefix: &str, i: usize| format!("{prefix}{i}");
    let schema = Schema {
        features: (0..K)
            .map(|i| Feature::Numeric { name: name("x", i) })
            .collect(),
        labels: (0..K).map(|i| name("y", i)).collect(),
    };
    match task {
        Task::Multilabel => {
            let y = x.iter().map(|x| u8::from(*x > 0.0)).collect();
            Dataset::new("planted", schema, x, y, 200).unwrap()
        }
        _ => {
            let rows = x.chunks(K);
            let y = rows.flat_map(|x| (0..K).map(|i| rank(x, i)).collect::<Vec<_>>());
            let y = y.collect();
            Dataset::rankings("planted", schema, x, y, 200).unwrap()
        }
    }
}

/// A model before its training on the planted data.
pub(crate) fn objective(config: &Config) -> Supervised {
    let options = (config.model.dtype.kind(), device());
    let splits = Splits::new(&planted(config.task), &config.data, 0, options).unwrap();
    let objective = Supervised::new(config, splits).unwrap();
    objective.rehearse().unwrap();
    objective
}

/// A model after its training, and its test metrics.
pub(crate) fn trained(config: &Config) -> (Supervised, Metrics) {
    let mut objective = objective(config);
    let mut trainer = Trainer::new(&config.train, Vec::new());
    trainer.fit(&mut objective).unwrap();
    let metrics = objective.evaluate(Split::Test).unwrap();
    (objective, metrics)
}
