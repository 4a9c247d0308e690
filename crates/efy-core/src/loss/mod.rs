//! Losses of an energy at a target: the generalized Fenchel-Young loss and those that Blondel et al.
//! 2022 compare it with.
//!
//! | loss | $L(v, y)$ | needs |
//! |---|---|---|
//! | [`FenchelYoung`] | $\max_C (\Phi - \Omega) + \Omega(y) - \Phi(v, y)$ | argmax |
//! | [`EnergyLoss`] | $-\Phi(v, y)$ | nothing |
//! | [`Perceptron`] | $\max_C \Phi - \Phi(v, y)$ | argmax of $\Phi$ |
//! | [`Margin`] | $\max_{p \in C} (\Phi(v, p) + c(p, y)) - \Phi(v, y)$, or with $\Omega$ | cost-augmented argmax |
//! | [`LogLoss`] | $\log \sum_{y' \in \{0,1\}^k} e^{\Phi(v, y')} - \Phi(v, y)$ | all vertices |
//! | [`Contrastive`] | an estimate of that one's gradient | samples |
//! | [`InfoNce`] | $\log\sum_j e^{\Phi(v, y_j)} - \Phi(v, y)$ over y and uniform points | a box |
//! | [`LeastSquares`] | $\frac12\|u - y\|^2$, u being the scores of a linear energy | nothing |
//! | [`ThroughArgmax`] | cross-entropy or squared error of $\hat y(v)$ | the argmax and its derivative |
//!
//! Which losses the paper compares with is recalled, not read again; the formulas are the field's.

mod boltzmann;
mod bregman;
mod calibration;
mod contrastive;
mod criterion;
mod energy_loss;
mod envelope;
mod fenchel_young;
mod implicit;
mod info_nce;
mod least_squares;
mod log_loss;
mod margin;
mod perceptron;
mod sampler;
mod target;
mod through_argmax;
mod unrolled;
mod value;

pub use boltzmann::Boltzmann;
pub(crate) use boltzmann::vertices;
pub use bregman::bregman_divergence;
pub use calibration::{HammingLoss, calibration_bound};
pub use contrastive::Contrastive;
pub use criterion::Criterion;
pub use energy_loss::EnergyLoss;
pub use fenchel_young::FenchelYoung;
pub use info_nce::InfoNce;
pub use least_squares::LeastSquares;
pub use log_loss::LogLoss;
pub use margin::{Cost, Margin};
pub use perceptron::Perceptron;
pub use sampler::Sampler;
pub use through_argmax::{Differentiation, ThroughArgmax};
pub use value::{Found, LossValue, MeanGradient, MeanLoss};

use tch::{Kind, Tensor};

use crate::Result;
use crate::energy::Energy;
use crate::parallel::Part;
use crate::solver::Solution;

/// A loss of an energy at a target, and the prediction that goes with it.
///
/// Rows are independent. `target` is `[B, k]` like the energy's outputs; `start` `[B, k]`, if given, is
/// where solvers or chains start, for instance the [point](Found::point) of the last time.
pub trait Loss: Send {
    /// The name used in configurations, reports and messages.
    fn name(&self) -> &'static str;

    /// What predicts at test time: the loss's own regularizer, which [`Perceptron`] and the
    /// unregularized [`Margin`] have none of, with its domain and solver.
    fn predictor(&self) -> &FenchelYoung;

    /// The prediction at test time, the regularized argmax of the [`predictor`](Self::predictor).
    ///
    /// # Errors
    /// Those of the solver.
    fn predict(&self, energy: &dyn Energy, start: Option<&Tensor>) -> Result<Solution> {
        self.predictor().predict(energy, start)
    }

    /// The loss of each row.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when the target
    /// does not fit the energy; [`crate::Error::Unsupported`] when the loss has no method for the
    /// energy; those of the solver.
    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>>;

    /// The mean of [`loss`](Self::loss) over the batch.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    fn mean_loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<MeanLoss<Found>> {
        let LossValue { per_row, solution } = self.loss(energy, target, start)?;
        let mean = per_row.mean(None::<Kind>);
        Ok(MeanLoss { mean, solution })
    }

    /// The mean loss and its gradient in the energy's parameters, without autograd; `None`, before
    /// anything is solved, where there is no native pass for it.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    fn mean_gradient(
        &self,
        _energy: &dyn Energy,
        _target: &Tensor,
        _start: Option<&Tensor>,
    ) -> Result<Option<MeanGradient>> {
        Ok(None)
    }

    /// Says which training step comes next: what is random is a function of (seed, step). Nothing to
    /// do for most losses.
    fn set_step(&mut self, _step: u64) {}

    /// Says which rows of a batch come next, until it says otherwise; `None`: all of them. What is random is a function
    /// of the place of a row in the whole batch.
    fn set_part(&self, _part: Option<Part>) {}
}
