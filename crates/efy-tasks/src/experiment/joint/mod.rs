//! Losses of distributions over outputs on data: settings chosen on validation data of every split, then scored.

pub(super) mod convergence;
mod protocol;
mod report;
mod search;
mod training;

use self::protocol::{Column, Protocol};
use super::catalogue::Experiment;
use super::trials::Trials;
use super::{Findings, Request, grid, protocol as texts};
use crate::Result;
use crate::data::Dataset;

/// A data set that takes part.
struct Data<'a> {
    column: &'a Column,
    /// With a test split for each seed.
    splits: Vec<Dataset>,
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides, the data and the trainings report; [`crate::Error::Usage`] for data sets
/// that are not there, unless the run is quick.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = texts::read(experiment, request)?;
    let columns = protocol.columns(experiment.name)?;
    let (data, notes) = grid::load(experiment, request, columns, |column| {
        let config = protocol.config(experiment.name, &[&column.set])?;
        let dataset = crate::supervised::dataset(&config, request.cache)?.pooled();
        let draw = |seed| dataset.clone().with_test_split(config.data.test, seed);
        let splits = (0..protocol.seeds).map(draw).collect::<Result<_>>()?;
        Ok(Data { column, splits })
    })?;
    let trials = Trials::open(request, request.jobs)?;
    let cells = search::search(experiment.name, &protocol, &data, &trials)?;
    Ok(report::findings(&protocol, &data, &cells, notes))
}
