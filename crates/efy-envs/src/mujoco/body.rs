//! What tells the five bodies apart.

use crate::{Error, Result};

/// A body that is to run, with the rules of gymnasium's environment of the same name, `-v4`, with default arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// One leg that hops: d = 11, k = 3.
    Hopper,
    /// Two legs and a torso, flat: d = 17, k = 6.
    HalfCheetah,
    /// Two legs that walk in a plane: d = 17, k = 6.
    Walker2d,
    /// Three links in a viscous fluid: d = 8, k = 2.
    Swimmer,
    /// Four legs in space: d = 27, k = 8.
    Ant,
}

/// The numbers of a body's environment.
#[derive(Debug)]
pub(super) struct Rules {
    /// Positions, velocities and actuators of the model.
    pub(super) sizes: (usize, usize, usize),
    /// Steps of the physics in one of the environment.
    pub(super) frame_skip: usize,
    /// First positions, which are not observed.
    pub(super) hidden: usize,
    /// Largest velocity that is observed.
    pub(super) velocity_limit: f64,
    /// Weight of the squared actions, which are taken as they come: only the physics clips them.
    pub(super) control_cost: f64,
    /// Reward of each step, the last one included.
    pub(super) alive: f64,
    /// Positions start uniform around the model's, this far to each side.
    pub(super) noise: f64,
    /// Velocities start normal with that deviation, or uniform like the positions.
    pub(super) normal_velocities: bool,
    /// What the masses of gymnasium's model are scaled to, in kilograms, if to anything.
    pub(super) total_mass: Option<f64>,
    /// Whether the torso's place is measured, which MuJoCo computes in the step, or the first position.
    pub(super) by_torso: bool,
}

impl Body {
    /// All of them, in the order of the documentation.
    pub const ALL: [Body; 5] = [
        Body::Hopper,
        Body::HalfCheetah,
        Body::Walker2d,
        Body::Swimmer,
        Body::Ant,
    ];

    /// The name its environment is made by.
    pub fn name(self) -> &'static str {
        match self {
            Body::Hopper => "hopper",
            Body::HalfCheetah => "half_cheetah",
            Body::Walker2d => "walker2d",
            Body::Swimmer => "swimmer",
            Body::Ant => "ant",
        }
    }

    /// The body of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for another name.
    pub fn from_name(name: &str) -> Result<Body> {
        let known = || Body::ALL.map(Body::name).join(", ");
        let found = Body::ALL.into_iter().find(|body| body.name() == name);
        found.ok_or_else(|| Error::Unknown {
            name: name.into(),
            known: known(),
        })
    }

    /// Its model, as gymnasium has it (`assets/mujoco`); the masses of [`Body::HalfCheetah`] are then scaled to 14 kg.
    pub fn xml(self) -> &'static str {
        match self {
            Body::Hopper => include_str!("../../../../assets/mujoco/hopper.xml"),
            Body::HalfCheetah => include_str!("../../../../assets/mujoco/half_cheetah.xml"),
            Body::Walker2d => include_str!("../../../../assets/mujoco/walker2d.xml"),
            Body::Swimmer => include_str!("../../../../assets/mujoco/swimmer.xml"),
            Body::Ant => include_str!("../../../../assets/mujoco/ant.xml"),
        }
    }

    pub(super) fn rules(self) -> Rules {
        let rules = Rules {
            sizes: (9, 9, 6),
            frame_skip: 4,
            hidden: 1,
            velocity_limit: f64::INFINITY,
            control_cost: 1e-3,
            alive: 1.0,
            noise: 5e-3,
            normal_velocities: false,
            total_mass: None,
            by_torso: false,
        };
        match self {
            Body::Hopper => Rules {
                sizes: (6, 6, 3),
                velocity_limit: 10.0,
                ..rules
            },
            Body::Walker2d => Rules {
                velocity_limit: 10.0,
                ..rules
            },
            Body::HalfCheetah => Rules {
                frame_skip: 5,
                control_cost: 0.1,
                alive: 0.0,
                noise: 0.1,
                normal_velocities: true,
                total_mass: Some(14.0),
                ..rules
            },
            Body::Swimmer => Rules {
                sizes: (5, 5, 2),
                hidden: 2,
                control_cost: 1e-4,
                alive: 0.0,
                noise: 0.1,
                ..rules
            },
            Body::Ant => Rules {
                sizes: (15, 14, 8),
                frame_skip: 5,
                hidden: 2,
                control_cost: 0.5,
                noise: 0.1,
                normal_velocities: true,
                by_torso: true,
                ..rules
            },
        }
    }

    /// Whether an episode goes on in this state.
    pub(super) fn is_healthy(self, positions: &[f64], velocities: &[f64]) -> bool {
        let within = |value: f64, low: f64, high: f64| low < value && value < high;
        match self {
            Body::Hopper => {
                positions[2..]
                    .iter()
                    .chain(velocities)
                    .all(|&value| within(value, -100.0, 100.0))
                    && within(positions[1], 0.7, f64::INFINITY)
                    && within(positions[2], -0.2, 0.2)
            }
            Body::Walker2d => within(positions[1], 0.8, 2.0) && within(positions[2], -1.0, 1.0),
            Body::HalfCheetah | Body::Swimmer => true,
            Body::Ant => {
                positions
                    .iter()
                    .chain(velocities)
                    .all(|value| value.is_finite())
                    && (0.2..=1.0).contains(&positions[2])
            }
        }
    }
}
