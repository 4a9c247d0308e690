//! The seam of losses that fit a distribution over outputs.

use tch::Tensor;

use super::base_measure::BaseMeasure;
use super::objective::JointGradient;
use super::samples::Draw;
use crate::energy::Energy;
use crate::{Error, Result, shape};

/// A loss that fits $p_g(y|x) \propto q(y) e^{g(x, y)}$ to data, and is blind to where g comes from.
pub trait LikelihoodLoss: Send {
    /// The name used in configurations, reports and messages.
    fn name(&self) -> &'static str;

    /// q.
    fn base(&self) -> &BaseMeasure;

    /// What the loss wants to know of each input beside the energy.
    fn auxiliary(&self) -> Auxiliary;

    /// The mean loss of a batch; one step of an optimizer on all parameters together follows from it.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Kind`] or [`Error::Placement`] when the tensors do not fit together or the
    /// auxiliary is missing; [`Error::Unsupported`] when the loss has no method for the energy.
    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue>;

    /// The mean loss with its gradients in what the networks put out, without autograd; `None` where there
    /// are no closed forms. The tensors of the batch need no graph.
    ///
    /// # Errors
    /// As [`mean_loss`](Self::mean_loss).
    fn mean_gradient(&self, _batch: &Batch<'_>) -> Result<Option<JointGradient>> {
        Ok(None)
    }

    /// In how many parts [`part_loss`](Self::part_loss) divides the loss, so that no more memory is used
    /// than was allowed: 1 for most.
    fn parts(&self, _energy: &dyn Energy) -> i64 {
        1
    }

    /// The part with this number of [`mean_loss`](Self::mean_loss), which is their sum, to be differentiated
    /// one by one, so that only one part's graph is held.
    ///
    /// # Errors
    /// As [`mean_loss`](Self::mean_loss).
    fn part_loss(&self, batch: &Batch<'_>, _part: i64) -> Result<LikelihoodValue> {
        self.mean_loss(batch)
    }
}

/// The output of the second network of a [`LikelihoodLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auxiliary {
    /// There is none.
    Nothing,
    /// $\tau(x)$, `[B]`.
    LogPartition,
    /// Scores of a sampler, `[B, k]`.
    SamplerScores,
}

/// What a loss is computed from.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// g, over B rows of n columns.
    pub energy: &'a dyn Energy,
    /// y, `[B, n]`.
    pub target: &'a Tensor,
    /// What [`LikelihoodLoss::auxiliary`] asks for, with its graph.
    pub auxiliary: Option<&'a Tensor>,
    /// Where persistent chains begin, `[B, n]`: the [`LikelihoodValue::chains`] of the last time.
    pub chains: Option<&'a Tensor>,
    /// The training step: what is drawn is a function of seed, step and row.
    pub step: u64,
    /// The number of the first row, for batches that are computed in parts.
    pub first_row: i64,
    /// Rows of the whole batch, if this is a part of it.
    pub whole: Option<i64>,
}

impl<'a> Batch<'a> {
    /// A batch without auxiliary and chains.
    pub fn new(energy: &'a dyn Energy, target: &'a Tensor, step: u64) -> Self {
        Batch {
            energy,
            target,
            auxiliary: None,
            chains: None,
            step,
            first_row: 0,
            whole: None,
        }
    }

    /// Which samples a loss draws for it, for each row its own.
    pub(super) fn draw(&self, samples: i64, seed: u64) -> Draw {
        Draw {
            samples,
            rows: Some(self.energy.size().0),
            first_row: self.first_row,
            seed,
            step: self.step,
        }
    }

    /// With $\tau$ `[B]` or a sampler's scores `[B, k]`.
    #[must_use]
    pub fn with_auxiliary(mut self, auxiliary: &'a Tensor) -> Self {
        self.auxiliary = Some(auxiliary);
        self
    }

    /// With chains `[B, n]` to go on with.
    #[must_use]
    pub fn with_chains(mut self, chains: &'a Tensor) -> Self {
        self.chains = Some(chains);
        self
    }

    /// Refuses an energy, a target or chains that are not over the outputs of the base measure.
    pub(super) fn check(&self, base: &BaseMeasure) -> Result<()> {
        let size = self.energy.size();
        base.check(size.1)?;
        shape::matrix_of("target", self.target, size, self.energy.options())?;
        match self.chains {
            Some(chains) => shape::matrix_of("chains", chains, size, self.energy.options()),
            None => Ok(()),
        }
    }

    /// $\tau$, `[B]`.
    pub(super) fn tau(&self) -> Result<&'a Tensor> {
        self.auxiliary("tau", &[self.energy.size().0])
    }

    /// The auxiliary of this shape.
    pub(super) fn auxiliary(&self, what: &'static str, expected: &[i64]) -> Result<&'a Tensor> {
        let found = self.auxiliary.map_or_else(Vec::new, Tensor::size);
        match self.auxiliary {
            Some(auxiliary) if found == expected => {
                shape::like(what, auxiliary, self.target)?;
                Ok(auxiliary)
            }
            _ => Err(Error::Shape {
                what,
                expected: format!("{expected:?}"),
                found,
            }),
        }
    }
}

/// The loss of a batch.
#[derive(Debug)]
pub struct LikelihoodValue {
    /// The mean over the batch, a scalar with the graph to all parameters. Of the log-likelihood it lacks
    /// $-\log q(y)$, for a uniform prior [`BaseMeasure::log_count`].
    pub mean: Tensor,
    /// See [`Ratio`]; `None` for losses without $\tau$.
    pub ratio: Option<Ratio>,
    /// Where the chains ended, `[B, n]`, for losses that run some.
    pub chains: Option<Tensor>,
}

/// The mean density ratio $\mathbb E_q[f^{*\prime}(g - \tau)]$ of each row as the samples have it, without a graph:
/// 1 where $\tau$ normalizes. Nothing is computed unless somebody looks at it.
#[derive(Debug)]
pub enum Ratio {
    /// As it is, `[B]`.
    Mean(Tensor),
    /// The gradient in $\tau$, `[B]`: $\frac1B$ times 1 less the ratio.
    OfTau(Tensor),
}

impl Ratio {
    /// The ratios, `[B]`.
    pub fn tensor(&self) -> Tensor {
        match self {
            Ratio::Mean(ratio) => ratio.detach(),
            Ratio::OfTau(tau) => tau.detach() * -(tau.numel() as f64) + 1.0,
        }
    }

    /// The same without a graph.
    fn detach(&self) -> Self {
        match self {
            Ratio::Mean(ratio) => Ratio::Mean(ratio.detach()),
            Ratio::OfTau(tau) => Ratio::OfTau(tau.detach()),
        }
    }
}

impl LikelihoodValue {
    pub(super) fn of(mean: Tensor) -> Self {
        LikelihoodValue {
            mean,
            ratio: None,
            chains: None,
        }
    }

    /// The same without a graph.
    #[must_use]
    pub fn detach(&self) -> Self {
        LikelihoodValue {
            mean: self.mean.detach(),
            ratio: self.ratio.as_ref().map(Ratio::detach),
            chains: self.chains.as_ref().map(Tensor::detach),
        }
    }

    /// The sum with another part of the same loss.
    #[must_use]
    pub fn plus(self, part: Self) -> Self {
        LikelihoodValue {
            mean: self.mean + part.mean,
            ratio: match (self.ratio, part.ratio) {
                (Some(Ratio::Mean(a)), Some(Ratio::Mean(b))) => Some(Ratio::Mean(a + b)),
                (a, b) => a.or(b),
            },
            chains: part.chains.or(self.chains),
        }
    }
}

impl From<JointGradient> for LikelihoodValue {
    fn from(found: JointGradient) -> Self {
        LikelihoodValue {
            mean: found.mean,
            ratio: Some(Ratio::OfTau(found.tau)),
            chains: None,
        }
    }
}
