//! Gradient descent-ascent on the teachers of the third paper: what a student's density has become after so many
//! iterations, over seeds, beside the paper's curves.

mod expectation;
mod globe;
mod metric;
mod report;
mod specification;
mod trial;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::expectation::Expectation;
use self::metric::Metric;
use self::specification::Specification;
use self::trial::{Outcome, Trial};
use super::catalogue::Experiment;
use super::trials::{Record, Trials};
use super::{Findings, Picture, Request, protocol};
use crate::Result;

/// What the protocol says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protocol {
    /// The heading of the report.
    title: String,
    /// What is done, in Markdown.
    about: String,
    /// Each run is made with each of them.
    seeds: Vec<u64>,
    /// What all runs have in common: keys of [`Specification`].
    base: Map<String, Value>,
    /// What is drawn together.
    groups: Vec<Group>,
    /// A picture of the floors over the positions of the groups.
    across: Option<Across>,
    /// What should come of it.
    #[serde(default)]
    expectations: Vec<Expectation>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    deviations: Vec<String>,
}

/// Runs in one picture and one table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// The beginning of the names of its files, and of its runs in expectations.
    name: String,
    /// Its heading.
    title: String,
    /// What its runs have in common.
    #[serde(default)]
    set: Map<String, Value>,
    /// Iterations whose KL is in the table.
    marks: Vec<u64>,
    /// Where it is in the picture across groups.
    position: Option<f64>,
    /// What is drawn over iterations; else all there is.
    pictures: Option<Vec<Metric>>,
    /// A KL: the table has the iterations until it was reached.
    target: Option<f64>,
    /// Whether the axis of iterations is logarithmic.
    #[serde(default)]
    logarithmic: bool,
    /// The runs.
    runs: Vec<Run>,
}

/// The picture across groups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Across {
    /// The stem of its files.
    name: String,
    /// Its heading.
    title: String,
    /// The label of its horizontal axis.
    label: String,
}

/// A line of a picture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// What tables and legends call it.
    name: String,
    /// What makes it different from the others.
    #[serde(default)]
    set: Map<String, Value>,
    /// What the paper's figure says.
    paper: Option<Paper>,
}

/// Numbers read off the paper's figures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paper {
    /// Iterations and KL.
    kl: Vec<(u64, f64)>,
    /// KL in the last quarter.
    floor: f64,
    /// Fisher divergence in the last quarter.
    fisher: f64,
    /// Total variation at the end.
    total_variation: f64,
}

/// A run with what came of it for each seed.
struct Finished<'a> {
    run: &'a Run,
    specification: &'a Specification,
    outcomes: Vec<&'a Outcome>,
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides and the flows report.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = protocol::read(experiment, request)?;
    let specifications: Vec<Vec<Specification>> = protocol
        .groups
        .iter()
        .map(|group| {
            let read = |run: &Run| {
                let layers = [&protocol.base, &group.set, &run.set];
                Specification::read(&layers, &format!("{}/{}", group.name, run.name))
            };
            group.runs.iter().map(read).collect()
        })
        .collect::<Result<_>>()?;
    let trials: Vec<Trial> = specifications
        .iter()
        .flatten()
        .flat_map(|specification| {
            protocol.seeds.iter().map(|&seed| Trial {
                specification: specification.clone(),
                seed,
            })
        })
        .collect();
    let records = Trials::open(request, request.jobs)?.run(&trials, &Trial::run)?;
    let mut of_runs = records.chunks(protocol.seeds.len().max(1));
    let finished: Vec<(&Group, Vec<Finished<'_>>)> = protocol
        .groups
        .iter()
        .zip(&specifications)
        .map(|(group, specifications)| {
            let runs = group.runs.iter().zip(specifications).zip(&mut of_runs);
            let runs = runs.map(|((run, specification), records)| Finished {
                run,
                specification,
                outcomes: records.iter().map(|record| &record.result).collect(),
            });
            (group, runs.collect())
        })
        .collect();
    findings(&protocol, &finished, &records)
}

fn findings(
    protocol: &Protocol,
    groups: &[(&Group, Vec<Finished<'_>>)],
    records: &[Record<Outcome>],
) -> Result<Findings> {
    let mut pictures: Vec<Picture> = protocol
        .across
        .iter()
        .map(|across| report::across(across, groups))
        .collect();
    for (group, runs) in groups {
        pictures.extend(report::pictures(group, runs));
        pictures.extend(globe::pictures(group, runs)?);
    }
    let tables = groups
        .iter()
        .map(|(group, runs)| report::table(group, runs, protocol.seeds.len()));
    let seeds = protocol.seeds.len();
    let comparison = protocol
        .expectations
        .iter()
        .map(|expectation| expectation.judge(groups, seeds));
    Ok(Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes: Vec::new(),
        tables: tables.collect(),
        pictures,
        comparison: comparison.collect::<Result<_>>()?,
        deviations: protocol.deviations.clone(),
        numbers: numbers(protocol, groups),
        seconds: records.iter().map(|record| record.seconds).sum(),
    })
}

fn numbers(protocol: &Protocol, groups: &[(&Group, Vec<Finished<'_>>)]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, runs)| {
            let runs: Vec<Value> = runs
                .iter()
                .map(|finished| {
                    let looks: Vec<_> = finished.outcomes.iter().map(|o| &o.looks).collect();
                    json!({"name": finished.run.name, "specification": finished.specification,
                        "seeds": looks})
                })
                .collect();
            json!({"name": group.name, "runs": runs})
        })
        .collect();
    json!({"seeds": protocol.seeds, "groups": groups})
}
