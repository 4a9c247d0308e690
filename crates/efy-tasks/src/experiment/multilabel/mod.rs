//! Energy networks and losses on multilabel data: settings chosen on validation data, then repeated.

mod baseline;
mod curve;
mod protocol;
mod report;
mod search;
mod training;

use self::baseline::Baselines;
use self::protocol::{Column, Protocol};
use self::search::{Cell, search};
use super::catalogue::Experiment;
use super::trials::Trials;
use super::{Findings, Request, grid, protocol as texts};
use crate::Result;
use crate::data::Dataset;

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
/// What the protocol's overrides, the data and the trainings report; [`crate::Error::Usage`] for data sets
/// that are not there, unless the run is quick.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = texts::read(experiment, request)?;
    let columns = protocol.columns(experiment.name)?;
    let (data, notes) = grid::load(experiment, request, columns, |column| {
        let config = protocol.config(experiment.name, &[&column.set])?;
        let dataset = crate::supervised::dataset(&config, request.cache)?;
        // Drawn once: rows that one seed chose settings on must not be another's test rows.
        let dataset = dataset.with_test_split(config.data.test, 0)?;
        let baselines = Baselines::of(&dataset);
        Ok(Data {
            column,
            dataset,
            baselines,
        })
    })?;
    let trials = Trials::open(request, request.jobs)?;
    let cells: Vec<Cell> = search(experiment.name, &protocol, &data, &trials)?;
    Ok(report::findings(&protocol, &data, &cells, notes))
}
