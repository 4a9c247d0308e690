//! Tables, pictures and numbers of what was trained.

use serde_json::{Value, json};

use super::Data;
use super::protocol::{Comparison, Protocol, Setting, Shown};
use super::search::Cell;
use crate::experiment::statistics::Summary;
use crate::experiment::{Findings, Panel, Picture, Plot, Scale, Series, Table};

/// Puts everything together.
pub(super) fn findings(
    protocol: &Protocol,
    data: &[Data<'_>],
    cells: &[Cell<'_>],
    mut notes: Vec<String>,
) -> Findings {
    notes.extend(cells.iter().filter_map(diverged));
    let (mut tables, mut pictures, mut comparison) = (Vec::new(), Vec::new(), Vec::new());
    for part in &protocol.comparisons {
        let grid = Grid {
            protocol,
            part,
            data,
            rows: part
                .settings
                .iter()
                .map(|setting| {
                    let own = |cell: &&Cell<'_>| std::ptr::eq(cell.setting, setting);
                    cells.iter().filter(own).collect()
                })
                .collect(),
        };
        tables.extend(protocol.metrics.iter().map(|shown| grid.scores(shown)));
        tables.push(grid.choices());
        pictures.push(grid.picture());
        pictures.extend(
            cells
                .iter()
                .filter(|cell| std::ptr::eq(cell.comparison, part))
                .filter_map(curve),
        );
        comparison.extend(grid.beside_the_paper());
    }
    let splits = || cells.iter().flat_map(|cell| &cell.splits);
    let tried = splits().flat_map(|split| split.tried.iter().chain(&split.scored));
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes,
        tables,
        pictures,
        comparison,
        deviations: protocol.deviations.clone(),
        numbers: json!({
            "base": protocol.base, "seeds": protocol.seeds, "select": protocol.select,
            "cells": cells.iter().map(|cell| numbers(protocol, cell)).collect::<Vec<_>>(),
        }),
        seconds: tried.map(|record| record.seconds).sum(),
    }
}

/// One comparison: a cell for each setting and data set.
struct Grid<'a> {
    protocol: &'a Protocol,
    part: &'a Comparison,
    data: &'a [Data<'a>],
    /// For each setting its cells in the order of the data.
    rows: Vec<Vec<&'a Cell<'a>>>,
}

impl Grid<'_> {
    fn header(&self, more: &[&str]) -> Vec<String> {
        let names = self.data.iter().map(|data| data.column.name.clone());
        let more = more.iter().map(|&name| name.to_owned());
        std::iter::once(String::new())
            .chain(names)
            .chain(more)
            .collect()
    }

    /// Mean and deviation of a test metric with the paper's numbers below it.
    fn scores(&self, shown: &Shown) -> Table {
        let main = std::ptr::eq(shown, &self.protocol.metrics[0]);
        let summaries: Vec<Vec<Option<Summary>>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| summary(cell, shown)).collect())
            .collect();
        let best = |column: usize| {
            let means = summaries
                .iter()
                .filter_map(|row| row[column].map(|summary| summary.mean));
            match shown.larger {
                Some(true) => means.max_by(f64::total_cmp),
                Some(false) => means.min_by(f64::total_cmp),
                None => None,
            }
        };
        let decimals = shown.decimals;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (setting, row) in self.part.settings.iter().zip(&summaries) {
            let cells = row.iter().enumerate().map(|(column, found)| match found {
                None => "–".to_owned(),
                Some(found) if Some(found.mean) == best(column) => {
                    format!("**{found:.decimals$}**")
                }
                Some(found) => format!("{found:.decimals$}"),
            });
            let means: Option<Vec<f64>> =
                row.iter().map(|found| Some(found.as_ref()?.mean)).collect();
            let over = mean(means, decimals);
            rows.push(line(&setting.name, cells.collect(), over));
            if main && !setting.paper.is_empty() {
                let paper = |data: &Data<'_>| setting.paper.get(&data.column.name).copied();
                let each: Vec<Option<f64>> = self.data.iter().map(paper).collect();
                let cells = each.iter().map(|value| {
                    value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
                });
                let over = mean(each.iter().copied().collect(), decimals);
                rows.push(line("— paper", cells.collect(), over));
            }
        }
        Table {
            title: format!("{}: {}", self.part.title, shown.title),
            caption: format!(
                "Test rows, mean ± standard deviation over {} splits; the last column is the mean over the \
                 data sets. The best of ours in a column is in bold.",
                self.protocol.seeds
            ),
            header: self.header(&["mean"]),
            rows,
        }
    }

    /// The points that were chosen, one for each split.
    fn choices(&self) -> Table {
        let cell = |cell: &&Cell<'_>| -> String {
            let chosen = cell.splits.iter().map(|split| match split.point {
                None => "diverged".to_owned(),
                Some(index) => {
                    let short = |change: &String| match change.split_once('.') {
                        Some((_, rest)) => rest.replace('=', " "),
                        None => change.clone(),
                    };
                    let epoch = split.tried[index].result.epoch;
                    let changes = cell.points[index].iter().map(short);
                    let all: Vec<String> = changes.chain([format!("epoch {epoch}")]).collect();
                    all.join(", ")
                }
            });
            chosen.collect::<Vec<_>>().join("; ")
        };
        let settings = self.part.settings.iter().zip(&self.rows);
        Table {
            title: format!("{}: chosen settings", self.part.title),
            caption: format!(
                "For each split the point of the grid with the best validation {}, and its best epoch.",
                self.protocol.select
            ),
            header: self.header(&[]),
            rows: settings
                .map(|(setting, row)| {
                    let name = std::iter::once(setting.name.clone());
                    name.chain(row.iter().map(cell)).collect()
                })
                .collect(),
        }
    }

    fn picture(&self) -> Picture {
        let shown = &self.protocol.metrics[0];
        // Below each of ours the paper's, where there is one in any column.
        let names = self.part.settings.iter().flat_map(|setting| {
            let paper = (!setting.paper.is_empty()).then(|| "paper".to_owned());
            std::iter::once(setting.name.clone()).chain(paper)
        });
        let panel = |(column, data): (usize, &Data<'_>)| {
            let dots = self
                .part
                .settings
                .iter()
                .zip(&self.rows)
                .flat_map(|(setting, row)| {
                    let own = summary(row[column], shown)
                        .map(|found| (found.mean, found.deviation.unwrap_or(0.0)));
                    let paper = (!setting.paper.is_empty()).then(|| {
                        setting
                            .paper
                            .get(&data.column.name)
                            .map(|&value| (value, 0.0))
                    });
                    std::iter::once(own).chain(paper)
                });
            Panel {
                title: data.column.name.clone(),
                dots: dots.collect(),
                references: Vec::new(),
            }
        };
        Picture {
            name: self.part.name.clone(),
            title: self.part.title.clone(),
            caption: format!(
                "Test {}, mean and standard deviation over the splits; below each of ours the paper's number where \
                 there is one. Every panel has an axis of its own.",
                shown.title
            ),
            plot: Plot::Dots {
                rows: names.collect(),
                x: shown.title.clone(),
                panels: self.data.iter().enumerate().map(panel).collect(),
            },
        }
    }

    /// For each setting with numbers in the paper: where it reaches them.
    fn beside_the_paper(&self) -> Vec<String> {
        let shown = &self.protocol.metrics[0];
        let of_setting = |(setting, row): (&Setting, &Vec<&Cell<'_>>)| {
            if setting.paper.is_empty() {
                return None;
            }
            let mut reached = 0;
            let each: Vec<String> = row
                .iter()
                .filter_map(|cell| {
                    let name = &cell.data.column.name;
                    let (own, paper) = (summary(cell, shown)?.mean, *setting.paper.get(name)?);
                    let fits = own >= paper - self.part.margin;
                    reached += usize::from(fits);
                    let text = format!("{name} {own:.2} ({:+.2})", own - paper);
                    Some(if fits { text } else { format!("**{text}**") })
                })
                .collect();
            Some(format!(
                "{}, {}: at most {} below the paper on {reached} of {} data sets. {}.",
                self.part.title,
                setting.name,
                self.part.margin,
                each.len(),
                each.join(", ")
            ))
        };
        let settings = self.part.settings.iter().zip(&self.rows);
        settings.filter_map(of_setting).collect()
    }
}

fn line(name: &str, cells: Vec<String>, last: String) -> Vec<String> {
    let name = std::iter::once(name.to_owned());
    name.chain(cells).chain([last]).collect()
}

/// The mean over all data sets, if all have a number.
fn mean(values: Option<Vec<f64>>, decimals: usize) -> String {
    match values {
        Some(values) if !values.is_empty() => {
            format!(
                "{:.decimals$}",
                values.iter().sum::<f64>() / values.len() as f64
            )
        }
        _ => "–".to_owned(),
    }
}

fn summary(cell: &Cell<'_>, shown: &Shown) -> Option<Summary> {
    Some(Summary::of(&cell.test(&shown.metric))?.scaled(shown.scale))
}

/// Learned and exact log-partitions of unseen inputs, in the order of the exact ones.
fn curve(cell: &Cell<'_>) -> Option<Picture> {
    let scored = cell.splits.first()?.scored.as_ref()?;
    let mut pairs = scored.result.curve.clone();
    if pairs.is_empty() {
        return None;
    }
    pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
    let line = |label: &str, style, value: fn(&(f64, f64)) -> f64| Series {
        label: label.to_owned(),
        style,
        points: pairs
            .iter()
            .enumerate()
            .map(|(i, pair)| (i as f64, value(pair)))
            .collect(),
    };
    let (data, setting) = (&cell.data.column.name, &cell.setting.name);
    let stem: String = format!("{}-{data}-{setting}", cell.comparison.name)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    Some(Picture {
        name: stem,
        title: format!("{data}: learned and exact log-partition, {setting}"),
        caption: format!(
            "The first {} test rows of the first split, in the order of their exact log-partitions.",
            pairs.len()
        ),
        plot: Plot::Lines {
            x: ("test row, sorted".to_owned(), Scale::Linear),
            y: ("log-partition".to_owned(), Scale::Linear),
            series: vec![
                line("learned", 0, |pair| pair.0),
                line("exact", 1, |pair| pair.1),
            ],
        },
    })
}

/// On how many splits of a cell there are no scores, if any.
fn diverged(cell: &Cell<'_>) -> Option<String> {
    let lost = cell.splits.iter().filter(|split| {
        split
            .scored
            .as_ref()
            .is_none_or(|record| record.result.diverged.is_some())
    });
    let (lost, all) = (lost.count(), cell.splits.len());
    let place = format!("{} on {}", cell.setting.name, cell.data.column.name);
    (lost > 0).then(|| format!("{place}: {lost} of {all} splits diverged and are left out."))
}

fn numbers(protocol: &Protocol, cell: &Cell<'_>) -> Value {
    let splits: Vec<Value> = cell
        .splits
        .iter()
        .map(|split| {
            let tried = split.tried.iter().map(|record| {
                json!({"validation": record.result.scores.get(&protocol.select),
                    "epoch": record.result.epoch, "seconds": record.seconds})
            });
            json!({
                "tried": tried.collect::<Vec<_>>(), "chosen": split.point,
                "test": split.scored.as_ref().map(|record| &record.result.scores),
                "seconds": split.scored.as_ref().map(|record| record.seconds),
            })
        })
        .collect();
    json!({
        "comparison": cell.comparison.name, "setting": cell.setting.name,
        "data": cell.data.column.name, "points": cell.points, "splits": splits,
        "paper": cell.setting.paper.get(&cell.data.column.name),
    })
}
