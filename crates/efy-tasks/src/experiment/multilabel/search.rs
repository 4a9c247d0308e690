//! Choosing settings on validation data, and training what was chosen.

use efy_train::Metrics;

use super::Data;
use super::curve::Curve;
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
    /// The trainings of the points, in their order.
    pub tried: Vec<Tried>,
    /// The point with the best validation score; `None` if all diverged.
    pub chosen: Option<usize>,
    /// Its trainings on all rows, one for each seed.
    pub repeated: Vec<Record<Trained>>,
}

/// The trainings of a point.
pub(super) struct Tried {
    /// One for each draw of the held-out rows.
    pub draws: Vec<Record<Trained>>,
    /// The number of epochs with the best mean over the draws; 0 if one of them diverged.
    pub epochs: u64,
    /// That mean; nothing if one of them diverged.
    pub validation: Metrics,
}

impl Tried {
    fn new(draws: Vec<Record<Trained>>, select: &str) -> Self {
        let curves = draws.iter().map(|record| &record.result.validation);
        let mean = Curve::mean(&curves.collect::<Vec<_>>());
        let best = mean.best(select);
        let (epochs, validation) = best.map_or_else(Default::default, |(epochs, scores)| {
            (epochs, scores.clone())
        });
        Tried {
            draws,
            epochs,
            validation,
        }
    }
}

impl Cell<'_> {
    /// The trainings of the chosen point.
    pub fn choice(&self) -> Option<&Tried> {
        self.tried.get(self.chosen?)
    }

    /// A metric on the test split, one value for each seed that did not diverge.
    pub fn test(&self, metric: &str) -> Vec<f64> {
        let results = self.repeated.iter().map(|record| &record.result);
        results
            .filter_map(|trained| trained.test.as_ref()?.get(metric))
            .collect()
    }
}

/// Tries every point of every setting on every data set with several draws of the held-out rows, chooses one and its number
/// of epochs by the mean validation score, and trains it for so long with all seeds and all training rows. Only
/// the trainings of the second kind look at the test split, and none of them at held-out rows.
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
    let training = |cell: &Cell<'a>,
                    point: &[String],
                    seed: u64,
                    refit: Option<u64>|
     -> Result<Training<'a>> {
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
            refit,
            data: &data.dataset,
            label: format!(
                "{}, {}, {} seed {seed}",
                data.column.name,
                setting.name,
                point.join(" ")
            ),
        })
    };

    let draws = protocol.draws.get();
    let mut all = Vec::new();
    for cell in &cells {
        for point in &cell.points {
            for seed in 0..draws {
                all.push(training(cell, point, seed, None)?);
            }
        }
    }
    let mut records = trials.run(&all, &Training::run)?.into_iter();
    for cell in &mut cells {
        let tried = cell.points.iter().map(|_| {
            let draws = records.by_ref().take(draws as usize).collect();
            Tried::new(draws, &protocol.select)
        });
        cell.tried = tried.collect();
        let scores = cell.tried.iter().map(|tried| &tried.validation);
        cell.chosen = choose(scores, &protocol.select);
    }

    let mut all = Vec::new();
    for cell in &cells {
        if let Some(index) = cell.chosen {
            let (point, epochs) = (&cell.points[index], cell.tried[index].epochs);
            for seed in 0..protocol.seeds {
                all.push(training(cell, point, seed, Some(epochs))?);
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
