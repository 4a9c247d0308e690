//! A body in MuJoCo as an environment.

use std::sync::{Arc, OnceLock};

use mujoco_rs::wrappers::mj_data::MjtWarning;
use mujoco_rs::wrappers::mj_model::MjtDisableBit;
use mujoco_rs::wrappers::{MjData, MjModel};

use super::{Body, body::Rules, check_version};
use crate::environment::check;
use crate::random::Start;
use crate::{Environment, Error, Pose, Result, Spec, Transition};

/// Steps of an episode.
const MAX_STEPS: usize = 1000;

/// What MuJoCo counts when numbers are bad. It begins anew from the model's state then, and says so on standard error and in a
/// file, but only where the count is 0. The counts therefore start at [`QUIET`], and another value is how we hear of it.
const BAD: [MjtWarning; 4] = [
    MjtWarning::mjWARN_BADQPOS,
    MjtWarning::mjWARN_BADQVEL,
    MjtWarning::mjWARN_BADQACC,
    MjtWarning::mjWARN_BADCTRL,
];
const QUIET: i32 = 1_000_000;

/// A body that is rewarded for running forward.
///
/// The observation is (positions without the first, velocities); the reward is the distance made good in x, divided by
/// the time of a step, plus 1 for being upright (hopper, walker2d, ant), minus c‖u‖²; MuJoCo clips actions to [-1, 1], the cost does not.
/// Numbers are those of gymnasium's `-v4` to the last bit or nearly: it is the same library that is called in the same order.
#[derive(Debug)]
pub struct Locomotion {
    body: Body,
    rules: Rules,
    spec: Spec,
    data: MjData<Arc<MjModel>>,
    /// Seconds of a step.
    seconds: f64,
    steps: usize,
}

impl Locomotion {
    /// The body as gymnasium has it. All of them share one model.
    ///
    /// # Errors
    /// [`Error::Mujoco`] where the library is of another version or out of memory.
    pub fn new(body: Body) -> Result<Locomotion> {
        static MODELS: [OnceLock<Arc<MjModel>>; Body::ALL.len()] =
            [const { OnceLock::new() }; Body::ALL.len()];
        let shared = &MODELS[body as usize];
        let model = match shared.get() {
            Some(model) => model.clone(),
            None => {
                let model = Arc::new(scaled(body, compiled(body, body.xml())?)?);
                shared.get_or_init(|| model).clone()
            }
        };
        Locomotion::with_model(body, model)
    }

    /// The rules of a body with another model of it: heavier limbs, other friction.
    ///
    /// # Errors
    /// [`Error::Mujoco`] as in [`Locomotion::new`], where MuJoCo cannot read the model, and where it has other joints or actuators.
    pub fn from_xml(body: Body, xml: &str) -> Result<Locomotion> {
        Locomotion::with_model(body, Arc::new(compiled(body, xml)?))
    }

    fn with_model(body: Body, model: Arc<MjModel>) -> Result<Locomotion> {
        let rules = body.rules();
        let (nq, nv, _) = rules.sizes;
        let spec = Spec {
            name: body.name().into(),
            observation: nq + nv - rules.hidden,
            low: model
                .actuator_ctrlrange()
                .iter()
                .map(|range| range[0])
                .collect(),
            high: model
                .actuator_ctrlrange()
                .iter()
                .map(|range| range[1])
                .collect(),
            max_steps: MAX_STEPS,
        };
        let seconds = model.opt().timestep * rules.frame_skip as f64;
        let data = MjData::try_new(model).map_err(|error| failed(body, &error))?;
        Ok(Locomotion {
            body,
            rules,
            spec,
            data,
            seconds,
            steps: 0,
        })
    }

    /// Which body it is.
    pub fn body(&self) -> Body {
        self.body
    }

    /// MuJoCo's own state.
    pub(super) fn data(&self) -> &MjData<Arc<MjModel>> {
        &self.data
    }

    /// Seconds of a step.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Positions and velocities of the joints, as MuJoCo orders them: the first position is x.
    pub fn state(&self) -> (&[f64], &[f64]) {
        (self.data.qpos(), self.data.qvel())
    }

    /// Begins an episode in this state, as after a reset.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer numbers than joints want.
    pub fn set_state(&mut self, positions: &[f64], velocities: &[f64]) -> Result<()> {
        let (nq, nv, _) = self.rules.sizes;
        for (what, expected, found) in [
            ("positions", nq, positions.len()),
            ("velocities", nv, velocities.len()),
        ] {
            if found != expected {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        self.clear();
        self.data.qpos_mut().copy_from_slice(positions);
        self.data.qvel_mut().copy_from_slice(velocities);
        self.data.forward();
        Ok(())
    }

    /// Writes the observation of the present state.
    ///
    /// # Errors
    /// Where `observation` has another length.
    pub fn observe(&self, observation: &mut [f64]) -> Result<()> {
        check(&self.spec, None, observation)?;
        let (positions, velocities) = self.state();
        let (first, second) = observation.split_at_mut(positions.len() - self.rules.hidden);
        first.copy_from_slice(&positions[self.rules.hidden..]);
        let limit = self.rules.velocity_limit;
        for (observed, velocity) in second.iter_mut().zip(velocities) {
            *observed = velocity.clamp(-limit, limit);
        }
        Ok(())
    }

    /// The model's own state, nothing warm.
    fn clear(&mut self) {
        self.data.reset();
        for bad in BAD {
            self.data.warning_mut()[bad as usize].number = QUIET;
        }
        self.steps = 0;
    }

    /// The physics of a step and nothing else: no reward, no observation, and nothing is checked but by MuJoCo. It is what a
    /// [`step`](Environment::step) cannot cost less than.
    ///
    /// # Panics
    /// Where the action has another length.
    pub fn simulate(&mut self, action: &[f64]) {
        self.data.ctrl_mut().copy_from_slice(action);
        for _ in 0..self.rules.frame_skip {
            self.data.step();
        }
    }

    /// Where it is along the way.
    fn place(&self) -> f64 {
        if self.rules.by_torso {
            self.data.xpos()[1][0]
        } else {
            self.data.qpos()[0]
        }
    }
}

impl Environment for Locomotion {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, observation: &mut [f64]) -> Result<()> {
        check(&self.spec, None, observation)?;
        let mut start = Start::new(seed);
        let noise = self.rules.noise;
        self.clear();
        for position in self.data.qpos_mut() {
            *position += start.uniform(-noise, noise);
        }
        for velocity in self.data.qvel_mut() {
            *velocity += if self.rules.normal_velocities {
                noise * start.normal()
            } else {
                start.uniform(-noise, noise)
            };
        }
        self.data.forward();
        self.observe(observation)
    }

    fn step(&mut self, action: &[f64], observation: &mut [f64]) -> Result<Transition> {
        check(&self.spec, Some(action), observation)?;
        let before = self.place();
        self.simulate(action);
        self.steps += 1;
        let speed = (self.place() - before) / self.seconds;
        let cost = self.rules.control_cost * action.iter().map(|a| a * a).sum::<f64>();
        let reward = speed + self.rules.alive - cost;
        let warnings = self.data.warning();
        if BAD
            .iter()
            .any(|&bad| warnings[bad as usize].number != QUIET)
            || !reward.is_finite()
        {
            return Err(Error::NotFinite {
                environment: self.spec.name.clone(),
                steps: self.steps,
            });
        }
        self.observe(observation)?;
        let (positions, velocities) = self.state();
        Ok(Transition {
            reward,
            terminated: !self.body.is_healthy(positions, velocities),
        })
    }

    fn is_heavy(&self) -> bool {
        true
    }

    fn pose(&self) -> Option<Pose> {
        Some(self.capsules())
    }
}

/// One line about a body's model; MuJoCo's messages have several.
fn failed(body: Body, error: &dyn std::fmt::Display) -> Error {
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Error::Mujoco(format!("{}: {}", body.name(), lines.join("; ")))
}

/// The model in `xml`, if it has the joints and actuators of the body.
fn compiled(body: Body, xml: &str) -> Result<MjModel> {
    check_version()?;
    let model = MjModel::from_xml_string(xml).map_err(|error| failed(body, &error))?;
    let expected = body.rules().sizes;
    let found = (
        model.qpos0().len(),
        model.dof_invweight0().len(),
        model.actuator_ctrlrange().len(),
    );
    if found == expected {
        return Ok(without_islands(model));
    }
    let sizes = |(nq, nv, nu): (usize, usize, usize)| {
        format!("{nq} positions, {nv} velocities and {nu} actuators")
    };
    let what = format!(
        "the model has {}, expected {}",
        sizes(found),
        sizes(expected)
    );
    Err(failed(body, &what))
}

/// The model without the search for islands, groups of bodies whose constraints have nothing to do with each other: a body that
/// is one tree of joints is one island, and its physics is the same to the last bit.
fn without_islands(mut model: MjModel) -> MjModel {
    if model.ntree() == 1 {
        model.opt_mut().disableflags |= MjtDisableBit::mjDSBL_ISLAND as i32;
    }
    model
}

/// The model with the mass that gymnasium's has.
fn scaled(body: Body, mut model: MjModel) -> Result<MjModel> {
    let Some(mass) = body.rules().total_mass else {
        return Ok(model);
    };
    model.set_totalmass(mass);
    // Constants that depend on masses are computed by way of a state.
    let mut data = MjData::try_new(Box::new(model)).map_err(|error| failed(body, &error))?;
    data.set_const();
    Ok(*data.model_clone())
}
