//! Optimizers over the flat parameter buffer, whose state is plain tensors and numbers.
//!
//! On the CPU an update is one pass over slices, on other devices a fixed number of tensor operations
//! whatever the number of layers, none of which reads. Tests hold the two to each other and to
//! libtorch's own optimizers.

mod batched;
mod kernels;
mod native;
mod rule;
mod schedule;
#[cfg(test)]
mod tests;

use efy_core::device::{Phase, read};
use efy_core::parameters::Parameters;
use tch::{Device, Kind, Tensor};

use crate::config::TrainConfig;
use crate::{Result, State};
use batched::Batched;
use native::{Native, Slices};
pub use rule::{OnNonFinite, OptimizerKind};
use rule::{Plan, Step};
pub use schedule::{Schedule, ScheduleKind};

/// Adam, AdamW or gradient descent, with a schedule of the learning rate, clipping, and a gate that lets
/// nothing through that is not finite.
///
/// A step t on weights w with gradient g does, in this order, where D picks the weights that decay and
/// $\eta_t$ is the learning rate times [`Schedule::fraction`]:
///
/// 1. *Gate.* If the loss or the gradient is not finite, nothing changes. The gradient counts as finite
///    when the sum of its squares is in its precision (norms up to 1.8e19 in f32, 1.3e154 in f64), because
///    the second moment would be infinite for good otherwise.
/// 2. *Clipping* at c: $g \leftarrow g \min(1, c / (\|g\| + 10^{-6}))$, as
///    `torch.nn.utils.clip_grad_norm_`.
/// 3. *Weight decay* in the gradient, but for AdamW: $g \leftarrow g + \lambda D w$.
/// 4. *Update*, as torch.optim's:
///    - Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019):
///      $m \leftarrow \beta_1 m + (1 - \beta_1) g$, $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$,
///      $w \leftarrow w - \eta_t \hat m / (\sqrt{\hat v} + \epsilon)$ with $\hat m = m / (1 - \beta_1^t)$ and
///      $\hat v = v / (1 - \beta_2^t)$; AdamW subtracts $\eta_t \lambda D w$ as well.
///    - SGD: $b \leftarrow \mu b + g$, $w \leftarrow w - \eta_t b$, or $w - \eta_t (g + \mu b)$ with Nesterov's
///      momentum.
///
/// t counts every step, those without an update as well.
///
/// ```
/// use efy_core::parameters::Builder;
/// use efy_train::TrainConfig;
/// use efy_train::optimizer::{Optimizer, Verdict};
/// use tch::{Device, Kind};
///
/// # fn main() -> efy_train::Result<()> {
/// let mut builder = Builder::default();
/// let place = builder.add("w", &[2], vec![1.0, -1.0], true)?;
/// let parameters = builder.build(Kind::Float, Device::Cpu)?;
/// let mut optimizer = Optimizer::new(&TrainConfig::default(), &parameters, 100)?;
///
/// let loss = parameters.tensor(place).square().sum(Kind::Float);
/// let gradient = parameters.gradient(&loss)?;
/// assert_eq!(optimizer.step(&parameters, gradient, &loss)?, Verdict::Updated);
///
/// let mut again = Optimizer::new(&TrainConfig::default(), &parameters, 100)?;
/// again.restore(&optimizer.state()?)?;
/// assert_eq!(again.steps(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Optimizer {
    lr: f64,
    schedule: Schedule,
    total: u64,
    sticky: bool,
    steps: u64,
    faults: Tensor,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Native(Box<dyn Slices>, Count),
    Batched(Box<Batched>),
}

/// Steps without an update, and the number of the first.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    steps: u64,
    first: u64,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The weights have changed.
    Updated,
    /// Something was not finite, in this step or, when that is to stop the training, in an earlier one.
    NotFinite,
    /// Nobody has looked; [`Optimizer::faults`] tells when it is read.
    Unknown,
}

impl Optimizer {
    /// An optimizer without moments for a training of `total_steps` steps.
    ///
    /// # Errors
    /// [`crate::Error::Config`] for a value that is out of range; [`crate::Error::Core`] when the device
    /// fails.
    pub fn new(config: &TrainConfig, parameters: &Parameters, total_steps: u64) -> Result<Self> {
        let flat = parameters.flat();
        Self::with(config, parameters, total_steps, |plan, faults| {
            let one = parameters.replicas() == 1;
            let native: Box<dyn Slices> = match (flat.device(), flat.kind()) {
                (Device::Cpu, Kind::Float) if one => {
                    Box::new(Native::<f32>::new(plan, parameters)?)
                }
                (Device::Cpu, Kind::Double) if one => {
                    Box::new(Native::<f64>::new(plan, parameters)?)
                }
                _ => {
                    return Ok(Engine::Batched(Box::new(Batched::new(
                        plan, parameters, faults,
                    )?)));
                }
            };
            Ok(Engine::Native(native, Count::default()))
        })
    }

    /// As [`new`](Self::new), with the tensor operations that are meant for other devices, wherever the
    /// weights are: for tests and benchmarks.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn batched(
        config: &TrainConfig,
        parameters: &Parameters,
        total_steps: u64,
    ) -> Result<Self> {
        Self::with(config, parameters, total_steps, |plan, faults| {
            Ok(Engine::Batched(Box::new(Batched::new(
                plan, parameters, faults,
            )?)))
        })
    }

    fn with(
        config: &TrainConfig,
        parameters: &Parameters,
        total: u64,
        engine: impl FnOnce(Plan, &Tensor) -> Result<Engine>,
    ) -> Result<Self> {
        config.validate(&|_| "optimizer".to_owned())?;
        let plan = Plan::new(config);
        let options = (Kind::Double, parameters.flat().device());
        let faults =
            Tensor::f_zeros([parameters.replicas(), 2], options).map_err(efy_core::Error::from)?;
        Ok(Optimizer {
            lr: config.lr,
            schedule: config.schedule.clone(),
            total,
            sticky: plan.sticky,
            steps: 0,
            engine: engine(plan, &faults)?,
            faults,
        })
    }

    /// One step along `gradient` `[P]`; `loss` is the scalar that it belongs to. If one of them is not
    /// finite, weights and moments keep their bits. Of R replicas, `[R P]` and `[R]`, each is judged and
    /// clipped by itself.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when the gradient is of another model or the device fails.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradient: Tensor,
        loss: &Tensor,
    ) -> Result<Verdict> {
        let _phase = Phase::Update.enter();
        let rate = self.learning_rate();
        self.steps += 1;
        let step = Step {
            number: self.steps,
            rate,
        };
        let (native, count) = match &mut self.engine {
            Engine::Native(native, count) => (native, count),
            Engine::Batched(batched) => {
                batched.step(parameters, gradient, loss, step)?;
                return Ok(Verdict::Unknown);
            }
        };
        let open = !(self.sticky && count.steps > 0);
        if open && native.step(parameters, &gradient, loss, step)? {
            return Ok(Verdict::Updated);
        }
        self.faults = count.fault(step.number)?;
        Ok(Verdict::NotFinite)
    }

    /// A step of weights that move by themselves: counted, and judged by its loss as in [`step`](Self::step).
    ///
    /// # Errors
    /// [`crate::Error::Core`] when the device fails.
    pub fn watch(&mut self, loss: &Tensor) -> Result<Verdict> {
        self.steps += 1;
        let number = self.steps;
        let count = match &mut self.engine {
            Engine::Native(_, count) => count,
            Engine::Batched(batched) => {
                batched.watch(loss, number)?;
                return Ok(Verdict::Unknown);
            }
        };
        if !(self.sticky && count.steps > 0) && read::scalar(loss)?.is_finite() {
            return Ok(Verdict::Updated);
        }
        self.faults = count.fault(number)?;
        Ok(Verdict::NotFinite)
    }

    /// Steps that were made, with or without an update.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether it looks at each step itself, as it does on the CPU with one model: no verdict is then
    /// [`Verdict::Unknown`].
    pub fn looks(&self) -> bool {
        matches!(self.engine, Engine::Native(..))
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.lr * self.schedule.fraction(self.steps + 1, self.total)
    }

    /// On the device, `[R, 2]` of f64 for R replicas: how many steps made no update because something was not finite, and
    /// the number of the first such step, from 1; 0 if there was none.
    pub fn faults(&self) -> &Tensor {
        &self.faults
    }

    /// Moments, counts of steps and faults. Where they were computed does not matter: a state of a GPU can
    /// go on on the CPU. The schedule needs none.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when the device fails.
    pub fn state(&self) -> Result<State> {
        let mut state = State::default();
        for (name, moment) in self.moments()? {
            state.put_tensor(name, &moment);
        }
        state.put_tensor("faults", &self.faults.copy());
        state.put("steps", &self.steps)?;
        Ok(state)
    }

    /// Goes on from a state of an optimizer of the same kind on the same model.
    ///
    /// # Errors
    /// [`crate::Error::State`] naming what is missing or of another shape or kind; then nothing has
    /// changed.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        let moments = (self.moments()?.iter())
            .map(|(name, like)| state.tensor(name, like))
            .collect::<Result<Vec<Tensor>>>()?;
        let faults = state.tensor("faults", &self.faults)?;
        let steps = state.get("steps")?;
        match &mut self.engine {
            Engine::Native(native, count) => {
                native.assign(&moments)?;
                *count = Count::read(&faults)?;
            }
            Engine::Batched(batched) => batched.assign(&moments, &faults)?,
        }
        // In place: the batched engine has views of it.
        (self.faults.f_copy_(&faults)).map_err(efy_core::Error::from)?;
        self.steps = steps;
        Ok(())
    }

    fn moments(&self) -> efy_core::Result<Vec<(&'static str, Tensor)>> {
        match &self.engine {
            Engine::Native(native, _) => native.moments(),
            Engine::Batched(batched) => batched.moments(),
        }
    }
}

impl Count {
    /// One more, in the step of this number.
    fn fault(&mut self, step: u64) -> efy_core::Result<Tensor> {
        self.steps += 1;
        if self.first == 0 {
            self.first = step;
        }
        self.tensor()
    }

    fn tensor(self) -> efy_core::Result<Tensor> {
        Ok(Tensor::f_from_slice(&[self.steps as f64, self.first as f64])?.f_view([1, 2])?)
    }

    fn read(faults: &Tensor) -> efy_core::Result<Self> {
        let mut values = [0.0; 2];
        read::fill(faults, &mut values)?;
        let [steps, first] = values.map(|value: f64| value as u64);
        Ok(Count { steps, first })
    }
}
