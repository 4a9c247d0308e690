//! The plant: masses on rails, pushed by actuators that are mixed.

use nalgebra::{DMatrix, DVector};

use crate::environment::check;
use crate::random::Start;
use crate::{Environment, Error, Result, Spec, Transition};

/// Seconds of a step.
const SECONDS: f64 = 0.1;

/// What a [`LinearPlant`] is made from. (A choice of this project: the paper has no such plant.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearPlantConfig {
    /// Axes, each with a position and a speed: an observation has d = 2 axes.
    pub axes: usize,
    /// Actuators, k: an action is in [-1, 1]^k.
    pub actuators: usize,
    /// How much actuators push in the same direction, c in [0, 1): 0 for one that has its axis for itself.
    pub coupling: f64,
    /// Acceleration by an action of 1, along all axes together.
    pub strength: f64,
    /// Standard deviation of what is added to each speed in a step.
    pub noise: f64,
    /// Weight of the squared actions in the cost.
    pub effort: f64,
    /// Starts are uniform in [-spread, spread] for positions, and at rest.
    pub spread: f64,
    /// Steps of an episode.
    pub max_steps: usize,
}

impl Default for LinearPlantConfig {
    fn default() -> Self {
        LinearPlantConfig {
            axes: 4,
            actuators: 4,
            coupling: 0.9,
            strength: 3.0,
            noise: 0.05,
            effort: 0.001,
            spread: 2.0,
            max_steps: 100,
        }
    }
}

impl LinearPlantConfig {
    fn check(&self) -> Result<()> {
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let wrong = if self.axes == 0 || self.actuators == 0 || self.max_steps == 0 {
            ("axes, actuators and max_steps", "at least 1", 0.0)
        } else if !(0.0..1.0).contains(&self.coupling) {
            ("coupling", "a number in [0, 1)", self.coupling)
        } else if !not_negative(self.noise) {
            ("noise", "a finite number of at least 0", self.noise)
        } else if !not_negative(self.spread) {
            ("spread", "a finite number of at least 0", self.spread)
        } else if !(not_negative(self.strength) && self.strength > 0.0) {
            ("strength", "a finite number above 0", self.strength)
        } else if !(not_negative(self.effort) && self.effort > 0.0) {
            ("effort", "a finite number above 0", self.effort)
        } else {
            return Ok(());
        };
        let (name, expected, found) = wrong;
        Err(Error::Invalid(format!(
            "linear_plant: {name}: expected {expected}, found {found}"
        )))
    }
}

/// s⁺ = A s + B u + noise, reward -(sᵀQ s + uᵀR u), with u in the box [-1, 1]^k.
///
/// The state s = (positions, speeds) is what is observed, d = 2 axes; each axis is a double integrator. Actuator j pushes axis
/// j (modulo their number) with 1 - c and all of them with c / √axes, times the strength, so that c = 0 are plants apart from each other (where there is an
/// actuator for each axis), and close to 1 one push that many actuators share: B'PB has then large entries off its
/// diagonal, and an actuator at its bound changes what is best for all others. Actions are clipped to the box.
#[derive(Clone, Debug)]
pub struct LinearPlant {
    spec: Spec,
    config: LinearPlantConfig,
    a: DMatrix<f64>,
    b: DMatrix<f64>,
    q: DMatrix<f64>,
    state: DVector<f64>,
    noise: Start,
    steps: usize,
}

impl LinearPlant {
    /// The plant at rest at 0, until it is reset.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a number that makes no sense.
    pub fn new(config: LinearPlantConfig) -> Result<LinearPlant> {
        config.check()?;
        let LinearPlantConfig {
            axes,
            actuators,
            coupling,
            strength,
            ..
        } = config;
        let d = 2 * axes;
        let mut a = DMatrix::identity(d, d);
        a.view_mut((0, axes), (axes, axes)).fill_diagonal(SECONDS);
        let together = coupling / (axes as f64).sqrt();
        let push = DMatrix::from_fn(axes, actuators, |axis, actuator| {
            let own = if actuator % axes == axis {
                1.0 - coupling
            } else {
                0.0
            };
            strength * (own + together)
        });
        let mut b = DMatrix::zeros(d, actuators);
        b.rows_mut(0, axes)
            .copy_from(&(&push * (SECONDS * SECONDS / 2.0)));
        b.rows_mut(axes, axes).copy_from(&(&push * SECONDS));
        let weights = DVector::from_fn(d, |row, _| if row < axes { 1.0 } else { 0.1 });
        let spec = Spec {
            name: "linear_plant".into(),
            observation: d,
            low: vec![-1.0; actuators],
            high: vec![1.0; actuators],
            max_steps: config.max_steps,
        };
        Ok(LinearPlant {
            spec,
            config,
            a,
            b,
            q: DMatrix::from_diagonal(&weights),
            state: DVector::zeros(d),
            noise: Start::new(0),
            steps: 0,
        })
    }

    /// What it was made from.
    pub fn config(&self) -> &LinearPlantConfig {
        &self.config
    }

    /// A, `[d, d]`.
    pub fn a(&self) -> &DMatrix<f64> {
        &self.a
    }

    /// B, `[d, k]`.
    pub fn b(&self) -> &DMatrix<f64> {
        &self.b
    }

    /// Q, `[d, d]`: 1 for positions, 0.1 for speeds.
    pub fn q(&self) -> &DMatrix<f64> {
        &self.q
    }

    /// R, `[k, k]`.
    pub fn r(&self) -> DMatrix<f64> {
        let k = self.config.actuators;
        DMatrix::identity(k, k) * self.config.effort
    }

    /// Positions and speeds, `[d]`.
    pub fn state(&self) -> &[f64] {
        self.state.as_slice()
    }

    /// Goes on from this state, `[d]`, with the noise of the episode under way.
    ///
    /// # Errors
    /// Where it has another length.
    pub fn set_state(&mut self, state: &[f64]) -> Result<()> {
        check(&self.spec, None, state)?;
        self.state.copy_from_slice(state);
        Ok(())
    }
}

impl Environment for LinearPlant {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, observation: &mut [f64]) -> Result<()> {
        check(&self.spec, None, observation)?;
        self.noise = Start::new(seed);
        self.state.fill(0.0);
        for position in self.state.rows_mut(0, self.config.axes).iter_mut() {
            *position = self.noise.uniform(-self.config.spread, self.config.spread);
        }
        self.steps = 0;
        observation.copy_from_slice(self.state.as_slice());
        Ok(())
    }

    fn step(&mut self, action: &[f64], observation: &mut [f64]) -> Result<Transition> {
        check(&self.spec, Some(action), observation)?;
        let action =
            DVector::from_iterator(action.len(), action.iter().map(|a| a.clamp(-1.0, 1.0)));
        let cost =
            self.state.dot(&(&self.q * &self.state)) + self.config.effort * action.norm_squared();
        self.state = &self.a * &self.state + &self.b * action;
        for speed in self
            .state
            .rows_mut(self.config.axes, self.config.axes)
            .iter_mut()
        {
            *speed += self.config.noise * self.noise.normal();
        }
        self.steps += 1;
        if !self.state.iter().all(|number| number.is_finite()) {
            return Err(Error::NotFinite {
                environment: self.spec.name.clone(),
                steps: self.steps,
            });
        }
        observation.copy_from_slice(self.state.as_slice());
        Ok(Transition {
            reward: -cost,
            terminated: false,
        })
    }
}
