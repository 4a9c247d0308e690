//! Steps of neurons and weights against a criterion.

use tch::Tensor;

use super::Rates;
use crate::score::Criterion;
use crate::shallow::{Shallow, normalized};
use crate::shape::dot;
use crate::{Error, Result};

/// Rates of a [`Descent`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DescentSettings {
    /// $h_\theta$; 0 for lazy training.
    pub neuron_step: f64,
    /// $h_w$.
    pub weight_step: f64,
    /// The largest mean weight.
    pub cap: Option<f64>,
}

/// Gradient descent on a [`Criterion`] J in the geometry of [`Gda`](super::Gda), so that baselines differ from it in nothing but J:
/// with $\delta_j = m\,\partial J/\partial w_j$ in place of $c_j V_j$ and $m/w_j\,\partial J/\partial\theta_j$ in place of $D_j$,
///
/// ```text
/// θ_j ← normalize(θ_j - h_θ (D_j - ⟨θ_j, D_j⟩ θ_j)),   w_j ← w_j exp(-h_w δ_j),   w ← w min(1, cap/mean(w))
/// ```
///
/// ```
/// use efy_core::flow::{Descent, DescentSettings};
/// use efy_core::score::KernelStein;
/// use efy_core::shallow::{Activation, Shallow, Space};
/// use tch::{Device, Kind};
/// let place = (Kind::Double, Device::Cpu);
/// let data = Shallow::random(Space::Sphere, Activation::RELU, 3, &[1.0; 50], 1, place)?.neurons().copy();
/// let student = Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 8], 0, place)?;
/// let settings = DescentSettings { neuron_step: 0.1, weight_step: 0.1, cap: Some(10.0) };
/// let mut descent = Descent::new(&student, &data, KernelStein { beta: 1.0 }, settings)?;
/// let loss = descent.step()?;
/// assert!(loss.size().is_empty());
/// # Ok::<(), efy_core::Error>(())
/// ```
pub struct Descent<C> {
    network: Shallow,
    data: Tensor,
    criterion: C,
    rates: Rates,
    steps: u64,
}

impl<C: Criterion> Descent<C> {
    /// From a network and data `[n, d]`.
    ///
    /// # Errors
    /// Data that do not fit the network; rates that are negative or not finite.
    pub fn new(
        network: &Shallow,
        data: &Tensor,
        criterion: C,
        settings: DescentSettings,
    ) -> Result<Self> {
        network
            .space()
            .check("data", data, network.dimension(), network.place())?;
        for (name, value) in [
            ("descent.neuron_step", settings.neuron_step),
            ("descent.weight_step", settings.weight_step),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::Parameter {
                    name,
                    expected: "a number of at least 0",
                    found: value.to_string(),
                });
            }
        }
        if let Some(cap) = settings.cap {
            crate::error::positive("descent.cap", cap)?;
        }
        Ok(Descent {
            network: network.detached().copy(),
            data: data.detach(),
            criterion,
            rates: Rates {
                neurons: settings.neuron_step,
                weights: settings.weight_step,
                cap: settings.cap,
            },
            steps: 0,
        })
    }

    /// Makes a step; returns the criterion before it, a scalar on the device.
    ///
    /// # Errors
    /// What the criterion reports.
    pub fn step(&mut self) -> Result<Tensor> {
        let neurons = self.network.neurons().copy().set_requires_grad(true);
        let weights = self.network.weights().copy().set_requires_grad(true);
        let leaf = self
            .network
            .with(neurons.shallow_clone(), weights.shallow_clone());
        let loss = self.criterion.loss(&leaf, &self.data, self.steps)?;
        let gradients = Tensor::f_run_backward(&[&loss], &[&neurons, &weights], false, false)?;
        let _guard = tch::no_grad_guard();
        let width = self.network.width() as f64;
        let (theta, w) = (self.network.neurons(), self.network.weights());
        let mut moved = w * (&gradients[1] * (-width * self.rates.weights)).exp();
        if let Some(cap) = self.rates.cap {
            moved *= (moved.mean(None).reciprocal() * cap).clamp_max(1.0);
        }
        let turned = match self.rates.neurons {
            0.0 => theta.shallow_clone(),
            rate => {
                // A weight that underflowed has no direction to go.
                let scale = (w / width).clamp_min(f64::from(f32::MIN_POSITIVE));
                let down = &gradients[0] / scale.unsqueeze(1);
                let tangent = &down - theta * dot(theta, &down).unsqueeze(1);
                normalized(&(theta - tangent * rate))
            }
        };
        self.network = self.network.with(turned, moved);
        self.steps += 1;
        Ok(loss.detach())
    }

    /// The network as it is now.
    pub fn network(&self) -> &Shallow {
        &self.network
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
