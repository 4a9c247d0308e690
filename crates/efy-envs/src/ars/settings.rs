//! What a search is determined by.

use crate::{Error, Result};

/// Settings of a search; [`Settings::of`] has those that were tried for an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The seed of everything random.
    pub seed: u64,
    /// Iterations.
    pub iterations: u64,
    /// Directions of an iteration, N.
    pub directions: usize,
    /// Directions that a step is made of, b of at most N.
    pub top: usize,
    /// Step size, α.
    pub step: f64,
    /// Deviation of the noise, ν.
    pub noise: f64,
    /// The reward of a step for being alive, which is taken off in training.
    pub bonus: f64,
    /// Iterations between two evaluations of the policy without noise, of which the best policy is kept.
    pub evaluate_every: u64,
    /// Episodes of an evaluation.
    pub episodes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: 0,
            iterations: 200,
            directions: 16,
            top: 8,
            step: 0.02,
            noise: 0.03,
            bonus: 0.0,
            evaluate_every: 10,
            episodes: 10,
        }
    }
}

impl Settings {
    /// For an environment; the defaults where nothing is known about it.
    pub fn of(environment: &str) -> Settings {
        let of = |iterations, (directions, top), (step, noise), bonus| Settings {
            iterations,
            directions,
            top,
            step,
            noise,
            bonus,
            ..Settings::default()
        };
        match environment {
            "swimmer" => of(60, (4, 2), (0.02, 0.02), 0.0),
            "hopper" => of(70, (8, 4), (0.01, 0.025), 1.0),
            "half_cheetah" => of(120, (16, 4), (0.02, 0.03), 0.0),
            "walker2d" => of(200, (16, 8), (0.02, 0.03), 1.0),
            "ant" => of(1000, (60, 20), (0.015, 0.025), 1.0),
            _ => Settings::default(),
        }
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the setting, what was expected and what was found.
    pub fn check(&self) -> Result<()> {
        let wrong = |name: &str, expected: &str, found: String| {
            Err(Error::Invalid(format!(
                "{name}: expected {expected}, found {found}"
            )))
        };
        for (name, value) in [("step", self.step), ("noise", self.noise)] {
            if !(value.is_finite() && value > 0.0) {
                return wrong(name, "a positive number", value.to_string());
            }
        }
        if !self.bonus.is_finite() {
            return wrong("bonus", "a finite number", self.bonus.to_string());
        }
        let counts = [
            ("iterations", self.iterations),
            ("directions", self.directions as u64),
            ("evaluate_every", self.evaluate_every),
            ("episodes", self.episodes as u64),
        ];
        for (name, count) in counts {
            if count == 0 {
                return wrong(name, "at least 1", count.to_string());
            }
        }
        if self.top == 0 || self.top > self.directions {
            let expected = format!("1 to directions ({})", self.directions);
            return wrong("top", &expected, self.top.to_string());
        }
        Ok(())
    }
}
