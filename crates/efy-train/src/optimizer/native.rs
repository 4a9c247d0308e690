//! Updates on slices, on the CPU: one pass over weights, gradient and moments.
//!
//! As tensor operations an update of a small network is all dispatch, and one of a large network reads
//! and writes each array several times. tch gives out no memory of a tensor but copies, so gradient and
//! weights are copied out and the weights back; moments live here and become tensors in a checkpoint only.

use efy_core::Result;
use efy_core::device::read;
use efy_core::parameters::Parameters;
use tch::Tensor;

use super::kernels::{self, Averages, Descent, Momentum, Real, real};
use super::rule::{Plan, Rule, Step};

/// Moments and buffers, `[P]` each.
#[derive(Debug)]
pub(super) struct Native<T> {
    plan: Plan,
    weights: Vec<T>,
    gradient: Vec<T>,
    moments: Vec<Vec<T>>,
    /// 1 where weight decay applies; empty when there is none.
    decays: Vec<T>,
}

/// An update on slices, in either precision.
pub(super) trait Slices: std::fmt::Debug + Send {
    /// Makes a step, unless loss or gradient are not finite: then `false`, and nothing has changed.
    fn step(
        &mut self,
        parameters: &Parameters,
        gradient: &Tensor,
        loss: &Tensor,
        step: Step,
    ) -> Result<bool>;

    /// Names and values of the moments.
    fn moments(&self) -> Result<Vec<(&'static str, Tensor)>>;

    /// Takes moments in the order of [`moments`](Self::moments).
    fn assign(&mut self, moments: &[Tensor]) -> Result<()>;
}

impl<T: Real> Native<T> {
    pub(super) fn new(plan: Plan, parameters: &Parameters) -> Result<Self> {
        let length = parameters.flat().numel();
        let zeros = || vec![T::zero(); length];
        Ok(Native {
            weights: zeros(),
            gradient: zeros(),
            moments: plan.moments().iter().map(|_| zeros()).collect(),
            decays: if plan.weight_decay > 0.0 {
                read::to_vec(parameters.decays())?
            } else {
                Vec::new()
            },
            plan,
        })
    }

    /// The pass over the slices, with `scale` on the gradient.
    fn update(&mut self, scale: f64, step: Step) {
        let Native {
            plan,
            weights,
            gradient,
            moments,
            decays,
        } = self;
        let descent = |rate| Descent {
            scale: real(scale),
            coupled: real(plan.coupled_decay()),
            decoupled: real(plan.decoupled_decay(step)),
            rate: real(rate),
        };
        match (plan.rule, moments.as_mut_slice()) {
            (Rule::Adam(adam), [first, second]) => {
                let (rate, epsilon) = adam.corrected(step);
                let averages = Averages {
                    first: real(1.0 - adam.beta1),
                    second: real(1.0 - adam.beta2),
                    epsilon: real(epsilon),
                };
                let descent = &descent(rate);
                kernels::adam(weights, gradient, first, second, decays, descent, &averages);
            }
            (Rule::Sgd { momentum, nesterov }, [velocity]) => {
                let momentum = Momentum {
                    factor: real(momentum),
                    nesterov,
                };
                let descent = &descent(step.rate);
                kernels::momentum(weights, gradient, velocity, decays, descent, &momentum);
            }
            _ => kernels::plain(weights, gradient, decays, &descent(step.rate)),
        }
    }
}

impl<T: Real> Slices for Native<T> {
    fn step(
        &mut self,
        parameters: &Parameters,
        gradient: &Tensor,
        loss: &Tensor,
        step: Step,
    ) -> Result<bool> {
        let mut value = [T::zero()];
        read::fill(loss, &mut value)?;
        read::fill(gradient, &mut self.gradient)?;
        let squared = kernels::sum_of_squares(&self.gradient);
        if !(value[0].is_finite() && squared <= T::max_value().into()) {
            return Ok(false);
        }
        let scale = self
            .plan
            .clip
            .map_or(1.0, |norm| (norm / (squared.sqrt() + 1e-6)).min(1.0));
        read::fill(parameters.flat(), &mut self.weights)?;
        self.update(scale, step);
        let updated = Tensor::f_from_slice(&self.weights)?;
        parameters.flat().shallow_clone().f_copy_(&updated)?;
        Ok(true)
    }

    fn moments(&self) -> Result<Vec<(&'static str, Tensor)>> {
        let names = self.plan.moments().iter();
        let tensor = |(&name, values): (_, &Vec<T>)| Ok((name, Tensor::f_from_slice(values)?));
        names.zip(&self.moments).map(tensor).collect()
    }

    fn assign(&mut self, moments: &[Tensor]) -> Result<()> {
        let mut slots = self.moments.iter_mut().zip(moments);
        slots.try_for_each(|(slot, tensor)| read::fill(tensor, slot))
    }
}
