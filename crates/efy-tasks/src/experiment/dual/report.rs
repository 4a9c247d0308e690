//! Tables and pictures of runs over seeds.

use super::metric::Metric;
use super::trial::Look;
use super::{Across, Finished, Group};
use crate::experiment::{Banded, Picture, Plot, Scale, Spread, Table};

/// Middle, smallest and largest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// `None` of no numbers and of any that is none.
    pub fn of(values: &[f64]) -> Option<Range> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => 0.5 * (sorted[middle - 1] + sorted[middle]),
            _ => sorted[middle],
        };
        sorted
            .iter()
            .all(|value| value.is_finite())
            .then_some(Range { median, low, high })
    }

    /// `1.2e-3 [1.0e-3, 1.4e-3]`.
    fn text(range: Option<Range>) -> String {
        range.map_or_else(missing, |Range { median, low, high }| {
            let [median, low, high] = [median, low, high].map(number);
            match low == high {
                true => median,
                false => format!("{median} [{low}, {high}]"),
            }
        })
    }
}

impl Finished<'_> {
    /// A number after so many iterations, where there was a look.
    pub(super) fn at(&self, iteration: u64, value: fn(&Look) -> f64) -> Option<Range> {
        let values: Vec<f64> = self
            .outcomes
            .iter()
            .map(|outcome| {
                let mut looks = outcome.looks.iter();
                looks.find(|look| look.iteration == iteration).map(value)
            })
            .collect::<Option<_>>()?;
        Range::of(&values)
    }

    /// The mean over the last quarter of each seed's looks.
    pub(super) fn floor(&self, value: fn(&Look) -> f64) -> Option<Range> {
        let values = self.outcomes.iter().map(|outcome| {
            let looks = &outcome.looks;
            let last = &looks[looks.len() - looks.len().div_ceil(4)..];
            last.iter().map(value).sum::<f64>() / last.len() as f64
        });
        Range::of(&values.collect::<Vec<_>>())
    }

    /// The first looks at which KL was at most this, where all seeds got there.
    fn reached(&self, target: f64) -> Option<Range> {
        let first = self.outcomes.iter().map(|outcome| {
            let look = outcome.looks.iter().find(|look| look.kl <= target)?;
            Some(look.iteration as f64)
        });
        Range::of(&first.collect::<Option<Vec<_>>>()?)
    }

    /// The last look of each seed.
    fn end(&self, value: fn(&Look) -> f64) -> Option<Range> {
        let values = self
            .outcomes
            .iter()
            .map(|outcome| outcome.looks.last().map(value));
        Range::of(&values.collect::<Option<Vec<_>>>()?)
    }
}

fn missing() -> String {
    "–".to_owned()
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (0.01..1000.0).contains(&size) => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// Whole numbers.
fn iterations(range: Option<Range>) -> String {
    range.map_or_else(missing, |Range { median, low, high }| match low == high {
        true => format!("{median:.0}"),
        false => format!("{median:.0} [{low:.0}, {high:.0}]"),
    })
}

/// A row for each run, and below it one for the paper's curve.
pub(super) fn table(group: &Group, runs: &[Finished<'_>], seeds: usize) -> Table {
    let marks = group.marks.iter().map(|mark| format!("KL at {mark}"));
    let rest = [
        "KL floor",
        "Fisher floor",
        "total variation",
        "gap",
        "alignment",
    ];
    let header: Vec<String> = std::iter::once("run".to_owned())
        .chain(marks)
        .chain(rest.map(str::to_owned))
        .chain(
            group
                .target
                .map(|target| format!("iterations to KL {target}")),
        )
        .collect();
    let mut rows = Vec::new();
    for finished in runs {
        let mut row = vec![finished.run.name.clone()];
        let at_marks = group
            .marks
            .iter()
            .map(|&mark| finished.at(mark, |look| look.kl));
        row.extend(at_marks.map(Range::text));
        row.extend([
            Range::text(finished.floor(|look| look.kl)),
            Range::text(finished.floor(|look| look.fisher)),
            Range::text(finished.end(|look| look.total_variation)),
            Range::text(finished.end(|look| look.gap)),
            Range::text(finished.end(|look| look.alignment)),
        ]);
        row.extend(
            group
                .target
                .map(|target| iterations(finished.reached(target))),
        );
        rows.push(row);
        if let Some(paper) = &finished.run.paper {
            let known = |mark: &u64| {
                let found = paper.kl.iter().find(|(iteration, _)| iteration == mark);
                found.map_or_else(missing, |&(_, kl)| number(kl))
            };
            let mut row = vec![format!("{}, paper", finished.run.name)];
            row.extend(group.marks.iter().map(known));
            row.extend([paper.floor, paper.fisher, paper.total_variation].map(number));
            row.resize(header.len(), missing());
            rows.push(row);
        }
    }
    Table {
        title: group.title.clone(),
        caption: format!(
            "Median of {seeds} seeds, with the smallest and the largest in brackets. Floors are means over the last \
             quarter of the iterations, the rest is that of the last. The gap is the duality gap as particles and neurons \
             see it; the alignment is the smaller of the teacher's neurons' largest cosines with a neuron of the student."
        ),
        header,
        rows,
    }
}

/// What the group draws over iterations.
pub(super) fn pictures(group: &Group, runs: &[Finished<'_>]) -> Vec<Picture> {
    let metrics = group.pictures.as_deref().unwrap_or(&Metric::ALL);
    metrics
        .iter()
        .map(|&metric| picture(group, runs, metric))
        .collect()
}

fn picture(group: &Group, runs: &[Finished<'_>], metric: Metric) -> Picture {
    let line = |(style, finished): (usize, &Finished<'_>)| Banded {
        label: finished.run.name.clone(),
        style,
        reference: false,
        points: points(group, finished, metric),
    };
    let mut series: Vec<Banded> = runs.iter().enumerate().map(line).collect();
    if metric == Metric::Kl {
        series.extend(runs.iter().enumerate().filter_map(|(style, finished)| {
            let curve = finished.run.paper.as_ref()?.curve();
            (curve.len() > 1).then(|| Banded {
                label: format!("{}, paper", finished.run.name),
                style,
                reference: true,
                points: curve,
            })
        }));
    }
    let x = match group.logarithmic {
        true => Scale::Log,
        false => Scale::Linear,
    };
    let name = metric.name();
    Picture {
        name: format!("{}-{}", group.name, metric.stem()),
        title: group.title.clone(),
        caption: format!(
            "The median {name} over seeds, with a band from the smallest to the largest.{}",
            match metric {
                Metric::Gap =>
                    " It is an estimate from the particles: their number limits how small it gets, and just after a restart \
                     it compares the data with themselves.",
                _ => "",
            }
        ),
        plot: Plot::Bands {
            x: ("iteration".to_owned(), x),
            y: (name.to_owned(), metric.scale()),
            series,
        },
    }
}

/// The floor of KL over the positions of the groups, a line for each name of a run.
pub(super) fn across(across: &Across, groups: &[(&Group, Vec<Finished<'_>>)]) -> Picture {
    let mut series: Vec<Banded> = Vec::new();
    for (group, runs) in groups {
        for finished in runs {
            let (Some(x), Some(range)) = (group.position, finished.floor(|look| look.kl)) else {
                continue;
            };
            let label = &finished.run.name;
            let index = series.iter().position(|line| line.label == *label);
            let index = index.unwrap_or_else(|| {
                series.push(Banded {
                    label: label.clone(),
                    style: series.len(),
                    reference: false,
                    points: Vec::new(),
                });
                series.len() - 1
            });
            series[index].points.push(Spread {
                x,
                middle: range.median,
                ends: Some((range.low, range.high)),
            });
        }
    }
    Picture {
        name: across.name.clone(),
        title: across.title.clone(),
        caption: "KL divergence in the last quarter of the iterations: the median over seeds, with a band from the smallest \
                  to the largest."
            .to_owned(),
        plot: Plot::Bands {
            x: (across.label.clone(), Scale::Linear),
            y: ("KL divergence".to_owned(), Scale::Log),
            series,
        },
    }
}

fn points(group: &Group, finished: &Finished<'_>, metric: Metric) -> Vec<Spread> {
    let first = finished
        .outcomes
        .first()
        .map_or(&[][..], |outcome| &outcome.looks);
    let drawn = |range: &Range| metric.scale() == Scale::Linear || range.low > 0.0;
    first
        .iter()
        .filter(|look| !group.logarithmic || look.iteration > 0)
        .filter_map(|look| {
            let range = finished.at(look.iteration, metric.value()).filter(drawn)?;
            Some(Spread {
                x: look.iteration as f64,
                middle: range.median,
                ends: (range.low != range.high).then_some((range.low, range.high)),
            })
        })
        .collect()
}

impl super::Paper {
    fn curve(&self) -> Vec<Spread> {
        let point = |&(iteration, kl): &(u64, f64)| Spread {
            x: iteration as f64,
            middle: kl,
            ends: None,
        };
        self.kl.iter().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_median_between_its_ends() {
        let range = Range::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((range.median, range.low, range.high), (2.0, 1.0, 3.0));
        assert_eq!(Range::of(&[1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Range::of(&[]), None);
        assert_eq!(Range::of(&[1.0, f64::NAN]), None);
        assert_eq!(Range::text(Some(range)), "2.000 [1.000, 3.000]");
        assert_eq!(Range::text(Range::of(&[0.00123])), "1.2e-3");
    }
}
