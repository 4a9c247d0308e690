//! What a run of gradient descent-ascent is told.

use efy_core::flow::{Restart, Settings};
use efy_core::teacher::Teacher;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::Result;

/// The density that is learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TeacherKind {
    BimodalS2,
    MonomodalS2,
    BimodalS14,
    MonomodalS14,
    /// Two neurons at an angle in degrees on the sphere of R^dimension, both with the amplitude -strength.
    Pair {
        dimension: i64,
        angle: f64,
        strength: f64,
    },
}

impl TeacherKind {
    pub fn build(self, place: (Kind, Device)) -> efy_core::Result<Teacher> {
        match self {
            TeacherKind::BimodalS2 => Teacher::bimodal_s2(place),
            TeacherKind::MonomodalS2 => Teacher::monomodal_s2(place),
            TeacherKind::BimodalS14 => Teacher::bimodal_s14(place),
            TeacherKind::MonomodalS14 => Teacher::monomodal_s14(place),
            TeacherKind::Pair {
                dimension,
                angle,
                strength,
            } => {
                let mut rows = vec![0.0; 2 * dimension.max(2) as usize];
                let second = rows.len() / 2;
                let angle = angle.to_radians();
                (rows[0], rows[second], rows[second + 1]) = (1.0, angle.cos(), angle.sin());
                let neurons = Tensor::f_from_slice(&rows)?.f_view([2, -1])?;
                Teacher::of_neurons(&neurons, &[-strength, -strength], place)
            }
        }
    }
}

/// When particles go back to the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RestartRule {
    Never,
    Every(u64),
    Bernoulli(f64),
}

/// Everything that a run depends on but its seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specification {
    pub teacher: TeacherKind,
    /// Data points; there are twice as many particles.
    pub n: i64,
    /// Neurons.
    pub neurons: usize,
    /// How many of them, the first, have negative charges.
    pub negative: usize,
    pub particle_step: f64,
    pub neuron_step: f64,
    pub weight_step: f64,
    pub langevin_steps: u64,
    pub restart: RestartRule,
    pub boost: f64,
    pub cap: Option<f64>,
    pub iterations: u64,
    /// Iterations from one look at the density to the next.
    pub every: u64,
    /// Heights of the quadrature on S^2.
    pub nodes: usize,
    /// Test points of the teacher, elsewhere.
    pub test: i64,
    /// Iterations after which the neurons are kept.
    pub snapshots: Vec<u64>,
}

impl Specification {
    /// The defaults of a protocol with what a group and then a run change.
    ///
    /// # Errors
    /// A key or a value that there is not, with the name of the run.
    pub fn read(
        layers: &[&serde_json::Map<String, serde_json::Value>],
        name: &str,
    ) -> Result<Self> {
        let mut whole = serde_json::Map::new();
        for layer in layers {
            whole.extend(
                layer
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        serde_path_to_error::deserialize(serde_json::Value::Object(whole)).map_err(|error| {
            crate::Error::Usage(format!("run {name}: {}: {}", error.path(), error.inner()))
        })
    }

    pub fn settings(&self, seed: u64) -> Settings {
        Settings {
            seed,
            beta: 1.0,
            particle_step: self.particle_step,
            neuron_step: self.neuron_step,
            weight_step: self.weight_step,
            langevin_steps: self.langevin_steps,
            restart: match self.restart {
                RestartRule::Never => Restart::Never,
                RestartRule::Every(n) => Restart::Every(n),
                RestartRule::Bernoulli(p) => Restart::Bernoulli(p),
            },
            restart_until: None,
            boost: self.boost,
            cap: self.cap,
            antithetic: true,
        }
    }

    /// The charges of the student's neurons.
    pub fn charges(&self) -> Vec<f64> {
        (0..self.neurons)
            .map(|j| if j < self.negative { -1.0 } else { 1.0 })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use efy_core::device::read;

    #[test]
    fn a_pair_of_neurons_is_at_its_angle_in_any_dimension() {
        for dimension in [2, 3, 9] {
            let kind = TeacherKind::Pair {
                dimension,
                angle: 146.0,
                strength: 10.0,
            };
            let teacher = kind.build((Kind::Double, Device::Cpu)).unwrap();
            let neurons = teacher.network().neurons();
            assert_eq!(neurons.size(), [2, dimension]);
            let cosine = read::scalar(&neurons.get(0).dot(&neurons.get(1))).unwrap();
            assert!((cosine - 146.0_f64.to_radians().cos()).abs() < 1e-12);
        }
    }

    #[test]
    fn an_unknown_key_of_a_run_is_named() {
        let value = serde_json::json!({"n": 3, "neurns": 4});
        let layer = value.as_object().unwrap();
        let error = Specification::read(&[layer], "a").unwrap_err().to_string();
        assert!(
            error.starts_with("run a: ") && error.contains("neurns"),
            "{error}"
        );
    }
}
