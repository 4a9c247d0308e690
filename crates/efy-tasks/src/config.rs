//! What a run is described by: one YAML file, every key checked.

mod data;
mod density;
mod imitation;
mod likelihood;
mod loss;
mod model;
mod ranges;
mod solver;

pub use data::DataConfig;
pub use density::{
    ActivationKind, ChargesKind, FlowConfig, FlowKind, RestartKind, SpaceKind, StartKind,
    TeacherKind,
};
pub use imitation::RolloutConfig;
pub use likelihood::{
    DivergenceKind, LogPartitionConfig, LogPartitionInput, LogPartitionKind, MeasureKind,
};
pub use loss::{
    CostKind, DifferentiationKind, LossConfig, LossKind, NegativesKind, RegularizerKind,
};
pub use model::{
    CouplingKind, Dtype, LayersKind, MatrixKind, ModelConfig, ModelKind, PolytopeKind,
};
pub(crate) use solver::MOST_STARTS;
pub use solver::{SolverConfig, SolverKind};

use std::path::Path;

use efy_train::config::{Document, section};
use efy_train::{CheckpointConfig, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::Targets;

/// The configuration of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is learned.
    pub task: Task,
    /// The name of the run, of its directory and in figures.
    #[serde(default = "default_name")]
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Where the examples come from.
    #[serde(default, deserialize_with = "section")]
    pub data: DataConfig,
    /// The network that produces the energy.
    #[serde(default, deserialize_with = "section")]
    pub model: ModelConfig,
    /// What is minimized.
    #[serde(default, deserialize_with = "section")]
    pub loss: LossConfig,
    /// How the inner problem is solved.
    #[serde(default, deserialize_with = "section")]
    pub solver: SolverConfig,
    /// How particles and neurons move (task density).
    #[serde(default, deserialize_with = "section")]
    pub flow: FlowConfig,
    /// How often and how long a policy acts to be judged (task imitation).
    #[serde(default, deserialize_with = "section")]
    pub rollout: RolloutConfig,
    /// How long, how fast and in what order to train.
    #[serde(default, deserialize_with = "section")]
    pub train: TrainConfig,
    /// When checkpoints are written, and how many stay.
    #[serde(default, deserialize_with = "section")]
    pub checkpoint: CheckpointConfig,
}

fn default_name() -> String {
    "run".to_owned()
}

/// A task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Sets of labels: outputs in the unit cube, a label is predicted where its output is above 1/2.
    Multilabel,
    /// Rankings of labels: outputs in the permutahedron or the Birkhoff polytope (`model.polytope`), labels are
    /// ordered as the best vertex orders them.
    LabelRanking,
    /// Densities of points: a shallow network is learned together with particles (`flow`).
    Density,
    /// Policies from demonstrations: an energy over the action box, whose maximum is the action (`data.expert` or
    /// `data.demonstrations`).
    Imitation,
}

impl Task {
    /// The name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Task::Multilabel => "multilabel",
            Task::LabelRanking => "label_ranking",
            Task::Density => "density",
            Task::Imitation => "imitation",
        }
    }

    /// The names of its metrics, in the order in which they are reported.
    #[must_use]
    pub fn metrics(self) -> &'static [&'static str] {
        match self {
            Task::Multilabel => &crate::multilabel::METRICS,
            Task::LabelRanking => &crate::label_ranking::METRICS,
            Task::Density => &crate::density::METRICS,
            Task::Imitation => &crate::imitation::METRICS,
        }
    }

    /// What the labels of its examples say.
    #[must_use]
    pub fn targets(self) -> Targets {
        match self {
            // Points and actions are no labels.
            Task::Multilabel | Task::Density | Task::Imitation => Targets::Sets,
            Task::LabelRanking => Targets::Rankings,
        }
    }
}

impl Config {
    /// Reads a YAML file with `--set` overrides and checks everything.
    ///
    /// # Errors
    /// [`efy_train::Error`] naming file and key, what was expected and what was found.
    pub fn load(path: &Path, sets: &[String]) -> efy_train::Result<Self> {
        let document = Document::load(path, sets)?;
        let mut config: Config = document.typed()?;
        config.validate(&|key| document.origin_of(key))?;
        config.data.make_absolute()?;
        Ok(config)
    }

    /// As [`Config::load`], from a text that came from `origin`; paths in it are left as they are.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(origin: &str, text: &str, sets: &[String]) -> efy_train::Result<Self> {
        let document = Document::parse(origin, text, sets)?;
        let config: Config = document.typed()?;
        config.validate(&|key| document.origin_of(key))?;
        Ok(config)
    }
}
