//! The pendulum that is swung up, as in gymnasium's `Pendulum-v1`.

use std::f64::consts::{PI, TAU};

use crate::environment::check;
use crate::random::Start;
use crate::{Capsule, Environment, Error, Pose, Result, Spec, Transition};

const GRAVITY: f64 = 10.0;
const MASS: f64 = 1.0;
const LENGTH: f64 = 1.0;
const SECONDS: f64 = 0.05;
/// How thick the rod is drawn.
const WIDTH: f64 = 0.14;
const MAX_SPEED: f64 = 8.0;
const MAX_TORQUE: f64 = 2.0;

/// A rod on a motor that is too weak to lift it at once.
///
/// The state is (θ, θ̇), θ = 0 upright; the observation is (cos θ, sin θ, θ̇), d = 3; the action is the torque in
/// [-2, 2], k = 1, clipped. The reward is -(θ² + 0.1 θ̇² + 0.001 u²) with θ in [-π, π); an episode has 200 steps and no end of its own.
/// The start is uniform in [-π, π] x [-1, 1]. Equal to gymnasium's, which rounds observations to f32.
#[derive(Clone, Debug)]
pub struct Pendulum {
    spec: Spec,
    angle: f64,
    speed: f64,
    steps: usize,
}

impl Default for Pendulum {
    fn default() -> Self {
        Pendulum::new()
    }
}

impl Pendulum {
    /// The pendulum at rest, upright, until it is reset.
    pub fn new() -> Pendulum {
        let spec = Spec {
            name: "pendulum".into(),
            observation: 3,
            low: vec![-MAX_TORQUE],
            high: vec![MAX_TORQUE],
            max_steps: 200,
        };
        Pendulum {
            spec,
            angle: 0.0,
            speed: 0.0,
            steps: 0,
        }
    }

    /// Angle in radians, 0 upright, and angular velocity in radians a second.
    pub fn state(&self) -> [f64; 2] {
        [self.angle, self.speed]
    }

    /// Goes on from this angle and angular velocity.
    pub fn set_state(&mut self, [angle, speed]: [f64; 2]) {
        (self.angle, self.speed) = (angle, speed);
    }

    fn observe(&self, observation: &mut [f64]) {
        observation.copy_from_slice(&[self.angle.cos(), self.angle.sin(), self.speed]);
    }
}

impl Environment for Pendulum {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, observation: &mut [f64]) -> Result<()> {
        check(&self.spec, None, observation)?;
        let mut start = Start::new(seed);
        self.set_state([start.uniform(-PI, PI), start.uniform(-1.0, 1.0)]);
        self.steps = 0;
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f64], observation: &mut [f64]) -> Result<Transition> {
        check(&self.spec, Some(action), observation)?;
        let torque = action[0].clamp(-MAX_TORQUE, MAX_TORQUE);
        let from_upright = (self.angle + PI).rem_euclid(TAU) - PI;
        let cost = from_upright.powi(2) + 0.1 * self.speed.powi(2) + 0.001 * torque.powi(2);
        let acceleration = 3.0 * GRAVITY / (2.0 * LENGTH) * self.angle.sin()
            + 3.0 / (MASS * LENGTH.powi(2)) * torque;
        self.speed = (self.speed + acceleration * SECONDS).clamp(-MAX_SPEED, MAX_SPEED);
        self.angle += self.speed * SECONDS;
        self.steps += 1;
        if !self.angle.is_finite() {
            return Err(Error::NotFinite {
                environment: self.spec.name.clone(),
                steps: self.steps,
            });
        }
        self.observe(observation);
        Ok(Transition {
            reward: -cost,
            terminated: false,
        })
    }

    fn pose(&self) -> Option<Pose> {
        let rod = Capsule {
            from: [0.0, 0.0],
            to: [LENGTH * self.angle.sin(), LENGTH * self.angle.cos()],
            radius: WIDTH / 2.0,
            limb: 1,
        };
        let motor = Capsule {
            to: rod.from,
            radius: WIDTH,
            limb: 0,
            ..rod
        };
        Some(Pose {
            capsules: vec![rod, motor],
            ground: None,
            seconds: SECONDS,
        })
    }
}
