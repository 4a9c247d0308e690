//! The keys of task `density`: teachers, shallow networks, flows.

use efy_core::flow::{Restart, Settings};
use efy_core::shallow::{Activation, Space};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ranges::{Wrong, written, wrong};
use super::{Config, DataConfig, ModelConfig, ModelKind};

/// A density to draw examples from, on the sphere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeacherKind {
    /// Two modes on the sphere S^2: two neurons at 146 degrees.
    BimodalS2,
    /// One mode on S^2: two neurons at 90 degrees.
    MonomodalS2,
    /// Two modes on S^14: two neurons at 164 degrees.
    BimodalS14,
    /// One mode on S^14: two neurons at 78 degrees.
    MonomodalS14,
    /// `teacher_neurons` and `teacher_amplitudes`.
    Neurons,
}

/// Where points live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// Vectors of unit length.
    Sphere,
    /// All vectors.
    Euclidean,
    /// Vectors with entries in [0, 1), of which 0 and 1 are the same place.
    Torus,
}

/// The function of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// max(0, u)^power.
    Relu,
    /// log(1 + exp u).
    Softplus,
    /// tanh u.
    Tanh,
    /// exp(sharpness (u - 1)).
    Exponential,
}

/// The signs of neurons, which stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChargesKind {
    /// All lower the energy: enough where the density is a sum of bumps.
    Negative,
    /// The first half lowers it, the second half raises it.
    Mixed,
}

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// Particles and neurons: gradient descent-ascent in the regime of feature learning (F1).
    Gda,
    /// Particles alone: the gradient flow of the lazy regime (F2) with the kernel of `model.activation: relu`,
    /// `power` at most 3. The neurons stay as drawn, and their amplitudes are the optimal ones for the particles.
    Kernel,
}

/// Where particles begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartKind {
    /// At the training examples, one after the other and over again.
    Data,
    /// Drawn from the base measure.
    Base,
}

/// When particles are put back to the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestartKind {
    /// Never.
    Never,
    /// All of them, every `restart_every` iterations.
    Every,
    /// Each for itself, with `restart_probability` in every iteration.
    Bernoulli,
}

/// How particles and neurons move (task density). An epoch is one iteration over all examples:
/// `train.epochs` is their number, and of the other keys of `train` those about batches and the optimizer have no effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowConfig {
    /// What moves.
    pub kind: FlowKind,
    /// Inverse temperature: the density is proportional to exp(-beta f).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub beta: f64,
    /// The number of particles; none: two for each example.
    #[schemars(range(min = 2, max = 16_777_216))]
    pub particles: Option<u32>,
    /// Where they begin.
    pub start: StartKind,
    /// Step size of the particles.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub particle_step: f64,
    /// Step size of the neurons; 0: lazy training, only their weights move (gda).
    #[schemars(range(min = 0))]
    pub neuron_step: f64,
    /// Step size of the weights (gda).
    #[schemars(range(min = 0))]
    pub weight_step: f64,
    /// Moves of the particles for one of the neurons (gda).
    #[schemars(range(min = 1, max = 100_000))]
    pub langevin_steps: u32,
    /// When particles are put back to the examples (gda).
    pub restart: RestartKind,
    /// Iterations between two restarts (every).
    #[schemars(range(min = 1))]
    pub restart_every: u64,
    /// The probability of a restart in an iteration (bernoulli).
    #[schemars(range(min = 0, max = 1))]
    pub restart_probability: f64,
    /// The last iteration with a restart; none: the last of all (gda).
    pub restart_until: Option<u64>,
    /// How much frequent restarts speed the neurons up: their steps are multiplied by 1 + boost p / particle_step,
    /// p restarts an iteration (gda).
    #[schemars(range(min = 0))]
    pub boost: f64,
    /// The largest mean weight, which is the total variation; none: any (gda).
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub cap: Option<f64>,
    /// Whether the particles of one half get the noise of the other half with the opposite sign (gda).
    pub antithetic: bool,
    /// Temperatures of the annealed estimate of the log-partition, where there are more dimensions than quadrature can
    /// do (above 2).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub eval_temperatures: u32,
    /// Its chains.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub eval_chains: u32,
}

impl Default for FlowConfig {
    fn default() -> Self {
        let settings = Settings::default();
        FlowConfig {
            kind: FlowKind::Gda,
            beta: settings.beta,
            particles: None,
            start: StartKind::Data,
            particle_step: settings.particle_step,
            neuron_step: settings.neuron_step,
            weight_step: settings.weight_step,
            langevin_steps: 1,
            restart: RestartKind::Never,
            restart_every: 60,
            restart_probability: 1.0 / 60.0,
            restart_until: None,
            boost: settings.boost,
            cap: settings.cap,
            antithetic: settings.antithetic,
            eval_temperatures: 300,
            eval_chains: 1000,
        }
    }
}

impl FlowConfig {
    /// What [`efy_core::flow::Gda`] is told.
    #[must_use]
    pub fn settings(&self, seed: u64) -> Settings {
        Settings {
            seed,
            beta: self.beta,
            particle_step: self.particle_step,
            neuron_step: self.neuron_step,
            weight_step: self.weight_step,
            langevin_steps: self.langevin_steps.into(),
            restart: match self.restart {
                RestartKind::Never => Restart::Never,
                RestartKind::Every => Restart::Every(self.restart_every),
                RestartKind::Bernoulli => Restart::Bernoulli(self.restart_probability),
            },
            restart_until: self.restart_until,
            boost: self.boost,
            cap: self.cap,
            antithetic: self.antithetic,
        }
    }

    fn check(&self) -> Result<(), Wrong> {
        let positive = [
            ("flow.beta", Some(self.beta)),
            ("flow.particle_step", Some(self.particle_step)),
            ("flow.cap", self.cap),
        ];
        for (key, value) in positive {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return wrong(key, "a positive number", value);
            }
        }
        let not_negative = [
            ("flow.neuron_step", self.neuron_step),
            ("flow.weight_step", self.weight_step),
            ("flow.boost", self.boost),
        ];
        for (key, value) in not_negative {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(key, "a number >= 0", value);
            }
        }
        if !(0.0..=1.0).contains(&self.restart_probability) {
            return wrong(
                "flow.restart_probability",
                "a probability",
                self.restart_probability,
            );
        }
        if self.restart_every == 0 {
            return wrong("flow.restart_every", "a positive integer", 0);
        }
        let counts = [
            ("flow.langevin_steps", self.langevin_steps, 1, 100_000),
            (
                "flow.eval_temperatures",
                self.eval_temperatures,
                1,
                1_000_000,
            ),
            ("flow.eval_chains", self.eval_chains, 2, 1_000_000),
            ("flow.particles", self.particles.unwrap_or(2), 2, 1 << 24),
        ];
        for (key, count, least, most) in counts {
            if !(least..=most).contains(&count) {
                return wrong(key, format!("a whole number from {least} to {most}"), count);
            }
        }
        let odd = self.particles.filter(|count| count % 2 == 1);
        match odd {
            Some(count) if self.antithetic && self.kind == FlowKind::Gda => wrong(
                "flow.particles",
                "an even number with flow.antithetic",
                count,
            ),
            _ => Ok(()),
        }
    }
}

impl ModelConfig {
    /// Where points live.
    #[must_use]
    pub fn points(&self) -> Space {
        match self.space {
            SpaceKind::Sphere => Space::Sphere,
            SpaceKind::Euclidean => Space::Euclidean {
                deviation: Some(self.base_deviation),
            },
            SpaceKind::Torus => Space::Torus,
        }
    }

    /// The function of a unit.
    #[must_use]
    pub fn unit(&self) -> Activation {
        match self.activation {
            ActivationKind::Relu => Activation::Relu { power: self.power },
            ActivationKind::Softplus => Activation::Softplus,
            ActivationKind::Tanh => Activation::Tanh,
            ActivationKind::Exponential => Activation::Exponential {
                sharpness: self.sharpness,
            },
        }
    }

    /// The sign of each neuron.
    #[must_use]
    pub fn signs(&self) -> Vec<f64> {
        let m = self.neurons;
        let negative = |j| self.charges == ChargesKind::Negative || j < m / 2;
        (0..m)
            .map(|j| if negative(j) { -1.0 } else { 1.0 })
            .collect()
    }

    pub(super) fn check_shallow(&self) -> Result<(), Wrong> {
        if !(1..=1 << 20).contains(&self.neurons) {
            return wrong(
                "model.neurons",
                "a whole number from 1 to 1048576",
                self.neurons,
            );
        }
        if self.power > 8 {
            return wrong("model.power", "a whole number from 0 to 8", self.power);
        }
        let positive = [
            ("model.sharpness", self.sharpness),
            ("model.base_deviation", self.base_deviation),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return wrong(key, "a positive number", value);
            }
        }
        Ok(())
    }
}

impl DataConfig {
    pub(super) fn check_points(&self) -> Result<(), Wrong> {
        for (key, count) in [
            ("data.samples", self.samples),
            ("data.test_samples", self.test_samples),
        ] {
            if !(2..=1 << 24).contains(&count) {
                return wrong(key, "a whole number from 2 to 16777216", count);
            }
        }
        let of_neurons = self.teacher == Some(TeacherKind::Neurons);
        if self.teacher_neurons.is_some() != of_neurons {
            let expected = match of_neurons {
                true => "a list of vectors with data.teacher: neurons",
                false => "nothing without data.teacher: neurons",
            };
            return wrong("data.teacher_neurons", expected, shown(of_neurons));
        }
        if self.teacher_amplitudes.is_some() != of_neurons {
            let expected = match of_neurons {
                true => "a list of numbers with data.teacher: neurons",
                false => "nothing without data.teacher: neurons",
            };
            return wrong("data.teacher_amplitudes", expected, shown(of_neurons));
        }
        let (Some(neurons), Some(amplitudes)) = (&self.teacher_neurons, &self.teacher_amplitudes)
        else {
            return Ok(());
        };
        let d = neurons.first().map_or(0, Vec::len);
        let usable = |neuron: &Vec<f64>| {
            neuron.len() == d
                && neuron.iter().all(|x| x.is_finite())
                && neuron.iter().any(|x| *x != 0.0)
        };
        if d < 2 || neurons.len() > 4096 || !neurons.iter().all(usable) {
            let expected =
                "1 to 4096 vectors of one length, at least 2, of finite numbers that are not all 0";
            return wrong(
                "data.teacher_neurons",
                expected,
                format!("{} vectors", neurons.len()),
            );
        }
        if amplitudes.len() != neurons.len() || !amplitudes.iter().all(|a| a.is_finite()) {
            let expected = format!("{} finite numbers, one for each neuron", neurons.len());
            return wrong("data.teacher_amplitudes", expected, amplitudes.len());
        }
        Ok(())
    }
}

fn shown(missing: bool) -> &'static str {
    if missing { "none" } else { "a list" }
}

impl Config {
    /// What task `density` has no meaning for, and what it needs; for the other tasks, that nothing is asked of it.
    pub(super) fn check_density(&self) -> Result<(), Wrong> {
        if self.task != super::Task::Density {
            return match self.model.kind {
                ModelKind::Shallow => {
                    let expected = format!(
                        "another kind for task {} (density learns it)",
                        self.task.name()
                    );
                    wrong("model.kind", expected, "shallow")
                }
                _ => Ok(()),
            };
        }
        self.flow.check()?;
        self.model.check_shallow()?;
        self.data.check_points()?;
        if self.model.kind != ModelKind::Shallow {
            return wrong(
                "model.kind",
                "shallow for task density",
                written(&self.model.kind),
            );
        }
        match (&self.data.path, self.data.teacher) {
            (None, None) => {
                return wrong("data.teacher", "a teacher, or points in data.path", "none");
            }
            (Some(_), Some(_)) => {
                return wrong("data.teacher", "nothing beside data.path", "a teacher");
            }
            _ => {}
        }
        if self.data.teacher.is_some() && self.model.space != SpaceKind::Sphere {
            let found = written(&self.model.space);
            return wrong("model.space", "sphere with data.teacher", found);
        }
        if self.data.teacher.is_none() && ["kl", "fisher"].contains(&self.train.monitor.as_str()) {
            let found = format!("{:?}", self.train.monitor);
            return wrong(
                "train.monitor",
                "log_likelihood without data.teacher",
                found,
            );
        }
        if self.train.replicas > 1 {
            let expected = "1 for task density (efy sweep trains several seeds)";
            return wrong("train.replicas", expected, self.train.replicas);
        }
        if self.train.refit {
            return wrong("train.refit", "false for task density", true);
        }
        if self.train.on_nonfinite != efy_train::optimizer::OnNonFinite::Stop {
            return wrong("train.on_nonfinite", "stop for task density", "skip");
        }
        let kernel = self.flow.kind == FlowKind::Kernel;
        if kernel && (self.model.activation != ActivationKind::Relu || self.model.power > 3) {
            let expected = "relu of a power of at most 3 with flow.kind: kernel";
            return wrong(
                "model.activation",
                expected,
                written(&self.model.activation),
            );
        }
        Ok(())
    }
}
