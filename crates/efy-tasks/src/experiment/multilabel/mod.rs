//! Energy networks and losses on multilabel data: settings chosen on validation data, then repeated.

mod baseline;
mod protocol;
mod report;
mod search;
mod training;

use self::baseline::Baselines;
use self::protocol::{Column, Protocol};
use self::search::{Cell, search};
use super::catalogue::Experiment;
use super::trials::Trials;
use super::{Findings, Request, protocol as texts};
use crate::data::Dataset;
use crate::{Error, Result};

/// A data set that takes part.
struct Data<'a> {
    column: &'a Column,
    /// With its test split, which no seed changes.
    dataset: Dataset,
    baselines: Baselines,
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides, the data and the trainings report; [`Error::Usage`] for data sets
/// that are not there, unless the run is quick.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = texts::read(experiment, request)?;
    let (data, missing) = load(experiment.name, &protocol, request)?;
    if !missing.is_empty() && !request.quick {
        return Err(Error::Usage(format!(
            "{}: {}",
            experiment.name,
            advice(&missing)
        )));
    }
    let mut notes = Vec::new();
    if !missing.is_empty() {
        let note = format!("Left out: {}", advice(&missing));
        (request.say)(&note);
        notes.push(note);
    }
    if data.is_empty() {
        let message = format!("{}: no data set to run on", experiment.name);
        return Err(Error::Usage(message));
    }
    let trials = Trials::open(request, request.jobs)?;
    let cells: Vec<Cell> = search(experiment.name, &protocol, &data, &trials)?;
    Ok(report::findings(&protocol, &data, &cells, notes))
}

/// The data sets that are there, and the names of those that are not.
fn load<'a>(
    origin: &str,
    protocol: &'a Protocol,
    request: &Request<'_>,
) -> Result<(Vec<Data<'a>>, Vec<String>)> {
    let (mut data, mut missing) = (Vec::new(), Vec::new());
    for column in protocol.columns(origin)? {
        let config = protocol.config(origin, &[&column.set])?;
        match crate::supervised::dataset(&config, request.cache) {
            Ok(dataset) => {
                // Drawn once: rows that one seed chose settings on must not be another's test rows.
                let dataset = dataset.with_test_split(config.data.test, 0)?;
                let baselines = Baselines::of(&dataset);
                data.push(Data {
                    column,
                    dataset,
                    baselines,
                });
            }
            Err(Error::NotFetched { name }) if missing.contains(&name) => {}
            Err(Error::NotFetched { name }) => missing.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok((data, missing))
}

fn advice(missing: &[String]) -> String {
    let commands: Vec<String> = missing
        .iter()
        .map(|name| format!("efy data fetch {name}"))
        .collect();
    let sets = if missing.len() == 1 { "set" } else { "sets" };
    format!(
        "data {sets} not fetched yet: {}; run `{}`, or name those to run on: --set 'only=[yeast]'",
        missing.join(", "),
        commands.join(" && ")
    )
}
