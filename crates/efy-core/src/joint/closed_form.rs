//! The sampled objective of linear and quadratic energies in tensor operations, without autograd.

use tch::{Kind, Tensor};

use super::objective::JointGradient;
use super::samples::Samples;
use crate::Result;
use crate::divergence::Conjugate;
use crate::energy::{Coupling, Energy, Form, by_row};

/// Whether there are closed forms for an energy.
pub(super) fn applies(energy: &dyn Energy) -> bool {
    matches!(energy.form(), Form::Linear { .. } | Form::Quadratic { .. })
}

/// Means over the samples seen so far, one part after the other, so that no more than a part is held.
///
/// Launches are few: a product and what is added to it are one, and nothing is made to be added to.
pub(super) struct Moments<'a> {
    energy: &'a dyn Energy,
    coupling: Option<&'a Coupling>,
    target: &'a Tensor,
    tau: Tensor,
    conjugate: &'a Conjugate,
    /// m.
    samples: i64,
    sums: Option<Sums>,
}

/// What is known after the first part.
struct Sums {
    /// $\frac1m \sum_j f^*$, `[B]`.
    value: Tensor,
    /// $\frac1m \sum_j r_j$, `[B]`.
    ratio: Tensor,
    /// The gradient in u, `[B, n]`, that of the data included.
    u: Tensor,
    /// The same in the tensor of a coupling.
    pairs: Option<Tensor>,
}

impl<'a> Moments<'a> {
    /// For a batch with `target`, of `samples` samples a row in all; `None` where there are no closed forms.
    pub(super) fn new(
        energy: &'a dyn Energy,
        (tau, target): (&Tensor, &'a Tensor),
        conjugate: &'a Conjugate,
        samples: i64,
    ) -> Option<Self> {
        let coupling = match energy.form() {
            Form::Linear { .. } => None,
            Form::Quadratic { coupling, .. } => Some(coupling),
            _ => return None,
        };
        Some(Moments {
            energy,
            coupling,
            target,
            tau: tau.detach(),
            conjugate,
            samples,
            sums: None,
        })
    }

    /// Adds the terms of some samples.
    pub(super) fn add(&mut self, samples: &Samples) -> Result<()> {
        let outputs = &samples.outputs;
        let (mut value, mut ratio) = self.conjugate.value_and_slope(&self.excess(outputs)?);
        if let Some(log_weights) = &samples.log_weights {
            let weights = log_weights.exp();
            value *= &weights;
            ratio *= weights;
        }
        let share = samples.count() as f64 / self.samples as f64;
        let mean = |t: &Tensor| -> Result<Tensor> {
            let mean = t.f_mean_dim([1_i64].as_slice(), false, None)?;
            Ok(if share == 1.0 { mean } else { mean * share })
        };
        let (value, mean_ratio) = (mean(&value)?, mean(&ratio)?);
        let rows = self.rows();
        let before = self.sums.take();
        let (u, beta) = match &before {
            Some(sums) => (&sums.u, 1.0),
            None => (self.target, -1.0 / rows),
        };
        let alpha = 1.0 / (rows * self.samples as f64);
        // Samples of their own are a product for each row, shared ones a single product.
        let own = outputs.dim() == 3;
        let (u, weights) = match own {
            true => (u.f_unsqueeze(1)?, ratio.f_unsqueeze(1)?),
            false => (u.f_unsqueeze(0)?, ratio.f_unsqueeze(0)?),
        };
        let points = if own {
            outputs
        } else {
            &outputs.f_unsqueeze(0)?
        };
        let u = u.f_baddbmm(&weights, points, beta, alpha)?;
        let u = u.f_view(self.target.size().as_slice())?;
        let pairs = self
            .coupling
            .map(|coupling| pair_moment(coupling, outputs, &(ratio * alpha)));
        self.sums = Some(match before {
            None => Sums {
                value,
                ratio: mean_ratio,
                u,
                pairs,
            },
            Some(before) => Sums {
                value: before.value + value,
                ratio: before.ratio + mean_ratio,
                u,
                pairs: before
                    .pairs
                    .zip(pairs)
                    .map(|(before, pairs)| before + pairs),
            },
        });
        Ok(())
    }

    /// $g_{ij} - \tau_i$, `[B, m]`.
    fn excess(&self, outputs: &Tensor) -> Result<Tensor> {
        let tau = self.tau.f_unsqueeze(1)?;
        let Form::Linear { u } = self.energy.form() else {
            return Ok(self.energy.values(outputs) - tau);
        };
        let u = u.detach();
        Ok(if outputs.dim() == 3 {
            let each = tau.f_unsqueeze(2)?;
            each.f_baddbmm(outputs, &u.f_unsqueeze(2)?, -1, 1)?
                .f_squeeze_dim(2)?
        } else {
            let all = outputs.tr().f_unsqueeze(0)?;
            tau.f_unsqueeze(0)?
                .f_baddbmm(&u.f_unsqueeze(0)?, &all, -1, 1)?
                .f_squeeze_dim(0)?
        })
    }

    fn rows(&self) -> f64 {
        self.target.size()[0].max(1) as f64
    }

    /// Value and gradients; `None` before the first samples.
    pub(super) fn finish(self) -> Option<JointGradient> {
        let rows = self.rows();
        let Sums {
            value,
            ratio,
            u,
            pairs,
        } = self.sums?;
        let each = value + &self.tau - self.energy.value(self.target);
        let pairs = match (self.coupling, pairs) {
            (Some(coupling), Some(pairs)) => {
                let once = Tensor::full([1, 1], 1.0 / rows, (ratio.kind(), ratio.device()));
                let once = once.expand([self.target.size()[0], 1], false);
                Some(pairs - pair_moment(coupling, &self.target.unsqueeze(1), &once))
            }
            _ => None,
        };
        Some(JointGradient {
            mean: each.mean(None::<Kind>).detach(),
            u,
            coupling: pairs,
            tau: &ratio * (-1.0 / rows) + 1.0 / rows,
            ratio,
        })
    }
}

/// The derivative of $\sum_j r_j \frac12\langle y_j, U y_j\rangle$ in the tensor of the coupling, summed over
/// the rows that share it.
fn pair_moment(coupling: &Coupling, outputs: &Tensor, ratio: &Tensor) -> Tensor {
    let held = coupling.tensor();
    let rows = ratio.size()[0];
    let tensor = &by_row(held, rows);
    let (right, scale) = match coupling {
        Coupling::Dense(_) => (outputs.shallow_clone(), 0.5),
        Coupling::LowRank(_) => (outputs.matmul(tensor), -1.0),
    };
    let scaled = ratio * scale;
    if !coupling.shared() {
        let left = outputs * scaled.unsqueeze(2);
        let each = left.transpose(1, 2).matmul(&right);
        let size = held.size();
        // Blocks of rows with the same matrix.
        return each
            .reshape([size[0], rows / size[0].max(1), size[1], size[2]])
            .sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>);
    }
    let flat = |t: &Tensor| t.reshape([-1, t.size()[t.dim() - 1]]);
    let left = if outputs.dim() == 2 {
        let over_rows = scaled.sum_dim_intlist([0_i64].as_slice(), false, None::<Kind>);
        outputs * over_rows.unsqueeze(1)
    } else {
        outputs * scaled.unsqueeze(2)
    };
    flat(&left).tr().matmul(&flat(&right))
}
