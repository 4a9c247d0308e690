//! Losses of distributions over outputs on data: settings chosen on validation data of every split, then scored.

pub(super) mod convergence;
mod protocol;
mod report;
mod search;
mod training;

use self::protocol::{Column, Protocol};
use super::catalogue::Experiment;
use super::trials::Trials;
use super::{Findings, Request, protocol as texts};
use crate::data::Dataset;
use crate::{Error, Result};

/// A data set that takes part.
struct Data<'a> {
    column: &'a Column,
    /// With a test split for each seed.
    splits: Vec<Dataset>,
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides, the data and the trainings report; [`Error::Usage`] for data sets
/// that are not there, unless the run is quick.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = texts::read(experiment, request)?;
    let (mut data, mut missing) = (Vec::new(), Vec::new());
    for column in protocol.columns(experiment.name)? {
        let config = protocol.config(experiment.name, &[&column.set])?;
        match crate::supervised::dataset(&config, request.cache) {
            Ok(dataset) => {
                let draw = |seed| {
                    dataset
                        .clone()
                        .pooled()
                        .with_test_split(config.data.test, seed)
                };
                let splits = (0..protocol.seeds).map(draw).collect::<Result<_>>()?;
                data.push(Data { column, splits });
            }
            Err(Error::NotFetched { name }) => missing.push(name),
            Err(error) => return Err(error),
        }
    }
    let mut notes = Vec::new();
    if !missing.is_empty() {
        let advice = format!(
            "data sets not fetched yet: {}; run `efy data fetch NAME` for each, or name those to run on: \
             --set 'only=[yeast]'",
            missing.join(", ")
        );
        if !request.quick || data.is_empty() {
            return Err(Error::Usage(format!("{}: {advice}", experiment.name)));
        }
        let note = format!("Left out: {advice}");
        (request.say)(&note);
        notes.push(note);
    }
    let trials = Trials::open(request, request.jobs)?;
    let cells = search::search(experiment.name, &protocol, &data, &trials)?;
    Ok(report::findings(&protocol, &data, &cells, notes))
}
