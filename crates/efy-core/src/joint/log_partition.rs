//! Exact log-partition functions $\log \sum_y q(y) e^{g(y)}$.

use tch::{Kind, Tensor};

use super::base_measure::{BaseMeasure, Space};
use super::enumeration::{Enumeration, MOST_PERMUTED_ITEMS, MOST_SET_ITEMS};
use super::subset_program::{self, log_permanent_over_factorial};
use crate::device::constants;
use crate::divergence::Divergence;
use crate::energy::{Energy, Form};
use crate::regularizer::softplus;
use crate::{Error, Result, shape};

use super::threshold::Threshold;

/// How an exact log-partition is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExactMethod {
    /// Linear couplings over all sets: a sum of k softplus terms.
    ClosedForm,
    /// Linear couplings over permutations of up to 16 items.
    SubsetProgram,
    /// Any coupling over sets of up to 20 items and permutations of up to 9.
    Enumeration,
}

impl ExactMethod {
    /// The cheapest method for a model; `None` where there is none.
    pub fn of(base: &BaseMeasure, energy: &dyn Energy) -> Option<Self> {
        let k = base.items();
        let linear = matches!(energy.form(), Form::Linear { .. });
        match base.space() {
            Space::UniformSets | Space::BernoulliSets { .. } if linear => {
                Some(ExactMethod::ClosedForm)
            }
            Space::Permutahedron { .. } | Space::Birkhoff => match linear {
                true if k <= subset_program::MOST_ITEMS => Some(ExactMethod::SubsetProgram),
                false if k <= MOST_PERMUTED_ITEMS => Some(ExactMethod::Enumeration),
                _ => None,
            },
            _ if k <= MOST_SET_ITEMS => Some(ExactMethod::Enumeration),
            _ => None,
        }
    }
}

/// $\log \sum_y q(y) e^{g(x, y)}$ of every row, `[B]`, with the graph to the energy's parameters: closed
/// forms where there are some, dynamic programming or enumeration else ([`ExactMethod`]).
///
/// The closed form over sets is $\sum_j \log(1 - \pi_j + \pi_j e^{u_j})$, for the uniform prior
/// $\sum_j \log\frac{1 + e^{u_j}}{2}$. Enumeration holds one number for every output and row.
///
/// # Errors
/// [`Error::Shape`] when the energy is over other outputs; [`Error::Unsupported`] where there is no exact
/// method.
pub fn log_partition(base: &BaseMeasure, energy: &dyn Energy) -> Result<Tensor> {
    base.check(energy.size().1)?;
    match (ExactMethod::of(base, energy), energy.form()) {
        (Some(ExactMethod::ClosedForm), Form::Linear { u }) => {
            Ok(match base.logits(energy.options()) {
                Some(logits) => shape::row_sum(&(softplus(&(u + &logits)) - softplus(&logits))),
                None => shape::row_sum(&softplus(u)) - base.log_count(),
            })
        }
        (Some(ExactMethod::SubsetProgram), Form::Linear { u }) => {
            log_permanent_over_factorial(&permutation_scores(base, u)?)
        }
        (Some(_), _) => {
            let all = Enumeration::of(base, energy.options())?;
            let values = energy.values(&all.outputs);
            Ok((values + all.log_prior).f_logsumexp([1_i64], false)?)
        }
        (None, _) => Err(unsupported(base)),
    }
}

/// The exact threshold of a model for any divergence, by enumeration.
///
/// # Errors
/// As [`log_partition`].
pub fn threshold(
    base: &BaseMeasure,
    divergence: Divergence,
    energy: &dyn Energy,
) -> Result<Threshold> {
    base.check(energy.size().1)?;
    let all = Enumeration::of(base, energy.options())?;
    Threshold::solve(divergence, &energy.values(&all.outputs), &all.log_prior)
}

/// $\Theta$ `[B, k, k]`, item by rank, of a linear coupling's scores.
fn permutation_scores(base: &BaseMeasure, u: &Tensor) -> Result<Tensor> {
    let (rows, k) = (u.size()[0], base.items());
    match base.space() {
        Space::Permutahedron { positions } => {
            Ok(u.unsqueeze(2) * constants(positions, (u.kind(), u.device())))
        }
        _ => Ok(u.f_view([rows, k, k])?),
    }
}

fn unsupported(base: &BaseMeasure) -> Error {
    Error::Unsupported {
        solver: "the exact log-partition",
        problem: format!("this coupling over {} items", base.items()),
        hint: "use the sampled objective",
    }
}

/// $J - (\mathbb E\,\mathrm{LSE}_g - \mathbb E g) = e^\delta - 1 - \delta$ with
/// $\delta = \mathrm{LSE}_g - \tau$, `[B]`: what a wrong log-partition costs under Kullback-Leibler. It is
/// about $\delta^2/2$ near 0, exponential where $\tau$ is too low and linear where it is too high.
pub fn objective_gap(log_partition: &Tensor, tau: &Tensor) -> Tensor {
    let delta = log_partition - tau;
    delta.expm1() - delta
}

/// $\mathbb E_q[e^{g - \tau}] = e^{\mathrm{LSE}_g - \tau}$, `[B]`: 1 when $\tau$ normalizes the model.
pub fn normalization(log_partition: &Tensor, tau: &Tensor) -> Tensor {
    (log_partition - tau).exp()
}

/// $\mathbb E_{p_g} y$ `[B, n]` of a linear coupling: the gradient of [`log_partition`] in its scores.
///
/// # Errors
/// As [`log_partition`], and [`Error::Unsupported`] for an energy that is not linear.
pub fn mean_output(base: &BaseMeasure, energy: &dyn Energy) -> Result<Tensor> {
    let Form::Linear { u } = energy.form() else {
        return Err(Error::Unsupported {
            solver: "the mean output",
            problem: "an energy that is not linear".to_owned(),
            hint: "use a linear coupling",
        });
    };
    let u = u.detach().set_requires_grad(true);
    let linear = crate::energy::Linear::new(u.shallow_clone())?;
    let total = log_partition(base, &linear)?.sum(None::<Kind>);
    let gradients = Tensor::f_run_backward(&[total], &[u], false, false)?;
    gradients
        .into_iter()
        .next()
        .ok_or_else(|| unsupported(base))
}
