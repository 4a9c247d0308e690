//! Training steps on made-up data of any shape, for benchmarks: the code path of training.

use efy_core::random::{Stream, generator};
use efy_train::{CheckpointConfig, TrainConfig};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::config::{
    Config, DataConfig, Dtype, FlowConfig, LossConfig, ModelConfig, ModelKind, RegularizerKind,
    RolloutConfig, SolverConfig, SolverKind, Task,
};
use crate::data::{Dataset, Feature, Schema};
use crate::supervised::{Resident, Splits, Supervised};
use crate::{Error, Result, Steps};

/// The fraction of made-up labels that are 1.
const DENSITY: f64 = 0.3;

/// The shape of the problem and how it is solved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Features.
    pub d: usize,
    /// Labels.
    pub k: usize,
    /// Training examples.
    pub n: usize,
    /// Examples a step.
    pub batch: usize,
    /// Rank of the coupling.
    pub rank: u32,
    /// The energy.
    pub model: ModelKind,
    /// Hidden widths.
    pub hidden: Vec<u32>,
    /// The regularizer, of strength 1.
    pub regularizer: RegularizerKind,
    /// The solver.
    pub solver: SolverKind,
    /// Its tolerance.
    pub tolerance: f64,
    /// Its iterations at most.
    pub max_iterations: usize,
    /// Whether it starts from the example's last solution.
    pub warm_start: bool,
    /// Where the examples live.
    pub resident: Resident,
    /// Element type.
    pub dtype: Dtype,
    /// Seed of data and weights.
    pub seed: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
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
            resident: Resident::Auto,
            dtype: Dtype::F32,
            seed: 0,
        }
    }
}

impl Workload {
    /// Makes data and model on a device.
    ///
    /// # Errors
    /// [`Error::Usage`] for sizes that make no problem; what model and solver report.
    pub fn start(&self, device: Device) -> Result<Steps> {
        for (name, value, least) in [
            ("d", self.d, 1),
            ("k", self.k, 1),
            ("batch", self.batch, 1),
            ("n", self.n, 10),
        ] {
            if value < least {
                let message = match least {
                    1 => "a positive integer".to_owned(),
                    _ => format!("an integer >= {least}"),
                };
                return Err(Error::Usage(format!(
                    "{name}: expected {message}, found {value}"
                )));
            }
        }
        let config = self.config();
        let options = (config.model.dtype.kind(), device);
        let splits = Splits::new(&self.data()?, &config.data, self.seed, options)?;
        let objective = Supervised::new(&config, splits)?;
        Steps::new(Box::new(objective), &config.train, self.batch)
    }

    fn config(&self) -> Config {
        Config {
            task: Task::Multilabel,
            name: "workload".to_owned(),
            // All rows but one are for training.
            data: DataConfig {
                validation: 0.5 / self.n as f64,
                standardize: false,
                resident: self.resident,
                ..DataConfig::default()
            },
            model: ModelConfig {
                kind: self.model,
                hidden: self.hidden.clone(),
                rank: self.rank,
                dtype: self.dtype,
                ..ModelConfig::default()
            },
            loss: LossConfig {
                regularizer: self.regularizer,
                ..LossConfig::default()
            },
            rollout: RolloutConfig::default(),
            solver: SolverConfig {
                kind: self.solver,
                tolerance: self.tolerance,
                max_iterations: self.max_iterations,
                warm_start: self.warm_start,
                ..SolverConfig::default()
            },
            flow: FlowConfig::default(),
            train: TrainConfig {
                seed: self.seed,
                ..TrainConfig::default()
            },
            checkpoint: CheckpointConfig::default(),
        }
    }

    /// Features uniform with variance 1, labels independent; two more rows for the other splits.
    fn data(&self) -> Result<Dataset> {
        let (train, d, k) = (self.n + 1, self.d, self.k);
        let mut random = generator(self.seed, Stream::MadeUp, 0);
        let bound = 3.0_f32.sqrt();
        let rows = train + 1;
        let x = (0..rows * d)
            .map(|_| random.random_range(-bound..=bound))
            .collect();
        let y = (0..rows * k)
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
        Dataset::new("made-up", schema, x, y, train)
    }
}
