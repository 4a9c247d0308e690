//! Choosing settings on validation data, and training what was chosen.

use super::Data;
use super::protocol::{Comparison, Protocol, Setting};
use super::training::{Trained, Training};
use crate::Result;
use crate::experiment::grid::{choose, points};
use crate::experiment::trials::{Record, Trials};

/// The seed of the trainings that settings are chosen by.
const SELECTION_SEED: u64 = 0;

/// A setting on a data set.
pub(super) struct Cell<'a> {
    pub comparison: &'a Comparison,
    pub setting: &'a Setting,
    pub data: &'a Data<'a>,
    /// What was tried, each point a list of changes.
    pub points: Vec<Vec<String>>,
    /// The trainings of the points, in their order.
    pub tried: Vec<Record<Trained>>,
    /// The point with the best validation score; `None` if all diverged.
    pub chosen: Option<usize>,
    /// Its trainings, one for each seed.
    pub repeated: Vec<Record<Trained>>,
}

impl Cell<'_> {
    /// A metric on the test split, one value for each seed that did not diverge.
    pub fn test(&self, metric: &str) -> Vec<f64> {
        let results = self.repeated.iter().map(|record| &record.result);
        results
            .filter_map(|trained| trained.test.as_ref()?.get(metric))
            .collect()
    }

    /// The same on the validation split.
    pub fn validation(&self, metric: &str) -> Vec<f64> {
        let results = self.repeated.iter().map(|record| &record.result);
        results
            .filter_map(|trained| trained.validation.get(metric))
            .collect()
    }
}

/// Tries every point of every setting on every data set with one seed, chooses one by its validation
/// score, and trains it with all seeds. Only the trainings of the second kind look at the test split.
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
    let training =
        |cell: &Cell<'a>, point: &[String], seed: u64, scored: bool| -> Result<Training<'a>> {
            let seeded = [format!("train.seed={seed}")];
            let Cell {
                comparison,
                setting,
                data,
                ..
            } = cell;
            let changes = [
                &data.column.set,
                &comparison.set,
                &setting.set,
                point,
                &seeded[..],
            ];
            Ok(Training {
                config: protocol.config(origin, &changes)?,
                scored,
                data: &data.dataset,
                label: format!(
                    "{}, {}, {} seed {seed}",
                    data.column.name,
                    setting.name,
                    point.join(" ")
                ),
            })
        };

    let mut all = Vec::new();
    for cell in &cells {
        for point in &cell.points {
            all.push(training(cell, point, SELECTION_SEED, false)?);
        }
    }
    let mut tried = trials.run(&all, &Training::run)?.into_iter();
    for cell in &mut cells {
        cell.tried = tried.by_ref().take(cell.points.len()).collect();
        let scores = cell.tried.iter().map(|record| &record.result.validation);
        cell.chosen = choose(scores, &protocol.select);
    }

    let mut all = Vec::new();
    for cell in &cells {
        for point in cell.chosen.iter().map(|&index| &cell.points[index]) {
            for seed in 0..protocol.seeds {
                all.push(training(cell, point, seed, true)?);
            }
        }
    }
    let mut repeated = trials.run(&all, &Training::run)?.into_iter();
    for cell in cells.iter_mut().filter(|cell| cell.chosen.is_some()) {
        cell.repeated = repeated.by_ref().take(protocol.seeds as usize).collect();
    }
    Ok(cells)
}

fn cells<'a>(protocol: &'a Protocol, data: &'a [Data<'a>]) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    for comparison in &protocol.comparisons {
        for setting in &comparison.settings {
            for data in data.iter().filter(|data| comparison.covers(data.column)) {
                cells.push(Cell {
                    comparison,
                    setting,
                    data,
                    points: points(&comparison.grid, &setting.grid),
                    tried: Vec::new(),
                    chosen: None,
                    repeated: Vec::new(),
                });
            }
        }
    }
    cells
}
