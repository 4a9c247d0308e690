//! The sampled objective of networks over inputs and outputs in tensor operations, without autograd.

use tch::Tensor;

use super::closed_form::{mean_of_terms, tau_gradient, terms_and_ratio};
use super::objective::JointGradient;
use super::samples::Samples;
use crate::Result;
use crate::device::{constant, constants};
use crate::divergence::Conjugate;
use crate::energy::{Energy, OutputGradient, OutputNetwork};

/// Means over the samples seen so far, as [`Moments`](super::closed_form::Moments): units of one part of the samples are held
/// at a time, where autograd would keep those of all. The data are the first sample of the first part.
pub(super) struct NetworkMoments<'a> {
    network: &'a OutputNetwork,
    target: &'a Tensor,
    tau: Tensor,
    conjugate: &'a Conjugate,
    /// m.
    samples: i64,
    sums: Option<Sums>,
}

/// What is known after the first part.
struct Sums {
    /// The mean over the rows of $\frac1m \sum_j f^*$ less $g(y) - \tau$ of the data, a scalar.
    value: Tensor,
    /// In $\tau$, `[B]`, that of the data included.
    tau: Tensor,
    /// The gradient in all weights, that of the data included.
    gradient: OutputGradient,
}

impl<'a> NetworkMoments<'a> {
    /// For a batch with `target`, of `samples` samples a row in all; `None` where the energy is no such network.
    pub(super) fn new(
        energy: &'a dyn Energy,
        (tau, target): (&Tensor, &'a Tensor),
        conjugate: &'a Conjugate,
        samples: i64,
    ) -> Option<Self> {
        Some(NetworkMoments {
            network: energy.output_network()?,
            target,
            tau: tau.detach(),
            conjugate,
            samples,
            sums: None,
        })
    }

    /// Adds the terms of some samples.
    pub(super) fn add(&mut self, samples: &Samples) -> Result<()> {
        let rows = self.target.size()[0];
        let outputs = match samples.outputs.dim() {
            3 => samples.outputs.shallow_clone(),
            _ => (samples.outputs.f_unsqueeze(0)?).f_expand([rows, -1, -1], false)?,
        };
        let before = self.sums.take();
        let points = match &before {
            None => Tensor::f_cat(&[&self.target.f_unsqueeze(1)?, &outputs], 1)?,
            Some(_) => outputs,
        };
        let (values, units) = self.network.pass(&points)?;
        let excess = values.f_sub(&self.tau.f_unsqueeze(1)?)?;
        let with_data = before.is_none();
        let (terms, ratio) = terms_and_ratio(self.conjugate, excess, samples, with_data)?;
        let value = mean_of_terms(&terms, with_data, self.samples)?;
        let weights = match with_data {
            true => {
                let data = constant(-self.samples as f64, (ratio.kind(), ratio.device()))?;
                Tensor::f_cat(&[data.f_expand([rows, 1], false)?, ratio], 1)?
            }
            false => ratio,
        };
        let alpha = 1.0 / (rows.max(1) * self.samples) as f64;
        let tau = tau_gradient(&weights, self.samples)?;
        // The weights' sum is the derivative in the last bias.
        let minus = constants(&vec![-1.0; rows as usize], (tau.kind(), tau.device()));
        let of_last = tau.f_unsqueeze(0)?.f_mv(&minus)?;
        let scale = (alpha, of_last);
        let gradient = self.network.pull(&points, &units, &weights, scale)?;
        self.sums = Some(match before {
            None => Sums {
                value,
                tau,
                gradient,
            },
            Some(before) => Sums {
                value: before.value + value,
                tau: before.tau + tau,
                gradient: before.gradient.plus(gradient),
            },
        });
        Ok(())
    }

    /// Value and gradients; `None` before the first samples.
    pub(super) fn finish(self) -> Result<Option<JointGradient>> {
        let Some(sums) = self.sums else {
            return Ok(None);
        };
        let OutputGradient {
            input,
            first,
            layers,
        } = sums.gradient;
        let layers = layers.into_iter().flat_map(|(weight, bias)| [weight, bias]);
        Ok(Some(JointGradient {
            mean: sums.value,
            u: input,
            coupling: None,
            network: [first].into_iter().chain(layers).collect(),
            tau: sums.tau,
        }))
    }
}
