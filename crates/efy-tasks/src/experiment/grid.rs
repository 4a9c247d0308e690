//! What protocols share that compare settings on data sets: grids of changes, and the choice among their points.

use efy_train::{Direction, Metrics};
use serde_json::{Map, Value};

use super::catalogue::Experiment;
use super::protocol::Request;
use crate::config::Config;
use crate::{Error, Result};

/// The data sets to run on: those whose names are in `only`, or all.
///
/// # Errors
/// [`Error::Usage`] for a name in `only` that is no data set's.
pub(super) fn columns<'a, C>(
    origin: &str,
    data: &'a [C],
    only: &[String],
    name: impl Fn(&C) -> &str,
) -> Result<Vec<&'a C>> {
    let names = || data.iter().map(&name);
    if let Some(wrong) = only
        .iter()
        .find(|&wanted| names().all(|name| name != wanted))
    {
        let names = names().collect::<Vec<_>>().join("; ");
        let message = format!("{origin}: only: expected some of {names}, found {wrong}");
        return Err(Error::Usage(message));
    }
    let wanted = |column: &&C| only.is_empty() || only.iter().any(|only| only == name(column));
    Ok(data.iter().filter(wanted).collect())
}

/// What `load` makes of the data sets that are there, and what is to be said of the others.
///
/// # Errors
/// [`Error::Usage`] for data sets that are not there, unless the run is quick, and when there is none at all;
/// other errors of `load`.
pub(super) fn load<'a, C, D>(
    experiment: &Experiment,
    request: &Request<'_>,
    columns: Vec<&'a C>,
    mut load: impl FnMut(&'a C) -> Result<D>,
) -> Result<(Vec<D>, Vec<String>)> {
    let (mut data, mut missing) = (Vec::new(), Vec::new());
    for column in columns {
        match load(column) {
            Ok(found) => data.push(found),
            Err(Error::NotFetched { name }) if missing.contains(&name) => {}
            Err(Error::NotFetched { name }) => missing.push(name),
            Err(error) => return Err(error),
        }
    }
    let refused = |why: &str| Err(Error::Usage(format!("{}: {why}", experiment.name)));
    let mut notes = Vec::new();
    if !missing.is_empty() {
        let advice = advice(&missing);
        if !request.quick {
            return refused(&advice);
        }
        let note = format!("Left out: {advice}");
        (request.say)(&note);
        notes.push(note);
    }
    if data.is_empty() {
        return refused("no data set to run on");
    }
    Ok((data, notes))
}

fn advice(missing: &[String]) -> String {
    let commands: Vec<String> = missing
        .iter()
        .map(|name| format!("efy data fetch {name}"))
        .collect();
    let sets = if missing.len() == 1 { "set" } else { "sets" };
    format!(
        "data {sets} not fetched yet: {}; run `{}`, or name those to run on: --set 'only=[yeast]'",
        missing.join(", "),
        commands.join(" && ")
    )
}

/// A base configuration with changes, the last one counting.
///
/// # Errors
/// [`efy_train::Error::Config`] naming the change.
pub(super) fn config(origin: &str, base: &Value, changes: &[&[String]]) -> Result<Config> {
    Ok(Config::from_text(
        origin,
        &base.to_string(),
        &changes.concat(),
    )?)
}

/// The points of a grid, each a list of changes; the last key varies fastest, and keys of `own` replace those
/// of `common`.
pub(super) fn points(common: &Map<String, Value>, own: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut grid = common.clone();
    for (key, values) in own {
        grid.insert(key.clone(), values.clone());
    }
    let mut points: Vec<Vec<String>> = vec![Vec::new()];
    for (key, values) in &grid {
        let one = std::slice::from_ref(values);
        let values = values.as_array().map_or(one, Vec::as_slice);
        let longer = |point: &Vec<String>| {
            let changes = values.iter().map(|value| format!("{key}={value}"));
            let point = point.clone();
            changes
                .map(move |change| [point.clone(), vec![change]].concat())
                .collect::<Vec<_>>()
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}

/// The best of several validation scores by `metric`; ties go to the smaller loss, then to the earlier.
/// One without the metric, or with one that is not finite, is never chosen.
pub(super) fn choose<'a>(scores: impl Iterator<Item = &'a Metrics>, metric: &str) -> Option<usize> {
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
    fn a_grid_is_every_combination_and_a_setting_may_replace_a_key() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let common = map(serde_json::json!({"a": [1, 2], "b": [0.5]}));
        let found = points(&common, &map(serde_json::json!({"b": [[3], [4]]})));
        let expected = [
            ["a=1", "b=[3]"],
            ["a=1", "b=[4]"],
            ["a=2", "b=[3]"],
            ["a=2", "b=[4]"],
        ];
        assert_eq!(found, expected);
    }

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

    #[test]
    fn a_score_that_is_not_finite_is_not_chosen() {
        let scores = |rows: &[(f64, f64)]| -> Vec<Metrics> {
            let row =
                |&(f1, loss): &(f64, f64)| [("micro_f1", f1), ("loss", loss)].into_iter().collect();
            rows.iter().map(row).collect()
        };
        let rows = [(0.7, 3.0), (0.8, 2.0), (0.8, 1.0), (f64::NAN, 0.5)];
        assert_eq!(choose(scores(&rows).iter(), "micro_f1"), Some(2));
        assert_eq!(choose(scores(&rows).iter(), "loss"), Some(3));
        assert_eq!(choose([Metrics::default()].iter(), "loss"), None);
    }
}
