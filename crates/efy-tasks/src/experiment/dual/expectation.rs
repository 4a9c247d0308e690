//! What should come of a run, and whether it did.

use serde::Deserialize;

use super::metric::Metric;
use super::{Finished, Group};
use crate::{Error, Result};

/// A bound of a number of a run: its median over seeds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// `group/run`.
    run: String,
    /// Which number.
    #[serde(default)]
    metric: Metric,
    /// After so many iterations; else the floor.
    at: Option<u64>,
    /// The bounds are times the same number of this run.
    times: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

impl Expectation {
    /// A sentence that says what was expected, what was found, and whether that is it.
    ///
    /// # Errors
    /// A run that there is not.
    pub fn judge(&self, groups: &[(&Group, Vec<Finished<'_>>)], seeds: usize) -> Result<String> {
        let place = match self.at {
            Some(iteration) => format!("at iteration {iteration}"),
            None => "floor".to_owned(),
        };
        let what = format!("{} {place}", self.metric.name());
        let Some(found) = self.number(groups, &self.run)? else {
            return Ok(format!(
                "{}: {what} was not looked at in this run.",
                self.run
            ));
        };
        let (found, unit) = match &self.times {
            Some(other) => match self.number(groups, other)? {
                Some(reference) => (found / reference, format!(" times that of {other}")),
                None => return Ok(format!("{other}: {what} was not looked at in this run.")),
            },
            None => (found, String::new()),
        };
        let bounds: Vec<String> = [("at least", self.at_least), ("at most", self.at_most)]
            .into_iter()
            .filter_map(|(word, bound)| Some(format!("{word} {}", bound?)))
            .collect();
        let met = self.at_least.is_none_or(|bound| found >= bound)
            && self.at_most.is_none_or(|bound| found <= bound);
        let verdict = if met {
            "as expected"
        } else {
            "**not** as expected"
        };
        Ok(format!(
            "{}: {what} {found:.2e}{unit}, median of {seeds} seeds; expected {}: {verdict}.",
            self.run,
            bounds.join(" and ")
        ))
    }

    fn number(&self, groups: &[(&Group, Vec<Finished<'_>>)], name: &str) -> Result<Option<f64>> {
        let mut all = groups
            .iter()
            .flat_map(|(group, runs)| runs.iter().map(move |run| (group, run)));
        let found = all.find(|(group, finished)| {
            name.strip_prefix(&*group.name)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|run| run == finished.run.name)
        });
        let (_, finished) =
            found.ok_or_else(|| Error::Usage(format!("expectations: there is no run {name:?}")))?;
        let value = self.metric.value();
        let range = match self.at {
            Some(iteration) => finished.at(iteration, value),
            None => finished.floor(value),
        };
        Ok(range.map(|range| range.median))
    }
}
