//! The backward pass of joint models, written out.
//!
//! A step on a small network is all overhead, and most of that is autograd's: a loss that has its
//! gradient in closed form is propagated through the layers by a few matrix products.

use efy_core::Result;
use efy_core::device::Phase;
use efy_core::energy::{Energy, Linear, OutputNetwork};
use efy_core::joint::{Batch, JointGradient, LikelihoodLoss, LikelihoodValue};
use tch::Tensor;

use super::coupling::{CouplingNetwork, Form, Matrix};
use super::log_partition::LogPartitionNetwork;
use super::{AuxiliaryNetwork, JointModel, LogPartitionInput, icnn};
use crate::{Model, Network, Tape};

/// A forward pass without a graph.
pub struct JointPass {
    /// g, over the outputs of the base measure.
    pub energy: Box<dyn Energy>,
    /// $\tau$, `[B]`.
    pub tau: Tensor,
    coupling: CouplingTape,
    log_partition: LogPartitionTape,
}

enum CouplingTape {
    Scores { scores: Tape, matrix: Option<Tape> },
    Network { features: Option<Tape>, input: Tape },
}

enum LogPartitionTape {
    Free(Tensor),
    Constant,
    Network(Tape),
    Icnn(icnn::Tape),
}

impl JointModel {
    /// [`forward`](Self::forward) without a graph, with what [`gradient`](Self::gradient) needs; `None` for
    /// models without a log-partition.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn pass(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<Option<JointPass>> {
        let _guard = tch::no_grad_guard();
        let AuxiliaryNetwork::LogPartition(network, input) = &self.auxiliary else {
            return Ok(None);
        };
        let (energy, logits, coupling) = self.coupling.pass(x)?;
        let input = match input {
            LogPartitionInput::Logits => logits.as_ref().unwrap_or(x),
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
        let mut places = Places {
            flat: self.parameters().flat().f_empty_like()?,
            next: 0,
        };
        self.coupling.backward(&pass.coupling, loss, &mut places)?;
        if let AuxiliaryNetwork::LogPartition(network, _) = &self.auxiliary {
            network.backward(&pass.log_partition, &loss.tau, &mut places)?;
        }
        Ok(places.flat)
    }
}

/// The gradient in all weights, filled from its beginning: what can be computed where it belongs is.
struct Places {
    flat: Tensor,
    next: i64,
}

impl Places {
    /// The next so many numbers.
    fn take(&mut self, length: i64) -> Result<Tensor> {
        let place = self.flat.f_narrow(0, self.next, length)?;
        self.next += length;
        Ok(place)
    }

    /// Copies what is elsewhere.
    fn put(&mut self, gradient: &Tensor) -> Result<()> {
        let place = self.take(gradient.numel() as i64)?;
        let mut place = place.f_view(gradient.size().as_slice())?;
        place.f_copy_(gradient)?;
        Ok(())
    }

    /// Puts several tensors one after the other, at once.
    fn put_all(&mut self, gradients: &[Tensor]) -> Result<()> {
        let flat = |t: &Tensor| t.f_reshape([-1]);
        let flat = gradients
            .iter()
            .map(flat)
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let place = self.take(flat.iter().map(|t| t.numel() as i64).sum())?;
        let _ = Tensor::f_cat_out(&place, &flat, 0)?;
        Ok(())
    }

    /// Gradients of the weights of a network.
    fn network(&mut self, network: &Network, tape: &Tape, output: &Tensor) -> Result<()> {
        let place = self.take(network.len())?;
        network.backward_into(tape, output, &place)
    }
}

impl JointModel {
    /// The mean of a loss without chains over examples: inputs `[B, d]`, their numbers, Int64 `[B]`, for a free
    /// table of $\tau$, and outputs `[B, n]`; the training step, and the number of the first of them in its batch,
    /// decide what is drawn. Beside it the gradient in all weights, `[P]`, where it can be had
    /// without autograd or has to be put together from the loss's parts; else the mean has its graph.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and those of the loss.
    pub fn mean_loss(
        &self,
        loss: &dyn LikelihoodLoss,
        (x, rows, target): (&Tensor, Option<&Tensor>, &Tensor),
        (step, first_row): (u64, i64),
    ) -> Result<(LikelihoodValue, Option<Tensor>)> {
        if let Some(pass) = self.written_out(loss, x, rows)? {
            let mut batch = Batch::new(pass.energy.as_ref(), target, step);
            batch.first_row = first_row;
            if let Some(found) = loss.mean_gradient(&batch.with_auxiliary(&pass.tau))? {
                let gradient = self.gradient(&pass, &found)?;
                return Ok((found.into(), Some(gradient)));
            }
        }
        let output = {
            let _phase = Phase::Encode.enter();
            self.forward(x, rows)?
        };
        let energy = output.energy.as_ref();
        let mut batch = Batch::new(energy, target, step);
        batch.auxiliary = output.auxiliary.as_ref();
        batch.first_row = first_row;
        let parts = loss.parts(energy);
        if parts <= 1 {
            return Ok((loss.mean_loss(&batch)?, None));
        }
        // One part's graph at a time, and the networks' under all of them.
        let leaves = self.parameters().named();
        let leaves: Vec<&Tensor> = leaves.iter().map(|(_, tensor)| tensor).collect();
        let mut total: Option<(LikelihoodValue, Tensor)> = None;
        for part in 0..parts {
            let value = loss.part_loss(&batch, part)?;
            let keep = part + 1 < parts;
            let gradients = Tensor::f_run_backward(&[&value.mean], &leaves, keep, false)?;
            let gradient = self.parameters().gather(&gradients)?;
            let value = value.detach();
            total = Some(match total {
                None => (value, gradient),
                Some((before, sum)) => (before.plus(value), sum + gradient),
            });
        }
        match total {
            Some((value, gradient)) => Ok((value, Some(gradient))),
            None => Ok((loss.mean_loss(&batch)?, None)),
        }
    }

    /// A pass, if model and loss have closed forms.
    fn written_out(
        &self,
        loss: &dyn LikelihoodLoss,
        x: &Tensor,
        rows: Option<&Tensor>,
    ) -> Result<Option<JointPass>> {
        if loss.auxiliary() != self.auxiliary() {
            return Ok(None);
        }
        let _phase = Phase::Encode.enter();
        self.pass(x, rows)
    }
}

/// An energy without a graph, its logits where it has some, and what the way back needs.
type Forward = (Box<dyn Energy>, Option<Tensor>, CouplingTape);

impl CouplingNetwork {
    /// g and its logits without a graph.
    fn pass(&self, x: &Tensor) -> Result<Forward> {
        Ok(match self {
            CouplingNetwork::Linear(network) => {
                let (scores, tape) = network.pass(x)?;
                let logits = scores.shallow_clone();
                let tape = CouplingTape::Scores {
                    scores: tape,
                    matrix: None,
                };
                (Box::new(Linear::new(scores)?), Some(logits), tape)
            }
            CouplingNetwork::Pairwise(unary, matrix, form) => {
                let (u, scores) = unary.pass(x)?;
                let (numbers, tape) = match matrix {
                    Matrix::Shared(matrix) => (matrix.detach(), None),
                    Matrix::Predicted(network) => {
                        let (numbers, tape) = network.pass(x)?;
                        (numbers, Some(tape))
                    }
                };
                let tape = CouplingTape::Scores {
                    scores,
                    matrix: tape,
                };
                let logits = u.shallow_clone();
                let energy = Self::quadratic(u, &numbers, (matrix, form))?;
                (energy, Some(logits), tape)
            }
            CouplingNetwork::Network {
                features,
                input,
                output,
                rest,
            } => {
                let (features, of_features) = match features {
                    Some(network) => {
                        let (features, tape) = network.pass(x)?;
                        (Some(features), Some(tape))
                    }
                    None => (None, None),
                };
                let (first, tape) = input.pass(features.as_ref().unwrap_or(x))?;
                let layers = rest.layers();
                let energy = OutputNetwork::new(first, output.shallow_clone(), layers)?;
                let tape = CouplingTape::Network {
                    features: of_features,
                    input: tape,
                };
                (Box::new(energy), features, tape)
            }
        })
    }

    /// Gradients in all weights, in their order.
    fn backward(
        &self,
        tape: &CouplingTape,
        loss: &JointGradient,
        places: &mut Places,
    ) -> Result<()> {
        let of_matrix = match (self, tape) {
            (
                CouplingNetwork::Linear(network) | CouplingNetwork::Pairwise(network, ..),
                CouplingTape::Scores { scores, matrix },
            ) => {
                places.network(network, scores, &loss.u)?;
                matrix
            }
            (
                CouplingNetwork::Network {
                    features, input, ..
                },
                CouplingTape::Network {
                    features: of_features,
                    input: tape,
                },
            ) => {
                if let (Some(network), Some(of_features)) = (features, of_features) {
                    let slope = input.through_affine(&loss.u)?;
                    places.network(network, of_features, &slope)?;
                }
                places.network(input, tape, &loss.u)?;
                return places.put_all(&loss.network);
            }
            _ => return Ok(()),
        };
        if let (CouplingNetwork::Pairwise(_, matrix, form), Some(gradient)) = (self, &loss.coupling)
        {
            let predicted = of_matrix.is_some();
            let gradient = match form {
                Form::Dense { twice, .. } => gradient.f_mul(twice)?,
                Form::LowRank if predicted => gradient.f_div_scalar(gradient.size()[1] as f64)?,
                Form::LowRank => gradient.shallow_clone(),
            };
            match (matrix, of_matrix) {
                (Matrix::Predicted(network), Some(tape)) => {
                    let of_outputs = gradient.f_reshape([gradient.size()[0], -1])?;
                    places.network(network, tape, &of_outputs)?;
                }
                _ => places.put(&gradient)?,
            }
        }
        Ok(())
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
    fn backward(
        &self,
        tape: &LogPartitionTape,
        gradient: &Tensor,
        places: &mut Places,
    ) -> Result<()> {
        match (self, tape) {
            (LogPartitionNetwork::Network(network), LogPartitionTape::Network(tape)) => {
                places.network(network, tape, &gradient.f_unsqueeze(1)?)
            }
            (LogPartitionNetwork::Icnn(network), LogPartitionTape::Icnn(tape)) => {
                let place = places.take(network.len())?;
                let _ = Tensor::f_cat_out(&place, &network.backward(tape, gradient)?, 0)?;
                Ok(())
            }
            (LogPartitionNetwork::Free(table), LogPartitionTape::Free(rows)) => {
                let mut place = places.take(table.numel() as i64)?;
                let _ = place.f_zero_()?.f_index_add_(0, rows, gradient)?;
                Ok(())
            }
            _ => {
                let place = places.take(1)?;
                let _ = gradient.f_sum_intlist_out(&place, 0, true, None)?;
                Ok(())
            }
        }
    }
}
