//! Tables, pictures and numbers of what was trained.

use efy_train::Metrics;
use serde_json::{Value, json};

use super::Data;
use super::curve::Curve;
use super::protocol::{Comparison, Protocol, Setting};
use super::search::Cell;
use crate::experiment::statistics::Summary;
use crate::experiment::{Findings, Panel, Picture, Plot, Reference, Table};

/// What the paper reports.
const ACCURACY: &str = "hamming_accuracy";
/// The metrics that get a table, in words.
const TABLES: [(&str, &str); 3] = [
    (ACCURACY, "Hamming accuracy"),
    ("example_f1", "example-F1"),
    ("subset_accuracy", "subset accuracy"),
];

/// Puts everything together.
pub(super) fn findings(
    protocol: &Protocol,
    data: &[Data<'_>],
    cells: &[Cell<'_>],
    notes: Vec<String>,
) -> Findings {
    let mut notes = notes;
    notes.extend(cells.iter().filter_map(diverged));
    let (mut tables, mut pictures, mut comparison) = (Vec::new(), Vec::new(), Vec::new());
    for part in &protocol.comparisons {
        let grid = Grid::new(part, data, cells);
        if grid.columns.is_empty() {
            continue;
        }
        for (metric, words) in TABLES {
            tables.push(grid.scores(metric, words, protocol.seeds));
        }
        tables.push(grid.choices(protocol));
        pictures.push(grid.picture());
        if part.paper {
            comparison.extend(grid.beside_the_paper());
        }
    }
    let trainings = || {
        cells.iter().flat_map(|cell| {
            let tried = cell.tried.iter().flat_map(|tried| &tried.draws);
            tried.chain(&cell.repeated)
        })
    };
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes,
        tables,
        pictures,
        comparison,
        deviations: protocol.deviations.clone(),
        numbers: numbers(protocol, data, cells),
        seconds: trainings().map(|record| record.seconds).sum(),
    }
}

/// One comparison: a cell for each setting and data set.
struct Grid<'a> {
    part: &'a Comparison,
    columns: Vec<&'a Data<'a>>,
    /// For each setting its cells in the order of the columns.
    rows: Vec<Vec<&'a Cell<'a>>>,
}

impl<'a> Grid<'a> {
    fn new(part: &'a Comparison, data: &'a [Data<'a>], cells: &'a [Cell<'a>]) -> Self {
        let of_setting = |setting: &Setting| {
            let own = |cell: &&Cell<'_>| std::ptr::eq(cell.setting, setting);
            cells.iter().filter(own).collect()
        };
        Grid {
            part,
            columns: data
                .iter()
                .filter(|data| part.covers(data.column))
                .collect(),
            rows: part.settings.iter().map(of_setting).collect(),
        }
    }

    fn header(&self, first: &str) -> Vec<String> {
        let names = self.columns.iter().map(|data| data.column.name.clone());
        std::iter::once(first.to_owned()).chain(names).collect()
    }

    /// Mean and deviation of a test metric, the highest mean of each column in bold, with the baselines
    /// and the paper's numbers below the accuracies.
    fn scores(&self, metric: &str, words: &str, seeds: u64) -> Table {
        let summaries: Vec<Vec<Option<Summary>>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| percent(&cell.test(metric))).collect())
            .collect();
        let highest = |column: usize| {
            let means = summaries
                .iter()
                .filter_map(|row| row[column].map(|summary| summary.mean));
            means.fold(f64::NEG_INFINITY, f64::max)
        };
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (setting, row) in self.part.settings.iter().zip(&summaries) {
            let cells = row
                .iter()
                .enumerate()
                .map(|(column, summary)| match summary {
                    None => "diverged".to_owned(),
                    Some(summary) if summary.mean == highest(column) => format!("**{summary}**"),
                    Some(summary) => summary.to_string(),
                });
            rows.push(std::iter::once(setting.name.clone()).chain(cells).collect());
        }
        if metric == ACCURACY {
            let row = |name: &str, value: &dyn Fn(&Data<'_>) -> Option<f64>| {
                let cells = self.columns.iter().map(|data| {
                    value(data).map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
                });
                std::iter::once(name.to_owned()).chain(cells).collect()
            };
            let known = |data: &Data<'_>| Some(data.baselines);
            rows.push(row("no label at all", &|data| {
                Some(known(data)?.all_zero * 100.0)
            }));
            rows.push(row("best constant per label", &|data| {
                Some(known(data)?.best_constant * 100.0)
            }));
            if self.part.paper {
                rows.push(row("paper, best of its models", &|data| data.column.paper));
            }
        }
        let repeated = match seeds {
            1 => "one seed".to_owned(),
            seeds => format!("mean ± standard deviation over {seeds} seeds"),
        };
        Table {
            title: format!("{}: {words}", self.part.title),
            caption: format!(
                "Test {words} in percent, {repeated}; the highest mean of a column is in bold."
            ),
            header: self.header(""),
            rows,
        }
    }

    /// The point and the number of epochs that were chosen for each cell.
    fn choices(&self, protocol: &Protocol) -> Table {
        let cell = |cell: &&Cell<'_>| match cell.chosen {
            None => "diverged".to_owned(),
            Some(index) => {
                let epochs = format!("{} epochs", cell.tried[index].epochs);
                let short = |change: &String| match change.split_once('.') {
                    Some((_, rest)) => rest.replace('=', " "),
                    None => change.clone(),
                };
                let changes = cell.points[index].iter().map(short);
                let parts = changes.chain(std::iter::once(epochs));
                parts.collect::<Vec<_>>().join(", ")
            }
        };
        let averaged = match protocol.draws.get() {
            1 => "one draw".to_owned(),
            draws => format!("the mean over {draws} draws"),
        };
        let settings = self.part.settings.iter().zip(&self.rows);
        Table {
            title: format!("{}: chosen settings", self.part.title),
            caption: format!(
                "The point of each grid and the number of epochs with the best validation {}, {averaged} \
                 of the held-out rows.",
                protocol.select
            ),
            header: self.header(""),
            rows: settings
                .map(|(setting, row)| {
                    std::iter::once(setting.name.clone())
                        .chain(row.iter().map(cell))
                        .collect()
                })
                .collect(),
        }
    }

    fn picture(&self) -> Picture {
        let panel = |(column, data): (usize, &&Data<'_>)| {
            let dot = |row: &Vec<&Cell<'_>>| {
                let summary = percent(&row[column].test(ACCURACY))?;
                Some((summary.mean, summary.deviation.unwrap_or(0.0)))
            };
            let mut references = vec![Reference {
                label: "best constant per label".to_owned(),
                value: data.baselines.best_constant * 100.0,
                stretch: false,
            }];
            if self.part.paper {
                references.extend(data.column.paper.map(|value| Reference {
                    label: "paper, best of its models".to_owned(),
                    value,
                    stretch: true,
                }));
            }
            Panel {
                title: data.column.name.clone(),
                dots: self.rows.iter().map(dot).collect(),
                references,
            }
        };
        Picture {
            name: self.part.name.clone(),
            title: self.part.title.clone(),
            caption: "Test Hamming accuracy, mean and standard deviation over the seeds. Every \
                      panel has an axis of its own; what is far off it is written at its edge, and \
                      a best constant far off is left out."
                .to_owned(),
            plot: Plot::Dots {
                rows: self
                    .part
                    .settings
                    .iter()
                    .map(|setting| setting.name.clone())
                    .collect(),
                x: "Hamming accuracy (%)".to_owned(),
                panels: self.columns.iter().enumerate().map(panel).collect(),
            },
        }
    }

    /// For each data set with a number in the paper: what a reader who chooses the model on validation
    /// data gets, and the highest of all models.
    fn beside_the_paper(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (column, data) in self.columns.iter().enumerate() {
            let Some(paper) = data.column.paper else {
                continue;
            };
            let cells = || self.rows.iter().map(|row| row[column]);
            let by = |score: &dyn Fn(&Cell<'_>) -> Option<f64>| {
                let scored = cells()
                    .filter_map(|cell| Some((cell, score(cell)?, percent(&cell.test(ACCURACY))?)));
                scored.max_by(|a, b| a.1.total_cmp(&b.1))
            };
            let honest = by(&|cell| cell.choice()?.validation.get(ACCURACY));
            let highest = by(&|cell| Some(percent(&cell.test(ACCURACY))?.mean));
            if let (Some((model, _, score)), Some((best, _, most))) = (honest, highest) {
                let gap = score.mean - paper;
                let standing = match gap {
                    gap if gap >= 0.0 => format!("{gap:.2} points above"),
                    gap => format!("**{:.2} points below**", -gap),
                };
                let name = &model.setting.name;
                let set = &data.dataset;
                let tested = ((set.rows() - set.train_rows()) * set.labels()) as f64;
                let error = standard_error(score.mean, tested);
                lines.push(format!(
                    "{}: {score} with {name}, the model with the highest validation accuracy: {standing} \
                     the paper's {paper:.2}. The standard error of an accuracy on {tested} test labels is \
                     {error:.2}, if they are taken as independent; the distance is {:.1} of it. The highest on the \
                     test split is {most} with {}.",
                    data.column.name,
                    gap.abs() / error,
                    best.setting.name
                ));
            }
        }
        lines
    }
}

/// That of a percentage of so many independent answers.
fn standard_error(percent: f64, answers: f64) -> f64 {
    (percent * (100.0 - percent) / answers).sqrt()
}

fn percent(values: &[f64]) -> Option<Summary> {
    Some(Summary::of(values)?.scaled(100.0))
}

/// How many of the repetitions of a cell diverged, if any did.
fn diverged(cell: &Cell<'_>) -> Option<String> {
    let place = format!("{} on {}", cell.setting.name, cell.data.column.name);
    if cell.chosen.is_none() {
        return Some(format!(
            "{place}: the loss diverged at every point of the grid."
        ));
    }
    let lost = cell
        .repeated
        .iter()
        .filter(|record| record.result.diverged.is_some())
        .count();
    let all = cell.repeated.len();
    (lost > 0).then(|| format!("{place}: {lost} of {all} repetitions diverged and are left out."))
}

fn numbers(protocol: &Protocol, data: &[Data<'_>], cells: &[Cell<'_>]) -> Value {
    let sets: Vec<Value> = data
        .iter()
        .map(|data| {
            let set = &data.dataset;
            json!({
                "name": data.column.name, "set": data.column.set, "train_rows": set.train_rows(),
                "test_rows": set.rows() - set.train_rows(), "features": set.features(),
                "labels": set.labels(), "baselines": data.baselines, "paper": data.column.paper,
            })
        })
        .collect();
    let cells: Vec<Value> = cells
        .iter()
        .map(|cell| numbers_of(protocol, cell))
        .collect();
    json!({"base": protocol.base, "draws": protocol.draws, "seeds": protocol.seeds, "select": protocol.select,
        "data": sets, "cells": cells})
}

fn numbers_of(protocol: &Protocol, cell: &Cell<'_>) -> Value {
    let tried: Vec<Value> = cell
        .points
        .iter()
        .zip(&cell.tried)
        .map(|(point, tried)| {
            let select = |scores: &Metrics| scores.get(&protocol.select);
            let curves = || tried.draws.iter().map(|draw| &draw.result.validation);
            let draws: Vec<Option<f64>> = curves()
                .map(|curve| curve.at(tried.epochs).and_then(select))
                .collect();
            let begun: Vec<usize> = curves().map(Curve::len).collect();
            let seconds: f64 = tried.draws.iter().map(|draw| draw.seconds).sum();
            json!({"point": point, "validation": select(&tried.validation), "epochs": tried.epochs,
                "draws": draws, "scored_epochs": begun, "seconds": seconds})
        })
        .collect();
    let test: serde_json::Map<String, Value> = crate::multilabel::METRICS
        .into_iter()
        .map(|metric| {
            let values = cell.test(metric);
            (
                metric.to_owned(),
                json!({"summary": Summary::of(&values), "seeds": values}),
            )
        })
        .collect();
    let set = [cell.comparison.set.as_slice(), &cell.setting.set].concat();
    let seconds: Vec<f64> = cell.repeated.iter().map(|record| record.seconds).collect();
    json!({
        "comparison": cell.comparison.name, "setting": cell.setting.name,
        "data": cell.data.column.name, "set": set, "tried": tried,
        "chosen": cell.chosen.map(|index| &cell.points[index]), "test": test, "seconds": seconds,
    })
}
