//! Experts: policies to be imitated, known by name or read from a file.

mod embedded;
mod network;

use std::path::Path;

use efy_envs::ars::{Settings, Trained};
use efy_envs::optimal::{Controller, LinearPlant, LinearPlantConfig};
use efy_envs::{Layer, Linear, Mlp, Policy, Returns, Spec, SwingUp};
use efy_train::files::write_json;
use serde::{Deserialize, Serialize};

pub use network::import;

use crate::data::input;
use crate::error::json_message;
use crate::{Error, Result};

/// Most bytes of an expert's file.
const MAX_FILE: u64 = 64 << 20;
/// Steps that the controller of the linear plant looks ahead: with one, its action is the argmax of a pairwise energy with
/// a constant coupling.
pub(super) const HORIZON: usize = 1;

/// A policy for an environment, with where it comes from and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expert {
    /// The environment it acts in.
    pub environment: String,
    /// How it was made, for people: the file or the method.
    pub origin: String,
    /// The search it was found by, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
    /// Its returns in episodes that had no part in making it, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Judged>,
    /// The policy itself.
    pub policy: Weights,
}

/// What a policy consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Weights {
    /// a = W (o - mean) / scale: [`Linear`].
    Linear {
        /// What is subtracted from observations, `[d]`.
        mean: Vec<f64>,
        /// What they are divided by, `[d]`.
        scale: Vec<f64>,
        /// W, k rows of d.
        weights: Vec<Vec<f64>>,
    },
    /// A network with hyperbolic tangents: [`Mlp`].
    Mlp {
        /// What is subtracted from observations, `[d]`.
        mean: Vec<f64>,
        /// What they are divided by, `[d]`.
        scale: Vec<f64>,
        /// The layers, the first one first.
        layers: Vec<Dense>,
    },
    /// The pendulum's swing-up by energy: [`SwingUp`].
    SwingUp,
    /// The linear plant's model predictive controller: [`Controller`].
    Optimal,
}

/// A layer of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Weights, a row for each input.
    pub weights: Vec<Vec<f64>>,
    /// Bias.
    pub bias: Vec<f64>,
}

/// The settings of an augmented random search, and when it found the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The seed of everything random.
    pub seed: u64,
    /// Iterations asked for.
    pub iterations: u64,
    /// Directions of an iteration.
    pub directions: usize,
    /// Directions that a step is made of.
    pub top: usize,
    /// Step size.
    pub step: f64,
    /// Deviation of the noise.
    pub noise: f64,
    /// The reward for being alive, taken off in training.
    pub bonus: f64,
    /// Iterations between evaluations.
    pub evaluate_every: u64,
    /// Episodes of an evaluation.
    pub episodes: usize,
    /// The iteration after which the policy was the best.
    pub iteration: u64,
}

/// Returns over evaluation episodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The seed that the episodes start by.
    pub seed: u64,
    /// How many episodes.
    pub episodes: usize,
    /// The mean return.
    pub mean: f64,
    /// The standard deviation (n - 1).
    pub deviation: f64,
    /// The quantiles 0, 1/4, 1/2, 3/4 and 1.
    pub quantiles: [f64; 5],
}

impl Judged {
    /// Returns of episodes that start by a seed.
    #[must_use]
    pub fn new(seed: u64, returns: &Returns) -> Judged {
        Judged {
            seed,
            episodes: returns.episodes,
            mean: returns.mean,
            deviation: returns.deviation,
            quantiles: returns.quantiles,
        }
    }
}

impl Expert {
    /// What a search with these settings has found.
    #[must_use]
    pub fn trained(environment: &str, settings: &Settings, trained: &Trained) -> Expert {
        let policy = &trained.policy;
        let d = policy.mean().len();
        let Settings {
            seed,
            iterations,
            directions,
            top,
            step,
            noise,
            bonus,
            evaluate_every,
            episodes,
        } = *settings;
        Expert {
            environment: environment.to_owned(),
            origin: "augmented random search, V2-t".to_owned(),
            training: Some(Training {
                seed,
                iterations,
                directions,
                top,
                step,
                noise,
                bonus,
                evaluate_every,
                episodes,
                iteration: trained.iteration,
            }),
            returns: None,
            policy: Weights::Linear {
                mean: policy.mean().to_vec(),
                scale: policy.scale().to_vec(),
                weights: policy.weights().chunks(d).map(<[f64]>::to_vec).collect(),
            },
        }
    }

    /// The names of the experts that are part of the program, sorted.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        embedded::names()
    }

    /// An expert of the program by its name, which is that of its environment, or else from a JSON file.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is neither, [`Error::Input`] with the line for a file that says something else.
    pub fn load(name_or_path: &str) -> Result<Expert> {
        if let Some(found) = embedded::find(name_or_path) {
            return found;
        }
        let path = Path::new(name_or_path);
        if path.exists() || path.extension().is_some() {
            let text = input::read_text(path, MAX_FILE)?;
            return parse(path, &text);
        }
        Err(Error::Usage(format!(
            "unknown expert {name_or_path:?}, expected one of {} or a file",
            Expert::names().join(", ")
        )))
    }

    /// Writes the expert as JSON that [`Expert::load`] reads back to the last bit.
    ///
    /// # Errors
    /// [`efy_train::Error::File`] when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(write_json(path, self)?)
    }

    /// The policy, for environments like `spec`.
    ///
    /// # Errors
    /// When it is for another environment, or weights do not fit it.
    pub fn policy(&self, spec: &Spec) -> Result<Box<dyn Policy>> {
        if spec.name != self.environment {
            return Err(Error::Usage(format!(
                "expert: expected one for {}, found one for {}",
                spec.name, self.environment
            )));
        }
        Ok(match self.policy.clone() {
            Weights::Linear {
                mean,
                scale,
                weights,
            } => {
                let rows = rows("weights", weights, spec.observation)?;
                Box::new(Linear::new(spec, rows, mean, scale)?)
            }
            Weights::Mlp {
                mean,
                scale,
                layers,
            } => {
                let layers = layers.into_iter().map(|layer| {
                    Ok(Layer {
                        weights: rows("layer", layer.weights, layer.bias.len())?,
                        bias: layer.bias,
                    })
                });
                let layers = layers.collect::<Result<_>>()?;
                Box::new(Mlp::new(spec, mean, scale, layers)?)
            }
            Weights::SwingUp => match spec.name.as_str() {
                "pendulum" => Box::new(SwingUp),
                _ => return Err(only("swing_up", "pendulum", spec)),
            },
            Weights::Optimal => match spec.name.as_str() {
                "linear_plant" => {
                    let plant = LinearPlant::new(LinearPlantConfig::default())?;
                    Box::new(Controller::new(&plant, HORIZON)?)
                }
                _ => return Err(only("optimal", "linear_plant", spec)),
            },
        })
    }
}

fn only(kind: &str, environment: &str, spec: &Spec) -> Error {
    Error::Usage(format!(
        "expert: a policy of kind {kind} is for {environment}, found {}",
        spec.name
    ))
}

/// Rows of so many numbers, one after the other.
fn rows(what: &str, rows: Vec<Vec<f64>>, width: usize) -> Result<Vec<f64>> {
    match rows.iter().position(|row| row.len() != width) {
        Some(at) => Err(Error::Usage(format!(
            "expert: {what}: expected rows of {width} numbers, found {} in row {at}",
            rows[at].len()
        ))),
        None => Ok(rows.concat()),
    }
}

fn parse(path: &Path, text: &str) -> Result<Expert> {
    serde_json::from_str(text)
        .map_err(|error| Error::input(path, Some(error.line() as u64), json_message(&error)))
}

#[cfg(test)]
mod tests;
