//! From configuration to parts.

use efy_core::device::read;
use efy_core::divergence::{Conjugate, Divergence};
use efy_core::joint::{
    BaseMeasure, ExactLikelihood, Joint, LikelihoodLoss, MarkovChains, MinMax, NoiseContrastive,
};
use efy_core::{Error, Result};
use efy_models::joint::{
    AuxiliaryKind, CouplingKind, JointModel, LogPartitionInput, LogPartitionKind, PairwiseMatrix,
};
use tch::{Device, Kind, Tensor};

use super::super::build::{MOST_WEIGHTS, too_many_weights};
use crate::config::{
    self, Config, CouplingKind as Source, DivergenceKind, LossConfig, LossKind, MatrixKind,
    MeasureKind, ModelConfig, ModelKind, PolytopeKind, Task,
};

/// q, for encoded training labels `[n, m]`.
pub(super) fn base_measure(config: &Config, y: &Tensor) -> Result<BaseMeasure> {
    measure(config, config.loss.base_measure, y)
}

fn measure(config: &Config, kind: MeasureKind, y: &Tensor) -> Result<BaseMeasure> {
    let columns = y.size()[1];
    if config.task == Task::LabelRanking {
        return match config.model.polytope {
            PolytopeKind::Permutahedron => BaseMeasure::permutahedron(columns),
            PolytopeKind::Birkhoff => BaseMeasure::birkhoff((columns as f64).sqrt() as i64),
        };
    }
    match kind {
        MeasureKind::Uniform => BaseMeasure::uniform_sets(columns),
        MeasureKind::Bernoulli => {
            BaseMeasure::bernoulli_sets(vec![config.loss.probability; columns as usize])
        }
        MeasureKind::Frequencies => {
            let counts = y.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Double)?;
            let rows = y.size()[0] as f64;
            let counts: Vec<f64> = read::to_vec(&counts)?;
            let smoothed = counts.into_iter().map(|n| (n + 1.0) / (rows + 2.0));
            BaseMeasure::bernoulli_sets(smoothed.collect())
        }
    }
}

fn divergence(loss: &LossConfig) -> Result<Divergence> {
    Ok(match loss.divergence {
        DivergenceKind::KullbackLeibler => Divergence::KullbackLeibler,
        DivergenceKind::ChiSquare => Divergence::chi_square(),
        DivergenceKind::Entmax15 => Divergence::entmax15(),
        DivergenceKind::Tsallis => Divergence::tsallis(loss.alpha)?,
        DivergenceKind::ReverseKullbackLeibler => Divergence::ReverseKullbackLeibler,
        DivergenceKind::SquaredHellinger => Divergence::SquaredHellinger,
        DivergenceKind::JensenShannon => Divergence::JensenShannon,
    })
}

/// The loss over q, for encoded training labels `[n, m]`, and the divergence whose models it fits.
pub(super) fn loss(
    config: &Config,
    base: &BaseMeasure,
    y: &Tensor,
) -> Result<(Box<dyn LikelihoodLoss>, Divergence)> {
    let (loss, seed) = (&config.loss, config.train.seed);
    let (base, samples) = (base.clone(), i64::from(loss.samples));
    let logistic: Box<dyn LikelihoodLoss> = match loss.kind {
        LossKind::ExactLikelihood => Box::new(ExactLikelihood::new(base)),
        LossKind::MarkovChains => Box::new(MarkovChains::new(base, loss.negative_steps, seed)?),
        LossKind::MinMax => Box::new(MinMax::new(base, samples, seed)?),
        LossKind::NoiseContrastive => {
            let contrastive = NoiseContrastive::new(base, samples, seed)?;
            match loss.chunk {
                Some(chunk) => Box::new(contrastive.with_part(chunk.into())?),
                None => Box::new(contrastive),
            }
        }
        _ => {
            let joint = joint(config, base, y)?;
            let divergence = joint.conjugate().divergence();
            return Ok((Box::new(joint), divergence));
        }
    };
    Ok((logistic, Divergence::KullbackLeibler))
}

fn joint(config: &Config, base: BaseMeasure, y: &Tensor) -> Result<Joint> {
    let loss = &config.loss;
    let proposal = match loss.proposal {
        Some(kind) => Some(measure(config, kind, y)?),
        None => None,
    };
    let proposal = proposal.filter(|proposal| *proposal != base);
    let divergence = divergence(loss)?;
    let mut joint =
        Joint::new(base, divergence, loss.samples.into(), config.train.seed)?.shared(loss.shared);
    if let Some(cap) = loss.cap {
        joint = joint.with_conjugate(Conjugate::with_cap(divergence, cap)?);
    }
    if let Some(chunk) = loss.chunk {
        joint = joint.with_part(chunk.into())?;
    }
    match proposal {
        Some(proposal) => joint.with_proposal(proposal),
        None => Ok(joint),
    }
}

fn widths(widths: &[u32]) -> Vec<i64> {
    widths.iter().map(|&width| width.into()).collect()
}

/// g and what the loss wants beside it, for so many features and training examples.
pub(super) fn model(
    config: &Config,
    base: &BaseMeasure,
    (inputs, examples): (i64, i64),
    device: Device,
) -> Result<JointModel> {
    let (model, loss) = (&config.model, &config.loss);
    let auxiliary = match loss.kind {
        LossKind::Joint | LossKind::NoiseContrastive => log_partition(model, examples),
        LossKind::MinMax => AuxiliaryKind::Sampler {
            hidden: widths(&model.sampler_hidden),
        },
        _ => AuxiliaryKind::Nothing,
    };
    let coupling = coupling(model);
    let weights = at_most(&coupling, &auxiliary, (inputs, base.outputs()));
    if weights > MOST_WEIGHTS {
        return Err(too_many_weights(weights));
    }
    let options = (model.dtype.kind(), device);
    JointModel::new(
        inputs,
        base,
        (&coupling, &auxiliary),
        config.train.seed,
        options,
    )
}

fn coupling(model: &ModelConfig) -> CouplingKind {
    let (hidden, prior) = (widths(&model.hidden), widths(&model.prior_hidden));
    let rank = i64::from(model.rank);
    match model.kind {
        ModelKind::Pairwise => CouplingKind::Pairwise {
            hidden,
            matrix: match (model.matrix, model.coupling) {
                // A configuration of a likelihood has no coupling from the network.
                (MatrixKind::Full, Source::Predicted | Source::Network) => {
                    PairwiseMatrix::Predicted
                }
                (MatrixKind::Full, Source::Shared) => PairwiseMatrix::Shared,
                (MatrixKind::LowRank, Source::Predicted | Source::Network) => {
                    PairwiseMatrix::PredictedLowRank(rank)
                }
                (MatrixKind::LowRank, Source::Shared) => PairwiseMatrix::SharedLowRank(rank),
            },
        },
        ModelKind::Network if hidden.is_empty() => CouplingKind::Network { hidden: prior },
        ModelKind::Network => CouplingKind::FeatureNetwork {
            features: hidden,
            hidden: prior,
        },
        _ => CouplingKind::Linear { hidden },
    }
}

fn log_partition(model: &ModelConfig, examples: i64) -> AuxiliaryKind {
    use config::{LogPartitionInput as Input, LogPartitionKind as Form};
    let hidden = widths(&model.log_partition.hidden);
    let kind = match model.log_partition.kind {
        Form::Table => LogPartitionKind::Free { examples },
        Form::Constant => LogPartitionKind::Constant,
        Form::Linear => LogPartitionKind::Linear,
        Form::Mlp => LogPartitionKind::Mlp { hidden },
        Form::Icnn => LogPartitionKind::Icnn { hidden },
    };
    let input = match model.log_partition.input {
        Input::X => LogPartitionInput::Inputs,
        Input::Logits => LogPartitionInput::Logits,
    };
    AuxiliaryKind::LogPartition(kind, input)
}

/// A bound on the number of weights, before any of them is made.
fn at_most(
    coupling: &CouplingKind,
    auxiliary: &AuxiliaryKind,
    (inputs, outputs): (i64, i64),
) -> u64 {
    let layers = |widths: &[i64]| -> u64 {
        let pairs = widths
            .windows(2)
            .map(|pair| (pair[0] as u64).saturating_mul(pair[1] as u64 + 1));
        pairs.fold(0, u64::saturating_add)
    };
    let scores = |hidden: &[i64]| layers(&[&[inputs], hidden, &[outputs]].concat());
    let product = |a: i64, b: i64| (a as u64).saturating_mul(b as u64);
    let of_coupling = match coupling {
        CouplingKind::Linear { hidden } => scores(hidden),
        CouplingKind::Pairwise { hidden, matrix } => {
            let (columns, times) = match *matrix {
                PairwiseMatrix::Predicted => (outputs, inputs + 1),
                PairwiseMatrix::PredictedLowRank(rank) => (rank, inputs + 1),
                PairwiseMatrix::Shared => (outputs, 1),
                PairwiseMatrix::SharedLowRank(rank) => (rank, 1),
            };
            let matrix = product(outputs, columns).saturating_mul(times as u64);
            scores(hidden).saturating_add(matrix)
        }
        CouplingKind::Network { hidden } => {
            layers(&[&[inputs + outputs], hidden.as_slice(), &[1]].concat())
        }
        CouplingKind::FeatureNetwork { features, hidden } => {
            let width = features.last().copied().unwrap_or(inputs);
            let first = layers(&[&[inputs], features.as_slice()].concat());
            first.saturating_add(layers(
                &[&[width + outputs], hidden.as_slice(), &[1]].concat(),
            ))
        }
    };
    let of_auxiliary = match auxiliary {
        AuxiliaryKind::Nothing => 0,
        AuxiliaryKind::Sampler { hidden } => scores(hidden),
        AuxiliaryKind::LogPartition(kind, _) => match kind {
            LogPartitionKind::Free { examples } => *examples as u64,
            LogPartitionKind::Constant => 1,
            LogPartitionKind::Linear => inputs.max(outputs) as u64 + 1,
            LogPartitionKind::Mlp { hidden } | LogPartitionKind::Icnn { hidden } => {
                let inputs = inputs.max(outputs).max(coupling_width(coupling));
                let skips = hidden.iter().map(|&width| product(width, inputs));
                let all = layers(&[&[inputs], hidden.as_slice(), &[1]].concat());
                skips.fold(all, u64::saturating_add)
            }
        },
    };
    of_coupling.saturating_add(of_auxiliary)
}

/// The width of h(x), which a log-partition may be a function of.
fn coupling_width(coupling: &CouplingKind) -> i64 {
    match coupling {
        CouplingKind::FeatureNetwork { features, .. } => features.last().copied().unwrap_or(0),
        _ => 0,
    }
}

/// The log-partition that says nothing of inputs that were not trained on, where no exact one replaces it.
pub(super) fn table_alone() -> Error {
    Error::Parameter {
        name: "model.log_partition.kind",
        expected: "a network, since a table says nothing of unseen inputs and the exact log-partition is out of reach",
        found: "table".to_owned(),
    }
}
