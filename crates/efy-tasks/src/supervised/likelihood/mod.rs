//! Learning a distribution over outputs: couplings of [`efy_models::joint`], the losses of [`efy_core::joint`], the
//! most probable output as decision.

mod build;
mod decide;
mod exact;
mod neighbours;

use efy_core::Result;
use efy_core::device::Phase;
use efy_core::joint::{Auxiliary, BaseMeasure, Batch, LikelihoodLoss, Ratio};
use efy_core::parallel::Part;
use efy_core::parameters::Parameters;
use efy_models::Model;
use efy_models::joint::{JointModel, JointOutput};
use efy_train::{Measure, Split};
use tch::{Device, Kind, Tensor};

use self::build::table_alone;
use self::exact::Exact;
use super::learner::{EVALUATION_ROWS, Learner, Place, Rows, Scored, Stepped};
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
    loss: Box<dyn LikelihoodLoss>,
    base: BaseMeasure,
    exact: Exact,
    estimate: Estimate,
    /// Whether decisions are searched for among neighbours.
    searches: bool,
    /// Whether it runs chains.
    has_chains: bool,
    /// Numbers of an example's samples that are held at once, where the loss does not draw them in parts.
    drawn: Option<i64>,
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
        let (likelihood, divergence) = build::loss(config, &base, &train.y)?;
        let size = (train.x.size()[1], train.rows.len() as i64);
        let model = build::model(config, &base, size, device)?;
        let (loss, model_config) = (&config.loss, &config.model);
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
        let estimate = match (likelihood.auxiliary(), model_config.log_partition.kind) {
            (Auxiliary::LogPartition, LogPartitionKind::Table) => Estimate::Table,
            (Auxiliary::LogPartition, _) => Estimate::Network,
            _ => Estimate::Nothing,
        };
        let is_log_likelihood = match loss.kind {
            LossKind::Joint => exact.is_logistic(),
            LossKind::ExactLikelihood | LossKind::MinMax => true,
            _ => false,
        };
        Ok(Likelihood {
            drawn: match loss.kind {
                LossKind::NoiseContrastive | LossKind::MinMax => {
                    Some(i64::from(loss.samples) * base.outputs())
                }
                _ => None,
            },
            searches: model_config.kind == ModelKind::Network && !exact.is_small(),
            has_chains: loss.kind == LossKind::MarkovChains,
            model,
            loss: likelihood,
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

    /// The loss of rows as training has it, `[B]` times their mean.
    fn sampled(&self, output: &JointOutput, y: &Tensor, first_row: i64) -> Result<Tensor> {
        let mut batch = Batch::new(output.energy.as_ref(), y, EVALUATION);
        batch.first_row = first_row;
        batch.auxiliary = output.auxiliary.as_ref();
        let parts =
            (0..self.loss.parts(batch.energy)).map(|part| self.loss.part_loss(&batch, part));
        let sum = parts.reduce(|sum, part| Ok(sum?.plus(part?)));
        let mean = match sum {
            Some(sum) => sum?.mean,
            None => self.loss.mean_loss(&batch)?.mean,
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

    /// How many rows a decision is made for at once.
    fn searched_rows(&self) -> i64 {
        match self.searches {
            true => neighbours::rows(&self.base, self.exact.width()),
            false => EVALUATION_ROWS,
        }
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
fn measured(ratio: Option<Ratio>) -> Vec<(&'static str, Measure)> {
    let measure = |ratio: Ratio| -> (&'static str, Measure) {
        (
            "normalization",
            Box::new(move || ratio.tensor().mean(None::<Kind>)),
        )
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
        self.loss.part_loss(&batch, 0)?;
        let place = Place {
            split: Split::Validation,
            first: 0,
            part: Part::whole(x.size()[0]),
        };
        self.score(outputs, (x, y), place)?;
        Ok(())
    }

    fn step(&mut self, batch: &Rows<'_>) -> Result<Stepped> {
        let (value, gradient) = if self.has_chains {
            let output = self.forward(batch.x, Some(batch.rows))?;
            let mut chained = Batch::new(output.energy.as_ref(), batch.y, batch.update);
            chained.chains = batch.start;
            chained.first_row = batch.part.first;
            chained.whole = Some(batch.part.of);
            (self.loss.mean_loss(&chained)?, None)
        } else {
            // What is drawn for a batch in parts is what is drawn for the whole of it.
            let place = (batch.update, batch.part.first);
            let examples = (batch.x, Some(batch.rows), batch.y);
            self.model.mean_loss(self.loss.as_ref(), examples, place)?
        };
        Ok(Stepped {
            loss: self.shifted(value.mean, batch.y),
            gradient,
            point: value.chains.filter(|_| batch.start.is_some()),
            metrics: measured(value.ratio),
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
        let held = |numbers: i64| (HELD / numbers.max(1)).clamp(1, EVALUATION_ROWS);
        let sampled = self.drawn.map_or(EVALUATION_ROWS, held);
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
                exact.min(loss).min(self.searched_rows())
            }
            None if self.exact.is_small() => self.exact.enumerated_rows(),
            None if self.estimate != Estimate::Network => {
                self.exact.rows().min(self.searched_rows())
            }
            None => self.searched_rows(),
        }
    }

    fn score(
        &self,
        outputs: &dyn Outputs,
        (x, y): (&Tensor, &Tensor),
        Place { split, first, .. }: Place,
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
