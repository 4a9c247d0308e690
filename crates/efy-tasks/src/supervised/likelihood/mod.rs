//! Learning a distribution over outputs: couplings of [`efy_models::joint`], the losses of [`efy_core::joint`], the
//! most probable output as decision.

mod build;
mod decide;
mod exact;

use efy_core::device::Phase;
use efy_core::divergence::Divergence;
use efy_core::joint::{BaseMeasure, Batch, Joint, LikelihoodLoss, LikelihoodValue};
use efy_core::parameters::Parameters;
use efy_core::{Error, Result};
use efy_models::Model;
use efy_models::joint::{JointModel, JointOutput};
use efy_train::{Measure, Split};
use tch::{Device, Kind, Tensor};

use self::build::{Training, table_alone};
use self::exact::Exact;
use super::learner::{EVALUATION_ROWS, Learner, Rows, Scored, Stepped};
use super::outputs::{Decision, Layout};
use super::{Examples, Outputs};
use crate::config::{Config, LogPartitionKind, LossKind, ModelKind};

/// The step that evaluations draw their samples for: no training has it, and all have the same.
const EVALUATION: u64 = u64::MAX;
/// Numbers of samples that an evaluation holds at once.
const HELD: i64 = 1 << 24;

/// A coupling and what its loss wants beside it.
pub(super) struct Likelihood {
    model: JointModel,
    training: Training,
    base: BaseMeasure,
    exact: Exact,
    estimate: Estimate,
    /// Numbers of an example's samples.
    drawn: i64,
    /// Whether the loss is a negative log-likelihood but for $-\log q(y)$.
    is_log_likelihood: bool,
}

/// Whose log-partitions are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Estimate {
    /// Nobody's.
    Nothing,
    /// Those of training examples alone.
    Table,
    /// Those of all inputs.
    Network,
}

impl Likelihood {
    /// Model and loss as the configuration says, for these training examples.
    pub(super) fn new(config: &Config, train: &Examples, device: Device) -> Result<Self> {
        let base = build::base_measure(config, &train.y)?;
        let training = build::training(config, &base, &train.y)?;
        let size = (train.x.size()[1], train.rows.len() as i64);
        let model = build::model(config, &base, size, device)?;
        let (loss, model_config) = (&config.loss, &config.model);
        let divergence = match &training {
            Training::Joint(joint) => joint.conjugate().divergence(),
            Training::Other(_) => Divergence::KullbackLeibler,
        };
        let widest = match model_config.kind {
            ModelKind::Network => model_config.prior_hidden.iter().max().copied(),
            _ => None,
        };
        let widest = widest.unwrap_or(1);
        let exact = {
            let _guard = tch::no_grad_guard();
            let x = Tensor::f_zeros([1, size.0], (model_config.dtype.kind(), device))?;
            let energy = model.energy(&x)?;
            Exact::new(&base, divergence, energy.as_ref(), widest.into())
        };
        let estimate = match (loss.kind, model_config.log_partition.kind) {
            (LossKind::Joint | LossKind::NoiseContrastive, LogPartitionKind::Table) => {
                Estimate::Table
            }
            (LossKind::Joint | LossKind::NoiseContrastive, _) => Estimate::Network,
            _ => Estimate::Nothing,
        };
        let is_log_likelihood = match loss.kind {
            LossKind::Joint => exact.is_logistic(),
            LossKind::ExactLikelihood | LossKind::MinMax => true,
            _ => false,
        };
        Ok(Likelihood {
            drawn: i64::from(loss.samples) * base.outputs(),
            model,
            training,
            base,
            exact,
            estimate,
            is_log_likelihood,
        })
    }

    /// The mean loss with what makes it a negative log-likelihood, the mean of $-\log q(y)$, where it can be one.
    fn shifted(&self, mean: Tensor, y: &Tensor) -> Tensor {
        match (
            self.is_log_likelihood,
            self.base.logits((y.kind(), y.device())),
        ) {
            (false, _) => mean,
            (true, None) => mean + self.base.log_count(),
            (true, Some(_)) => mean - self.base.log_density(y).mean(None::<Kind>),
        }
    }

    fn forward(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<JointOutput> {
        let _phase = Phase::Encode.enter();
        self.model.forward(x, rows)
    }

    /// Energies and what the loss wants beside them, for rows of a split; of `None`, for others. A table has no
    /// log-partitions but those of training examples.
    fn encode(&self, x: &Tensor, place: Option<(Split, i64)>) -> Result<JointOutput> {
        match (self.estimate, place) {
            (Estimate::Table, Some((Split::Train, first))) => {
                let options = (Kind::Int64, x.device());
                let rows = Tensor::f_arange_start(first, first + x.size()[0], options)?;
                self.forward(x, Some(&rows))
            }
            (Estimate::Table, _) => {
                let _phase = Phase::Encode.enter();
                let energy = self.model.energy(x)?;
                Ok(JointOutput {
                    energy,
                    auxiliary: None,
                })
            }
            _ => self.forward(x, None),
        }
    }

    /// Estimated log-partitions, `[B]`, where there are some.
    fn tau<'a>(&self, output: &'a JointOutput) -> Option<&'a Tensor> {
        let estimates = self.estimate != Estimate::Nothing;
        output.auxiliary.as_ref().filter(|_| estimates)
    }

    fn batch<'a>(&self, output: &'a JointOutput, batch: &Rows<'a>) -> Batch<'a> {
        // Chains draw anew in each part of a batch, samples are those of the whole batch.
        let chains = batch.start.is_some();
        let (step, first_row) = match chains {
            true => (batch.call, 0),
            false => (batch.update, batch.first_row),
        };
        Batch {
            energy: output.energy.as_ref(),
            target: batch.y,
            auxiliary: output.auxiliary.as_ref(),
            chains: batch.start,
            step,
            first_row,
        }
    }

    /// Loss and gradient without autograd, where model and loss have both in closed form.
    fn written_out(&self, batch: &Rows<'_>) -> Result<Option<Stepped>> {
        let Training::Joint(joint) = &self.training else {
            return Ok(None);
        };
        let pass = {
            let _phase = Phase::Encode.enter();
            self.model.pass(batch.x, Some(batch.rows))?
        };
        let Some(pass) = pass else {
            return Ok(None);
        };
        let at = Batch {
            energy: pass.energy.as_ref(),
            target: batch.y,
            auxiliary: Some(&pass.tau),
            chains: None,
            step: batch.update,
            first_row: batch.first_row,
        };
        let Some(found) = joint.mean_gradient(&at)? else {
            return Ok(None);
        };
        let gradient = {
            let _phase = Phase::Gradient.enter();
            self.model.gradient(&pass, &found)?
        };
        Ok(Some(Stepped {
            loss: self.shifted(found.mean, batch.y),
            gradient: Some(gradient),
            point: None,
            metrics: measured(Some(found.ratio)),
        }))
    }

    /// Loss and gradient of an objective whose graph would not fit into memory at once.
    fn in_parts(&self, joint: &Joint, batch: &Rows<'_>, parts: i64) -> Result<Stepped> {
        let mut sum: Option<(Tensor, Tensor, Tensor)> = None;
        for part in 0..parts {
            let output = self.forward(batch.x, Some(batch.rows))?;
            let found = joint.part_loss(&self.batch(&output, batch), part)?;
            let gradient = {
                let _phase = Phase::Gradient.enter();
                self.model.parameters().gradient(&found.mean)?
            };
            let loss = found.mean.detach();
            let ratio = found.ratio.unwrap_or_else(|| loss.shallow_clone());
            sum = Some(match sum {
                None => (loss, gradient, ratio),
                Some((a, b, c)) => (a + loss, b + gradient, c + ratio),
            });
        }
        let (loss, gradient, ratio) = sum.ok_or(Error::Parameter {
            name: "loss.samples",
            expected: "a positive integer",
            found: "0".to_owned(),
        })?;
        Ok(Stepped {
            loss: self.shifted(loss, batch.y),
            gradient: Some(gradient),
            point: None,
            metrics: measured(Some(ratio)),
        })
    }

    /// The loss of rows as training has it, `[B]` times their mean.
    fn sampled(&self, output: &JointOutput, y: &Tensor, first_row: i64) -> Result<Tensor> {
        let mut batch = Batch::new(output.energy.as_ref(), y, EVALUATION);
        batch.first_row = first_row;
        batch.auxiliary = output.auxiliary.as_ref();
        let mean = match &self.training {
            Training::Joint(joint) => {
                let parts =
                    (0..joint.parts(batch.energy)).map(|part| joint.part_loss(&batch, part));
                let sum = parts
                    .map(|part| part.map(|found| found.mean))
                    .reduce(|a, b| Ok(a? + b?));
                match sum {
                    Some(sum) => sum?,
                    None => joint.mean_loss(&batch)?.mean,
                }
            }
            Training::Other(other) => other.mean_loss(&batch)?.mean,
        };
        let mean = self.shifted(mean, y);
        Ok(mean.f_expand([y.size()[0]], false)?)
    }

    /// The losses of rows, `[B]`: exact where that is cheap, else as training has them.
    fn losses(&self, output: &JointOutput, y: &Tensor, first: i64) -> Result<Tensor> {
        let tau = self.tau(output);
        if self.exact.is_cheap() {
            return self.exact.loss(output.energy.as_ref(), y, tau);
        }
        if self.estimate == Estimate::Table && tau.is_none() {
            return Err(table_alone());
        }
        self.sampled(output, y, first)
    }

    /// What turns energies into log-probabilities, `[B]`: estimated log-partitions, or exact ones.
    fn normalizer(&self, output: &JointOutput) -> Result<Option<Tensor>> {
        match self.tau(output) {
            Some(tau) => Ok(Some(tau.shallow_clone())),
            None if self.exact.exists() => {
                let energy = output.energy.as_ref();
                Ok(Some(self.exact.log_partition(energy)?))
            }
            None => Ok(None),
        }
    }
}

/// What is logged of the density ratios of a batch, whose mean is 1 where the log-partition normalizes.
fn measured(ratio: Option<Tensor>) -> Vec<(&'static str, Measure)> {
    let measure = |ratio: Tensor| -> (&'static str, Measure) {
        ("normalization", Box::new(move || ratio.mean(None::<Kind>)))
    };
    ratio.map(measure).into_iter().collect()
}

impl Learner for Likelihood {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn constrain(&self) -> Result<()> {
        self.model.constrain()
    }

    fn rehearse(&self, outputs: &dyn Outputs, x: &Tensor, y: &Tensor) -> Result<()> {
        let rows = Tensor::f_zeros([x.size()[0]], (Kind::Int64, x.device()))?;
        let output = self.forward(x, Some(&rows))?;
        let mut batch = Batch::new(output.energy.as_ref(), y, EVALUATION);
        batch.auxiliary = output.auxiliary.as_ref();
        match &self.training {
            Training::Joint(joint) => joint.part_loss(&batch, 0)?,
            Training::Other(other) => other.mean_loss(&batch)?,
        };
        self.score(outputs, (x, y), (Split::Validation, 0))?;
        Ok(())
    }

    fn step(&mut self, batch: &Rows<'_>) -> Result<Stepped> {
        if let Some(stepped) = self.written_out(batch)? {
            return Ok(stepped);
        }
        let output = self.forward(batch.x, Some(batch.rows))?;
        if let Training::Joint(joint) = &self.training {
            let parts = joint.parts(output.energy.as_ref());
            if parts > 1 {
                return self.in_parts(joint, batch, parts);
            }
        }
        let LikelihoodValue {
            mean,
            ratio,
            chains,
        } = self
            .training
            .loss()
            .mean_loss(&self.batch(&output, batch))?;
        Ok(Stepped {
            loss: self.shifted(mean, batch.y),
            gradient: None,
            point: chains,
            metrics: measured(ratio),
        })
    }

    fn layout(&self) -> Layout {
        let has_mean = self.exact.is_small() || self.exact.is_closed_form();
        Layout {
            decision: match has_mean {
                true => Decision::VertexAndMean,
                false => Decision::Vertex,
            },
            log_probability: self.estimate == Estimate::Network || self.exact.exists(),
        }
    }

    fn outcome(&self, outputs: &dyn Outputs, x: &Tensor) -> Result<Tensor> {
        let output = self.encode(x, None)?;
        let energy = output.energy.as_ref();
        let place = (&self.base, &self.exact);
        let best = decide::most_probable(outputs, energy, place)?;
        let decided = outputs.decided(&best, decide::mean(energy, place)?.as_ref())?;
        Ok(match self.normalizer(&output)? {
            Some(tau) => {
                let log_probability = self.exact.log_probability(energy, &best, &tau);
                Tensor::f_cat(&[decided, log_probability.unsqueeze(1)], 1)?
            }
            None => decided,
        })
    }

    fn rows_at_once(&self, split: Option<Split>) -> i64 {
        let sampled = match self.training {
            // Its samples are drawn in parts.
            Training::Joint(_) => EVALUATION_ROWS,
            Training::Other(_) => (HELD / self.drawn.max(1)).clamp(1, EVALUATION_ROWS),
        };
        match split {
            Some(split) => {
                let enumerates = self.exact.is_cheap() || self.exact.compares_on(split);
                let exact = if enumerates {
                    self.exact.rows()
                } else {
                    EVALUATION_ROWS
                };
                let loss = if self.exact.is_cheap() {
                    EVALUATION_ROWS
                } else {
                    sampled
                };
                exact.min(loss)
            }
            None if self.exact.is_small() => self.exact.enumerated_rows(),
            None if self.estimate != Estimate::Network => self.exact.rows(),
            None => EVALUATION_ROWS,
        }
    }

    fn score(
        &self,
        outputs: &dyn Outputs,
        (x, y): (&Tensor, &Tensor),
        (split, first): (Split, i64),
    ) -> Result<Scored> {
        let output = self.encode(x, Some((split, first)))?;
        let energy = output.energy.as_ref();
        let best = decide::most_probable(outputs, energy, (&self.base, &self.exact))?;
        let loss = self.losses(&output, y, first)?;
        let log_partition = match self.tau(&output) {
            Some(tau) if self.exact.compares_on(split) => Some(self.exact.compare(energy, tau)?),
            _ => None,
        };
        Ok(Scored {
            outcome: outputs.decided(&best, None)?,
            converged: loss.f_isfinite()?.f_ones_like()?,
            loss,
            log_partition,
        })
    }
}
