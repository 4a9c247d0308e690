//! Updates as tensor operations, without a read: a fixed number of launches on a GPU.
//!
//! | part of a step | launches |
//! |---|---|
//! | norm of the gradient, and whether it and the loss are finite | 4 |
//! | count of the faults; where they do not end the updates, the number of the first | 1, 3 |
//! | clipping | 3 |
//! | weight decay: in the gradient 1, beside it (AdamW) 2 | 1, 2 |
//! | Adam | 8 |
//! | momentum, Nesterov's | 5, 6 |
//! | plain descent | 3 |
//!
//! Replicas lie side by side, each with its own norm and gate, in the same launches.
//!
//! 13 for Adam, 16 with clipping. Two of them (one without moments) select the old values when something
//! was not finite; nothing else keeps bits as they are, for 0 times NaN is NaN and -0 + 0 is 0.

use efy_core::Result;
use efy_core::parameters::Parameters;
use tch::{Kind, Tensor};

use super::rule::{Adam, Plan, Rule, Step};

/// Moments, counts and constants on the device of the weights of R models (mostly one).
#[derive(Debug)]
pub(super) struct Batched {
    plan: Plan,
    /// `[n, R, P]`, replaced in each step and never written to. Undefined without moments.
    moments: Option<Tensor>,
    /// How much of a new value Adam's averages take, `[2, 1, 1]`.
    rises: Tensor,
    /// Of which powers of the gradient they are averages, `[2, 1, 1]`.
    powers: Tensor,
    /// The factor of momentum, `[]`.
    momentum: Tensor,
    /// 1 where weight decay applies, `[R, P]`, times $\lambda$.
    decays: Tensor,
    /// $10^{-6}/c$ and c, `[]`: clipping divides by $\max(1, (\|g\| + 10^{-6})/c)$.
    clip: Option<(Tensor, Tensor)>,
    /// 0; not a number after a fault that is to stay. `[R, 1]`.
    gate: Tensor,
    zero: Tensor,
    /// Views of the counts that the optimizer shows, `[R, 1]` each.
    count: Tensor,
    first: Tensor,
}

impl Batched {
    /// `faults` `[R, 2]` is kept up to date, the number of the first by [`settle`](Self::settle).
    pub(super) fn new(plan: Plan, parameters: &Parameters, faults: &Tensor) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let flat = parameters.flat();
        let device = flat.device();
        let constant = |value: f64, kind: Kind| Tensor::f_full([0; 0], value, (kind, device));
        let rises = match plan.rule {
            Rule::Adam(adam) => [1.0 - adam.beta1, 1.0 - adam.beta2],
            Rule::Sgd { .. } => [0.0; 2],
        };
        let momentum = match plan.rule {
            Rule::Sgd { momentum, .. } => momentum,
            Rule::Adam(_) => 0.0,
        };
        let rises = Tensor::f_from_slice(&rises)?
            .f_to_kind(flat.kind())?
            .f_to_device(device)?;
        let powers = Tensor::f_from_slice(&[1.0, 2.0])?
            .f_to_kind(flat.kind())?
            .f_to_device(device)?;
        let count = plan.moments().len() as i64;
        let replicas = parameters.replicas();
        let apart = |flat: &Tensor| flat.f_view([replicas, -1]);
        let clip = match plan.clip {
            Some(norm) => Some((
                constant(1e-6 / norm, flat.kind())?,
                constant(norm, flat.kind())?,
            )),
            None => None,
        };
        Ok(Batched {
            moments: match count {
                0 => None,
                _ => Some(Tensor::f_zeros(
                    [count, replicas, flat.numel() as i64 / replicas],
                    (flat.kind(), device),
                )?),
            },
            rises: rises.f_view([2, 1, 1])?,
            powers: powers.f_view([2, 1, 1])?,
            momentum: constant(momentum, flat.kind())?,
            decays: apart(parameters.decays())?.f_mul_scalar(plan.weight_decay)?,
            clip,
            gate: constant(0.0, Kind::Double)?.f_expand([replicas, 1], false)?,
            zero: constant(0.0, Kind::Double)?,
            count: faults.f_narrow(1, 0, 1)?,
            first: faults.f_narrow(1, 1, 1)?,
            plan,
        })
    }

    /// Makes a step, unless loss or gradient are not finite.
    pub(super) fn step(
        &mut self,
        parameters: &Parameters,
        gradient: Tensor,
        loss: &Tensor,
        step: Step,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let apart = [parameters.replicas(), -1];
        let weights = &parameters.flat().f_view(apart)?;
        let gradient = gradient.f_view(apart)?;
        let norm = gradient.f_norm_scalaropt_dim(2.0, [1_i64].as_slice(), true)?;
        let closed = self.look(&norm, loss, step.number)?;
        let mut gradient = match &self.clip {
            Some((epsilon, largest)) => {
                let ratio = epsilon.f_addcdiv(&norm, largest)?;
                gradient.f_div(&ratio.f_clamp_min(1.0)?)?
            }
            None => gradient,
        };
        if self.plan.coupled_decay() > 0.0 {
            gradient = gradient.f_addcmul(weights, &self.decays)?;
        }
        let updated = match (self.plan.rule, self.moments.take()) {
            (Rule::Adam(adam), Some(old)) => {
                let new = self.averaged(&old, &gradient)?;
                let moments = self.moments.insert(old.f_where_self(&closed, &new)?);
                let base = match self.plan.decoupled_decay(step) > 0.0 {
                    true => weights.f_addcmul(weights, &self.decays.f_mul_scalar(-step.rate)?)?,
                    false => weights.shallow_clone(),
                };
                adam_step(adam, &base, moments, step)?
            }
            (Rule::Sgd { nesterov, .. }, Some(old)) => {
                let velocity = gradient.f_addcmul(&old.f_get(0)?, &self.momentum)?;
                let new = velocity.f_unsqueeze(0)?;
                self.moments = Some(old.f_where_self(&closed, &new)?);
                let direction = match nesterov {
                    true => gradient.f_addcmul(&velocity, &self.momentum)?,
                    false => velocity,
                };
                weights.f_add(&direction.f_mul_scalar(-step.rate)?)?
            }
            (_, None) => weights.f_add(&gradient.f_mul_scalar(-step.rate)?)?,
        };
        let _ = weights.f_where_self_out(weights, &closed, &updated)?;
        Ok(())
    }

    /// Counts a step without a gradient whose loss is not finite.
    pub(super) fn watch(&mut self, loss: &Tensor, number: u64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let _ = self.look(&loss.detach().f_reshape([-1, 1])?, loss, number)?;
        Ok(())
    }

    /// Whether there is to be no update, `[R, 1]` of bool, and counts it.
    fn look(&mut self, norm: &Tensor, loss: &Tensor, number: u64) -> Result<Tensor> {
        // The sum is finite when both are, for a norm is far below the largest number; 0 times it is 0
        // then and else not a number.
        let sum = norm.f_add(&loss.detach().f_reshape([-1, 1])?)?;
        let gate = self.gate.f_addcmul(&sum, &self.zero)?;
        let closed = gate.f_ne(0.0)?;
        match self.plan.sticky {
            true => self.gate = gate,
            // 1 > 0 once: from then on the number of the first fault is 1 or more.
            false => {
                let first = closed.f_gt_tensor(&self.first)?;
                let _ = self.first.f_masked_fill_(&first, number as f64)?;
            }
        }
        let _ = self.count.f_add_(&closed)?;
        Ok(closed)
    }

    /// Brings the number of the first fault up to date after so many steps: where a fault ends the updates, all
    /// steps after it count.
    pub(super) fn settle(&self, steps: u64) -> Result<()> {
        if self.plan.sticky {
            let first = self.count.f_neg()?.f_add_scalar((steps + 1) as f64)?;
            self.first
                .shallow_clone()
                .f_copy_(&first.f_mul(&self.count.f_gt(0.0)?)?)?;
        }
        Ok(())
    }

    /// Both averages with the gradient taken in.
    fn averaged(&self, moments: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let values = gradient.f_unsqueeze(0)?.f_pow(&self.powers)?;
        Ok(moments.f_lerp_tensor(&values, &self.rises)?)
    }

    /// Names and values of the moments.
    pub(super) fn moments(&self) -> Result<Vec<(&'static str, Tensor)>> {
        let Some(moments) = &self.moments else {
            return Ok(Vec::new());
        };
        let names = self.plan.moments().iter().zip(0..);
        names
            .map(|(&name, row)| Ok((name, moments.f_get(row)?.f_view([-1])?)))
            .collect()
    }

    /// Takes moments in the order of [`moments`](Self::moments), and the faults that there have been.
    pub(super) fn assign(&mut self, moments: &[Tensor], faults: &Tensor) -> Result<()> {
        if let Some(own) = &self.moments {
            let stacked = Tensor::f_stack(moments, 0)?;
            self.moments = Some(stacked.f_view(own.size().as_slice())?);
        }
        let faults = faults.f_narrow(1, 0, 1)?;
        let gate = faults.f_zeros_like()?;
        self.gate = match self.plan.sticky {
            true => gate.f_masked_fill(&faults.f_gt(0.0)?, f64::NAN)?,
            false => gate,
        };
        Ok(())
    }
}

/// $w - \eta\, m / (\sqrt v + \epsilon)$ with the corrections of bias in $\eta$ and $\epsilon$.
fn adam_step(adam: Adam, base: &Tensor, moments: &Tensor, step: Step) -> Result<Tensor> {
    let (rate, epsilon) = adam.corrected(step);
    let denominator = moments.f_get(1)?.f_sqrt()?.f_add_scalar(epsilon)?;
    let numerator = moments.f_get(0)?.f_mul_scalar(-rate)?;
    Ok(base.f_addcdiv(&numerator, &denominator)?)
}
