//! A run from its configuration to its directory, and back.

use std::time::Instant;

use efy_envs::Spec;
use efy_train::checkpoint::{Checkpoints, Snapshot};
use efy_train::{Fault, Metrics, Objective, RunDirectory, Split, weights};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::source::{Place, Yardstick};
use super::{Arena, EnergyPolicy, Imitation, Lesson, References, returns};
use crate::Result;
use crate::config::Config;
use crate::data::Cache;
use crate::error::Error;
use crate::run_files::{self, Files, write_summary};
use crate::supervised::{Attendance, Scaling, Splits, Supervised, kept_fault};

/// Names of the buffers that are stored beside the weights.
const BUFFERS: [&str; 2] = ["input.mean", "input.deviation"];

/// What `schema.json` says of a policy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    /// The environment.
    environment: String,
    /// Numbers of an observation.
    observation: usize,
    /// The box of actions.
    low: Vec<f64>,
    high: Vec<f64>,
    /// Steps after which an episode ends.
    max_steps: usize,
    /// What returns are measured by; a number that is not known is null.
    random_return: Option<f64>,
    expert_return: Option<f64>,
}

impl Schema {
    fn new(spec: &Spec, references: &References) -> Self {
        let known = |value: f64| Some(value).filter(|value| value.is_finite());
        Schema {
            environment: spec.name.clone(),
            observation: spec.observation,
            low: spec.low.clone(),
            high: spec.high.clone(),
            max_steps: spec.max_steps,
            random_return: known(references.random),
            expert_return: known(references.expert),
        }
    }

    fn spec(&self) -> Spec {
        Spec {
            name: self.environment.clone(),
            observation: self.observation,
            low: self.low.clone(),
            high: self.high.clone(),
            max_steps: self.max_steps,
        }
    }

    fn references(&self) -> References {
        References {
            random: self.random_return.unwrap_or(f64::NAN),
            expert: self.expert_return.unwrap_or(f64::NAN),
        }
    }
}

/// A run that can begin: everything that may turn out impossible has been tried.
pub struct Prepared<'a> {
    config: &'a Config,
    device: Device,
    objective: Imitation,
    /// What checkpoints belong to.
    bytes: Vec<u8>,
}

impl<'a> Prepared<'a> {
    /// Builds model and loss, and lets random actions and the expert act in the test episodes.
    ///
    /// # Errors
    /// What data, model, solver and environments report.
    pub fn new(config: &'a Config, lesson: Lesson, device: Device) -> Result<Self> {
        let bytes = lesson.bytes().collect();
        let learner = Supervised::new(config, lesson.splits(config, device)?)?;
        learner.rehearse()?;
        let (place, expert) = lesson.into_place();
        let arena = Arena::new(&place, &config.rollout, expert)?;
        Ok(Prepared {
            config,
            device,
            objective: Imitation::new(learner, arena, config.rollout.every),
            bytes,
        })
    }

    /// The objective, for those who train by themselves.
    #[must_use]
    pub fn into_objective(self) -> Imitation {
        self.objective
    }

    /// The objective.
    #[must_use]
    pub fn objective(&self) -> &Imitation {
        &self.objective
    }

    /// Trains and fills the run directory; returns the test metrics.
    ///
    /// # Errors
    /// What training or writing report.
    pub fn train(self, run: &RunDirectory, attendance: Attendance) -> Result<Metrics> {
        let checkpoints = self.checkpoints(run)?;
        if !attendance.leads() {
            return self.go(run, Files::new(), attendance, (checkpoints, None));
        }
        let arena = self.objective.arena();
        let schema = Schema::new(arena.spec(), arena.references());
        let files = run_files::begin(self.config, run, self.device, &schema)?;
        self.go(run, files, attendance, (checkpoints, None))
    }

    /// Goes on from the newest checkpoint of a run, or from its beginning where there is none; returns the
    /// test metrics.
    ///
    /// # Errors
    /// As [`train`](Self::train); [`efy_train::Error::Checkpoint`] when there are checkpoints and none
    /// can be used.
    pub fn resume(self, run: &RunDirectory, mut attendance: Attendance) -> Result<Metrics> {
        let checkpoints = self.checkpoints(run)?;
        match run_files::resumed(self.config, run, &checkpoints, &mut attendance)? {
            Some((files, snapshot)) => {
                self.go(run, files, attendance, (checkpoints, Some(snapshot)))
            }
            None => self.train(run, attendance),
        }
    }

    /// The checkpoints of a run, which belong to its configuration and its pairs.
    fn checkpoints(&self, run: &RunDirectory) -> Result<Checkpoints> {
        run_files::checkpoints(run, self.config, self.bytes.iter().copied())
    }

    fn go(
        self,
        run: &RunDirectory,
        files: Files,
        attendance: Attendance,
        (checkpoints, snapshot): (Checkpoints, Option<Snapshot>),
    ) -> Result<Metrics> {
        let Prepared {
            config,
            mut objective,
            ..
        } = self;
        let started = Instant::now();
        let leads = attendance.leads();
        let mut trainer = attendance
            .trainer(config, (run, checkpoints), files)
            .resuming(snapshot);
        let outcome = trainer.fit(&mut objective)?;
        if !leads {
            return Ok(Metrics::default());
        }
        let test = objective.evaluate(Split::Test)?;
        trainer.report(&outcome, Split::Test, &test)?;
        let learner = objective.learner();
        let Scaling { mean, deviation } = learner.splits().scaling();
        let buffers = [(BUFFERS[0], mean), (BUFFERS[1], deviation)]
            .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()));
        weights::save(&run.weights(), learner.parameters(), &buffers)?;
        let seconds = started.elapsed().as_secs_f64();
        write_summary(run, config, &outcome, &test, seconds)?;
        Ok(test)
    }
}

/// Opens a finished run as a policy, without its demonstrations.
///
/// # Errors
/// What configuration and weights report.
pub fn open(run: &RunDirectory, config: &Config, device: Device) -> Result<EnergyPolicy> {
    let schema: Schema = run_files::read_schema(run)?;
    let spec = schema.spec();
    let width = (spec.observation as i64, spec.action() as i64);
    let splits = Splits::none(width, (config.model.dtype.kind(), device))?;
    let learner = Supervised::new(config, splits)?;
    let buffers = weights::load(&run.weights(), learner.parameters(), &BUFFERS)?;
    let [mean, deviation] = <[Tensor; 2]>::try_from(buffers)
        .map_err(|_| Error::input(&run.weights(), None, "two buffers expected"))?;
    Ok(EnergyPolicy {
        learner,
        scaling: Scaling { mean, deviation },
        action_box: super::ActionBox::of(&spec),
        references: schema.references(),
        environment: schema.environment,
    })
}

/// The metrics of a finished run: of pairs in training and validation, and where it acts in its environment again, in the test.
///
/// # Errors
/// What configuration, weights, data and environment report.
pub fn evaluate(
    run: &RunDirectory,
    config: &Config,
    (split, device): (Split, Device),
    cache: &Cache,
) -> Result<Metrics> {
    let mut policy = open(run, config, device)?;
    if split == Split::Test {
        // The references are those of the run: its demonstrations need not be there any more.
        let place = Place::new(&config.data, policy.environment())?;
        let expert = Yardstick::Return(policy.references().expert);
        let mut arena = Arena::new(&place, &config.rollout, expert)?;
        let mut metrics = Metrics::default();
        let references = *policy.references();
        let episodes = arena.test(&mut policy)?;
        returns::put(&mut metrics, &returns::values(&episodes, &references));
        return Ok(metrics);
    }
    let lesson = Lesson::new(config, cache)?;
    let mut learner = Supervised::new(config, lesson.splits(config, device)?)?;
    weights::load(&run.weights(), learner.parameters(), &BUFFERS)?;
    Ok(learner.evaluate(split)?)
}

/// Makes the step once more whose loss or gradient was not finite, from what the run kept of it.
///
/// # Errors
/// [`Error::Usage`] when it kept nothing; what data, model, solver and environment report.
pub fn replay(
    run: &RunDirectory,
    config: &Config,
    device: Device,
    cache: &Cache,
) -> Result<(Fault, Fault)> {
    let (kept, snapshot) = kept_fault(run)?;
    let prepared = Prepared::new(config, Lesson::new(config, cache)?, device)?;
    let mut objective = prepared.into_objective();
    let found = efy_train::replay(&config.train, &mut objective, &snapshot)?;
    Ok((kept, found))
}
