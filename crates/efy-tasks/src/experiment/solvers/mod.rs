//! Residual and certified gap of every solver against wall time.

mod curve;
mod problem;

use serde::Deserialize;
use serde_json::{Value, json};

use self::curve::{Curve, Point, Race};
use self::problem::Specification;
use super::catalogue::Experiment;
use super::trials::{Record, Trials};
use super::{Findings, Hardware, Picture, Plot, Request, Scale, Series, Table, protocol};
use crate::Result;
use crate::config::{Dtype, SolverKind};

/// Residuals that the table gives the time for.
const MARKS: [f64; 3] = [1e-3, 1e-6, 1e-9];

/// What the protocol says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protocol {
    /// The heading of the report.
    title: String,
    /// What is done, in Markdown.
    about: String,
    /// Rows of a batch.
    rows: usize,
    /// Seed of the made-up energies.
    seed: u64,
    /// Element type.
    dtype: Dtype,
    /// How often a solve is timed.
    repeats: usize,
    /// Iterations at most.
    iterations: Vec<usize>,
    /// A residual below which there is nothing but rounding: no more iterations are tried.
    stop: f64,
    /// What is solved.
    problems: Vec<Specification>,
    /// What solves it.
    solvers: Vec<SolverKind>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    deviations: Vec<String>,
}

/// Runs the experiment, one solver at a time: they are timed.
///
/// # Errors
/// What the protocol's overrides and the solvers report.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = protocol::read(experiment, request)?;
    let hardware = Hardware::detect();
    let races: Vec<Race> = protocol
        .problems
        .iter()
        .flat_map(|problem| {
            let race = |&solver: &SolverKind| Race {
                problem: problem.clone(),
                solver,
                rows: protocol.rows,
                seed: protocol.seed,
                dtype: protocol.dtype,
                repeats: protocol.repeats,
                iterations: protocol.iterations.clone(),
                stop: protocol.stop,
                hardware: hardware.clone(),
            };
            protocol.solvers.iter().map(race).collect::<Vec<_>>()
        })
        .collect();
    let records = Trials::open(request, 1)?.run(&races, &Race::run)?;
    let finished: Vec<(&Race, &Record<Curve>)> = races.iter().zip(&records).collect();
    Ok(findings(&protocol, &finished))
}

fn findings(protocol: &Protocol, races: &[(&Race, &Record<Curve>)]) -> Findings {
    let mut pictures = Vec::new();
    let mut rows = Vec::new();
    for (index, problem) in protocol.problems.iter().enumerate() {
        let own: Vec<(&Race, &Curve)> = races
            .iter()
            .filter(|(race, _)| race.problem.name == problem.name)
            .map(|(race, record)| (*race, &record.result))
            .filter(|(_, curve)| !curve.points.is_empty())
            .collect();
        let mut draw = |what: &str, value: fn(&Point) -> Option<f64>| {
            pictures.push(picture(
                (index, problem),
                &protocol.solvers,
                &own,
                what,
                value,
            ));
        };
        draw("residual", |point| Some(point.residual));
        draw("certified gap", |point| point.gap);
        rows.extend(own.iter().map(|(race, curve)| table_row(race, curve)));
    }
    let marks = MARKS.iter().map(|mark| format!("time to {mark:.0e} (ms)"));
    let header = ["problem", "solver"].map(str::to_owned).into_iter();
    let header = header.chain(marks);
    let header = header.chain(["iterations", "last residual", "last gap"].map(str::to_owned));
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes: Vec::new(),
        tables: vec![Table {
            title: "Time to a residual".to_owned(),
            caption: format!(
                "Milliseconds for a batch of {} rows on one thread, by the first of the runs with 1, 2, 4, \
                 ... iterations whose largest residual is small enough; – where none is. Then the last run.",
                protocol.rows
            ),
            header: header.collect(),
            rows,
        }],
        pictures,
        comparison: Vec::new(),
        deviations: protocol.deviations.clone(),
        numbers: numbers(protocol, races),
        seconds: races.iter().map(|(_, record)| record.seconds).sum(),
    }
}

fn picture(
    (index, problem): (usize, &Specification),
    solvers: &[SolverKind],
    curves: &[(&Race, &Curve)],
    what: &str,
    value: fn(&Point) -> Option<f64>,
) -> Picture {
    let series = curves.iter().map(|(race, curve)| Series {
        label: race.solver_name(),
        style: solvers
            .iter()
            .position(|known| *known == race.solver)
            .unwrap_or(0),
        points: curve
            .points
            .iter()
            .filter_map(|point| Some((point.seconds * 1e3, value(point).filter(|v| *v > 0.0)?)))
            .collect(),
    });
    Picture {
        name: format!("{}-{}", what.replace(' ', "-"), index + 1),
        title: problem.name.clone(),
        caption: format!("The largest {what} of the batch after 1, 2, 4, ... iterations."),
        plot: Plot::Lines {
            x: ("wall time (ms)".to_owned(), Scale::Log),
            y: (what.to_owned(), Scale::Log),
            series: series.collect(),
        },
    }
}

fn table_row(race: &Race, curve: &Curve) -> Vec<String> {
    let missing = || "–".to_owned();
    let mut row = vec![race.problem.name.clone(), race.solver_name()];
    row.extend(MARKS.map(|mark| {
        let reached = curve.points.iter().find(|point| point.residual <= mark);
        reached.map_or_else(missing, |point| format!("{:.3}", point.seconds * 1e3))
    }));
    if let Some(last) = curve.points.last() {
        row.push(last.iterations.to_string());
        row.push(format!("{:.1e}", last.residual));
        row.push(last.gap.map_or_else(missing, |gap| format!("{gap:.1e}")));
    }
    row
}

fn numbers(protocol: &Protocol, races: &[(&Race, &Record<Curve>)]) -> Value {
    let curves: Vec<Value> = races
        .iter()
        .map(|(race, record)| {
            json!({"problem": race.problem, "solver": race.solver, "unsupported":
                record.result.unsupported, "points": record.result.points})
        })
        .collect();
    json!({"rows": protocol.rows, "seed": protocol.seed, "dtype": protocol.dtype,
        "repeats": protocol.repeats, "curves": curves})
}
