//! Adam (Kingma and Ba 2015) with L2 regularization.

use efy_core::parameters::Parameters;
use efy_core::{Error, Result};
use tch::Tensor;

/// Hyper-parameters of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// $\lambda$ in $\frac{\lambda}{2}\|w\|^2$, added to the loss for weights and not for biases.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        AdamConfig {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)$ with bias-corrected moments, as
/// `torch.optim.Adam`: seven operations on the flat buffer.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    first: Tensor,
    second: Tensor,
    steps: i32,
}

impl Adam {
    /// An optimizer for a model with zero moments.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a learning rate that is not positive, a negative weight decay or a
    /// decay outside of `[0, 1)`.
    pub fn new(config: AdamConfig, parameters: &Parameters) -> Result<Self> {
        let check = |name, value: f64, good: bool, expected| {
            if good && value.is_finite() {
                Ok(())
            } else {
                Err(Error::Parameter {
                    name,
                    expected,
                    found: value.to_string(),
                })
            }
        };
        check("train.lr", config.lr, config.lr > 0.0, "a positive number")?;
        let decay = config.weight_decay;
        check("train.weight_decay", decay, decay >= 0.0, "a number >= 0")?;
        for (name, beta) in [("beta1", config.beta1), ("beta2", config.beta2)] {
            check(name, beta, (0.0..1.0).contains(&beta), "a number in [0, 1)")?;
        }
        let zeros = || parameters.flat().f_zeros_like();
        Ok(Adam {
            config,
            first: zeros()?,
            second: zeros()?,
            steps: 0,
        })
    }

    /// stub
    pub fn state(&self) -> crate::Result<crate::State> {
        let mut s = crate::State::default();
        s.put_tensor("first", &self.first);
        s.put_tensor("second", &self.second);
        s.put("steps", &self.steps)?;
        Ok(s)
    }
    /// stub
    pub fn restore(&mut self, s: &crate::State) -> crate::Result<()> {
        self.first = s.tensor("first", &self.first)?;
        self.second = s.tensor("second", &self.second)?;
        self.steps = s.get("steps")?;
        Ok(())
    }

    /// One step along `gradient` `[P]`.
    ///
    /// # Errors
    /// [`Error::Torch`] when the device fails.
    pub fn step(&mut self, parameters: &Parameters, gradient: Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let AdamConfig {
            lr,
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.config;
        let mut weights = parameters.flat().shallow_clone();
        let gradient = if weight_decay > 0.0 {
            gradient.f_addcmul(
                parameters.decays(),
                &(&weights * Tensor::from(weight_decay)),
            )?
        } else {
            gradient
        };
        self.steps += 1;
        let _ = self.first.f_lerp_(&gradient, 1.0 - beta1)?;
        let _ = self.second.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
        // lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps), with the scalars put together.
        let correction1 = 1.0 - beta1.powi(self.steps);
        let correction2 = (1.0 - beta2.powi(self.steps)).sqrt();
        let rate = Tensor::from(-lr * correction2 / correction1);
        let mut denominator = self.second.f_sqrt()?;
        let _ = denominator.f_add_(&Tensor::from(epsilon * correction2))?;
        let _ = weights.f_addcdiv_(&self.first.f_mul(&rate)?, &denominator)?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use efy_core::device::read;
    use efy_core::parameters::Builder;
    use tch::{Device, Kind, nn, nn::OptimizerConfig};

    use super::*;

    #[test]
    fn takes_the_steps_of_torch_optim_adam() {
        let start = [0.3, -1.2, 0.7];
        let mut builder = Builder::default();
        builder.add("w", &[3], start.to_vec(), true).unwrap();
        let ours = builder.build(Kind::Float, Device::Cpu).unwrap();
        let config = AdamConfig {
            lr: 0.05,
            weight_decay: 0.1,
            ..AdamConfig::default()
        };
        let mut adam = Adam::new(config, &ours).unwrap();

        let store = nn::VarStore::new(Device::Cpu);
        let values = Tensor::from_slice(&start).to_kind(Kind::Float);
        let theirs = store.root().var_copy("w", &values);
        let mut reference = nn::Adam {
            wd: 0.1,
            ..nn::Adam::default()
        }
        .build(&store, 0.05)
        .unwrap();

        let loss = |w: &Tensor| (w.pow_tensor_scalar(4) + w * 0.3).sum(Kind::Float);
        for _ in 0..50 {
            adam.step(&ours, ours.gradient(&loss(&ours.tensor(0))).unwrap())
                .unwrap();
            reference.backward_step(&loss(&theirs));
        }
        let difference = read::scalar(&(ours.flat() - theirs).abs().max()).unwrap();
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn bad_hyper_parameters_are_named() {
        let mut builder = Builder::default();
        builder.add("w", &[1], vec![0.0], true).unwrap();
        let parameters = builder.build(Kind::Float, Device::Cpu).unwrap();
        let message = |config| Adam::new(config, &parameters).unwrap_err().to_string();
        let negative = AdamConfig {
            lr: -0.1,
            ..AdamConfig::default()
        };
        assert_eq!(
            message(negative),
            "train.lr: expected a positive number, found -0.1"
        );
        let decay = AdamConfig {
            weight_decay: -1.0,
            ..AdamConfig::default()
        };
        assert_eq!(
            message(decay),
            "train.weight_decay: expected a number >= 0, found -1"
        );
    }
}
