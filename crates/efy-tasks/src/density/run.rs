//! A run from its configuration to its directory, and back.

use std::time::Instant;

use efy_core::shallow::Shallow;
use efy_train::checkpoint::{Checkpoints, Snapshot};
use efy_train::files::write_json;
use efy_train::{Metrics, Objective, RunDirectory, Split, weights};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::Examples;
use super::objective::{self, Density, Scaling};
use super::picture::{PICTURE_FILE, Picture};
use crate::Result;
use crate::config::Config;
use crate::error::Error;
use crate::run_files::{self, Files, write_summary};
use crate::supervised::Attendance;

/// Names of the tensors that are stored beside the weights.
const BUFFERS: [&str; 3] = ["particles", "input.mean", "input.deviation"];

/// What `schema.json` says of the points of a run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    /// The names of their entries.
    names: Vec<String>,
}

/// A run that can begin: everything that may turn out impossible has been tried.
pub struct Prepared<'a> {
    config: &'a Config,
    examples: &'a Examples,
    device: Device,
    objective: Density,
}

impl<'a> Prepared<'a> {
    /// Puts points and particles on the device and draws the neurons.
    ///
    /// # Errors
    /// What flow and device report.
    pub fn new(config: &'a Config, examples: &'a Examples, device: Device) -> Result<Self> {
        Ok(Prepared {
            config,
            examples,
            device,
            objective: Density::new(config, examples, device)?,
        })
    }

    /// Trains and fills the run directory; returns the test metrics.
    ///
    /// # Errors
    /// What training or writing report.
    pub fn train(self, run: &RunDirectory, attendance: Attendance) -> Result<Metrics> {
        if !attendance.leads() {
            let checkpoints = self.checkpoints(run)?;
            return self.go(run, Files::new(), attendance, (checkpoints, None));
        }
        let names = self.examples.names().to_vec();
        let files = run_files::begin(self.config, run, self.device, &Schema { names })?;
        let checkpoints = self.checkpoints(run)?;
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

    /// The checkpoints of a run, which belong to its configuration and its points.
    fn checkpoints(&self, run: &RunDirectory) -> Result<Checkpoints> {
        let points = self.examples.bytes()?;
        run_files::checkpoints(run, self.config, points.into_iter())
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
            examples,
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
        let Scaling { mean, deviation } = objective.scaling();
        let buffers = [&objective.particles()?, mean, deviation];
        let buffers: Vec<(String, Tensor)> = (BUFFERS.iter().zip(buffers))
            .map(|(name, tensor)| ((*name).to_owned(), tensor.shallow_clone()))
            .collect();
        weights::save(&run.weights(), objective.parameters(), &buffers)?;
        if let Some(picture) = Picture::of(&objective, examples)? {
            write_json(&run.path().join(PICTURE_FILE), &picture)?;
        }
        write_summary(
            run,
            config,
            &outcome,
            &test,
            started.elapsed().as_secs_f64(),
        )?;
        Ok(test)
    }
}

/// A trained network with its particles, without data.
pub struct Trained {
    /// The network.
    pub network: Shallow,
    /// Where particles were in the end, `[N, d]`.
    pub particles: Tensor,
    /// How points were scaled.
    pub scaling: Scaling,
    /// The names of the entries of a point.
    pub names: Vec<String>,
    /// The inverse temperature.
    pub beta: f64,
}

/// Opens a finished run.
///
/// # Errors
/// What configuration and weights report.
pub fn open(run: &RunDirectory, config: &Config, device: Device) -> Result<Trained> {
    let Schema { names } = run_files::read_schema(run)?;
    let template = objective::network(config, names.len() as i64, device)?;
    let parameters = objective::parameters(&template)?;
    let buffers = weights::load(&run.weights(), &parameters, &BUFFERS)?;
    let [particles, mean, deviation] = <[Tensor; 3]>::try_from(buffers)
        .map_err(|_| Error::input(&run.weights(), None, "three buffers expected"))?;
    Ok(Trained {
        network: objective::network_of(&template, &parameters)?,
        particles: particles.to_device(device),
        scaling: Scaling { mean, deviation },
        names,
        beta: config.flow.beta,
    })
}

impl Trained {
    /// The metrics of a split of the points that it was trained with.
    ///
    /// # Errors
    /// [`Error::Dataset`] when the points have another number of entries than those of the run; what the estimators report.
    pub fn evaluate(&self, config: &Config, examples: &Examples, split: Split) -> Result<Metrics> {
        if examples.names().len() != self.names.len() {
            let (expected, found) = (self.names.len(), examples.names().len());
            return Err(Error::Dataset {
                name: examples.name().to_owned(),
                message: format!(
                    "expected points of {expected} numbers, as the run was trained on, found {found}"
                ),
            });
        }
        let place = self.network.place();
        let teacher = super::examples::teacher(config, place)?;
        let judge = super::Judge::new(config, &self.network, teacher, self.scaling.log_volume()?)?;
        let points = self.scaling.apply(examples.split(split), place);
        judge.metrics(&self.network, &points, &self.particles)
    }
}
