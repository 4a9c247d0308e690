//! Choosing settings on validation data, and training what was chosen.

use efy_train::{Direction, Metrics};

use super::Data;
use super::protocol::{Comparison, Protocol, Setting};
use super::training::{Trained, Training};
use crate::Result;
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
                    points: comparison.points(setting),
                    tried: Vec::new(),
                    chosen: None,
                    repeated: Vec::new(),
                });
            }
        }
    }
    cells
}

/// The best of several validation scores by `metric`; ties go to the smaller loss, then to the earlier.
/// One without the metric, or with one that is not finite, is never chosen.
fn choose<'a>(scores: impl Iterator<Item = &'a Metrics>, metric: &str) -> Option<usize> {
    let sign = match Direction::of(metric) {
        Direction::Maximize => 1.0,
        Direction::Minimize => -1.0,
    };
    let mut best: Option<(usize, (f64, f64))> = None;
    for (index, metrics) in scores.enumerate() {
        let Some(value) = metrics.get(metric) else {
            continue;
        };
        let score = (sign * value, -metrics.get("loss").unwrap_or(f64::INFINITY));
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_the_best_validation_score_then_the_smaller_loss_then_the_earlier() {
        let scores = |rows: &[(f64, f64)]| -> Vec<Metrics> {
            let row = |&(accuracy, loss): &(f64, f64)| {
                [("hamming_accuracy", accuracy), ("loss", loss)]
                    .into_iter()
                    .collect()
            };
            rows.iter().map(row).collect()
        };
        let chosen = |rows: &[(f64, f64)], metric| choose(scores(rows).iter(), metric);
        let rows = [(0.7, 3.0), (0.8, 2.0), (0.8, 1.0), (0.8, 1.0)];
        assert_eq!(chosen(&rows, "hamming_accuracy"), Some(2));
        assert_eq!(chosen(&[(0.9, 2.0), (0.1, 1.0)], "loss"), Some(1));
        let nan = f64::NAN;
        assert_eq!(
            chosen(&[(nan, 0.0), (0.1, nan)], "hamming_accuracy"),
            Some(1)
        );
        assert_eq!(chosen(&[(nan, 0.0)], "hamming_accuracy"), None);
        assert_eq!(choose([Metrics::default()].iter(), "loss"), None);
    }
}
