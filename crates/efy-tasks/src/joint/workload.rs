//! Training steps of joint models on made-up data of any shape, for benchmarks: the code path of training.

use efy_core::divergence::Divergence;
use efy_core::joint::{BaseMeasure, Joint};
use efy_core::random::{Stream, generator};
use efy_models::joint::{
    AuxiliaryKind, CouplingKind, JointModel, LogPartitionInput, LogPartitionKind, PairwiseMatrix,
};
use efy_train::TrainConfig;
use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::Examples;
use crate::config::Dtype;
use crate::{Error, Result, Steps};

/// The fraction of made-up labels that are 1.
const DENSITY: f64 = 0.3;

/// The coupling of inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    /// Scores of labels.
    Unary,
    /// Scores, and a matrix that depends on the input.
    Pairwise,
    /// Scores, and one matrix.
    PairwiseShared,
    /// Scores, and a matrix of low rank that depends on the input.
    PairwiseLowRank,
    /// Scores of items, over permutations.
    Permutahedron,
    /// Scores of items at positions, over permutations.
    Birkhoff,
    /// A network on [x; y].
    Mlp,
    /// A network on [h(x); y].
    FeatureMlp,
}

/// The log-partition network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPartition {
    /// A number for each example.
    Free,
    /// One number.
    Constant,
    /// Linear in the input.
    Linear,
    /// A rectifier network.
    Mlp,
    /// An input-convex network.
    Icnn,
}

/// The f-divergence of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceName {
    /// Kullback-Leibler: logistic.
    Kl,
    /// Chi-square: sparsemax.
    ChiSquare,
    /// Tsallis of order 1.5.
    Entmax15,
}

/// The shape of the problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Features.
    pub d: usize,
    /// Labels or items.
    pub k: usize,
    /// Training examples.
    pub n: usize,
    /// Examples a step.
    pub batch: usize,
    /// Samples of the prior for each example.
    pub m: usize,
    /// Units of the hidden layer of every network; 0 makes them linear where they can be.
    pub hidden: usize,
    /// Rank of a coupling of low rank.
    pub rank: usize,
    /// The coupling.
    pub coupling: Coupling,
    /// The log-partition network.
    pub tau: LogPartition,
    /// Whether it sees the scores in place of the inputs.
    pub on_logits: bool,
    /// The divergence.
    pub divergence: DivergenceName,
    /// Whether the examples of a batch share their samples.
    pub shared: bool,
    /// Samples of an example that are held at once; 0 leaves it to the loss.
    pub part: usize,
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
            batch: 64,
            m: 1000,
            hidden: 128,
            rank: 8,
            coupling: Coupling::Unary,
            tau: LogPartition::Mlp,
            on_logits: false,
            divergence: DivergenceName::Kl,
            shared: false,
            part: 0,
            dtype: Dtype::F32,
            seed: 0,
        }
    }
}

impl Workload {
    /// Makes data and model on a device.
    ///
    /// # Errors
    /// [`Error::Usage`] for sizes that make no problem; what the model reports.
    pub fn start(&self, device: Device) -> Result<Steps> {
        for (name, value) in [
            ("d", self.d),
            ("k", self.k),
            ("n", self.n),
            ("batch", self.batch),
            ("m", self.m),
            ("rank", self.rank),
        ] {
            if value == 0 {
                let message = format!("{name}: expected a positive integer, found 0");
                return Err(Error::Usage(message));
            }
        }
        let options = (self.dtype.kind(), device);
        let base = self.base()?;
        let kinds = (&self.coupling(), &self.auxiliary());
        let model = JointModel::new(self.d as i64, &base, kinds, self.seed, options)?;
        let divergence = match self.divergence {
            DivergenceName::Kl => Divergence::KullbackLeibler,
            DivergenceName::ChiSquare => Divergence::chi_square(),
            DivergenceName::Entmax15 => Divergence::entmax15(),
        };
        let data = self.data(&base, options)?;
        let mut loss = Joint::new(base, divergence, self.m as i64, self.seed)?.shared(self.shared);
        if self.part > 0 {
            loss = loss.with_part(self.part as i64)?;
        }
        let train = TrainConfig {
            seed: self.seed,
            ..TrainConfig::default()
        };
        let objective = Examples::new(model, Box::new(loss), data);
        Steps::new(Box::new(objective), &train, self.batch)
    }

    fn base(&self) -> Result<BaseMeasure> {
        let k = self.k as i64;
        Ok(match self.coupling {
            Coupling::Permutahedron => BaseMeasure::permutahedron(k)?,
            Coupling::Birkhoff => BaseMeasure::birkhoff(k)?,
            _ => BaseMeasure::uniform_sets(k)?,
        })
    }

    fn coupling(&self) -> CouplingKind {
        let hidden = self.hidden();
        let pairwise = |matrix| CouplingKind::Pairwise {
            hidden: hidden.clone(),
            matrix,
        };
        match self.coupling {
            Coupling::Unary | Coupling::Permutahedron | Coupling::Birkhoff => {
                CouplingKind::Linear { hidden }
            }
            Coupling::Pairwise => pairwise(PairwiseMatrix::Predicted),
            Coupling::PairwiseShared => pairwise(PairwiseMatrix::Shared),
            Coupling::PairwiseLowRank => {
                pairwise(PairwiseMatrix::PredictedLowRank(self.rank as i64))
            }
            Coupling::Mlp => CouplingKind::Network { hidden },
            Coupling::FeatureMlp => CouplingKind::FeatureNetwork {
                features: hidden.clone(),
                hidden,
            },
        }
    }

    fn auxiliary(&self) -> AuxiliaryKind {
        let hidden = self.hidden();
        let kind = match self.tau {
            LogPartition::Free => LogPartitionKind::Free {
                examples: self.n as i64,
            },
            LogPartition::Constant => LogPartitionKind::Constant,
            LogPartition::Linear => LogPartitionKind::Linear,
            LogPartition::Mlp => LogPartitionKind::Mlp { hidden },
            LogPartition::Icnn => LogPartitionKind::Icnn { hidden },
        };
        let input = match self.on_logits {
            true => LogPartitionInput::Logits,
            false => LogPartitionInput::Inputs,
        };
        AuxiliaryKind::LogPartition(kind, input)
    }

    fn hidden(&self) -> Vec<i64> {
        match self.hidden {
            0 => Vec::new(),
            hidden => vec![hidden as i64],
        }
    }

    /// Features uniform with variance 1, labels independent, permutations uniform.
    fn data(
        &self,
        base: &BaseMeasure,
        options: (Kind, Device),
    ) -> efy_core::Result<(Tensor, Tensor)> {
        let (n, d, k) = (self.n, self.d, self.k);
        let mut random = generator(self.seed, Stream::MadeUp, 0);
        let bound = 3.0_f32.sqrt();
        let x: Vec<f32> = (0..n * d)
            .map(|_| random.random_range(-bound..=bound))
            .collect();
        let x = Tensor::f_from_slice(&x)?.f_view([n as i64, d as i64])?;
        let mut row: Vec<i64> = (0..k as i64).collect();
        let mut outputs = Vec::with_capacity(n * k);
        for _ in 0..n {
            match base.is_permutations() {
                true => row.shuffle(&mut random),
                false => row.fill_with(|| i64::from(random.random_bool(DENSITY))),
            }
            outputs.extend_from_slice(&row);
        }
        let outputs = Tensor::f_from_slice(&outputs)?.f_view([n as i64, k as i64])?;
        let y = match base.is_permutations() {
            true => base.encode_ranks(&outputs, options.0)?,
            false => outputs,
        };
        let place = |t: Tensor| -> efy_core::Result<Tensor> {
            Ok(t.f_to_kind(options.0)?.f_to_device(options.1)?)
        };
        Ok((place(x)?, place(y)?))
    }
}
