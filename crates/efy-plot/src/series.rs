//! Metrics over steps, keyed by split and metric.

use std::collections::BTreeMap;

/// The value of one metric after one optimiser step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The optimiser step, counted from the start of the run.
    pub step: u64,
    /// The value; `None` where it was not finite, which is a gap in the curve.
    pub value: Option<f64>,
}

/// All the series of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesSet {
    by_split: BTreeMap<String, BTreeMap<String, Vec<Point>>>,
}

impl SeriesSet {
    /// Appends a value to the series of `metric` on `split`.
    ///
    /// A run that was resumed from a checkpoint repeats the steps after it. The later event holds:
    /// everything from its step on is dropped first, so steps increase strictly in every series.
    pub fn push(&mut self, split: &str, metric: &str, point: Point) {
        let metrics = self.by_split.entry(split.to_owned()).or_default();
        let series = metrics.entry(metric.to_owned()).or_default();
        let kept = series.partition_point(|earlier| earlier.step < point.step);
        series.truncate(kept);
        series.push(point);
    }

    /// The series of `metric` on `split`, unless it has no finite value at all.
    pub fn get(&self, split: &str, metric: &str) -> Option<&[Point]> {
        let series = self.by_split.get(split)?.get(metric)?;
        series
            .iter()
            .any(|point| point.value.is_some())
            .then_some(series.as_slice())
    }

    /// The metrics of `split` that [`SeriesSet::get`] has values for, in alphabetical order.
    pub fn metrics<'a>(&'a self, split: &'a str) -> impl Iterator<Item = &'a str> {
        let metrics = self
            .by_split
            .get(split)
            .into_iter()
            .flat_map(BTreeMap::keys);
        metrics
            .map(String::as_str)
            .filter(move |metric| self.get(split, metric).is_some())
    }

    /// Whether nothing was ever pushed.
    pub fn is_empty(&self) -> bool {
        self.by_split.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(series: Option<&[Point]>) -> Vec<u64> {
        series
            .unwrap_or_default()
            .iter()
            .map(|point| point.step)
            .collect()
    }

    #[test]
    fn a_resumed_run_replaces_the_steps_it_repeats() {
        let mut set = SeriesSet::default();
        for step in [10, 20, 30, 20, 25] {
            set.push(
                "train",
                "loss",
                Point {
                    step,
                    value: Some(step as f64),
                },
            );
        }
        assert_eq!(steps(set.get("train", "loss")), [10, 20, 25]);
    }

    #[test]
    fn a_series_without_finite_values_is_absent() {
        let mut set = SeriesSet::default();
        set.push(
            "validation",
            "loss",
            Point {
                step: 1,
                value: None,
            },
        );
        set.push(
            "validation",
            "micro_f1",
            Point {
                step: 1,
                value: Some(0.5),
            },
        );
        assert_eq!(set.get("validation", "loss"), None);
        assert_eq!(set.metrics("validation").collect::<Vec<_>>(), ["micro_f1"]);
        assert_eq!(set.metrics("train").count(), 0);
    }
}
