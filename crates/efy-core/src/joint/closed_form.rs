//! The sampled objective of linear and quadratic energies in tensor operations, without autograd.

use tch::{Kind, Tensor};

use super::objective::JointGradient;
use super::samples::Samples;
use crate::divergence::Conjugate;
use crate::energy::{Coupling, Energy, Form};
use crate::shape;

/// Whether there are closed forms for an energy.
pub(super) fn applies(energy: &dyn Energy) -> bool {
    matches!(energy.form(), Form::Linear { .. } | Form::Quadratic { .. })
}

/// Sums over the samples seen so far, one part after the other, so that no more than a part is held.
pub(super) struct Moments<'a> {
    energy: &'a dyn Energy,
    coupling: Option<&'a Coupling>,
    tau: Tensor,
    conjugate: &'a Conjugate,
    /// $\sum_j f^*$, `[B]`.
    value: Tensor,
    /// $\sum_j r_j$, `[B]`.
    ratio: Tensor,
    /// $\sum_j r_j y_j$, `[B, n]`.
    outputs: Tensor,
    /// $\sum_j r_j y_j y_j^\top$ times $\frac12$ for a dense coupling, times $-A$ for one of low rank.
    pairs: Option<Tensor>,
}

impl<'a> Moments<'a> {
    /// `None` where there are no closed forms.
    pub(super) fn new(
        energy: &'a dyn Energy,
        tau: &Tensor,
        conjugate: &'a Conjugate,
    ) -> Option<Self> {
        let (u, coupling) = match energy.form() {
            Form::Linear { u } => (u, None),
            Form::Quadratic { u, coupling } => (u, Some(coupling)),
            _ => return None,
        };
        let tau = tau.detach();
        Some(Moments {
            energy,
            coupling,
            value: tau.zeros_like(),
            ratio: tau.zeros_like(),
            outputs: u.detach().zeros_like(),
            pairs: coupling.map(|coupling| coupling.tensor().detach().zeros_like()),
            tau,
            conjugate,
        })
    }

    /// Adds the terms of some samples.
    pub(super) fn add(&mut self, samples: &Samples) {
        let outputs = &samples.outputs;
        let excess = self.energy.values(outputs) - self.tau.unsqueeze(1);
        let (mut value, mut ratio) = self.conjugate.value_and_slope(&excess);
        if let Some(log_weights) = &samples.log_weights {
            let weights = log_weights.exp();
            value *= &weights;
            ratio *= weights;
        }
        self.value += shape::row_sum(&value);
        self.ratio += shape::row_sum(&ratio);
        self.outputs += if outputs.dim() == 2 {
            ratio.matmul(outputs)
        } else {
            ratio.unsqueeze(1).bmm(outputs).squeeze_dim(1)
        };
        if let (Some(coupling), Some(pairs)) = (self.coupling, &mut self.pairs) {
            *pairs += pair_moment(coupling, outputs, &ratio);
        }
    }

    /// Value and gradients, given the data and the number of samples of a row.
    pub(super) fn finish(self, target: &Tensor, samples: i64) -> JointGradient {
        let rows = target.size()[0].max(1) as f64;
        let of_sample = 1.0 / samples as f64;
        let ratio = self.ratio * of_sample;
        let each = &self.tau + self.value * of_sample - self.energy.value(target);
        let pairs = match (self.coupling, self.pairs) {
            (Some(coupling), Some(pairs)) => {
                let once = ratio.ones_like().unsqueeze(1);
                let data = pair_moment(coupling, &target.unsqueeze(1), &once);
                Some((pairs * of_sample - data) / rows)
            }
            _ => None,
        };
        JointGradient {
            mean: each.mean(None::<Kind>).detach(),
            u: (self.outputs * of_sample - target) / rows,
            coupling: pairs,
            tau: (1.0 - &ratio) / rows,
            ratio,
        }
    }
}

/// The derivative of $\sum_j r_j \frac12\langle y_j, U y_j\rangle$ in the tensor of the coupling, summed over
/// the rows that share it.
fn pair_moment(coupling: &Coupling, outputs: &Tensor, ratio: &Tensor) -> Tensor {
    let tensor = coupling.tensor();
    let (right, scale) = match coupling {
        Coupling::Dense(_) => (outputs.shallow_clone(), 0.5),
        Coupling::LowRank(_) => (outputs.matmul(tensor), -1.0),
    };
    let scaled = ratio * scale;
    if !coupling.shared() {
        let left = outputs * scaled.unsqueeze(2);
        return left.transpose(1, 2).matmul(&right);
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
