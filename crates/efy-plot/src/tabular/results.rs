//! The final metrics of runs as a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Best, Cell, Column, Row, Table};
use crate::error::{Error, Result};
use crate::group::{Group, Grouping, group_runs};
use crate::metric::{lower_is_better, written_out};
use crate::run::{read_runs, read_summary};
use crate::statistics::mean_and_deviation;

/// The decimals that metrics are rounded to.
const DECIMALS: usize = 3;
/// The share of unsolved inner problems: only worth a column if there are any.
const UNCONVERGED: &str = "unconverged";

/// The metrics of one run on a split; `None` where one was not finite.
type Metrics = Vec<(String, Option<f64>)>;

/// A table of the final metrics on `split`, as `summary.json` has them: a row for each run, or the mean
/// and the sample standard deviation of each [group](Grouping::Seeds) of runs, and a column for each of
/// `metrics`, or for all of them if none is named.
///
/// Low is best for losses, distances and the share of unsolved problems, high for everything else. A
/// group in which a run has no finite value has a dash, as has a metric that a run does not have.
///
/// # Errors
/// [`Error::NoRuns`]; [`Error::NoResults`] if a run has not ended or knows no such split;
/// [`Error::UnknownMetric`] if no run has one of `metrics`; those of [`read_runs`].
pub fn results_table(
    dirs: &[PathBuf],
    grouping: Grouping,
    split: &str,
    metrics: &[String],
) -> Result<Table> {
    if dirs.is_empty() {
        return Err(Error::NoRuns);
    }
    let runs = read_runs(dirs)?;
    let groups = group_runs(dirs, &runs, grouping)?;
    let results = dirs.iter().map(|dir| read_results(dir, split));
    let results: Vec<Metrics> = results.collect::<Result<_>>()?;
    let names = columns(&results, metrics)?;
    let row = |group: &Group<'_>| {
        let members = group.members.iter().filter_map(|&index| results.get(index));
        let members: Vec<&Metrics> = members.collect();
        Row {
            label: match members.len() {
                0 | 1 => group.name.clone(),
                count => format!("{} (n = {count})", group.name),
            },
            cells: names.iter().map(|name| cell(&members, name)).collect(),
        }
    };
    let rows: Vec<Row> = groups.iter().map(row).collect();
    let averaged = groups.iter().any(|group| group.members.len() > 1);
    let spread = if averaged {
        ", mean \u{b1} sample standard deviation over seeds"
    } else {
        ""
    };
    Ok(Table {
        caption: format!("Results on the {split} split{spread}."),
        label: "tab:results".to_owned(),
        stub: "run".to_owned(),
        columns: names.iter().map(|name| column(name)).collect(),
        rows,
    })
}

fn column(name: &str) -> Column {
    Column {
        group: None,
        label: written_out(name),
        key: name.to_owned(),
        best: Some(if lower_is_better(name) {
            Best::Lowest
        } else {
            Best::Highest
        }),
        decimals: DECIMALS,
    }
}

fn cell(members: &[&Metrics], name: &str) -> Cell {
    let value = |metrics: &&Metrics| {
        let found = metrics.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| *value)
    };
    let values: Option<Vec<f64>> = members.iter().map(value).collect();
    match values.and_then(|values| mean_and_deviation(&values)) {
        Some((mean, deviation)) => Cell::Number { mean, deviation },
        None => Cell::Empty,
    }
}

/// The names of the columns: those asked for, or those of all runs in the order they are met in.
fn columns(results: &[Metrics], asked: &[String]) -> Result<Vec<String>> {
    let mut known: Vec<&str> = Vec::new();
    let mut solved = true;
    for (name, value) in results.iter().flatten() {
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
        solved &= name != UNCONVERGED || *value == Some(0.0);
    }
    if let Some(unknown) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::UnknownMetric {
            given: unknown.clone(),
            known: known.join(", "),
        });
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    known.retain(|name| !(solved && *name == UNCONVERGED));
    Ok(known.into_iter().map(str::to_owned).collect())
}

fn read_results(dir: &Path, split: &str) -> Result<Metrics> {
    let summary: BTreeMap<String, Value> = read_summary(dir)?;
    let metrics = summary.get(split).and_then(Value::as_object);
    let metrics = metrics.ok_or_else(|| Error::NoResults {
        path: dir.join("summary.json"),
        split: split.to_owned(),
    })?;
    let metric = |(name, value): (&String, &Value)| {
        let known = value.is_null() || value.is_number();
        known.then(|| {
            (
                name.clone(),
                value.as_f64().filter(|value| value.is_finite()),
            )
        })
    };
    Ok(metrics.iter().filter_map(metric).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(root: &Path, name: &str, seed: u64, test: &str) -> PathBuf {
        let dir = root.join(format!("{name}-{seed}"));
        fs::create_dir_all(&dir).unwrap();
        let event = "{\"step\":1,\"split\":\"train\",\"loss\":1}\n";
        fs::write(dir.join("metrics.jsonl"), event).unwrap();
        let config = format!("name: {name}\ntrain:\n  seed: {seed}\n");
        fs::write(dir.join("config.yaml"), config).unwrap();
        fs::write(dir.join("summary.json"), format!("{{\"test\": {test}}}")).unwrap();
        dir
    }

    fn dirs(root: &Path) -> Vec<PathBuf> {
        let metrics = |loss: &str, f1: f64| {
            format!("{{\"loss\": {loss}, \"micro_f1\": {f1}, \"unconverged\": 0.0}}")
        };
        vec![
            run(root, "a", 0, &metrics("1.0", 0.5)),
            run(root, "a", 1, &metrics("null", 0.7)),
            run(root, "b", 0, &metrics("3.0", 0.65)),
        ]
    }

    #[test]
    fn seeds_become_a_mean_and_a_failed_one_is_not_left_out() {
        let root = tempfile::tempdir().unwrap();
        let table = results_table(&dirs(root.path()), Grouping::Seeds, "test", &[]).unwrap();
        let expected = "run,loss,micro_f1,micro_f1_deviation\n\
             a (n = 2),,0.6,0.14142135623730948\n\
             b,3,0.65,\n";
        assert_eq!(table.to_csv().unwrap(), expected);
        assert!(
            table
                .caption
                .contains("mean \u{b1} sample standard deviation")
        );
        assert!(table.to_markdown().contains("| **0.650** |"));
    }

    #[test]
    fn runs_alone_have_a_row_each() {
        let root = tempfile::tempdir().unwrap();
        let metrics = ["micro_f1".to_owned(), "unconverged".to_owned()];
        let dirs = dirs(root.path());
        let table = results_table(&dirs, Grouping::None, "test", &metrics).unwrap();
        let labels: Vec<_> = table.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["a (a-0)", "a (a-1)", "b"]);
        assert_eq!(table.columns[1].best, Some(Best::Lowest));
        assert_eq!(table.columns[1].key, "unconverged");
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let message = |split: &str, metric: &str| {
            let metrics = [metric.to_owned()];
            let error = results_table(&dirs, Grouping::None, split, &metrics).unwrap_err();
            error.to_string()
        };
        let unknown = message("test", "tau");
        assert_eq!(
            unknown,
            "tau: no run has this metric; there are loss, micro_f1, unconverged"
        );
        assert!(message("validation", "loss").ends_with(
            "summary.json: no metrics of the validation split; it is written when a run has ended"
        ));
        assert!(matches!(
            results_table(&[], Grouping::None, "test", &[]),
            Err(Error::NoRuns)
        ));
    }
}
