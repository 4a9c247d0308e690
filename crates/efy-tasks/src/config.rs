//! What a run is described by: one YAML file, every key checked.

mod density;
mod likelihood;
mod ranges;

pub use likelihood::{
    DivergenceKind, LogPartitionConfig, LogPartitionInput, LogPartitionKind, MeasureKind,
};

use std::path::{Path, PathBuf};

use efy_train::config::{Document, section};
use efy_train::{CheckpointConfig, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{LabelColumns, Targets};
use crate::supervised::Resident;

pub use density::{
    ActivationKind, ChargesKind, FlowConfig, FlowKind, RestartKind, SpaceKind, StartKind,
    TeacherKind,
};

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
}

impl Task {
    /// The name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Task::Multilabel => "multilabel",
            Task::LabelRanking => "label_ranking",
            Task::Density => "density",
        }
    }

    /// The names of its metrics, in the order in which they are reported.
    #[must_use]
    pub fn metrics(self) -> &'static [&'static str] {
        match self {
            Task::Multilabel => &crate::multilabel::METRICS,
            Task::LabelRanking => &crate::label_ranking::METRICS,
            Task::Density => &crate::density::METRICS,
        }
    }

    /// What the labels of its examples say.
    #[must_use]
    pub fn targets(self) -> Targets {
        match self {
            // Points have no labels.
            Task::Multilabel | Task::Density => Targets::Sets,
            Task::LabelRanking => Targets::Rankings,
        }
    }
}

/// Where the examples come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A data set by name: embedded, fetched or imported (`efy data list`). Ignored when `path` is set.
    pub name: String,
    /// A file of your own instead: ARFF (labels from the XML file beside it) or CSV; rankings are CSV, and
    /// without one of the three keys below they begin with the counts n,d,k. Points (task density) are CSV, a
    /// point a line, or npy.
    pub path: Option<PathBuf>,
    /// A density to draw examples from instead (task density).
    pub teacher: Option<TeacherKind>,
    /// Its neurons, vectors that are brought to unit length (teacher neurons).
    pub teacher_neurons: Option<Vec<Vec<f64>>>,
    /// Its amplitudes a_k: the energy is the mean of a_k max(0, <z_k, x>), the density exp(-energy) (teacher neurons).
    pub teacher_amplitudes: Option<Vec<f64>>,
    /// Examples that are drawn from the teacher, with the seed.
    #[schemars(range(min = 2, max = 16_777_216))]
    pub samples: u32,
    /// Examples of the validation and of the test split that are drawn from it.
    #[schemars(range(min = 2, max = 16_777_216))]
    pub test_samples: u32,
    /// The test examples for `path`; without them a test split is drawn.
    pub test_path: Option<PathBuf>,
    /// The XML file that lists the labels of an ARFF file, if it does not lie beside it.
    pub labels_path: Option<PathBuf>,
    /// The label columns of a CSV file, by name.
    pub label_columns: Option<Vec<String>>,
    /// The label columns of a CSV file, by the beginning of their names.
    pub label_prefix: Option<String>,
    /// The column of a CSV file that holds whole rankings such as a>b>c (label_ranking).
    pub ranking_column: Option<String>,
    /// The fraction of the training split that is held out to choose weights on, drawn with the seed.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub validation: f64,
    /// The fraction of all examples that is drawn as test split when the data have none.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub test: f64,
    /// Cross-validation instead, when the data have no test split: parts of all examples, drawn with the seed,
    /// of which one is the test split.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub folds: Option<u32>,
    /// Which of them, counted from 0 (folds).
    #[schemars(range(max = 999_999))]
    pub fold: u32,
    /// Scale every feature to mean 0 and variance 1 on the training split.
    pub standardize: bool,
    /// Leave out examples without any label.
    pub drop_empty: bool,
    /// Where the examples live during training. What is in host memory is copied batch by batch, ahead of
    /// its use.
    pub resident: Resident,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            name: "yeast".to_owned(),
            path: None,
            teacher: None,
            teacher_neurons: None,
            teacher_amplitudes: None,
            samples: 10_000,
            test_samples: 20_000,
            test_path: None,
            labels_path: None,
            label_columns: None,
            label_prefix: None,
            ranking_column: None,
            validation: 0.25,
            test: 0.2,
            folds: None,
            fold: 0,
            standardize: true,
            drop_empty: false,
            resident: Resident::Auto,
        }
    }
}

impl DataConfig {
    /// Which columns of the CSV file are labels, as far as it is said.
    pub(crate) fn columns(&self) -> Option<LabelColumns> {
        let ranked = self.ranking_column.clone().map(LabelColumns::Ranked);
        let names = || self.label_columns.clone().map(LabelColumns::Names);
        let prefix = || self.label_prefix.clone().map(LabelColumns::Prefix);
        ranked.or_else(names).or_else(prefix)
    }

    /// Paths are relative to where the command was run; a run directory must not depend on that.
    pub(crate) fn make_absolute(&mut self) -> efy_train::Result<()> {
        let paths = [&mut self.path, &mut self.test_path, &mut self.labels_path];
        for path in paths.into_iter().flatten() {
            *path = std::path::absolute(&*path).map_err(|cause| efy_train::Error::File {
                path: path.clone(),
                action: "find",
                cause,
            })?;
        }
        Ok(())
    }
}

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
    /// Outputs that are drawn for each example and step (joint, min_max, noise_contrastive).
    #[schemars(range(min = 1, max = 10_000_000))]
    pub samples: u32,
    /// Draw them once for all examples of a batch (joint).
    pub shared: bool,
    /// How many of an example are held in memory at once; none: as many as make 16 million numbers over the
    /// batch (joint).
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

/// How the inner problem is solved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// The method.
    pub kind: SolverKind,
    /// A row is done in training when its residual is at most this.
    #[schemars(range(min = 0))]
    pub tolerance: f64,
    /// Iterations a row gets in training.
    pub max_iterations: usize,
    /// The same when metrics are computed.
    #[schemars(range(min = 0))]
    pub eval_tolerance: f64,
    /// The same when metrics are computed.
    pub eval_max_iterations: usize,
    /// Start from the example's solution of the epoch before.
    pub warm_start: bool,
}

impl Default for SolverConfig {
    fn default() -> Self {
        SolverConfig {
            kind: SolverKind::Auto,
            tolerance: 1e-5,
            max_iterations: 50,
            eval_tolerance: 1e-6,
            eval_max_iterations: 1000,
            warm_start: true,
        }
    }
}

/// A solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SolverKind {
    /// The cheapest true method for the problem and the device.
    Auto,
    /// A formula.
    ClosedForm,
    /// Projected gradient with backtracking.
    ProjectedGradient,
    /// Accelerated projected gradient with backtracking and restarts.
    Fista,
    /// Accelerated proximal gradient: the regularizer's proximal map instead of its slope.
    ProximalGradient,
    /// Mirror ascent with the regularizer as mirror map.
    Mirror,
    /// Exact maximization over one coordinate after the other.
    CoordinateAscent,
    /// The same on Newton's model (network energies on the CPU).
    CoordinateNewton,
    /// Frank-Wolfe with away steps: the domain's linear oracle instead of its projection.
    FrankWolfe,
    /// Projected L-BFGS on boxes, on the CPU.
    Lbfgsb,
    /// Newton's method on boxes.
    Newton,
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
