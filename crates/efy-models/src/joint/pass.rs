//! The backward pass of joint models, written out.
//!
//! A step on a small network is all overhead, and most of that is autograd's: a loss that has its
//! gradient in closed form is propagated through the layers by a few matrix products.

use efy_core::device::Phase;
use efy_core::energy::{Energy, Linear, OutputNetwork};
use efy_core::joint::{Batch, JointGradient, LikelihoodLoss, LikelihoodValue};
use efy_core::{Error, Result};
use tch::Tensor;

use super::abreast::{Abreast, Columns};
use super::coupling::{CouplingNetwork, Form, Matrix};
use super::log_partition::{LogPartitionNetwork, gradient_in_numbers};
use super::native::NativeTape;
use super::{AuxiliaryNetwork, JointModel, icnn};
use crate::{Model, Network, Tape};

/// A forward pass without a graph.
pub struct JointPass {
    /// g, over the outputs of the base measure; only for values, since a matrix in it need not be symmetric.
    pub energy: Box<dyn Energy>,
    /// $\tau$, `[B]`.
    pub tau: Tensor,
    tape: JointTape,
}

enum JointTape {
    Native(NativeTape),
    Operators(OperatorTape),
}

struct OperatorTape {
    on_inputs: Columns,
    on_logits: Option<Columns>,
    coupling: CouplingTape,
    log_partition: LogPartitionTape,
}

enum CouplingTape {
    Scores {
        scores: Tape,
        matrix: Option<Tape>,
    },
    /// That of the network on x, which is features or the input's part, and that of the input's part on features.
    Network {
        first: Tape,
        input: Option<Tape>,
    },
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
        let (AuxiliaryNetwork::LogPartition(network, _), Some(first)) =
            (&self.auxiliary, &self.first_layers)
        else {
            return Ok(None);
        };
        if let Some(native) = self.native.as_ref().filter(|native| native.serves(x)) {
            let weights = self.parameters().flat();
            let (scores, tau, tape) = native.pass(weights, (x, rows), network)?;
            return Ok(Some(JointPass {
                energy: Box::new(Linear::new(scores)?),
                tau,
                tape: JointTape::Native(tape),
            }));
        }
        let on_inputs = first.on_inputs.pass(x)?;
        let (energy, logits, coupling) = self.coupling.pass(&first.on_inputs, &on_inputs)?;
        let on_logits = match (&first.on_logits, &logits) {
            (Some(abreast), Some(logits)) => Some(abreast.pass(logits)?),
            _ => None,
        };
        let seen = match (&first.on_logits, &on_logits) {
            (Some(abreast), Some(columns)) => (abreast, columns),
            _ => (&first.on_inputs, &on_inputs),
        };
        let (tau, log_partition) = network.pass(seen, x, rows)?;
        let tape = OperatorTape {
            on_inputs,
            on_logits,
            coupling,
            log_partition,
        };
        Ok(Some(JointPass {
            energy,
            tau,
            tape: JointTape::Operators(tape),
        }))
    }

    /// The gradient of a loss in all weights, `[P]`, from its gradients in scores, coupling and $\tau$: the
    /// backward pass that belongs to [`pass`](Self::pass).
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the gradients are not of this pass.
    pub fn gradient(&self, pass: &JointPass, loss: &JointGradient) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let tape = match (&pass.tape, &self.native) {
            (JointTape::Native(tape), Some(native)) => return native.gradient(tape, loss),
            (JointTape::Operators(tape), _) => tape,
            (JointTape::Native(_), None) => return Err(another_model()),
        };
        let mut places = Places {
            flat: self.parameters().flat().f_empty_like()?,
            next: 0,
        };
        let (AuxiliaryNetwork::LogPartition(network, _), Some(first)) =
            (&self.auxiliary, &self.first_layers)
        else {
            return Ok(places.flat);
        };
        let of_inputs = places.take(first.on_inputs.len())?;
        let of_logits = places.take(first.on_logits.as_ref().map_or(0, Abreast::len))?;
        let coupling = &self.coupling;
        let mut on_inputs =
            coupling.backward(&tape.coupling, (&first.on_inputs, loss), &mut places)?;
        let abreast = first.on_logits.as_ref().unwrap_or(&first.on_inputs);
        let of_tau = (abreast, &loss.tau);
        let on_tau = network.backward(&tape.log_partition, of_tau, &mut places)?;
        match (&first.on_logits, &tape.on_logits) {
            (Some(abreast), Some(columns)) => {
                abreast.backward(columns, on_tau.into_iter().collect(), &of_logits)?;
            }
            _ => on_inputs.extend(on_tau),
        }
        first
            .on_inputs
            .backward(&tape.on_inputs, on_inputs, &of_inputs)?;
        Ok(places.flat)
    }
}

fn another_model() -> Error {
    Error::Parameter {
        name: "pass",
        expected: "one of this model",
        found: "one of another".to_owned(),
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

    /// Gradients of the layers after the first of a network; returns that in what the first puts out.
    fn rest(
        &mut self,
        abreast: &Abreast,
        number: usize,
        output: (&Tape, &Tensor),
    ) -> Result<Tensor> {
        let place = self.take(abreast.rest_len(number))?;
        abreast.through(number, output, &place)
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
    /// g and its logits without a graph, from the first layers on x.
    fn pass(&self, abreast: &Abreast, columns: &Columns) -> Result<Forward> {
        Ok(match self {
            CouplingNetwork::Linear(_) => {
                let (scores, tape) = abreast.output(columns, 0)?;
                let logits = scores.shallow_clone();
                let tape = CouplingTape::Scores {
                    scores: tape,
                    matrix: None,
                };
                (Box::new(Linear::new(scores)?), Some(logits), tape)
            }
            CouplingNetwork::Pairwise(_, matrix, form) => {
                let (u, scores) = abreast.output(columns, 0)?;
                let (numbers, tape) = match matrix {
                    Matrix::Shared(matrix) => (matrix.detach(), None),
                    Matrix::Predicted(_) => {
                        let (numbers, tape) = abreast.output(columns, 1)?;
                        (numbers, Some(tape))
                    }
                };
                let tape = CouplingTape::Scores {
                    scores,
                    matrix: tape,
                };
                let logits = u.shallow_clone();
                let energy = Self::values_only(u, &numbers, (matrix, form))?;
                (energy, Some(logits), tape)
            }
            CouplingNetwork::Network {
                features,
                input,
                output,
                rest,
            } => {
                let (seen, of_first) = abreast.output(columns, 0)?;
                let (part, features, of_input) = match features {
                    Some(_) => {
                        let (part, tape) = input.pass(&seen)?;
                        (part, Some(seen), Some(tape))
                    }
                    None => (seen, None, None),
                };
                let layers = rest.layers();
                let energy = OutputNetwork::new(part, output.shallow_clone(), layers)?;
                let tape = CouplingTape::Network {
                    first: of_first,
                    input: of_input,
                };
                (Box::new(energy), features, tape)
            }
        })
    }

    /// Gradients in all weights, in their order, but those of first layers on x: of each of these the gradient in what it puts
    /// out.
    fn backward(
        &self,
        tape: &CouplingTape,
        (abreast, loss): (&Abreast, &JointGradient),
        places: &mut Places,
    ) -> Result<Vec<Vec<Tensor>>> {
        let (mut first, of_matrix) = match (self, tape) {
            (
                CouplingNetwork::Linear(_) | CouplingNetwork::Pairwise(..),
                CouplingTape::Scores { scores, matrix },
            ) => {
                let of_scores = places.rest(abreast, 0, (scores, &loss.u))?;
                (vec![vec![of_scores]], matrix)
            }
            (
                CouplingNetwork::Network { input, .. },
                CouplingTape::Network { first, input: tape },
            ) => {
                let of_first = match tape {
                    Some(tape) => {
                        let slope = input.through_affine(&loss.u)?;
                        let of_first = places.rest(abreast, 0, (first, &slope))?;
                        places.network(input, tape, &loss.u)?;
                        of_first
                    }
                    None => places.rest(abreast, 0, (first, &loss.u))?,
                };
                places.put_all(&loss.network)?;
                return Ok(vec![vec![of_first]]);
            }
            _ => return Ok(Vec::new()),
        };
        if let (CouplingNetwork::Pairwise(_, matrix, form), Some(gradient)) = (self, &loss.coupling)
        {
            let predicted = of_matrix.is_some();
            if let (Form::Dense { twice, .. }, false) = (form, predicted) {
                let place = places.take(gradient.numel() as i64)?;
                let place = place.f_view(gradient.size().as_slice())?;
                let _ = gradient.f_mul_out(&place, twice)?;
                return Ok(first);
            }
            let gradient = match form {
                Form::Dense { twice, .. } => gradient.f_mul(twice)?,
                Form::LowRank if predicted => gradient.f_div_scalar(gradient.size()[1] as f64)?,
                Form::LowRank => gradient.shallow_clone(),
            };
            match (matrix, of_matrix) {
                (Matrix::Predicted(_), Some(tape)) => {
                    let of_outputs = gradient.f_reshape([gradient.size()[0], -1])?;
                    first.push(vec![places.rest(abreast, 1, (tape, &of_outputs))?]);
                }
                _ => places.put(&gradient)?,
            }
        }
        Ok(first)
    }
}

impl LogPartitionNetwork {
    /// $\tau$ without a graph; its network is the last of those on what it sees.
    fn pass(
        &self,
        (abreast, columns): (&Abreast, &Columns),
        x: &Tensor,
        rows: Option<&Tensor>,
    ) -> Result<(Tensor, LogPartitionTape)> {
        Ok(match (self, rows) {
            (LogPartitionNetwork::Network(_), _) => {
                let (tau, tape) = abreast.output(columns, abreast.last())?;
                (tau.f_squeeze_dim(1)?, LogPartitionTape::Network(tape))
            }
            (LogPartitionNetwork::Icnn(network), _) => {
                let (maps, _) = abreast.output(columns, abreast.last())?;
                let (tau, tape) = network.pass(&maps)?;
                (tau, LogPartitionTape::Icnn(tape))
            }
            (LogPartitionNetwork::Free(_), Some(rows)) => (
                self.forward(x, Some(rows))?,
                LogPartitionTape::Free(rows.shallow_clone()),
            ),
            _ => (self.forward(x, rows)?, LogPartitionTape::Constant),
        })
    }

    /// Gradients in all weights from that in $\tau$, `[B]`, but those of a first layer: of it the gradient in what it puts out.
    fn backward(
        &self,
        tape: &LogPartitionTape,
        (abreast, gradient): (&Abreast, &Tensor),
        places: &mut Places,
    ) -> Result<Option<Vec<Tensor>>> {
        match (self, tape) {
            (LogPartitionNetwork::Network(_), LogPartitionTape::Network(tape)) => {
                let output = gradient.f_unsqueeze(1)?;
                let first = places.rest(abreast, abreast.last(), (tape, &output))?;
                return Ok(Some(vec![first]));
            }
            (LogPartitionNetwork::Icnn(network), LogPartitionTape::Icnn(tape)) => {
                let place = places.take(network.len())?;
                return Ok(Some(network.backward(tape, gradient, &place)?));
            }
            (LogPartitionNetwork::Free(table), LogPartitionTape::Free(rows)) => {
                let mut place = places.take(table.numel() as i64)?;
                let _ = place.f_zero_()?;
                gradient_in_numbers(&mut place, Some(rows), gradient)?;
            }
            _ => gradient_in_numbers(&mut places.take(1)?, None, gradient)?,
        }
        Ok(None)
    }
}
