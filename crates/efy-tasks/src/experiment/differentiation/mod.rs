//! Time and memory of gradients as the number of outputs grows.

mod gradient;
mod measurement;

use serde::Deserialize;
use serde_json::{Value, json};

use self::gradient::Method;
use self::measurement::{Cost, Measurement};
use super::catalogue::Experiment;
use super::trials::{Record, Trials};
use super::{Findings, Hardware, Picture, Plot, Request, Scale, Series, Table, protocol};
use crate::Result;
use crate::config::{Dtype, RegularizerKind};

pub use measurement::measure;

/// Bytes in a MiB.
const MEBIBYTE: f64 = 1_048_576.0;

/// What the protocol says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protocol {
    /// The heading of the report.
    title: String,
    /// What is done, in Markdown.
    about: String,
    /// Rows of a batch.
    batch: usize,
    /// Rank m of the coupling.
    rank: usize,
    /// Element type.
    dtype: Dtype,
    /// The regularizer, of strength 1.
    regularizer: RegularizerKind,
    /// Seed of the made-up energies.
    seed: u64,
    /// How often a gradient is timed.
    repeats: usize,
    /// Numbers of outputs.
    k: Vec<usize>,
    /// What is measured.
    methods: Vec<Method>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    deviations: Vec<String>,
}

/// A quantity that is measured.
struct Quantity {
    name: &'static str,
    label: &'static str,
    caption: &'static str,
    value: fn(&Cost) -> Option<f64>,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity {
        name: "time",
        label: "time (ms)",
        caption: "Milliseconds for one value and gradient of the batch.",
        value: |cost| Some(cost.seconds * 1e3),
    },
    Quantity {
        name: "memory",
        label: "memory (MiB)",
        caption: "MiB that the peak of the resident set grows by in one gradient.",
        value: |cost| Some(cost.bytes? as f64 / MEBIBYTE),
    },
];

/// Runs the experiment, one process at a time: they are timed.
///
/// # Errors
/// What the protocol's overrides and the processes report.
pub(super) fn run(experiment: &Experiment, request: &Request<'_>) -> Result<Findings> {
    let protocol: Protocol = protocol::read(experiment, request)?;
    let hardware = Hardware::detect();
    let mut measurements = Vec::new();
    for method in &protocol.methods {
        for &k in &protocol.k {
            measurements.push(Measurement {
                method: method.clone(),
                k,
                batch: protocol.batch,
                rank: protocol.rank,
                dtype: protocol.dtype,
                regularizer: protocol.regularizer,
                seed: protocol.seed,
                repeats: protocol.repeats,
                hardware: hardware.clone(),
            });
        }
    }
    let trials = Trials::open(request, 1)?;
    let records = trials.run(&measurements, &|measurement: &Measurement| {
        measurement.in_child(request.program)
    })?;
    Ok(findings(&protocol, &records))
}

fn findings(protocol: &Protocol, records: &[Record<Cost>]) -> Findings {
    let rows: Vec<(&Method, &[Record<Cost>])> = protocol
        .methods
        .iter()
        .zip(records.chunks(protocol.k.len().max(1)))
        .collect();
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes: Vec::new(),
        tables: QUANTITIES
            .iter()
            .map(|quantity| table(protocol, quantity, &rows))
            .collect(),
        pictures: QUANTITIES
            .iter()
            .map(|quantity| picture(protocol, quantity, &rows))
            .collect(),
        comparison: Vec::new(),
        deviations: protocol.deviations.clone(),
        numbers: numbers(protocol, &rows),
        seconds: records.iter().map(|record| record.seconds).sum(),
    }
}

fn table(protocol: &Protocol, quantity: &Quantity, rows: &[(&Method, &[Record<Cost>])]) -> Table {
    let header = protocol.k.iter().map(|k| format!("k = {k}"));
    let cell = |record: &Record<Cost>| {
        (quantity.value)(&record.result)
            .map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
    };
    let row = |(method, records): &(&Method, &[Record<Cost>])| {
        let cells = records.iter().map(cell);
        std::iter::once(method.name.clone()).chain(cells).collect()
    };
    Table {
        title: quantity.label.to_owned(),
        caption: format!(
            "{} Batches of {} rows, rank {}.",
            quantity.caption, protocol.batch, protocol.rank
        ),
        header: std::iter::once(String::new()).chain(header).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn picture(
    protocol: &Protocol,
    quantity: &Quantity,
    rows: &[(&Method, &[Record<Cost>])],
) -> Picture {
    let series = rows.iter().enumerate().map(|(style, (method, records))| {
        let points = protocol.k.iter().zip(records.iter());
        let points = points.filter_map(|(&k, record)| {
            let value = (quantity.value)(&record.result).filter(|value| *value > 0.0)?;
            Some((k as f64, value))
        });
        Series {
            label: method.name.clone(),
            style,
            points: points.collect(),
        }
    });
    Picture {
        name: quantity.name.to_owned(),
        title: format!("One gradient: {}", quantity.name),
        caption: quantity.caption.to_owned(),
        plot: Plot::Lines {
            x: ("outputs k".to_owned(), Scale::Log),
            y: (quantity.label.to_owned(), Scale::Log),
            series: series.collect(),
        },
    }
}

fn numbers(protocol: &Protocol, rows: &[(&Method, &[Record<Cost>])]) -> Value {
    let row = |(method, records): &(&Method, &[Record<Cost>])| {
        let costs: Vec<&Cost> = records.iter().map(|record| &record.result).collect();
        json!({"method": method, "costs": costs})
    };
    json!({"batch": protocol.batch, "rank": protocol.rank, "dtype": protocol.dtype,
        "regularizer": protocol.regularizer, "k": protocol.k,
        "rows": rows.iter().map(row).collect::<Vec<_>>()})
}
