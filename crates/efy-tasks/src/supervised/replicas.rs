//! Models that are trained side by side (`train.replicas`): what each of them leaves.
//!
//! Each has a directory `replicas/seed-S` in that of the run, which is the run directory of a training with
//! this seed alone: everything that reads runs reads it. The directory above has the configuration, the
//! checkpoints of all together, the means of their metrics, and in `summary.json` the mean and the sample
//! deviation of their results.

use std::path::Path;
use std::time::Instant;

use efy_train::files::write_json;
use efy_train::{Metrics, Objective, Outcome, RunDirectory, Split, Trainer};
use serde_json::{Value, json};
use tch::Device;

use super::run::finish as finish_alone;
use super::{Splits, Supervised};
use crate::Result;
use crate::config::Config;
use crate::data::Dataset;
use crate::error::Error;

/// One of the models.
pub(super) struct Replica {
    /// The configuration of a training with its seed alone.
    pub(super) config: Config,
    pub(super) run: RunDirectory,
}

/// The configurations that train each replica alone; none where there is one model.
fn configs(config: &Config) -> impl Iterator<Item = Config> + '_ {
    let several = config.train.replicas > 1;
    let seeds = config.train.seeds().filter(move |_| several);
    seeds.map(|seed| {
        let mut alone = config.clone();
        (alone.train.seed, alone.train.replicas) = (seed, 1);
        alone
    })
}

/// Makes the directories of the replicas of a run.
pub(super) fn create(config: &Config, run: &RunDirectory) -> Result<Vec<Replica>> {
    configs(config)
        .map(|config| {
            let path = run.replica(config.train.seed);
            let run = RunDirectory::create(Some(&path), &config.name, true)?;
            Ok(Replica { config, run })
        })
        .collect()
}

/// Those of a run that goes on.
pub(super) fn open(
    config: &Config,
    run: &RunDirectory,
    how: impl Fn(&Path) -> efy_train::Result<RunDirectory>,
) -> Result<Vec<Replica>> {
    configs(config)
        .map(|config| {
            let run = how(&run.replica(config.train.seed))?;
            Ok(Replica { config, run })
        })
        .collect()
}

/// Says of a run of several models that one of them has to be named.
pub(super) fn refuse(config: &Config, run: &RunDirectory) -> Result<()> {
    match config.train.replicas {
        0 | 1 => Ok(()),
        count => Err(Error::Usage(format!(
            "{}: a run of {count} models; name one of them, the first is {}",
            run.path().display(),
            run.replica(config.train.seed).display()
        ))),
    }
}

/// Evaluates the models on their test splits, fills their directories, and gives the means.
pub(super) fn finish(
    config: &Config,
    run: &RunDirectory,
    (together, outcomes): (&mut Supervised, &[Outcome]),
    (data, started): (&Dataset, Instant),
    trainer: &mut Trainer<'_>,
) -> Result<Metrics> {
    // The models are looked at no more: they are put together where nothing has to be brought to a device.
    let options = (config.model.dtype.kind(), Device::Cpu);
    let tests = together.evaluate_replicas(Split::Test)?;
    let predictions = together.predict_split(Split::Test)?;
    for (index, replica) in open(config, run, RunDirectory::open)?.iter().enumerate() {
        let alone = &replica.config;
        let splits = Splits::new(data, &alone.data, alone.train.seed, options)?;
        let objective = Supervised::new(alone, splits)?;
        let weights = together.parameters().replica(index as i64);
        objective.parameters().assign(&weights)?;
        let (outcome, test) = (&outcomes[index], &tests[index]);
        trainer.report_replica(index, outcome, Split::Test, test)?;
        let results = (outcome, test, predictions.get(index));
        finish_alone(alone, &replica.run, &objective, data, (results, started))?;
    }
    let mean = Metrics::mean(&tests);
    if let Some(last) = outcomes.iter().max_by_key(|one| one.best_step) {
        trainer.report(last, Split::Test, &mean)?;
    }
    let validations: Vec<Metrics> = outcomes.iter().map(|one| one.validation.clone()).collect();
    let each: Vec<Value> = (config.train.seeds().zip(outcomes).zip(&tests))
        .map(|((seed, outcome), test)| {
            json!({
                "seed": seed,
                "steps": outcome.steps,
                "best": {"step": outcome.best_step, "monitor": config.train.monitor},
                "validation": outcome.validation,
                "test": test,
            })
        })
        .collect();
    let most = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).max().unwrap_or(0);
    let summary = json!({
        "name": config.name,
        "task": config.task,
        "steps": most(|outcome| outcome.steps),
        "epochs": most(|outcome| outcome.epochs),
        "seconds": started.elapsed().as_secs_f64(),
        "validation": Metrics::mean(&validations),
        "test": mean,
        "test_deviation": Metrics::deviation(&tests),
        "replicas": each,
    });
    write_json(&run.summary(), &summary)?;
    Ok(mean)
}
