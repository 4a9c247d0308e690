//! `efy bench`: the code path of training on made-up data of any shape.

use std::time::Instant;

use anyhow::{Result, anyhow};
use efy_core::device::read;
use efy_core::random::{Stream, generator};
use efy_tasks::config::{
    Config, DataConfig, Dtype, LossConfig, ModelConfig, ModelKind, RegularizerKind, SolverConfig,
    SolverKind, Task,
};
use efy_tasks::data::{Dataset, Feature, Schema};
use efy_tasks::multilabel::{Multilabel, Splits};
use efy_train::optimizer::{Adam, AdamConfig};
use efy_train::{EpochOrder, Objective, TrainConfig, settle_threads, training_step};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Cuda, Device, Kind};

use crate::arguments::Bench;
use crate::exit::Usage;
use crate::output;

/// Steps before the clock starts.
const WARM_UP: u64 = 50;
/// The fraction of made-up labels that are 1.
const DENSITY: f64 = 0.3;

/// What `--set` may change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    d: usize,
    k: usize,
    n: usize,
    batch: usize,
    rank: u32,
    model: ModelKind,
    hidden: Vec<u32>,
    regularizer: RegularizerKind,
    solver: SolverKind,
    tolerance: f64,
    max_iterations: usize,
    warm_start: bool,
    dtype: Dtype,
    seed: u64,
    steps: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            d: 103,
            k: 14,
            n: 1500,
            batch: 100,
            rank: 8,
            model: ModelKind::Pairwise,
            hidden: Vec::new(),
            regularizer: RegularizerKind::Gini,
            solver: SolverKind::Auto,
            tolerance: 1e-4,
            max_iterations: 100,
            warm_start: true,
            dtype: Dtype::F32,
            seed: 0,
            steps: None,
        }
    }
}

pub(crate) fn run(arguments: &Bench) -> Result<()> {
    let settings: Settings = efy_train::config::from_text("bench", "{}", &arguments.set)?;
    for (name, value) in [
        ("d", settings.d),
        ("k", settings.k),
        ("batch", settings.batch),
    ] {
        if value == 0 {
            return Err(anyhow!(Usage(format!(
                "{name}: expected a positive integer, found 0"
            ))));
        }
    }
    if settings.n < 10 {
        let message = format!("n: expected an integer >= 10, found {}", settings.n);
        return Err(anyhow!(Usage(message)));
    }
    let device = arguments.device.device.select()?;
    let (steps, seconds, loss) = measure(&settings, device, arguments.seconds)?;
    let rate = steps as f64 / seconds;
    let result = json!({
        "bench": arguments.what, "device": format!("{device:?}"), "steps": steps,
        "seconds": seconds, "steps_per_second": rate, "loss": loss, "settings": settings,
    });
    if arguments.json {
        return output::json(&result);
    }
    let Settings {
        d, k, batch, rank, ..
    } = settings;
    output::line(&format!(
        "{rate:.0} steps/s  ({steps} steps in {seconds:.2} s; d {d}, k {k}, batch {batch}, rank \
         {rank}; {device:?}; last loss {loss:.4})"
    ))
}

/// Steps, seconds and the last loss.
fn measure(settings: &Settings, device: Device, seconds: f64) -> Result<(u64, f64, f64)> {
    let config = configuration(settings);
    let kind = if settings.dtype == Dtype::F32 {
        Kind::Float
    } else {
        Kind::Double
    };
    let data = made_up(settings)?;
    let splits = Splits::new(&data, &config.data, settings.seed, (kind, device))?;
    let mut objective = Multilabel::new(&config, splits)?;
    settle_threads(settings.batch, objective.parameters().flat().numel());
    let mut adam = Adam::new(AdamConfig::default(), objective.parameters())?;
    let synchronize = || {
        if let Device::Cuda(index) = device {
            Cuda::synchronize(index as i64);
        }
    };
    let mut epoch = 0;
    let (mut done, mut started) = (0_u64, Instant::now());
    let mut last = None;
    let warm_up = if settings.steps.is_some() { 0 } else { WARM_UP };
    'epochs: loop {
        epoch += 1;
        let size = (objective.examples(), settings.batch);
        let order = EpochOrder::new(settings.seed, epoch, size, device)?;
        for rows in order.batches() {
            if done == warm_up {
                synchronize();
                started = Instant::now();
            }
            let finished = match settings.steps {
                Some(steps) => done >= steps,
                None => done > warm_up && started.elapsed().as_secs_f64() >= seconds,
            };
            if finished {
                break 'epochs;
            }
            last = Some(training_step(&mut objective, &mut adam, &rows)?.loss);
            done += 1;
        }
    }
    synchronize();
    let elapsed = started.elapsed().as_secs_f64();
    let loss = last.map_or(Ok(f64::NAN), |loss| read::scalar(&loss))?;
    Ok((done - warm_up, elapsed, loss))
}

fn configuration(settings: &Settings) -> Config {
    Config {
        task: Task::Multilabel,
        name: "bench".to_owned(),
        // All rows but one are for training.
        data: DataConfig {
            validation: 0.5 / settings.n as f64,
            standardize: false,
            ..DataConfig::default()
        },
        model: ModelConfig {
            kind: settings.model,
            hidden: settings.hidden.clone(),
            rank: settings.rank,
            dtype: settings.dtype,
            ..ModelConfig::default()
        },
        loss: LossConfig {
            regularizer: settings.regularizer,
            ..LossConfig::default()
        },
        solver: SolverConfig {
            kind: settings.solver,
            tolerance: settings.tolerance,
            max_iterations: settings.max_iterations,
            warm_start: settings.warm_start,
            ..SolverConfig::default()
        },
        train: TrainConfig {
            seed: settings.seed,
            ..TrainConfig::default()
        },
    }
}

/// Features uniform with variance 1, labels independent; one extra row as a test split.
fn made_up(settings: &Settings) -> Result<Dataset> {
    let (n, d, k) = (settings.n + 1, settings.d, settings.k);
    let mut random = generator(settings.seed, Stream::MadeUp, 0);
    let bound = 3.0_f32.sqrt();
    let x = (0..n * d)
        .map(|_| random.random_range(-bound..=bound))
        .collect();
    let y = (0..n * k)
        .map(|_| u8::from(random.random_bool(DENSITY)))
        .collect();
    let schema = Schema {
        features: (0..d)
            .map(|i| Feature::Numeric {
                name: format!("x{i}"),
            })
            .collect(),
        labels: (0..k).map(|i| format!("y{i}")).collect(),
    };
    Ok(Dataset::new("made-up", schema, x, y, settings.n)?)
}
