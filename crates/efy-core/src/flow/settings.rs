//! What a run of gradient descent-ascent is told.

use crate::native::normal::Key;
use crate::{Error, Result};

/// When particles are put back to the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Restart {
    /// Never: persistent chains.
    Never,
    /// All of them, before the moves of every N-th iteration.
    Every(u64),
    /// Each for itself with probability p, to a data point drawn uniformly, before the moves of every iteration.
    Bernoulli(f64),
}

/// Step sizes, restarts and limits.
///
/// ```text
/// (46) x_i ← P(x_i - h_x (∇f(x_i) + ∇U(x_i)/β) ± √(2 h_x/β) ξ_i)        `langevin_steps` times
/// (47) V_j = mean of φ(θ_j, data) - mean of φ(θ_j, particles)            new particles, old neurons
///      D_j = c_j (mean of ∇φ(θ_j, data) - mean of ∇φ(θ_j, particles)),  ∇ in θ
/// (48) θ_j ← normalize(θ_j - α h_θ (D_j - ⟨θ_j, D_j⟩ θ_j))
///      w_j ← w_j exp(-α h_w c_j V_j),  then w ← w min(1, cap/mean(w))
/// (49) α = 1 + boost p/h_x,  p the restarts an iteration: 0, 1/N or the probability
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Of the noise and the restarts.
    pub seed: u64,
    /// $\beta$, the inverse temperature. The experiments have 1, with a `cap` of 10 in its place.
    pub beta: f64,
    /// $h_x$.
    pub particle_step: f64,
    /// $h_\theta$; 0 for lazy training, in which only the weights move.
    pub neuron_step: f64,
    /// $h_w$.
    pub weight_step: f64,
    /// Moves of the particles for one of the neurons.
    pub langevin_steps: u64,
    /// When particles go back to the data.
    pub restart: Restart,
    /// No restarts after this iteration.
    pub restart_until: Option<u64>,
    /// Of (49): how much frequent restarts speed the neurons up. The experiments have 0.1; 0 is off.
    pub boost: f64,
    /// The largest mean weight.
    pub cap: Option<f64>,
    /// Whether particle i + N/2 gets the noise of particle i with the opposite sign: without it the noise of a restart
    /// at every iteration drowns what the neurons are to learn.
    pub antithetic: bool,
}

impl Default for Settings {
    /// The experiments on the sphere of $R^3$: $h_x = 0.02$, $h_\theta = 0.04$, $h_w = 0.02$, cap 10, no restarts.
    fn default() -> Self {
        Settings {
            seed: 0,
            beta: 1.0,
            particle_step: 0.02,
            neuron_step: 0.04,
            weight_step: 0.02,
            langevin_steps: 1,
            restart: Restart::Never,
            restart_until: None,
            boost: 0.1,
            cap: Some(10.0),
            antithetic: true,
        }
    }
}

impl Settings {
    /// Persistent contrastive divergence, PCD-k: chains that are never restarted, k moves an iteration.
    pub fn persistent(k: u64) -> Self {
        Settings {
            langevin_steps: k,
            ..Settings::default()
        }
    }

    /// Contrastive divergence, CD-k: chains of k moves from the data in every iteration.
    pub fn contrastive(k: u64) -> Self {
        Settings {
            langevin_steps: k,
            restart: Restart::Every(1),
            ..Settings::default()
        }
    }

    /// Score matching: one move from the data in every iteration. For $h_x \to 0$ the neurons descend
    /// $J = E[\frac12\|\nabla f\|^2 - \Delta f/\beta]$ with steps $h_x \alpha h_\theta$ and $h_x \alpha h_w$.
    pub fn score_matching(particle_step: f64) -> Self {
        Settings {
            particle_step,
            ..Settings::contrastive(1)
        }
    }

    /// $\alpha$ of (49).
    pub fn time_scale(&self) -> f64 {
        let rate = match self.restart {
            Restart::Never => 0.0,
            Restart::Every(n) => 1.0 / n as f64,
            Restart::Bernoulli(p) => p,
        };
        1.0 + self.boost * rate / self.particle_step
    }

    pub(super) fn validate(&self) -> Result<()> {
        let positive = [
            ("flow.beta", self.beta),
            ("flow.particle_step", self.particle_step),
            ("flow.cap", self.cap.unwrap_or(1.0)),
        ];
        let not_negative = [
            ("flow.neuron_step", self.neuron_step),
            ("flow.weight_step", self.weight_step),
            ("flow.boost", self.boost),
        ];
        let wrong = |name, expected, found: String| {
            Err(Error::Parameter {
                name,
                expected,
                found,
            })
        };
        for (name, value) in positive {
            crate::error::positive(name, value)?;
        }
        for (name, value) in not_negative {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(name, "a number of at least 0", value.to_string());
            }
        }
        match self.restart {
            Restart::Every(0) => {
                return wrong(
                    "flow.restart",
                    "a positive number of iterations",
                    "0".to_owned(),
                );
            }
            Restart::Bernoulli(p) if !(0.0..=1.0).contains(&p) => {
                return wrong("flow.restart", "a probability", p.to_string());
            }
            _ => {}
        }
        if self.langevin_steps == 0 {
            return wrong("flow.langevin_steps", "a positive integer", "0".to_owned());
        }
        Ok(())
    }

    /// How fast neurons move.
    pub(super) fn rates(&self) -> Rates {
        let scale = self.time_scale();
        Rates {
            neurons: scale * self.neuron_step,
            weights: scale * self.weight_step,
            cap: self.cap,
        }
    }

    /// What happens before the moves of an iteration, counted from 1.
    pub(super) fn renewal(&self, iteration: u64, key: Key) -> Renewal {
        if self.restart_until.is_some_and(|last| iteration > last) {
            return Renewal::None;
        }
        match self.restart {
            Restart::Every(n) if iteration.is_multiple_of(n) => Renewal::All,
            Restart::Bernoulli(probability) if probability > 0.0 => {
                Renewal::Each { probability, key }
            }
            _ => Renewal::None,
        }
    }
}

/// $\alpha h_\theta$, $\alpha h_w$ and the cap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) neurons: f64,
    pub(crate) weights: f64,
    pub(crate) cap: Option<f64>,
}

/// Which particles go back to the data.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Renewal {
    None,
    All,
    Each { probability: f64, key: Key },
}
