//! Choosing settings on the validation rows of every split, and scoring what was chosen on its test rows.

use super::Data;
use super::protocol::{Comparison, Protocol, Setting};
use super::training::{Trained, Training};
use crate::Result;
use crate::experiment::grid::{choose, points};
use crate::experiment::trials::{Record, Trials};

/// A setting on a data set.
pub(super) struct Cell<'a> {
    pub comparison: &'a Comparison,
    pub setting: &'a Setting,
    pub data: &'a Data<'a>,
    /// What was tried, each point a list of changes.
    pub points: Vec<Vec<String>>,
    /// Of each split.
    pub splits: Vec<Chosen>,
}

/// What was found on a split.
#[derive(Default)]
pub(super) struct Chosen {
    /// The trainings of the points, in their order.
    pub tried: Vec<Record<Trained>>,
    /// The point with the best validation score; `None` if all diverged.
    pub point: Option<usize>,
    /// Its training on all training rows.
    pub scored: Option<Record<Trained>>,
}

impl Cell<'_> {
    /// A metric on the test rows, one value for each split where the training did not diverge.
    pub fn test(&self, metric: &str) -> Vec<f64> {
        let scored = self.splits.iter().filter_map(|split| split.scored.as_ref());
        scored
            .filter_map(|record| record.result.scores.get(metric))
            .collect()
    }
}

/// Tries every point of every setting on every data set and split, chooses one by its validation score, and
/// trains it on all training rows. Only the trainings of the second kind look at the test rows.
///
/// # Errors
/// What configurations and trainings report.
pub(super) fn search<'a>(
    origin: &str,
    protocol: &'a Protocol,
    data: &'a [Data<'a>],
    trials: &Trials<'_>,
) -> Result<Vec<Cell<'a>>> {
    let mut cells = cells(protocol, data);
    let training = |cell: &Cell<'a>, point: &[String], seed: usize, epochs| -> Result<_> {
        let seeded = [format!("train.seed={seed}")];
        let set = &cell.data.column.set;
        let (comparison, setting) = (cell.comparison, cell.setting);
        let changes = [set, &comparison.set, &setting.set, point, &seeded[..]];
        let name = &cell.data.column.name;
        Ok(Training {
            config: protocol.config(origin, &changes)?,
            epochs,
            curves: if seed == 0 { comparison.curves } else { 0 },
            data: &cell.data.splits[seed],
            label: format!("{name}, {}, {} seed {seed}", setting.name, point.join(" ")),
        })
    };
    let mut all = Vec::new();
    for cell in &cells {
        for seed in 0..cell.splits.len() {
            for point in &cell.points {
                let mut tried = training(cell, point, seed, None)?;
                tried.curves = 0;
                all.push(tried);
            }
        }
    }
    let mut tried = trials.run(&all, &Training::run)?.into_iter();
    let mut all = Vec::new();
    for cell in &mut cells {
        for split in &mut cell.splits {
            split.tried = tried.by_ref().take(cell.points.len()).collect();
            let scores = split.tried.iter().map(|record| &record.result.scores);
            split.point = choose(scores, &protocol.select);
        }
        for (seed, split) in cell.splits.iter().enumerate() {
            if let Some(index) = split.point {
                let epochs = split.tried[index].result.epoch.max(1);
                all.push(training(cell, &cell.points[index], seed, Some(epochs))?);
            }
        }
    }
    let mut scored = trials.run(&all, &Training::run)?.into_iter();
    for split in cells.iter_mut().flat_map(|cell| &mut cell.splits) {
        if split.point.is_some() {
            split.scored = scored.next();
        }
    }
    Ok(cells)
}

fn cells<'a>(protocol: &'a Protocol, data: &'a [Data<'a>]) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    for comparison in &protocol.comparisons {
        for setting in &comparison.settings {
            let mut points = points(&comparison.grid, &setting.grid);
            points.truncate(protocol.most_points.unwrap_or(points.len()));
            for data in data {
                cells.push(Cell {
                    comparison,
                    setting,
                    data,
                    points: points.clone(),
                    splits: data.splits.iter().map(|_| Chosen::default()).collect(),
                });
            }
        }
    }
    cells
}
