//! Runs that differ only by their seed, drawn as one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::run::{Run, read_config};
use crate::series::Point;
use crate::statistics::mean_and_deviation;

/// Which runs are drawn as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Each run by itself.
    #[default]
    None,
    /// Those whose `config.yaml` is the same but for `train.seed`: their mean, with a band of one
    /// standard deviation.
    Seeds,
}

impl FromStr for Grouping {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        match given {
            "none" => Ok(Self::None),
            "seeds" => Ok(Self::Seeds),
            _ => Err(Error::UnknownGrouping {
                given: given.to_owned(),
            }),
        }
    }
}

/// Runs that are drawn as one; a run by itself is a group, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// What it is called.
    pub name: String,
    /// The runs, at least one.
    pub runs: Vec<&'a Run>,
    /// Where the runs are among those that were put into groups.
    pub(crate) members: Vec<usize>,
}

/// The values of a group, one point a step.
pub(crate) struct Averages {
    pub points: Vec<Point>,
    /// The sample standard deviation at each point; empty if there is one run.
    pub deviations: Vec<Option<f64>>,
}

impl<'a> Group<'a> {
    /// A run by itself.
    pub fn one(run: &'a Run) -> Self {
        Self::of(&run.name, vec![run])
    }

    /// Runs that are drawn as one, at least one.
    pub fn of(name: impl Into<String>, runs: Vec<&'a Run>) -> Self {
        Self {
            name: name.into(),
            members: (0..runs.len()).collect(),
            runs,
        }
    }

    /// The best step, which only a run by itself has.
    pub(crate) fn best_step(&self) -> Option<u64> {
        match self.runs.as_slice() {
            [run] => run.best_step,
            _ => None,
        }
    }

    /// The mean of `metric` on `split` at the steps that every run has got to.
    ///
    /// Beyond the end of the shortest run the mean over those that are left would jump each time that
    /// one of them stops. Where a value is not finite there is a gap.
    pub(crate) fn averages(&self, split: &str, metric: &str) -> Option<Averages> {
        let series = self.runs.iter().map(|run| run.series.get(split, metric));
        let series: Vec<&[Point]> = series.collect::<Option<_>>()?;
        if let [points] = series.as_slice() {
            return Some(Averages {
                points: points.to_vec(),
                deviations: Vec::new(),
            });
        }
        let mut values = BTreeMap::<u64, Vec<Option<f64>>>::new();
        for point in series.iter().copied().flatten() {
            values.entry(point.step).or_default().push(point.value);
        }
        let mut averages = Averages {
            points: Vec::new(),
            deviations: Vec::new(),
        };
        for (step, values) in values {
            if values.len() < series.len() {
                continue;
            }
            let finite: Option<Vec<f64>> = values.into_iter().collect();
            let found = finite.and_then(|values| mean_and_deviation(&values));
            averages.points.push(Point {
                step,
                value: found.map(|(mean, _)| mean),
            });
            averages
                .deviations
                .push(found.and_then(|(_, deviation)| deviation));
        }
        let drawn = averages.points.iter().any(|point| point.value.is_some());
        drawn.then_some(averages)
    }
}

/// Puts `runs`, read from the directories `dirs`, into groups, in the order of their first runs.
///
/// A group of several is called after the `name` in their configuration, with the directory of the
/// first run where another group has that name.
///
/// # Errors
/// [`Error::RunFile`] and [`Error::Read`] if a `config.yaml` is there and cannot be read.
pub fn group_runs<'a>(
    dirs: &[PathBuf],
    runs: &'a [Run],
    grouping: Grouping,
) -> Result<Vec<Group<'a>>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (name, members) in group_dirs(dirs, grouping)? {
        let found = members.iter().filter_map(|&index| runs.get(index));
        let runs: Vec<&Run> = found.collect();
        let Some(first) = runs.first() else {
            continue;
        };
        let name = match name {
            Some(name) if runs.len() > 1 => name,
            _ => first.name.clone(),
        };
        let taken = groups.iter().any(|group| group.name == name);
        let name = if taken { first.name.clone() } else { name };
        groups.push(Group {
            name,
            runs,
            members,
        });
    }
    Ok(groups)
}

/// The name in the configuration and the indices of the directories of each group.
fn group_dirs(dirs: &[PathBuf], grouping: Grouping) -> Result<Vec<(Option<String>, Vec<usize>)>> {
    let mut keys: Vec<Option<Value>> = Vec::new();
    let mut groups: Vec<(Option<String>, Vec<usize>)> = Vec::new();
    for (index, dir) in dirs.iter().enumerate() {
        let key = match grouping {
            Grouping::None => None,
            Grouping::Seeds => seedless(dir)?,
        };
        let known = keys.iter().position(|known| key.is_some() && *known == key);
        match known {
            Some(known) => groups[known].1.push(index),
            None => {
                let name = key.as_ref().and_then(|config| config["name"].as_str());
                groups.push((name.map(str::to_owned), vec![index]));
                keys.push(key);
            }
        }
    }
    Ok(groups)
}

/// The configuration of a run without its seed, if there is one.
fn seedless(dir: &Path) -> Result<Option<Value>> {
    let mut config: Option<Value> = read_config(dir)?;
    let train = config.as_mut().and_then(|config| config.get_mut("train"));
    if let Some(train) = train.and_then(Value::as_object_mut) {
        train.remove("seed");
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::read_runs;

    /// Two seeds of `a`, of three and of two steps, one of another `a`, and a run without a
    /// configuration.
    fn dirs(root: &Path) -> Vec<PathBuf> {
        let config = |seed: u64, lr: f64| format!("name: a\ntrain:\n  seed: {seed}\n  lr: {lr}\n");
        let runs = [
            (
                "one",
                Some(config(0, 0.1)),
                [Some(1.0), Some(2.0), Some(9.0)],
            ),
            ("two", Some(config(1, 0.1)), [Some(3.0), Some(6.0), None]),
            ("three", Some(config(0, 0.5)), [Some(1.0), None, None]),
            ("four", None, [Some(1.0), None, None]),
        ];
        let write = |(name, config, losses): (&str, Option<String>, [Option<f64>; 3])| {
            let dir = root.join(name);
            fs::create_dir_all(&dir).unwrap();
            let event = |(step, loss): (usize, Option<f64>)| {
                let loss = loss?;
                Some(format!(
                    "{{\"step\":{step},\"split\":\"train\",\"loss\":{loss}}}\n"
                ))
            };
            let events: String = losses.into_iter().enumerate().filter_map(event).collect();
            fs::write(dir.join("metrics.jsonl"), events).unwrap();
            if let Some(config) = config {
                fs::write(dir.join("config.yaml"), config).unwrap();
            }
            dir
        };
        runs.into_iter().map(write).collect()
    }

    #[test]
    fn runs_that_differ_by_their_seed_are_a_group() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let runs = read_runs(&dirs).unwrap();
        let found = |grouping| {
            let groups = group_runs(&dirs, &runs, grouping).unwrap();
            let group = |group: &Group<'_>| (group.name.clone(), group.runs.len());
            groups.iter().map(group).collect::<Vec<_>>()
        };
        let expected = [("a", 2), ("a (three)", 1), ("four", 1)];
        assert_eq!(
            found(Grouping::Seeds),
            expected.map(|(name, n)| (name.to_owned(), n))
        );
        let expected = ["a (one)", "a (two)", "a (three)", "four"];
        assert_eq!(
            found(Grouping::None),
            expected.map(|name| (name.to_owned(), 1))
        );
    }

    #[test]
    fn a_mean_ends_with_the_shortest_run() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let runs = read_runs(&dirs).unwrap();
        let groups = group_runs(&dirs, &runs, Grouping::Seeds).unwrap();
        let averages = groups[0].averages("train", "loss").unwrap();
        let values: Vec<_> = averages.points.iter().map(|point| point.value).collect();
        assert_eq!(values, [Some(2.0), Some(4.0)]);
        assert_eq!(averages.deviations, [2f64.sqrt(), 8f64.sqrt()].map(Some));
        let alone = groups[1].averages("train", "loss").unwrap();
        assert!(alone.deviations.is_empty() && alone.points.len() == 1);
        assert!(groups[0].averages("train", "tau").is_none());
    }

    #[test]
    fn groupings_are_parsed() {
        assert_eq!("seeds".parse::<Grouping>().unwrap(), Grouping::Seeds);
        assert_eq!("none".parse::<Grouping>().unwrap(), Grouping::None);
        let message = "all".parse::<Grouping>().unwrap_err().to_string();
        assert_eq!(message, "all: unknown grouping, expected seeds or none");
    }
}
