//! One training step.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use efy_core::device::Phase;
use tch::{Kind, TchError, Tensor};

use crate::optimizer::{Optimizer, Verdict};
use crate::{Collective, Error, Objective, Part, Result, StepLoss};

/// Loss, gradient, update, constraints. Nothing is read back.
///
/// # Errors
/// What the objective and the optimizer report.
pub fn training_step(
    objective: &mut dyn Objective,
    optimizer: &mut Optimizer,
    rows: &Tensor,
) -> Result<StepLoss> {
    let _phase = Phase::Step.enter();
    let (step, gradient) = gradient(objective, rows)?;
    optimizer.step(objective.parameters(), gradient, &step.loss)?;
    objective.constrain()?;
    Ok(step)
}

/// The loss of some examples, and its gradient `[P]`.
fn gradient(objective: &mut dyn Objective, rows: &Tensor) -> Result<(StepLoss, Tensor)> {
    let mut step = objective.step(rows)?;
    let gradient = match step.gradient.take() {
        Some(gradient) => gradient,
        None => {
            let _phase = Phase::Gradient.enter();
            // Of replicas, none depends on the weights of another.
            let sum = match step.loss.dim() {
                0 => step.loss.shallow_clone(),
                _ => step.loss.sum(None::<Kind>),
            };
            objective.parameters().gradient(&sum)?
        }
    };
    Ok((step, gradient))
}

/// The examples of a batch `[B]`, or of each replica in `[R, B]`.
fn examples(rows: &Tensor) -> i64 {
    rows.size().last().copied().unwrap_or(0)
}

/// How the gradient of a batch is put together.
pub(super) struct Assembly<'a> {
    /// The parts that a batch is computed in, one after the other.
    pub(super) parts: u64,
    pub(super) collective: &'a mut dyn Collective,
}

impl Assembly<'_> {
    /// As [`training_step`], in parts and with others; `split` hears of a batch that had to be split
    /// further because there was no memory for it.
    pub(super) fn step(
        &mut self,
        objective: &mut dyn Objective,
        optimizer: &mut Optimizer,
        (rows, part): (&Tensor, Part),
        split: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<(StepLoss, Verdict)> {
        if objective.moves_weights() {
            let step = objective.step_with(rows, self.collective)?;
            let verdict = optimizer.watch(&step.loss)?;
            return Ok((step, verdict));
        }
        let count = examples(rows) as u64;
        let (mut step, mut gradient) = loop {
            match caught(|| gradient_in_parts(objective, (rows, part), self.parts)) {
                Err(error) if is_out_of_memory(&error) => {
                    objective.rewind()?;
                    if self.parts >= count {
                        return Err(Error::Memory {
                            batch: count.div_ceil(self.parts),
                            cause: Box::new(error),
                        });
                    }
                    self.parts = (self.parts * 2).min(count);
                    split(self.parts)?;
                }
                other => break other?,
            }
        };
        if self.collective.world() > 1 {
            let length = gradient.size()[0];
            let losses = step.loss.detach().reshape([-1]).to_kind(gradient.kind());
            // Means over the rows of this process: their shares in the means over the batch.
            let flat = Tensor::f_cat(&[gradient, losses], 0)
                .and_then(|flat| flat.f_mul_scalar(part.weight()))
                .map_err(efy_core::Error::from)?;
            let flat = self.collective.sum(flat)?;
            let losses = flat.narrow(0, length, flat.size()[0] - length);
            step.loss = losses.reshape(step.loss.size());
            gradient = flat.narrow(0, 0, length);
        }
        let verdict = optimizer.step(objective.parameters(), gradient, &step.loss)?;
        if verdict != Verdict::NotFinite {
            objective.constrain()?;
        }
        Ok((step, verdict))
    }
}

/// The loss of a batch that is computed in parts, and its gradient: the mean over the parts, weighted by
/// their sizes, is the mean over the batch.
pub(super) fn gradient_in_parts(
    objective: &mut dyn Objective,
    (rows, part): (&Tensor, Part),
    parts: u64,
) -> Result<(StepLoss, Tensor)> {
    let count = examples(rows);
    if count == 0 {
        // What falls to one process of a batch that is smaller than their number.
        let zeros = objective.parameters().flat().zeros_like();
        let loss = match rows.size().as_slice() {
            &[replicas, _] => zeros.narrow(0, 0, replicas),
            _ => zeros.sum(None::<Kind>),
        };
        let metrics = Vec::new();
        return Ok((
            StepLoss {
                loss,
                gradient: None,
                metrics,
            },
            zeros,
        ));
    }
    if parts <= 1 || count <= 1 {
        objective.part(part);
        return gradient(objective, rows);
    }
    let size = (count as u64).div_ceil(parts) as i64;
    let mut sum: Option<(StepLoss, Tensor)> = None;
    for from in (0..count).step_by(size as usize) {
        let length = size.min(count - from);
        let weight = Tensor::from(length as f64 / count as f64);
        objective.part(part.inner(from, length));
        let (mut step, gradient) = gradient(objective, &rows.narrow(-1, from, length))?;
        let gradient = gradient.f_mul(&weight).map_err(efy_core::Error::from)?;
        step.loss = step.loss.detach() * &weight;
        sum = Some(match sum {
            None => (step, gradient),
            Some((earlier, total)) => {
                step.loss += earlier.loss;
                (step, total + gradient)
            }
        });
    }
    sum.ok_or_else(|| Error::State("an empty batch".to_owned()))
}

/// tch's operators panic where libtorch fails: a panic for want of memory becomes the error that it is
/// about. Others go on.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        match text.or(panic.downcast_ref::<&str>().copied()) {
            Some(text) if says_out_of_memory(text) => {
                Err(efy_core::Error::from(TchError::Torch(text.to_owned())).into())
            }
            _ => resume_unwind(panic),
        }
    })
}

/// libtorch has no error code for it.
fn is_out_of_memory(error: &Error) -> bool {
    matches!(error, Error::Core(error @ efy_core::Error::Torch(_)) if says_out_of_memory(&error.to_string()))
}

fn says_out_of_memory(text: &str) -> bool {
    [
        "out of memory",
        "can't allocate memory",
        "not enough memory",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}
