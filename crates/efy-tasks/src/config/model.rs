//! The section `model`: what produces the energy.

use efy_train::config::section;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::density::{ActivationKind, ChargesKind, SpaceKind};
use super::likelihood::LogPartitionConfig;
use super::ranges;

/// The network that produces the energy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// The energy.
    pub kind: ModelKind,
    /// Widths of the hidden rectifier layers that produce the unary scores; none: linear.
    #[schemars(extend("maxItems" = 64, "items" = ranges::width()))]
    pub hidden: Vec<u32>,
    /// Rank m of the coupling U = -A A^T, A being k x m (pairwise).
    #[schemars(range(min = 1, max = 65_536))]
    pub rank: u32,
    /// Where A or U comes from (pairwise).
    pub coupling: CouplingKind,
    /// What U is (pairwise).
    pub matrix: MatrixKind,
    /// Widths of the layers over labels (spen, input_concave, picnn, network).
    #[schemars(extend("minItems" = 1, "maxItems" = 64, "items" = ranges::width()))]
    pub prior_hidden: Vec<u32>,
    /// The number of neurons (shallow).
    #[schemars(range(min = 1, max = 1_048_576))]
    pub neurons: u32,
    /// The function of a neuron (shallow).
    pub activation: ActivationKind,
    /// The power of `activation: relu` (shallow).
    #[schemars(range(max = 8))]
    pub power: u32,
    /// The sharpness of `activation: exponential` (shallow).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub sharpness: f64,
    /// Which neurons lower and which raise the energy (shallow with flow gda).
    pub charges: ChargesKind,
    /// Where points live (shallow).
    pub space: SpaceKind,
    /// Standard deviation of the Gaussian base measure, in units of the standardized points (space euclidean).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub base_deviation: f64,
    /// The second network of the losses `joint` and `noise_contrastive`.
    #[serde(deserialize_with = "section")]
    pub log_partition: LogPartitionConfig,
    /// Widths of the hidden rectifier layers of the sampler that the loss `min_max` learns beside the energy;
    /// none: linear.
    #[schemars(extend("maxItems" = 64, "items" = ranges::width()))]
    pub sampler_hidden: Vec<u32>,
    /// What rankings are points of (label_ranking).
    pub polytope: PolytopeKind,
    /// Element type of weights, solver and loss.
    pub dtype: Dtype,
    /// What the layers that compute the energy's parameters from the features compute in. Weights are kept
    /// and updated in `dtype`, solver and loss are in `dtype` as well.
    pub layers: LayersKind,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig {
            kind: ModelKind::Pairwise,
            hidden: Vec::new(),
            rank: 8,
            coupling: CouplingKind::Shared,
            matrix: MatrixKind::LowRank,
            prior_hidden: vec![16],
            neurons: 64,
            activation: ActivationKind::Relu,
            power: 1,
            sharpness: 10.0,
            charges: ChargesKind::Mixed,
            space: SpaceKind::Sphere,
            base_deviation: 2.0,
            log_partition: LogPartitionConfig::default(),
            sampler_hidden: vec![128],
            polytope: PolytopeKind::Permutahedron,
            dtype: Dtype::F32,
            layers: LayersKind::Dtype,
        }
    }
}

/// An energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// <u, p>.
    Unary,
    /// <u, p> + 1/2 <p, U p>.
    Pairwise,
    /// <u, p> - Psi(p) with a softplus network Psi over labels.
    Spen,
    /// <u, p> - Psi(p) with an input-convex network Psi over labels.
    InputConcave,
    /// -f(x, p) with a network f that is convex in p; `hidden` are the widths of its context.
    Picnn,
    /// (1/m) sum_j w_j c_j sigma(<theta_j, x>), an energy that is low where there are many points (density).
    Shallow,
    /// A rectifier network with the layers `prior_hidden` on [h(x); p], h being one with the layers `hidden`, or
    /// on [x; p] without these (joint, exact_likelihood, markov_chains, min_max, noise_contrastive).
    Network,
}

/// The matrix U of a coupling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatrixKind {
    /// -A A^T of rank `rank`.
    LowRank,
    /// Any symmetric matrix with zeros on its diagonal (joint, exact_likelihood, markov_chains, min_max,
    /// noise_contrastive).
    Full,
}

/// Where the parameter of the coupling comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CouplingKind {
    /// One parameter for all inputs.
    Shared,
    /// An affine function of the input.
    Predicted,
    /// More outputs of the network that produces the scores: (u, A) = g(x); not for likelihoods.
    Network,
}

/// A convex hull of rankings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolytopeKind {
    /// Of the k places of each label, (k + 1)/2 - rank: a score a label.
    Permutahedron,
    /// Of permutation matrices: a score for each label at each place, k^2 of them.
    Birkhoff,
}

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
}

/// What layers compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayersKind {
    /// The model's `dtype`.
    Dtype,
    /// 16-bit brain floating point: the range of f32 with 8 bits of precision.
    Bf16,
}
