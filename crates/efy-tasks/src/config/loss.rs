//! The section `loss`: what is minimized.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::likelihood::{DivergenceKind, MeasureKind};

/// What is minimized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// The loss. Its value is a measure of quality for most, but not for `energy` and `contrastive`: set
    /// `train.monitor` to an accuracy there.
    pub kind: LossKind,
    /// The regularizer of the inner problem and of predictions; `perceptron`, `margin` and the losses from
    /// `joint` on have none.
    pub regularizer: RegularizerKind,
    /// Its strength.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub gamma: f64,
    /// The cost of a wrong output (margin, regularized_margin).
    pub cost: CostKind,
    /// How the argmax is differentiated (cross_entropy, mse).
    pub differentiation: DifferentiationKind,
    /// Iterations that are differentiated (unrolled).
    #[schemars(range(min = 1, max = 100_000))]
    pub unroll_steps: usize,
    /// Their step size; none: from the curvature (unrolled).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub unroll_step_size: Option<f64>,
    /// What draws negatives (contrastive). Chains begin at the labels, or with `solver.warm_start` where
    /// they ended in the epoch before.
    pub negatives: NegativesKind,
    /// Sweeps or steps of a chain (contrastive, markov_chains).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub negative_steps: usize,
    /// The step size of Langevin dynamics (contrastive).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub langevin_step_size: f64,
    /// The f-divergence from the base measure (joint).
    pub divergence: DivergenceKind,
    /// Its order (tsallis); 1 is Kullback-Leibler.
    #[schemars(range(min = 1))]
    pub alpha: f64,
    /// Outputs that are drawn for each example and step (joint, min_max, noise_contrastive, info_nce).
    #[schemars(range(min = 1, max = 10_000_000))]
    pub samples: u32,
    /// Draw them once for all examples of a batch (joint).
    pub shared: bool,
    /// How many of an example are held in memory at once; none: as many as make 16 million numbers over the
    /// batch (joint, noise_contrastive).
    #[schemars(range(min = 1, max = 10_000_000))]
    pub chunk: Option<u32>,
    /// The exponent past which a sample's term goes on linearly; none: 30 for kullback_leibler, where the ratio is
    /// 1000 for divergences that end, nowhere for tsallis (joint).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub cap: Option<f64>,
    /// The distribution q that the model p(y|x) = q(y) exp(g(x, y)) / Z(x) is measured from; rankings have
    /// `uniform` alone (joint, exact_likelihood, markov_chains, min_max, noise_contrastive).
    pub base_measure: MeasureKind,
    /// Draw from another distribution than q, and weight: uniform, bernoulli or frequencies (joint).
    pub proposal: Option<MeasureKind>,
    /// The probability of every label (bernoulli).
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub probability: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig {
            kind: LossKind::FenchelYoung,
            regularizer: RegularizerKind::Gini,
            gamma: 1.0,
            cost: CostKind::Hamming,
            differentiation: DifferentiationKind::Implicit,
            unroll_steps: 20,
            unroll_step_size: None,
            negatives: NegativesKind::Gibbs,
            negative_steps: 5,
            langevin_step_size: 0.01,
            divergence: DivergenceKind::KullbackLeibler,
            alpha: 1.5,
            samples: 100,
            shared: false,
            chunk: None,
            cap: None,
            base_measure: MeasureKind::Uniform,
            proposal: None,
            probability: 0.5,
        }
    }
}

/// A loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// The generalized Fenchel-Young loss.
    FenchelYoung,
    /// -Phi(v, y); unbounded below.
    Energy,
    /// max Phi - Phi(v, y): Fenchel-Young without a regularizer.
    Perceptron,
    /// max (Phi + cost) - Phi(v, y), without a regularizer.
    Margin,
    /// Fenchel-Young with a cost added to the energy.
    RegularizedMargin,
    /// Negative log-likelihood with the exact partition function; at most 20 labels for pairwise.
    Log,
    /// The same with sampled negatives.
    Contrastive,
    /// Cross-entropy of the regularized prediction; wants binary_entropy.
    CrossEntropy,
    /// Half squared error of the regularized prediction.
    Mse,
    /// Half squared error of the scores, which knows no domain; model.kind unary (imitation).
    LeastSquares,
    /// The cross-entropy of telling the truth from `samples` uniform points of the box (imitation).
    InfoNce,
    /// Energy and log-partition together, from samples of the base measure.
    Joint,
    /// Negative log-likelihood with the exact log-partition: linear energies over sets and over rankings of at
    /// most 16 labels, others over sets of at most 20 labels and rankings of at most 9.
    ExactLikelihood,
    /// The same with outputs from Gibbs sampling (sets) or swaps by Metropolis (rankings). With
    /// `solver.warm_start` chains go on where they ended in the epoch before, else they begin at the labels.
    MarkovChains,
    /// The same as a game against a sampler that is learned by REINFORCE.
    MinMax,
    /// Energy and log-partition from telling the labels from samples of the base measure.
    NoiseContrastive,
}

impl LossKind {
    /// Whether it fits a distribution over outputs to the data: those of `efy_core::joint`.
    #[must_use]
    pub fn is_likelihood(self) -> bool {
        matches!(
            self,
            LossKind::Joint
                | LossKind::ExactLikelihood
                | LossKind::MarkovChains
                | LossKind::MinMax
                | LossKind::NoiseContrastive
        )
    }
}

/// The cost of a wrong output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostKind {
    /// The number of wrong labels.
    Hamming,
    /// 1/2 ||p - y||^2; solved to a local maximum unless the energy is concave enough.
    Squared,
}

/// How the argmax is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferentiationKind {
    /// By the implicit function theorem.
    Implicit,
    /// Through the iterations of a gradient method.
    Unrolled,
}

/// What draws negatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NegativesKind {
    /// Gibbs sampling of labels.
    Gibbs,
    /// Projected Langevin dynamics.
    Langevin,
}

/// A regularizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegularizerKind {
    /// gamma/2 ||p||^2.
    HalfSquaredNorm,
    /// gamma/2 <p, p - 1>.
    Gini,
    /// gamma sum_i p_i log p_i + (1 - p_i) log(1 - p_i).
    BinaryEntropy,
    /// gamma sum_i p_i log p_i.
    OneSidedShannon,
}
