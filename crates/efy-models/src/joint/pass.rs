//! The backward pass of joint models, written out.
//!
//! A step on a small network is all overhead, and most of that is autograd's: a loss that has its
//! gradient in closed form is propagated through the layers by a few matrix products.

use efy_core::Result;
use efy_core::energy::{Coupling, Energy, Linear};
use efy_core::joint::JointGradient;
use tch::Tensor;

use super::coupling::{CouplingNetwork, Matrix};
use super::log_partition::LogPartitionNetwork;
use super::{AuxiliaryNetwork, JointModel, LogPartitionInput, icnn};
use crate::Tape;

/// A forward pass without a graph.
pub struct JointPass {
    /// g, over the outputs of the base measure.
    pub energy: Box<dyn Energy>,
    /// $\tau$, `[B]`.
    pub tau: Tensor,
    coupling: CouplingTape,
    log_partition: LogPartitionTape,
}

struct CouplingTape {
    scores: Tape,
    matrix: Option<Tape>,
}

enum LogPartitionTape {
    Free(Tensor),
    Constant,
    Network(Tape),
    Icnn(icnn::Tape),
}

impl JointModel {
    /// [`forward`](Self::forward) without a graph, with what [`gradient`](Self::gradient) needs; `None` for
    /// couplings that are networks over outputs, and for models without a log-partition.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn pass(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<Option<JointPass>> {
        let _guard = tch::no_grad_guard();
        let AuxiliaryNetwork::LogPartition(network, input) = &self.auxiliary else {
            return Ok(None);
        };
        let Some((energy, logits, coupling)) = self.coupling.pass(x)? else {
            return Ok(None);
        };
        let input = match input {
            LogPartitionInput::Logits => &logits,
            LogPartitionInput::Inputs => x,
        };
        let (tau, log_partition) = network.pass(input, rows)?;
        Ok(Some(JointPass {
            energy,
            tau,
            coupling,
            log_partition,
        }))
    }

    /// The gradient of a loss in all weights, `[P]`, from its gradients in scores, coupling and $\tau$: the
    /// backward pass that belongs to [`pass`](Self::pass).
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the gradients are not of this pass.
    pub fn gradient(&self, pass: &JointPass, loss: &JointGradient) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let mut parts = self.coupling.backward(&pass.coupling, loss)?;
        if let AuxiliaryNetwork::LogPartition(network, _) = &self.auxiliary {
            parts.extend(network.backward(&pass.log_partition, &loss.tau)?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }
}

impl CouplingNetwork {
    /// g and its logits without a graph.
    fn pass(&self, x: &Tensor) -> Result<Option<(Box<dyn Energy>, Tensor, CouplingTape)>> {
        Ok(match self {
            CouplingNetwork::Linear(network) => {
                let (scores, tape) = network.pass(x)?;
                let logits = scores.shallow_clone();
                let tape = CouplingTape {
                    scores: tape,
                    matrix: None,
                };
                Some((Box::new(Linear::new(scores)?), logits, tape))
            }
            CouplingNetwork::Pairwise(unary, matrix, kind) => {
                let (u, scores) = unary.pass(x)?;
                let (matrix, tape) = match matrix {
                    Matrix::Shared(matrix) => (matrix.detach(), None),
                    Matrix::Predicted(network) => {
                        let (matrix, tape) = network.pass(x)?;
                        (matrix, Some(tape))
                    }
                };
                let tape = CouplingTape {
                    scores,
                    matrix: tape,
                };
                let logits = u.shallow_clone();
                Some((Self::quadratic(u, &matrix, *kind)?, logits, tape))
            }
            CouplingNetwork::Network { .. } => None,
        })
    }

    /// Gradients in all weights, flattened, in their order.
    fn backward(&self, tape: &CouplingTape, loss: &JointGradient) -> Result<Vec<Tensor>> {
        let (CouplingNetwork::Linear(scores) | CouplingNetwork::Pairwise(scores, ..)) = self else {
            return Ok(Vec::new());
        };
        let mut parts = scores.backward(&tape.scores, &loss.u)?;
        if let (CouplingNetwork::Pairwise(_, matrix, kind), Some(gradient)) = (self, &loss.coupling)
        {
            let gradient = match kind.is_dense() {
                // The moments of outputs are symmetric.
                true => Coupling::without_diagonal(gradient)?,
                false => gradient.shallow_clone(),
            };
            match (matrix, &tape.matrix) {
                (Matrix::Predicted(network), Some(tape)) => {
                    let (rows, k) = (gradient.size()[0], gradient.size()[1]);
                    let of_outputs = gradient.f_reshape([rows, -1])?.f_div_scalar(k as f64)?;
                    parts.extend(network.backward(tape, &of_outputs)?);
                }
                _ => parts.push(gradient.f_reshape([-1])?),
            }
        }
        Ok(parts)
    }
}

impl LogPartitionNetwork {
    /// $\tau$ without a graph.
    fn pass(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<(Tensor, LogPartitionTape)> {
        Ok(match (self, rows) {
            (LogPartitionNetwork::Network(network), _) => {
                let (tau, tape) = network.pass(x)?;
                (tau.f_squeeze_dim(1)?, LogPartitionTape::Network(tape))
            }
            (LogPartitionNetwork::Icnn(network), _) => {
                let (tau, tape) = network.pass(x)?;
                (tau, LogPartitionTape::Icnn(tape))
            }
            (LogPartitionNetwork::Free(_), Some(rows)) => (
                self.forward(x, Some(rows))?,
                LogPartitionTape::Free(rows.shallow_clone()),
            ),
            _ => (self.forward(x, rows)?, LogPartitionTape::Constant),
        })
    }

    /// Gradients in all weights from that in $\tau$, `[B]`.
    fn backward(&self, tape: &LogPartitionTape, gradient: &Tensor) -> Result<Vec<Tensor>> {
        Ok(match (self, tape) {
            (LogPartitionNetwork::Network(network), LogPartitionTape::Network(tape)) => {
                network.backward(tape, &gradient.f_unsqueeze(1)?)?
            }
            (LogPartitionNetwork::Icnn(network), LogPartitionTape::Icnn(tape)) => {
                network.backward(tape, gradient)?
            }
            (LogPartitionNetwork::Free(table), LogPartitionTape::Free(rows)) => {
                vec![table.f_zeros_like()?.f_index_add(0, rows, gradient)?]
            }
            _ => vec![gradient.f_sum_dim_intlist(0, true, None)?],
        })
    }
}
