//! What a step costs beside the model and the loss: order of the examples, optimizer, bookkeeping,
//! observers, checkpoints.

use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use efy_core::parameters::{Builder, Parameters};
use efy_train::checkpoint::{CheckpointConfig, Checkpoints};
use efy_train::observer::{MetricsFile, Observer, TensorBoard};
use efy_train::{Metrics, Objective, Result, Split, StepLoss, TrainConfig, Trainer};
use tch::{Device, Kind, Tensor};

/// Examples and batches of an epoch.
const EXAMPLES: usize = 1000;
const BATCHES: usize = 10;

/// An objective whose loss and gradient are there already.
struct Nothing {
    parameters: Parameters,
    loss: Tensor,
    gradient: Tensor,
}

impl Nothing {
    fn new(count: usize) -> efy_core::Result<Self> {
        let mut builder = Builder::default();
        builder.add("w", &[count as i64], vec![0.5; count], true)?;
        Ok(Nothing {
            parameters: builder.build(Kind::Float, Device::Cpu)?,
            loss: Tensor::from(0.5_f32),
            gradient: Tensor::randn([count as i64], (Kind::Float, Device::Cpu)),
        })
    }
}

impl Objective for Nothing {
    fn examples(&self) -> usize {
        EXAMPLES
    }

    fn device(&self) -> Device {
        Device::Cpu
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn step(&mut self, _rows: &Tensor) -> Result<StepLoss> {
        Ok(StepLoss {
            loss: self.loss.shallow_clone(),
            gradient: Some(self.gradient.shallow_clone()),
            metrics: Vec::new(),
        })
    }

    fn evaluate(&mut self, _split: Split) -> Result<Metrics> {
        Ok([("loss", 0.5)].into_iter().collect())
    }
}

/// Trains for about so many steps; the time of one of them. Checkpoints are written every `every` steps.
fn train(count: usize, every: u64, steps: u64, folder: &Path) -> Result<Duration> {
    let config = TrainConfig {
        epochs: steps.div_ceil(BATCHES as u64),
        batch_size: EXAMPLES / BATCHES,
        patience: 0,
        ..TrainConfig::default()
    };
    let mut objective = Nothing::new(count)?;
    let observers: Vec<Box<dyn Observer>> = vec![
        Box::new(MetricsFile::create(&folder.join("metrics.jsonl"))?),
        Box::new(TensorBoard::create(folder)?),
    ];
    let checkpoints = Checkpoints::new(folder, "", &CheckpointConfig::default());
    let mut trainer = Trainer::new(&config, observers).saving(checkpoints, every, folder);
    let start = Instant::now();
    trainer.fit(&mut objective)?;
    Ok(start.elapsed() / (config.epochs * BATCHES as u64) as u32)
}

fn engine(criterion: &mut Criterion) {
    tch::set_num_threads(1);
    let mut group = criterion.benchmark_group("engine/step");
    group.sample_size(10);
    for (name, every) in [("plain", 0), ("checkpoint-every-1000", 1000)] {
        for count in [1_000, 10_000] {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|steps| {
                    let folder =
                        std::env::temp_dir().join(format!("efy-engine-{}", std::process::id()));
                    let made = std::fs::create_dir_all(&folder);
                    let time = made.map_err(|error| error.to_string()).and_then(|()| {
                        train(count, every, steps, &folder).map_err(|e| e.to_string())
                    });
                    let _ = std::fs::remove_dir_all(&folder);
                    match time {
                        Ok(time) => time * steps as u32,
                        Err(error) => {
                            eprintln!("failed: {error}");
                            Duration::from_secs(1_000_000)
                        }
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
