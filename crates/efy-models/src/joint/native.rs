//! Passes of linear couplings on the CPU, without libtorch's operators.

use efy_core::Result;
use efy_core::dense::{DenseNetworks, DenseTape};
use efy_core::joint::JointGradient;
use efy_core::parameters::Parameters;
use tch::Tensor;

use super::log_partition::{self, LogPartitionNetwork, gradient_in_numbers};
use super::{LogPartitionInput, coupling};

/// The networks of a linear coupling and of its log-partition, as native passes take them.
#[derive(Debug)]
pub(super) struct Native {
    /// Scores, and then $\tau$ where it is a network on inputs.
    on_inputs: DenseNetworks,
    tau: Tau,
}

#[derive(Debug)]
enum Tau {
    OnInputs,
    OnLogits(DenseNetworks),
    /// A table or one number: where it begins in the buffer, and how long it is.
    Numbers {
        from: i64,
        length: i64,
        table: bool,
    },
}

/// What the way back needs.
pub(super) struct NativeTape {
    on_inputs: DenseTape,
    on_logits: Option<DenseTape>,
    /// Of a table: the examples' numbers.
    rows: Option<Tensor>,
}

impl Native {
    /// `None` for models of other parts.
    pub(super) fn new(
        parameters: &Parameters,
        coupling: &coupling::Places,
        (tau, input): (&log_partition::Places, LogPartitionInput),
    ) -> Result<Option<Self>> {
        let coupling::Places::Linear(scores) = coupling else {
            return Ok(None);
        };
        let mut on_inputs = vec![scores.dense(parameters)];
        let tau = match (tau, input) {
            (log_partition::Places::Network(places), LogPartitionInput::Inputs) => {
                on_inputs.push(places.dense(parameters));
                Tau::OnInputs
            }
            (log_partition::Places::Network(places), LogPartitionInput::Logits) => {
                Tau::OnLogits(DenseNetworks::new(vec![places.dense(parameters)])?)
            }
            (&(log_partition::Places::Free(place) | log_partition::Places::Constant(place)), _) => {
                Tau::Numbers {
                    from: parameters.offset(place) as i64,
                    length: parameters.tensor(place).numel() as i64,
                    table: matches!(tau, log_partition::Places::Free(_)),
                }
            }
            (log_partition::Places::Icnn(_), _) => return Ok(None),
        };
        let on_inputs = DenseNetworks::new(on_inputs)?;
        Ok(Some(Native { on_inputs, tau }))
    }

    /// Whether a pass is worth while.
    pub(super) fn serves(&self, x: &Tensor) -> bool {
        self.on_inputs.serves(x)
    }

    /// Scores `[B, n]`, $\tau$ `[B]` and what the way back needs, from the buffer of all weights.
    pub(super) fn pass(
        &self,
        weights: &Tensor,
        (x, rows): (&Tensor, Option<&Tensor>),
        network: &LogPartitionNetwork,
    ) -> Result<(Tensor, Tensor, NativeTape)> {
        let (mut outputs, on_inputs) = self.on_inputs.pass(weights, x)?;
        let scores = outputs.swap_remove(0);
        let mut on_logits = None;
        let tau = match (&self.tau, outputs.pop()) {
            (Tau::OnInputs, Some(tau)) => tau.f_squeeze_dim(1)?,
            (Tau::OnLogits(networks), _) => {
                let (mut outputs, tape) = networks.pass(weights, &scores)?;
                on_logits = Some(tape);
                outputs.swap_remove(0).f_squeeze_dim(1)?
            }
            _ => network.forward(x, rows)?,
        };
        let table = matches!(self.tau, Tau::Numbers { table: true, .. });
        let tape = NativeTape {
            on_inputs,
            on_logits,
            rows: rows.filter(|_| table).map(Tensor::shallow_clone),
        };
        Ok((scores, tau, tape))
    }

    /// The gradient in all weights, `[P]`.
    pub(super) fn gradient(&self, tape: &NativeTape, loss: &JointGradient) -> Result<Tensor> {
        let tau = || loss.tau.f_unsqueeze(1);
        let mut of_inputs = vec![loss.u.shallow_clone()];
        if let Tau::OnInputs = self.tau {
            of_inputs.push(tau()?);
        }
        let flat = self.on_inputs.gradient(&tape.on_inputs, &of_inputs)?;
        match (&self.tau, &tape.on_logits) {
            (Tau::OnLogits(networks), Some(tape)) => Ok(flat + networks.gradient(tape, &[tau()?])?),
            (&Tau::Numbers { from, length, .. }, _) => {
                let mut numbers = flat.f_narrow(0, from, length)?;
                gradient_in_numbers(&mut numbers, tape.rows.as_ref(), &loss.tau)?;
                Ok(flat)
            }
            _ => Ok(flat),
        }
    }
}
