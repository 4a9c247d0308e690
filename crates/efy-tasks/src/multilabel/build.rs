//! From configuration to parts.

use efy_core::Result;
use efy_core::domain::Cube;
use efy_core::loss::FenchelYoung;
use efy_core::solver::Options;
use efy_models::{CouplingSource, Model, Pairwise, Picnn, Sign, Spen, Unary};
use tch::Device;

use crate::config::{CouplingKind, LossConfig, ModelConfig, ModelKind, SolverConfig};

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
    evaluation: bool,
) -> Result<FenchelYoung> {
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
    Ok(FenchelYoung::from_parts(
        loss.regularizer.build(loss.gamma)?,
        Box::new(Cube),
        solver.kind.build(options),
    ))
}
