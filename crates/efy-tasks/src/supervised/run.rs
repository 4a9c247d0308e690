//! A run from its configuration to its directory, and back.

use std::time::Instant;

use efy_core::device::read;
use efy_train::checkpoint::{Checkpoints, Snapshot};
use efy_train::files::{read_text, write_atomically};
use efy_train::observer::Observer;
use efy_train::{
    Collective, Control, FAULT, Fault, Metrics, Objective, Outcome, RunDirectory, Split, State,
    Trainer, newest_fault, observer_state, replica_observer_state, weights,
};
use tch::{Device, Kind, Tensor};

use super::{Placement, Scaling, Splits, Supervised, csv_text, replicas};
use crate::Result;
use crate::config::Config;
use crate::data::{self, Cache, Dataset, Schema, Targets};
use crate::error::Error;
use crate::run_files::{self, Files, write_summary};

/// Names of the buffers that are stored beside the weights.
const BUFFERS: [&str; 2] = ["input.mean", "input.deviation"];

/// A trained model with its data.
pub struct Trained {
    /// The model.
    pub objective: Supervised,
    /// Names and encodings of features and labels.
    pub schema: Schema,
    /// How training inputs were scaled.
    scaling: Scaling,
    options: (Kind, Device),
}

impl Trained {
    /// Encoded rows, row-major `[n, d]`, to what the task makes of them, row-major `[n, m]`: see
    /// [`Outputs::outcome`](super::Outputs::outcome).
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn predict(&self, rows: &[f32]) -> Result<Vec<f64>> {
        let width = self.schema.width() as i64;
        let (kind, device) = self.options;
        let x = Tensor::f_from_slice(rows)
            .and_then(|flat| flat.f_reshape([-1, width])?.f_to_kind(Kind::Double))
            .map_err(efy_core::Error::from)?;
        let x = self.scaling.apply(&x).to_kind(kind).to_device(device);
        Ok(read::to_vec(&self.objective.predict(&x)?)?)
    }

    /// The predictions for encoded rows, row-major `[n, d]`, as CSV.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predictions_csv(&self, rows: &[f32]) -> Result<String> {
        let outcome = self.predict(rows)?;
        let width = self.schema.width().max(1);
        let numbers: Vec<usize> = (0..rows.len() / width).collect();
        let outputs = self.objective.outputs();
        let outcome = (outcome.as_slice(), self.objective.layout());
        outputs.csv(&self.schema.labels, &numbers, outcome, None)
    }
}

/// The data set that a configuration names.
///
/// # Errors
/// [`Error`] naming the file or the data set, among them that its labels are not what the task learns.
pub fn dataset(config: &Config, cache: &Cache) -> Result<Dataset> {
    let (task, config) = (config.task, &config.data);
    let data = match &config.path {
        None => data::load(&config.name, cache)?,
        Some(path) => {
            let columns = config.columns();
            let (test, labels) = (config.test_path.as_deref(), config.labels_path.as_deref());
            match task.targets() {
                Targets::Sets => data::load_path(path, test, labels, columns.as_ref())?,
                Targets::Rankings => data::load_rankings(path, test, columns.as_ref())?,
            }
        }
    };
    let (expected, found) = (task.targets(), data.targets());
    if expected != found {
        return Err(Error::Dataset {
            name: data.name().to_owned(),
            message: format!(
                "task {} learns {}, found {}; set data.name or data.path",
                task.name(),
                expected.written_out(),
                found.written_out()
            ),
        });
    }
    if config.drop_empty {
        data.without_empty_rows()
    } else {
        Ok(data)
    }
}

/// A run that can begin: everything that may turn out impossible has been tried.
pub struct Prepared<'a> {
    config: &'a Config,
    data: &'a Dataset,
    device: Device,
    objective: Supervised,
}

/// How a run is watched and steered.
#[derive(Default)]
pub struct Attendance {
    /// Hear what happens, beside the files of the run directory.
    pub observers: Vec<Box<dyn Observer>>,
    /// Asks it to save or to stop.
    pub control: Control,
    /// Who trains it together with this process. Rank 0 writes the run; the others train and leave, with no metrics.
    pub collective: Option<Box<dyn Collective>>,
}

impl Attendance {
    /// Whether this process writes the run.
    pub(crate) fn leads(&self) -> bool {
        let rank = self.collective.as_ref().map(|collective| collective.rank());
        rank.is_none_or(|rank| rank == 0)
    }

    /// A trainer that these steer and, on the process that writes the run, these and `files` watch.
    pub(crate) fn trainer<'a>(
        self,
        config: &'a Config,
        (run, checkpoints): (&RunDirectory, Checkpoints),
        mut files: Files,
    ) -> Trainer<'a> {
        files.extend(self.observers);
        let trainer = Trainer::new(&config.train, files)
            .controlled(self.control)
            .saving(checkpoints, config.checkpoint.every, &run.faults());
        match self.collective {
            Some(collective) => trainer.together(collective),
            None => trainer,
        }
    }
}

impl<'a> Prepared<'a> {
    /// Splits the data, builds model and loss, and solves the first example.
    ///
    /// # Errors
    /// What data, model and solver report.
    pub fn new(config: &'a Config, data: &'a Dataset, device: Device) -> Result<Self> {
        // Where the examples of several models live is decided for all of them.
        let home = match config.train.replicas {
            1 => device,
            _ => Device::Cpu,
        };
        let options = (config.model.dtype.kind(), home);
        let splits = (config.train.seeds())
            .map(|seed| Splits::new(data, &config.data, seed, options))
            .collect::<Result<_>>()?;
        let objective = Supervised::replicas(config, splits, device)?;
        objective.rehearse()?;
        Ok(Prepared {
            config,
            data,
            device,
            objective,
        })
    }

    /// Where the examples live.
    pub fn placement(&self) -> Placement {
        self.objective.splits().placement()
    }

    /// Whether batches are copied from pinned memory.
    pub fn is_pinned(&self) -> bool {
        self.objective.is_pinned()
    }

    /// Trains and fills the run directory; returns the test metrics.
    ///
    /// # Errors
    /// What training or writing report.
    pub fn train(self, run: &RunDirectory, attendance: Attendance) -> Result<Metrics> {
        let checkpoints = checkpoints(run, self.config, self.data)?;
        if !attendance.leads() {
            return self.go(run, Default::default(), attendance, (checkpoints, None));
        }
        let replicas = replicas::create(self.config, run)?;
        let begin = |config: &Config, run: &RunDirectory| {
            run_files::begin(config, run, self.device, self.data.schema())
        };
        let files = begin(self.config, run)?;
        let apart = replicas.iter().map(|one| begin(&one.config, &one.run));
        let apart = apart.collect::<Result<Vec<Files>>>()?;
        self.go(run, (files, apart), attendance, (checkpoints, None))
    }

    /// Goes on from the newest checkpoint of a run, or from its beginning where there is none; returns the
    /// test metrics.
    ///
    /// # Errors
    /// As [`train`](Self::train); [`efy_train::Error::Checkpoint`] when there are checkpoints and none
    /// can be used.
    pub fn resume(self, run: &RunDirectory, mut attendance: Attendance) -> Result<Metrics> {
        let checkpoints = checkpoints(run, self.config, self.data)?;
        let newest = run_files::newest(&checkpoints, &mut attendance.observers)?;
        let Some(snapshot) = newest else {
            return self.train(run, attendance);
        };
        if !attendance.leads() {
            let from = (checkpoints, Some(snapshot));
            return self.go(run, Default::default(), attendance, from);
        }
        let go_on = |state: &State, run: &RunDirectory| run_files::go_on(self.config, run, state);
        let files = go_on(&observer_state(&snapshot, "metrics"), run)?;
        // The locks are held as long as it trains.
        let replicas = replicas::open(self.config, run, RunDirectory::resume)?;
        let apart = (replicas.iter().enumerate())
            .map(|(index, one)| {
                go_on(
                    &replica_observer_state(&snapshot, index, "metrics"),
                    &one.run,
                )
            })
            .collect::<Result<Vec<Files>>>()?;
        let from = (checkpoints, Some(snapshot));
        self.go(run, (files, apart), attendance, from)
    }

    fn go(
        self,
        run: &RunDirectory,
        (files, apart): (Files, Vec<Files>),
        attendance: Attendance,
        (checkpoints, snapshot): (Checkpoints, Option<Snapshot>),
    ) -> Result<Metrics> {
        let Prepared {
            config,
            data,
            device,
            mut objective,
        } = self;
        let started = Instant::now();
        let leads = attendance.leads();
        let mut trainer = attendance
            .trainer(config, (run, checkpoints), files)
            .watching(apart)
            .resuming(snapshot);
        if config.train.replicas > 1 {
            let outcomes = trainer.fit_replicas(&mut objective)?;
            if !leads {
                return Ok(Metrics::default());
            }
            let place = (data, started);
            let trained = (&mut objective, outcomes.as_slice());
            return replicas::finish(config, run, trained, place, &mut trainer);
        }
        let mut outcome = trainer.fit(&mut objective)?;
        if config.train.refit {
            (objective, outcome) = refit(&mut trainer, config, data, device, &outcome)?;
        }
        if !leads {
            return Ok(Metrics::default());
        }
        let test = objective.evaluate(Split::Test)?;
        trainer.report(&outcome, Split::Test, &test)?;
        let predictions = objective.predict_split(Split::Test)?.pop();
        let results = (&outcome, &test, predictions.as_ref());
        finish(config, run, &objective, data, (results, started))?;
        Ok(test)
    }
}

/// What a training came to: where it ended, its test metrics, and what the task makes of the test split.
pub(super) type Results<'a> = (&'a Outcome, &'a Metrics, Option<&'a Tensor>);

/// Writes what a trained model leaves: weights, predictions, and last of all the summary.
pub(super) fn finish(
    config: &Config,
    run: &RunDirectory,
    objective: &Supervised,
    data: &Dataset,
    ((outcome, test, predictions), started): (Results<'_>, Instant),
) -> Result<()> {
    let Scaling { mean, deviation } = objective.splits().scaling();
    let buffers = [(BUFFERS[0], mean), (BUFFERS[1], deviation)]
        .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()));
    weights::save(&run.weights(), objective.parameters(), &buffers)?;
    if let Some(predictions) = predictions {
        write_test_predictions(run, objective, data, predictions)?;
    }
    write_log_partitions(run, objective)?;
    write_summary(run, config, outcome, test, started.elapsed().as_secs_f64())
}

/// The checkpoints of a run, which belong to its configuration and its data.
fn checkpoints(run: &RunDirectory, config: &Config, data: &Dataset) -> Result<Checkpoints> {
    let x = data.x().iter().flat_map(|value| value.to_le_bytes());
    run_files::checkpoints(run, config, x.chain(data.y().iter().copied()))
}

/// What a run kept of a step whose loss or gradient was not finite.
///
/// # Errors
/// [`Error::Usage`] when it kept nothing.
pub(crate) fn kept_fault(run: &RunDirectory) -> Result<(Fault, Snapshot)> {
    let Some(snapshot) = newest_fault(&run.faults())? else {
        let run = run.path().display();
        return Err(Error::Usage(format!("{run}: no step of it was not finite")));
    };
    let path = run.faults().join(FAULT);
    let kept: Fault = serde_json::from_str(&read_text(&path)?)
        .map_err(|error| Error::input(&path, None, error.to_string()))?;
    Ok((kept, snapshot))
}

/// Makes the step once more whose loss or gradient was not finite, from what the run kept of it.
///
/// # Errors
/// [`Error::Usage`] when it kept nothing; what data, model and solver report.
pub fn replay(
    run: &RunDirectory,
    config: &Config,
    device: Device,
    cache: &Cache,
) -> Result<(Fault, Fault)> {
    replicas::refuse(config, run)?;
    let (kept, snapshot) = kept_fault(run)?;
    let data = dataset(config, cache)?;
    let options = (config.model.dtype.kind(), device);
    let split = match snapshot.is_refit()? {
        true => Splits::refit,
        false => Splits::new,
    };
    let splits = split(&data, &config.data, config.train.seed, options)?;
    let mut objective = Supervised::new(config, splits)?;
    let found = efy_train::replay(&config.train, &mut objective, &snapshot)?;
    Ok((kept, found))
}

/// Trains again with the validation examples, for as many epochs as were best without them.
///
/// # Errors
/// What data, model, solver and observers report.
pub fn refit(
    trainer: &mut Trainer<'_>,
    config: &Config,
    data: &Dataset,
    device: Device,
    outcome: &Outcome,
) -> Result<(Supervised, Outcome)> {
    let options = (config.model.dtype.kind(), device);
    let splits = Splits::refit(data, &config.data, config.train.seed, options)?;
    let mut objective = Supervised::new(config, splits)?;
    let outcome = trainer.refit(&mut objective, outcome)?;
    Ok((objective, outcome))
}

fn write_test_predictions(
    run: &RunDirectory,
    objective: &Supervised,
    data: &Dataset,
    outcome: &Tensor,
) -> Result<()> {
    let test = objective.splits().get(Split::Test);
    let outcome: Vec<f64> = read::to_vec(outcome)?;
    let k = data.labels();
    let truth: Vec<u8> = test
        .rows
        .iter()
        .flat_map(|&row| &data.y()[row * k..(row + 1) * k])
        .copied()
        .collect();
    let labels = &data.schema().labels;
    let outputs = objective.outputs();
    let outcome = (outcome.as_slice(), objective.layout());
    let text = outputs.csv(labels, &test.rows, outcome, Some(&truth))?;
    Ok(write_atomically(&run.predictions(), text.as_bytes())?)
}

/// Learned beside exact log-partitions of the test split, if its evaluation has compared them.
fn write_log_partitions(run: &RunDirectory, objective: &Supervised) -> Result<()> {
    let Some([estimated, exact]) = objective.log_partitions(Split::Test) else {
        return Ok(());
    };
    let header = ["row", "estimated", "exact"].map(str::to_owned).to_vec();
    let rows = objective.splits().get(Split::Test).rows.iter();
    let records = rows.zip(estimated.iter().zip(exact));
    let records = records.map(|(row, (estimated, exact))| {
        vec![
            row.to_string(),
            format!("{estimated:.6}"),
            format!("{exact:.6}"),
        ]
    });
    let text = csv_text(std::iter::once(header).chain(records))?;
    Ok(write_atomically(&run.log_partitions(), text.as_bytes())?)
}

/// Opens a finished run with its data.
///
/// # Errors
/// What configuration, data and weights report, among them that the data set has changed since.
pub fn open(run: &RunDirectory, config: &Config, device: Device, cache: &Cache) -> Result<Trained> {
    replicas::refuse(config, run)?;
    let data = dataset(config, cache)?;
    let schema: Schema = run_files::read_schema(run)?;
    if &schema != data.schema() {
        let message = "its features or labels are not those that the run was trained on";
        return Err(Error::Dataset {
            name: data.name().to_owned(),
            message: message.to_owned(),
        });
    }
    let options = (config.model.dtype.kind(), device);
    let split = if config.train.refit {
        Splits::refit
    } else {
        Splits::new
    };
    let splits = split(&data, &config.data, config.train.seed, options)?;
    let objective = Supervised::new(config, splits)?;
    let buffers = weights::load(&run.weights(), objective.parameters(), &BUFFERS)?;
    let [mean, deviation] = <[Tensor; 2]>::try_from(buffers)
        .map_err(|_| Error::input(&run.weights(), None, "two buffers expected"))?;
    Ok(Trained {
        objective,
        schema,
        scaling: Scaling { mean, deviation },
        options,
    })
}
