//! From configuration to parts.

use efy_core::loss::{
    Contrastive, Cost, Criterion, Differentiation, EnergyLoss, FenchelYoung, InfoNce, LeastSquares,
    LogLoss, Loss, Margin, Perceptron, Sampler, ThroughArgmax,
};
use efy_core::solver::Options;
use efy_core::{Error, Result};
use efy_models::{CouplingSource, Model, Pairwise, Picnn, Seeds, Sign, Spen, Unary};
use tch::{Device, Kind};

use super::Outputs;
use crate::config::{
    Config, CostKind, CouplingKind, DifferentiationKind, LayersKind, LossConfig, LossKind,
    ModelConfig, ModelKind, NegativesKind, SolverConfig, SolverKind, Task,
};
use crate::imitation::Actions;
use crate::label_ranking::Rankings;
use crate::multilabel::LabelSets;

/// Before the first look at the device when metrics are computed: most problems are solved by then.
const CHECK_EVERY: usize = 40;

/// Most weights of a model: 2 GiB in f64, and the optimizer keeps as much again for each moment.
pub(super) const MOST_WEIGHTS: u64 = 1 << 28;

/// What the energy of a task with `labels` labels is over.
///
/// # Errors
/// [`Error::Parameter`] for a number of labels that the task has no outputs for.
pub(super) fn outputs(config: &Config, labels: i64) -> Result<Box<dyn Outputs>> {
    Ok(match config.task {
        Task::Multilabel => Box::new(LabelSets::new(labels)),
        Task::LabelRanking => Box::new(Rankings::new(labels, config.model.polytope)?),
        Task::Imitation => Box::new(Actions::new(labels)),
        Task::Density => return Err(points(config.task.name())),
    })
}

/// What learns densities has no inputs and no labels.
fn points(found: &str) -> Error {
    Error::Parameter {
        name: "task",
        expected: "a task whose examples have labels",
        found: found.to_owned(),
    }
}

/// A model of `inputs` features and an energy over `outputs` numbers, or replicas of it, one for each seed.
pub(super) fn model(
    config: &ModelConfig,
    (inputs, outputs): (usize, usize),
    seeds: Vec<u64>,
    device: Device,
) -> Result<Box<dyn Model>> {
    let weights = at_most(config, (inputs as u64, outputs as u64));
    let weights = weights.saturating_mul(seeds.len() as u64);
    let seeds = Seeds::from(seeds);
    if weights > MOST_WEIGHTS {
        return Err(too_many_weights(weights));
    }
    let size = (inputs as i64, outputs as i64);
    let widths =
        |widths: &[u32]| -> Vec<i64> { widths.iter().map(|&width| width.into()).collect() };
    let (hidden, prior) = (widths(&config.hidden), widths(&config.prior_hidden));
    let options = (config.dtype.kind(), device);
    let layers = match config.layers {
        LayersKind::Dtype => config.dtype.kind(),
        LayersKind::Bf16 => Kind::BFloat16,
    };
    Ok(match config.kind {
        ModelKind::Unary => Box::new(Unary::new(size, &hidden, seeds, options)?.layers_in(layers)),
        ModelKind::Pairwise => {
            let source = match config.coupling {
                CouplingKind::Shared => CouplingSource::Shared,
                CouplingKind::Predicted => CouplingSource::Predicted,
                CouplingKind::Network => CouplingSource::Network,
            };
            let coupling = (i64::from(config.rank), source);
            let model = Pairwise::new(size, &hidden, coupling, seeds, options)?;
            Box::new(model.layers_in(layers))
        }
        ModelKind::Spen | ModelKind::InputConcave => {
            let sign = match config.kind {
                ModelKind::Spen => Sign::Free,
                _ => Sign::Nonnegative,
            };
            let model = Spen::new(size, &hidden, (prior.as_slice(), sign), seeds, options)?;
            Box::new(model.layers_in(layers))
        }
        ModelKind::Picnn => {
            let model = Picnn::new(size, &hidden, &prior, seeds, options)?;
            Box::new(model.layers_in(layers))
        }
        ModelKind::Shallow => return Err(points("model.kind: shallow")),
        ModelKind::Network => {
            return Err(Error::Parameter {
                name: "model.kind",
                expected: "an energy that can be maximized over the polytope",
                found: "network".to_owned(),
            });
        }
    })
}

pub(super) fn too_many_weights(found: u64) -> Error {
    Error::Parameter {
        name: "model.hidden, model.rank, model.prior_hidden",
        expected: "at most 2^28 weights in all",
        found: format!("about {found}"),
    }
}

/// A bound on the number of weights, before any of them is made.
fn at_most(config: &ModelConfig, (inputs, k): (u64, u64)) -> u64 {
    let rank = u64::from(config.rank);
    let last = match (config.kind, config.coupling) {
        (ModelKind::Pairwise, CouplingKind::Predicted | CouplingKind::Network) => {
            k.saturating_mul(rank + 1)
        }
        (ModelKind::Pairwise, CouplingKind::Shared) => k + rank,
        _ => k,
    };
    let widths = |widths: &[u32]| widths.iter().map(|&width| u64::from(width)).collect();
    let products = |widths: &[u64]| -> u64 {
        let pairs = widths
            .windows(2)
            .map(|pair| pair[0].saturating_mul(pair[1] + 1));
        pairs.fold(0, u64::saturating_add)
    };
    let hidden: Vec<u64> = widths(&config.hidden);
    let network = [&[inputs], hidden.as_slice(), &[last]].concat();
    let prior: Vec<u64> = match config.kind {
        ModelKind::Unary | ModelKind::Pairwise => Vec::new(),
        // Every layer sees the outputs, the layer before and, in a PICNN, the context.
        _ => widths(&config.prior_hidden),
    };
    let context = hidden.iter().copied().max().unwrap_or(inputs).max(k);
    let beside = prior.iter().map(|width| width.saturating_mul(2 * context));
    products(&network)
        .saturating_add(products(&prior))
        .saturating_add(beside.fold(0, u64::saturating_add))
}

/// Whether solutions or chains are kept for the next epoch to start from: of a formula's, nothing starts.
pub(super) fn starts(config: &Config) -> bool {
    if config.loss.kind.is_likelihood() {
        return config.solver.warm_start && config.loss.kind == LossKind::MarkovChains;
    }
    let formula = matches!(config.task, Task::Multilabel | Task::Imitation)
        && config.model.kind == ModelKind::Unary
        && matches!(
            config.loss.kind,
            LossKind::FenchelYoung | LossKind::Perceptron
        )
        && matches!(
            config.solver.kind,
            SolverKind::Auto | SolverKind::ClosedForm
        );
    config.solver.warm_start && !formula
}

/// The loss on the domain of the outputs, with the solver's options for training or for evaluation.
///
/// In training a tensor loop never looks at the device: it runs all its iterations.
pub(super) fn loss(
    loss: &LossConfig,
    solver: &SolverConfig,
    outputs: &dyn Outputs,
    seed: u64,
    evaluation: bool,
) -> Result<Box<dyn Loss>> {
    let options = if evaluation {
        Options {
            tolerance: solver.eval_tolerance,
            max_iterations: solver.eval_max_iterations,
            check_every: CHECK_EVERY,
            certify: false,
        }
    } else {
        Options {
            tolerance: solver.tolerance,
            max_iterations: solver.max_iterations,
            check_every: 0,
            certify: false,
        }
    };
    let starts = if evaluation { solver.eval_starts } else { 1 };
    let solver = solver.kind.from_starts(options, starts, seed)?;
    let cost = match loss.cost {
        CostKind::Hamming => Cost::Hamming,
        CostKind::Squared => Cost::Squared,
    };
    let domain = outputs.domain()?;
    let regularizer = loss.regularizer.on(domain.as_ref(), loss.gamma)?;
    let predictor = |domain, solver| FenchelYoung::from_parts(regularizer, domain, solver);
    let through = |predictor, criterion| {
        let differentiation = match loss.differentiation {
            DifferentiationKind::Implicit => Differentiation::Implicit,
            DifferentiationKind::Unrolled => Differentiation::Unrolled {
                iterations: loss.unroll_steps,
                step: loss.unroll_step_size,
            },
        };
        ThroughArgmax::new(predictor, criterion, differentiation)
    };
    Ok(match loss.kind {
        LossKind::FenchelYoung => Box::new(predictor(domain, solver)),
        LossKind::Perceptron => Box::new(Perceptron::from_parts(domain, solver)),
        LossKind::Margin => Box::new(Margin::from_parts(cost, domain, solver)),
        LossKind::RegularizedMargin => {
            Box::new(Margin::regularized(cost, predictor(domain, solver)))
        }
        LossKind::Energy => Box::new(EnergyLoss::new(predictor(domain, solver))),
        LossKind::Log => Box::new(LogLoss::new(predictor(domain, solver))),
        LossKind::Contrastive => Box::new(Contrastive::new(
            predictor(domain, solver),
            sampler(loss),
            seed,
        )?),
        LossKind::CrossEntropy => {
            Box::new(through(predictor(domain, solver), Criterion::CrossEntropy)?)
        }
        LossKind::Mse => Box::new(through(predictor(domain, solver), Criterion::SquaredError)?),
        LossKind::LeastSquares => Box::new(LeastSquares::new(predictor(domain, solver))),
        LossKind::InfoNce => Box::new(InfoNce::new(predictor(domain, solver), loss.samples, seed)?),
        LossKind::Joint
        | LossKind::ExactLikelihood
        | LossKind::MarkovChains
        | LossKind::MinMax
        | LossKind::NoiseContrastive => {
            return Err(Error::Parameter {
                name: "loss.kind",
                expected: "a loss of predictions",
                found: "one of distributions".to_owned(),
            });
        }
    })
}

fn sampler(loss: &LossConfig) -> Sampler {
    match loss.negatives {
        NegativesKind::Gibbs => Sampler::Gibbs {
            sweeps: loss.negative_steps,
        },
        NegativesKind::Langevin => Sampler::Langevin {
            steps: loss.negative_steps,
            step_size: loss.langevin_step_size,
        },
    }
}

#[cfg(test)]
mod tests {
    use efy_core::device::read;
    use efy_core::energy::{Coupling, Quadratic};
    use tch::Tensor;

    use super::*;

    #[test]
    fn several_starts_are_for_evaluation() {
        // Two labels that want each other: the maximum has both, and a solver from the centre ends at none.
        let u = Tensor::from_slice(&[-1.1, -0.8]).reshape([1, 2]);
        let coupling = Tensor::from_slice(&[0.0, 2.0, 2.0, 0.0]).reshape([2, 2]);
        let energy = Quadratic::new(u, Coupling::Dense(coupling)).unwrap();
        let config = LossConfig {
            regularizer: crate::config::RegularizerKind::BinaryEntropy,
            gamma: 0.1,
            ..LossConfig::default()
        };
        let labels = |eval_starts: usize, evaluation: bool| {
            let solver = SolverConfig {
                eval_starts,
                ..SolverConfig::default()
            };
            let loss = loss(&config, &solver, &LabelSets::new(2), 0, evaluation).unwrap();
            let solution = loss.predict(&energy, None).unwrap();
            let sum = solution.argmax.sum(Kind::Double);
            read::scalar(&sum).unwrap().round()
        };
        assert_eq!(labels(1, true), 0.0);
        assert_eq!(labels(8, true), 2.0);
        assert_eq!(labels(8, false), 0.0);
    }
}
