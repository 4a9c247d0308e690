//! Which exact values there are of a model, what they cost, and how good estimates are beside them.

use efy_core::Result;
use efy_core::divergence::Divergence;
use efy_core::energy::Energy;
use efy_core::joint::{BaseMeasure, Enumeration, ExactMethod, Threshold, log_partition};
use efy_train::Split;
use tch::{Kind, Tensor};

use super::super::learner::EVALUATION_ROWS;
use super::super::tally::LogPartitions;

/// Terms of a row that are added up in every evaluation; more only when a training has ended.
const FEW: f64 = 16384.5;
/// Outputs that can be enumerated at all.
const MOST: f64 = 1_048_576.5;
/// Numbers that are held at once.
const HELD: i64 = 1 << 24;

/// The exact values of a model.
pub(super) struct Exact {
    base: BaseMeasure,
    divergence: Divergence,
    /// How the log-partition is computed.
    method: Option<ExactMethod>,
    /// Terms of a row, where there is a method.
    terms: f64,
    /// Numbers that enumeration holds of an output.
    width: i64,
}

impl Exact {
    /// For an energy like this one, which is evaluated at an output with `width` numbers.
    pub(super) fn new(
        base: &BaseMeasure,
        divergence: Divergence,
        energy: &dyn Energy,
        width: i64,
    ) -> Self {
        let all = base.log_count().exp();
        let method = match divergence {
            Divergence::KullbackLeibler => ExactMethod::of(base, energy),
            _ => (all < MOST).then_some(ExactMethod::Enumeration),
        };
        let terms = match method {
            Some(ExactMethod::ClosedForm) => 1.0,
            Some(ExactMethod::SubsetProgram) => (base.items() as f64).exp2(),
            _ => all,
        };
        Exact {
            base: base.clone(),
            divergence,
            method,
            terms,
            width: width.max(base.outputs()),
        }
    }

    /// Numbers that an energy holds of an output.
    pub(super) fn width(&self) -> i64 {
        self.width
    }

    /// Whether the divergence is Kullback-Leibler.
    pub(super) fn is_logistic(&self) -> bool {
        self.divergence == Divergence::KullbackLeibler
    }

    /// Whether there are exact values at all.
    pub(super) fn exists(&self) -> bool {
        self.method.is_some()
    }

    /// Whether labels are independent of each other, so that the mean output has a formula.
    pub(super) fn is_closed_form(&self) -> bool {
        self.method == Some(ExactMethod::ClosedForm)
    }

    /// Whether they are cheap enough for every evaluation.
    pub(super) fn is_cheap(&self) -> bool {
        self.exists() && self.terms < FEW
    }

    /// Whether all outputs are few enough for every evaluation.
    pub(super) fn is_small(&self) -> bool {
        self.base.log_count().exp() < FEW
    }

    /// Whether estimates are compared with exact log-partitions on a split. On the validation split, which is
    /// evaluated in every epoch, only where these are cheap; thresholds of other divergences are found by bisection.
    pub(super) fn compares_on(&self, split: Split) -> bool {
        match split {
            Split::Validation => self.is_cheap() && self.is_logistic(),
            Split::Train | Split::Test => self.exists(),
        }
    }

    /// How many rows of all outputs are held at once.
    pub(super) fn enumerated_rows(&self) -> i64 {
        let outputs = self.base.log_count().exp().min(MOST) as i64;
        (HELD / (outputs * self.width)).clamp(1, EVALUATION_ROWS)
    }

    /// The same for the exact log-partition.
    pub(super) fn rows(&self) -> i64 {
        match self.method {
            Some(ExactMethod::Enumeration) => self.enumerated_rows(),
            // The dynamic program takes rows in parts by itself.
            _ => EVALUATION_ROWS,
        }
    }

    /// All outputs.
    pub(super) fn outputs(&self, energy: &dyn Energy) -> Result<Enumeration> {
        Enumeration::of(&self.base, energy.options())
    }

    /// The log-partition, or the threshold of another divergence, `[B]`.
    pub(super) fn log_partition(&self, energy: &dyn Energy) -> Result<Tensor> {
        match self.divergence {
            Divergence::KullbackLeibler => log_partition(&self.base, energy),
            _ => Ok(self.threshold(energy)?.0.tau),
        }
    }

    fn threshold(&self, energy: &dyn Energy) -> Result<(Threshold, Tensor, Tensor)> {
        let all = self.outputs(energy)?;
        let values = energy.values(&all.outputs);
        let threshold = Threshold::solve(self.divergence, &values, &all.log_prior)?;
        Ok((threshold, values, all.log_prior.exp()))
    }

    /// The loss of each row, `[B]`: the negative log-likelihood $\mathrm{LSE} - g(y) - \log q(y)$, or for other
    /// divergences the objective at `tau`, at its minimum without.
    pub(super) fn loss(
        &self,
        energy: &dyn Energy,
        y: &Tensor,
        tau: Option<&Tensor>,
    ) -> Result<Tensor> {
        let value = energy.value(y);
        if self.is_logistic() {
            return Ok(log_partition(&self.base, energy)? - value - self.base.log_density(y));
        }
        let Some(tau) = tau else {
            return Ok(self.threshold(energy)?.0.value - value);
        };
        let all = self.outputs(energy)?;
        let excess = energy.values(&all.outputs) - tau.unsqueeze(1);
        let penalty = self
            .divergence
            .conjugate(&excess)
            .f_mv(&all.log_prior.exp())?;
        Ok(tau + penalty - value)
    }

    /// Estimates beside exact values.
    pub(super) fn compare(&self, energy: &dyn Energy, tau: &Tensor) -> Result<LogPartitions> {
        if self.is_logistic() {
            return Ok(LogPartitions {
                estimated: tau.shallow_clone(),
                exact: log_partition(&self.base, energy)?,
                mass_and_gap: None,
            });
        }
        let (threshold, values, prior) = self.threshold(energy)?;
        let excess = values - tau.unsqueeze(1);
        let mass = self.divergence.slope(&excess).f_mv(&prior)?;
        let objective = tau + self.divergence.conjugate(&excess).f_mv(&prior)?;
        Ok(LogPartitions {
            estimated: tau.shallow_clone(),
            exact: threshold.tau,
            mass_and_gap: Some([mass, objective - threshold.value]),
        })
    }

    /// $\log p(y)$ of outputs `[B, m]` for a log-partition or threshold `tau` `[B]`, `[B]`.
    pub(super) fn log_probability(&self, energy: &dyn Energy, y: &Tensor, tau: &Tensor) -> Tensor {
        let excess = energy.value(y) - tau;
        let log_ratio = match self.divergence {
            Divergence::KullbackLeibler => excess,
            divergence => divergence.slope(&excess).log(),
        };
        log_ratio + self.base.log_density(y)
    }

    /// The mean output of all rows, `[B, m]`, by enumeration.
    pub(super) fn mean(&self, energy: &dyn Energy) -> Result<Tensor> {
        let all = self.outputs(energy)?;
        let values = energy.values(&all.outputs);
        let probability = match self.divergence {
            Divergence::KullbackLeibler => (values + &all.log_prior).f_softmax(-1, None::<Kind>)?,
            divergence => Threshold::solve(divergence, &values, &all.log_prior)?.probability,
        };
        Ok(probability.f_matmul(&all.outputs)?)
    }
}
