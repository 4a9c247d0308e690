//! From configuration to parts.

use efy_core::Result;
use efy_core::domain::Cube;
use efy_core::loss::{
    Contrastive, Cost, Criterion, Differentiation, EnergyLoss, FenchelYoung, LogLoss, Loss, Margin,
    Perceptron, Sampler, ThroughArgmax,
};
use efy_core::solver::Options;
use efy_models::{CouplingSource, Model, Pairwise, Picnn, Sign, Spen, Unary};
use tch::Device;

use crate::config::{
    CostKind, CouplingKind, DifferentiationKind, LossConfig, LossKind, ModelConfig, ModelKind,
    NegativesKind, SolverConfig,
};

/// Between two looks at the device when metrics are computed.
const CHECK_EVERY: usize = 10;

/// A model of `inputs` features and `outputs` labels.
pub(super) fn model(
    config: &ModelConfig,
    (inputs, outputs): (usize, usize),
    seed: u64,
    device: Device,
) -> Result<Box<dyn Model>> {
    let size = (inputs as i64, outputs as i64);
    let widths =
        |widths: &[u32]| -> Vec<i64> { widths.iter().map(|&width| width.into()).collect() };
    let (hidden, prior) = (widths(&config.hidden), widths(&config.prior_hidden));
    let options = (config.dtype.kind(), device);
    Ok(match config.kind {
        ModelKind::Unary => Box::new(Unary::new(size, &hidden, seed, options)?),
        ModelKind::Pairwise => {
            let source = match config.coupling {
                CouplingKind::Shared => CouplingSource::Shared,
                CouplingKind::Predicted => CouplingSource::Predicted,
            };
            let coupling = (i64::from(config.rank), source);
            Box::new(Pairwise::new(size, &hidden, coupling, seed, options)?)
        }
        ModelKind::Spen => {
            let prior = (prior.as_slice(), Sign::Free);
            Box::new(Spen::new(size, &hidden, prior, seed, options)?)
        }
        ModelKind::InputConcave => {
            let prior = (prior.as_slice(), Sign::Nonnegative);
            Box::new(Spen::new(size, &hidden, prior, seed, options)?)
        }
        ModelKind::Picnn => Box::new(Picnn::new(size, &hidden, &prior, seed, options)?),
    })
}

/// The loss on the cube, with the solver's options for training or for evaluation.
///
/// In training a tensor loop never looks at the device: it runs all its iterations.
pub(super) fn loss(
    loss: &LossConfig,
    solver: &SolverConfig,
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
    let solver = solver.kind.build(options);
    let cost = match loss.cost {
        CostKind::Hamming => Cost::Hamming,
        CostKind::Squared => Cost::Squared,
    };
    let regularizer = loss.regularizer.build(loss.gamma)?;
    let predictor = |solver| FenchelYoung::from_parts(regularizer, Box::new(Cube), solver);
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
        LossKind::FenchelYoung => Box::new(predictor(solver)),
        LossKind::Perceptron => Box::new(Perceptron::from_parts(Box::new(Cube), solver)),
        LossKind::Margin => Box::new(Margin::from_parts(cost, Box::new(Cube), solver)),
        LossKind::RegularizedMargin => Box::new(Margin::regularized(cost, predictor(solver))),
        LossKind::Energy => Box::new(EnergyLoss::new(predictor(solver))),
        LossKind::Log => Box::new(LogLoss::new(predictor(solver))),
        LossKind::Contrastive => {
            Box::new(Contrastive::new(predictor(solver), sampler(loss), seed)?)
        }
        LossKind::CrossEntropy => Box::new(through(predictor(solver), Criterion::CrossEntropy)?),
        LossKind::Mse => Box::new(through(predictor(solver), Criterion::SquaredError)?),
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
