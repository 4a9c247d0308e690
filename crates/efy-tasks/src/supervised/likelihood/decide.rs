//! What is decided: the most probable output.

use efy_core::Result;
use efy_core::decode::LocalSearch;
use efy_core::energy::{Energy, Form, Quadratic};
use efy_core::joint::BaseMeasure;
use tch::Tensor;

use super::super::Outputs;
use super::exact::Exact;
use super::neighbours;

/// The outputs of the largest $g(y) + \log q(y)$, `[B, m]`: a threshold, a sort or an assignment for linear
/// energies, a local search for quadratic ones over sets, the best of all where these are few, and else a local
/// search in tensor operations.
pub(super) fn most_probable(
    outputs: &dyn Outputs,
    energy: &dyn Energy,
    (base, exact): (&BaseMeasure, &Exact),
) -> Result<Tensor> {
    let logits = base.logits(energy.options());
    let tilted = |u: &Tensor| match &logits {
        Some(logits) => u.detach() + logits,
        None => u.detach(),
    };
    match energy.form() {
        Form::Linear { u } => outputs.best_vertices(&tilted(u)),
        Form::Quadratic { u, coupling } => {
            let tilted = Quadratic::new(tilted(u), coupling.shallow_clone())?;
            LocalSearch::default().best_sets(&tilted)
        }
        _ if exact.is_small() => {
            let all = exact.outputs(energy)?;
            let best = (energy.values(&all.outputs) + &all.log_prior).f_argmax(1, false)?;
            Ok(all.outputs.f_index_select(0, &best)?)
        }
        _ => neighbours::best(base, energy),
    }
}

/// The mean output, `[B, m]`, where it is cheap: a sigmoid for logistic models of independent labels, by enumeration
/// where outputs are few.
pub(super) fn mean(
    energy: &dyn Energy,
    (base, exact): (&BaseMeasure, &Exact),
) -> Result<Option<Tensor>> {
    match energy.form() {
        Form::Linear { u } if exact.is_closed_form() => {
            Ok(Some(match base.logits(energy.options()) {
                Some(logits) => (u + logits).f_sigmoid()?,
                None => u.f_sigmoid()?,
            }))
        }
        _ if exact.is_small() => Ok(Some(exact.mean(energy)?)),
        _ => Ok(None),
    }
}
