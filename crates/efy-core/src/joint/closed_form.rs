//! The sampled objective of linear and quadratic energies in tensor operations, without autograd.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::objective::JointGradient;
use super::samples::Samples;
use crate::device::{constant, constants};
use crate::divergence::Conjugate;
use crate::energy::{Coupling, Energy, Form, by_row};
use crate::{Result, shape};

/// Whether there are closed forms for an energy.
pub(super) fn applies(energy: &dyn Energy) -> bool {
    matches!(energy.form(), Form::Linear { .. } | Form::Quadratic { .. })
        || energy.output_network().is_some()
}

/// Means over the samples seen so far, one part after the other, so that no more than a part is held.
///
/// Launches are few: where rows have samples of their own, the data are one of them, of weight -m, and what is computed of all
/// points is computed of the data on the way.
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
    /// The mean over the rows of $\frac1m \sum_j f^*$ less $g(y) - \tau$ of the data, a scalar.
    value: Tensor,
    /// In $\tau$, `[B]`, that of the data included.
    tau: Tensor,
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
        let before = self.sums.take();
        let own = samples.outputs.dim() == 3;
        // Samples that rows share have no room for the data of each.
        let with_data = own && before.is_none();
        let points = match with_data {
            true => &Tensor::f_cat(&[&self.target.unsqueeze(1), &samples.outputs], 1)?,
            false => &samples.outputs,
        };
        let (excess, product) = self.excess(points)?;
        let data = match with_data {
            false if before.is_none() => Some(self.energy.value(self.target) - &self.tau),
            _ => None,
        };
        let (terms, ratio) = terms_and_ratio(self.conjugate, excess, samples, with_data)?;
        let value = mean_of_terms(&terms, with_data, self.samples)?;
        let rows = self.rows();
        let weights = match with_data {
            true => {
                let options = (ratio.kind(), ratio.device());
                let data = constant(-self.samples as f64, options)?;
                let data = data.f_expand([self.target.size()[0], 1], false)?;
                Tensor::f_cat(&[data, ratio], 1)?
            }
            false => ratio,
        };
        let alpha = 1.0 / (rows * self.samples as f64);
        let tau = match with_data || before.is_some() {
            true => tau_gradient(&weights, self.samples)?,
            false => tau_gradient_with_data(&weights, self.samples)?,
        };
        let (u, beta) = match &before {
            Some(sums) => (&sums.u, 1.0),
            None if with_data => (self.target, 0.0),
            None => (self.target, -1.0 / rows),
        };
        // Samples of their own are a product for each row, shared ones a single product.
        let dim = if own { 1 } else { 0 };
        let (u, by_row) = (u.f_unsqueeze(dim)?, weights.f_unsqueeze(dim)?);
        let matrices = match own {
            true => points.shallow_clone(),
            false => points.f_unsqueeze(0)?,
        };
        let u = u.f_baddbmm(&by_row, &matrices, beta, alpha)?;
        let u = u.f_view(self.target.size().as_slice())?;
        let pairs = match self.coupling {
            Some(coupling) => Some(pair_moment(
                coupling,
                (points, product.as_ref()),
                (&weights, alpha),
            )?),
            None => None,
        };
        self.sums = Some(match before {
            None => Sums {
                value: match data {
                    Some(data) => value - data.f_mean(None::<Kind>)?,
                    None => value,
                },
                tau,
                u,
                pairs: self.with_data(pairs, with_data)?,
            },
            Some(before) => Sums {
                value: before.value + value,
                tau: before.tau + tau,
                u,
                pairs: before
                    .pairs
                    .zip(pairs)
                    .map(|(before, pairs)| before + pairs),
            },
        });
        Ok(())
    }

    /// Takes the term of the data into the gradient in a coupling, unless it is there.
    fn with_data(&self, pairs: Option<Tensor>, there: bool) -> Result<Option<Tensor>> {
        let (Some(coupling), Some(pairs), false) = (self.coupling, &pairs, there) else {
            return Ok(pairs);
        };
        let points = self.target.f_unsqueeze(1)?;
        let options = (points.kind(), points.device());
        let once = constant(1.0, options)?.f_expand([self.target.size()[0], 1], false)?;
        let of_data = pair_moment(coupling, (&points, None), (&once, -1.0 / self.rows()))?;
        Ok(Some(pairs + of_data))
    }

    /// $g_{ij} - \tau_i$, `[B, m]`, and $Y A$ where it was on the way.
    fn excess(&self, points: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let _guard = tch::no_grad_guard();
        let tau = self.tau.f_unsqueeze(1)?;
        let (u, coupling) = match self.energy.form() {
            Form::Linear { u } if points.dim() == 3 => {
                let each = tau.f_unsqueeze(2)?;
                let excess = each.f_baddbmm(points, &u.f_unsqueeze(2)?, -1, 1)?;
                return Ok((excess.f_squeeze_dim(2)?, None));
            }
            Form::Linear { u } => {
                let all = points.tr().f_unsqueeze(0)?;
                let excess = tau
                    .f_unsqueeze(0)?
                    .f_baddbmm(&u.f_unsqueeze(0)?, &all, -1, 1)?;
                return Ok((excess.f_squeeze_dim(0)?, None));
            }
            Form::Quadratic { u, coupling } if points.dim() == 3 => (u, coupling),
            _ => return Ok((self.energy.values(points) - tau, None)),
        };
        let matrix = by_row(coupling.tensor(), u.size()[0]);
        if let Coupling::Dense(_) = coupling {
            let by_row = matrix.f_expand([u.size()[0], -1, -1], false)?;
            let slope = u.f_unsqueeze(1)?.f_baddbmm(points, &by_row, 1.0, 0.5)?;
            return Ok((shape::dot(&slope, points) - tau, None));
        }
        let product = points.f_matmul(&matrix)?;
        let each = tau.f_unsqueeze(2)?;
        let linear = each.f_baddbmm(points, &u.f_unsqueeze(2)?, -1, 1)?;
        // In place: what is added to is not copied first.
        let rank = product.size()[2];
        let halves = constants(
            &vec![-0.5; rank as usize],
            (product.kind(), product.device()),
        );
        let squares = product.f_square()?.f_view([-1, rank])?;
        let _ = linear.f_view([-1])?.f_addmv_(&squares, &halves)?;
        Ok((linear.f_squeeze_dim(2)?, Some(product)))
    }

    fn rows(&self) -> f64 {
        self.target.size()[0].max(1) as f64
    }

    /// Value and gradients; `None` before the first samples.
    pub(super) fn finish(self) -> Result<Option<JointGradient>> {
        let Some(sums) = self.sums else {
            return Ok(None);
        };
        let Sums {
            value,
            tau,
            u,
            pairs,
        } = sums;
        Ok(Some(JointGradient {
            mean: value,
            u,
            coupling: pairs,
            network: Vec::new(),
            tau,
        }))
    }
}

/// $f^*$ written over the excesses of the samples, and the weights $r = f^{*\prime}$, `[B, m]`, both times what makes up
/// for a proposal. Where the data are before the samples, theirs stays, `[B, 1 + m]`.
pub(super) fn terms_and_ratio(
    conjugate: &Conjugate,
    excess: Tensor,
    samples: &Samples,
    with_data: bool,
) -> Result<(Tensor, Tensor)> {
    let mut of_samples = match with_data {
        true => excess.f_narrow(1, 1, samples.count())?,
        false => excess.shallow_clone(),
    };
    let mut ratio = conjugate.replace(&mut of_samples)?;
    if let Some(log_weights) = &samples.log_weights {
        let weights = log_weights.f_exp()?;
        let _ = of_samples.f_mul_(&weights)?;
        let _ = ratio.f_mul_(&weights)?;
    }
    Ok((excess, ratio))
}

/// The mean over the rows of $\frac1m \sum_j f^*_j$ less the data's term, where it is the first of each row.
///
/// A single product where an operator is a launch; on the CPU row by row, so that threads do not decide how it is rounded.
pub(super) fn mean_of_terms(terms: &Tensor, with_data: bool, samples: i64) -> Result<Tensor> {
    if terms.device() == Device::Cpu {
        let weights = term_weights((1, terms), with_data, samples)?;
        return Ok(shape::row_sum(&terms.f_mul(&weights)?).f_mean(None::<Kind>)?);
    }
    let weights = term_weights((terms.size()[0], terms), with_data, samples)?;
    Ok(terms.f_reshape([-1])?.f_dot(&weights.f_view([-1])?)?)
}

/// What the terms of so many rows are weighted with, `[rows, columns]`, kept for the next step.
fn term_weights((rows, like): (i64, &Tensor), with_data: bool, samples: i64) -> Result<Tensor> {
    type Key = (i64, i64, bool, i64, Kind, Device);
    thread_local! {
        static KNOWN: RefCell<Vec<(Key, Tensor)>> = const { RefCell::new(Vec::new()) };
    }
    let (columns, kind, device) = (like.size()[1], like.kind(), like.device());
    let key = (rows, columns, with_data, samples, kind, device);
    KNOWN.with_borrow_mut(|known| {
        if let Some((_, weights)) = known.iter().find(|(other, _)| *other == key) {
            return Ok(weights.shallow_clone());
        }
        let each = 1.0 / rows.max(1) as f64;
        let weights = Tensor::f_full([rows, columns], each / samples as f64, (kind, device))?;
        if with_data {
            let _ = weights.f_narrow(1, 0, 1)?.f_fill_(-each)?;
        }
        // The sizes of a run are few: whole batches, the last one, their parts.
        if known.len() == 8 {
            let _ = known.remove(0);
        }
        known.push((key, weights.shallow_clone()));
        Ok(weights)
    })
}

/// The share of samples in the gradient in $\tau$, $-\frac1{Bm} \sum_j w_j$ for their weights `[B, ..]`: `[B]`.
///
/// Scaled after the sum, so that weights which cancel leave nothing, of which Adam would make a step.
pub(super) fn tau_gradient(weights: &Tensor, samples: i64) -> Result<Tensor> {
    let rows = weights.size()[0];
    let scale = -1.0 / (rows.max(1) * samples) as f64;
    if weights.device() == Device::Cpu {
        return Ok(shape::row_sum(weights) * scale);
    }
    let ones = term_weights((1, weights), false, 1)?.f_unsqueeze(2)?;
    // Zero times what it begins with, but for the shape.
    let like = ones.f_narrow(1, 0, 1)?.f_expand([1, rows, 1], false)?;
    let sums = like.f_baddbmm(&weights.f_unsqueeze(0)?, &ones, 0.0, scale)?;
    Ok(sums.f_view([rows])?)
}

/// $\frac1B (1 - \frac1m \sum_j r_j)$ of ratios `[B, ..]`, some of all `samples`: `[B]`. Ratios of 1 leave nothing, as above.
fn tau_gradient_with_data(ratio: &Tensor, samples: i64) -> Result<Tensor> {
    let (rows, count) = (ratio.size()[0].max(1), ratio.size()[1]);
    let mean = ratio.f_mean_dim([1_i64].as_slice(), false, None)?;
    let options = (ratio.kind(), ratio.device());
    let share = count as f64 / samples as f64;
    let (all, each) = (
        constant(1.0 / rows as f64, options)?,
        constant(-share / rows as f64, options)?,
    );
    Ok(all.f_addcmul(&mean, &each)?)
}

/// The derivative of $\alpha \sum_j w_j \frac12\langle y_j, U y_j\rangle$ in the tensor of the coupling, summed over the rows
/// that share it, for points `[B, m, k]` or `[m, k]`, $Y A$ where it is known, and weights `[B, m]`.
fn pair_moment(
    coupling: &Coupling,
    (points, product): (&Tensor, Option<&Tensor>),
    (weights, alpha): (&Tensor, f64),
) -> Result<Tensor> {
    let held = coupling.tensor();
    let rows = weights.size()[0];
    let (right, alpha) = match (coupling, product) {
        (Coupling::Dense(_), _) => (points.shallow_clone(), 0.5 * alpha),
        (Coupling::LowRank(_), Some(product)) => (product.shallow_clone(), -alpha),
        (Coupling::LowRank(_), None) => (points.f_matmul(&by_row(held, rows))?, -alpha),
    };
    if !coupling.shared() {
        let left = points.f_mul(&weights.f_unsqueeze(2)?)?.f_transpose(1, 2)?;
        let size = held.size();
        if size[0] == rows && right.dim() == 3 {
            return Ok(held.f_baddbmm(&left, &right, 0.0, alpha)?);
        }
        // Blocks of rows with the same matrix.
        let each = left.f_matmul(&right)?.f_mul_scalar(alpha)?;
        return Ok(each
            .f_reshape([size[0], rows / size[0].max(1), size[1], size[2]])?
            .f_sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>)?);
    }
    let flat = |t: &Tensor| t.f_reshape([-1, t.size()[t.dim() - 1]]);
    let left = if points.dim() == 2 {
        let over_rows = weights.f_sum_dim_intlist([0_i64].as_slice(), false, None::<Kind>)?;
        points.f_mul(&over_rows.f_unsqueeze(1)?)?
    } else {
        points.f_mul(&weights.f_unsqueeze(2)?)?
    };
    let (left, right) = (
        flat(&left)?.f_tr()?.f_unsqueeze(0)?,
        flat(&right)?.f_unsqueeze(0)?,
    );
    let product = held.f_unsqueeze(0)?.f_baddbmm(&left, &right, 0.0, alpha)?;
    Ok(product.f_squeeze_dim(0)?)
}
