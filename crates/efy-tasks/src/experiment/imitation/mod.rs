//! Policies from demonstrations: energies and losses compared by what they reach where they act.

mod protocol;
mod report;
mod trial;

use efy_envs::Error as Missing;

use self::protocol::{Column, Protocol};
use self::trial::{Outcome, Trial};
use super::catalogue::Experiment;
use super::trials::{Record, Trials};
use super::{Findings, Request, grid, protocol as texts};
use crate::{Error, Result};

/// An environment, a setting and a value of what is varied, with what came of it for each seed.
struct Cell<'a> {
    column: &'a Column,
    setting: usize,
    value: f64,
    outcomes: Vec<&'a Outcome>,
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides, environments and trainings report; [`Error::Usage`] for environments that this build is
/// without, unless others are left in a quick run.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = texts::read(experiment, request)?;
    let name = experiment.name;
    let wanted = grid::columns(name, &protocol.environments, &protocol.only, |one| {
        &one.name
    })?;
    let (mut columns, mut notes) = (Vec::new(), Vec::new());
    for column in wanted {
        let config = protocol.config(name, &[&column.set])?;
        let environment = config.data.environment.or(config.data.expert);
        match efy_envs::make(&environment.unwrap_or_default()) {
            Ok(_) => columns.push(column),
            Err(error @ Missing::WithoutMujoco { .. }) if request.quick => {
                notes.push(format!("Left out: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if columns.is_empty() {
        return Err(Error::Usage(format!("{name}: no environment to act in")));
    }
    notes.iter().for_each(|note| (request.say)(note));
    let mut trials = Vec::new();
    let mut places = Vec::new();
    for &column in &columns {
        for (index, setting) in protocol.settings.iter().enumerate() {
            for &value in &protocol.vary.values {
                places.push((column, index, value));
                let varied = [format!("{}={value}", protocol.vary.key)];
                for seed in 0..protocol.seeds {
                    let seed = [format!("train.seed={seed}")];
                    let changes = [&column.set[..], &setting.set, &varied, &seed];
                    trials.push(Trial {
                        config: protocol.config(name, &changes)?,
                        label: format!("{}, {}, {value}", column.name, setting.name),
                    });
                }
            }
        }
    }
    let cache = request.cache.clone();
    let records = Trials::open(request, request.jobs)?.run(&trials, &|trial| trial.run(&cache))?;
    let cells: Vec<Cell<'_>> = places
        .into_iter()
        .zip(records.chunks(protocol.seeds.max(1) as usize))
        .map(|((column, setting, value), records)| Cell {
            column,
            setting,
            value,
            outcomes: records.iter().map(|record| &record.result).collect(),
        })
        .collect();
    let seconds = records
        .iter()
        .map(|record: &Record<Outcome>| record.seconds);
    Ok(report::findings(
        &protocol,
        (&columns, &cells),
        notes,
        seconds.sum(),
    ))
}
