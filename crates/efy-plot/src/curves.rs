//! Which figures a set of runs gives, and what is on them.

use std::collections::BTreeSet;

use crate::entries::{explained, group_entries, line};
use crate::figure::{Axis, Curve, Figure, ScaleKind};
use crate::file_name::name_files;
use crate::group::Group;
use crate::loss_curves::group_loss_figure;
use crate::metric::{FRACTIONS, falls_to_zero, is_fraction, rank, written_out};
use crate::palette::Stroke;
use crate::run::Run;
use crate::symbol::LegendEntry;
use crate::width::Width;

pub(crate) const VALIDATION: &str = "validation";
pub(crate) const LOSS: &str = "loss";
/// The share of inner problems that were not solved: only worth a figure if there are any.
const UNCONVERGED: &str = "unconverged";

/// The figures of `runs`, without those that would be empty.
///
/// One run gives `loss` (train and validation loss), `metrics` (the fractions among the validation
/// metrics, a curve each) and one figure for every other validation metric. Several runs give
/// `loss` and one figure for every validation metric, a colour for each run.
pub fn figures(runs: &[Run]) -> Vec<Figure> {
    group_figures(&alone(runs))
}

/// The figures of `groups`, like those of single runs; a group of several is drawn as the mean of its
/// runs with a band of one sample standard deviation to both sides, as far as the shortest of them
/// goes.
pub fn group_figures(groups: &[Group<'_>]) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(group_loss_figure(groups));
    let runs = || groups.iter().flat_map(|group| group.runs.iter().copied());
    let mut metrics: BTreeSet<&str> = runs()
        .flat_map(|run| run.series.metrics(VALIDATION))
        .collect();
    metrics.remove(LOSS);
    // Error bars are for tables.
    metrics.retain(|metric| !metric.ends_with("_error"));
    if runs().all(|run| stays_at_zero(run, UNCONVERGED)) {
        metrics.remove(UNCONVERGED);
    }
    if let [group] = groups {
        figures.extend(group_fractions_figure(group));
        metrics.retain(|metric| !is_fraction(metric));
    }
    // The usual metrics come first, in the order they are known in.
    let mut metrics: Vec<_> = metrics.into_iter().collect();
    metrics.sort_by_key(|metric| rank(metric));
    figures.extend(
        metrics
            .into_iter()
            .filter_map(|metric| group_metric_figure(groups, metric)),
    );
    name_files(&mut figures);
    figures
}

/// The fractions among the validation metrics of one run over steps, a curve each.
pub fn fractions_figure(run: &Run) -> Option<Figure> {
    group_fractions_figure(&Group::one(run))
}

fn group_fractions_figure(group: &Group<'_>) -> Option<Figure> {
    let curves = FRACTIONS
        .iter()
        .enumerate()
        .filter_map(|(index, (metric, _))| curve(group, VALIDATION, metric, Stroke::nth(index)));
    let curves: Vec<_> = curves.collect();
    let mut legend: Vec<_> = curves
        .iter()
        .map(|curve| line(&written_out(&curve.metric), curve.stroke))
        .collect();
    legend.extend(explained(&curves, group.best_step()));
    let y = Axis {
        label: "validation metric".to_owned(),
        scale: ScaleKind::Linear,
        bounds: Some((0.0, 1.0)),
    };
    let title = format!("{}: validation metrics", group.name);
    figure("metrics", title, y, curves, legend)
}

/// One validation metric over steps, a curve for each run.
pub fn metric_figure(runs: &[Run], metric: &str) -> Option<Figure> {
    group_metric_figure(&alone(runs), metric)
}

fn group_metric_figure(groups: &[Group<'_>], metric: &str) -> Option<Figure> {
    let curves = groups
        .iter()
        .enumerate()
        .filter_map(|(index, group)| curve(group, VALIDATION, metric, Stroke::nth(index)));
    let curves: Vec<_> = curves.collect();
    let label = written_out(metric);
    let (title, mut legend, best_step) = match groups {
        [group] => {
            let title = format!("{}: validation {label}", group.name);
            (title, Vec::new(), group.best_step())
        }
        _ => {
            let title = format!("Validation {label}");
            (title, group_entries(groups, &curves), None)
        }
    };
    legend.extend(explained(&curves, best_step));
    let bounds = is_fraction(metric).then_some((0.0, 1.0));
    let values = || {
        curves
            .iter()
            .flat_map(|curve| &curve.points)
            .filter_map(|point| point.value)
    };
    let y = Axis {
        label,
        scale: match falls_to_zero(metric) && values().all(|value| value > 0.0) {
            true => ScaleKind::Log,
            false => ScaleKind::Linear,
        },
        bounds,
    };
    figure(metric, title, y, curves, legend)
}

/// Each run as a group of its own.
pub(crate) fn alone(runs: &[Run]) -> Vec<Group<'_>> {
    runs.iter().map(Group::one).collect()
}

pub(crate) fn figure(
    name: &str,
    title: String,
    y: Axis,
    curves: Vec<Curve>,
    legend: Vec<LegendEntry>,
) -> Option<Figure> {
    (!curves.is_empty()).then(|| Figure {
        name: name.to_owned(),
        title,
        width: Width::default(),
        x_label: "step".to_owned(),
        y,
        curves,
        legend,
    })
}

pub(crate) fn curve(group: &Group<'_>, split: &str, metric: &str, stroke: Stroke) -> Option<Curve> {
    let averages = group.averages(split, metric)?;
    Some(Curve {
        run: group.name.clone(),
        split: split.to_owned(),
        metric: metric.to_owned(),
        points: averages.points,
        deviations: averages.deviations,
        runs: group.runs.len(),
        stroke,
        best_step: group.best_step(),
    })
}

fn stays_at_zero(run: &Run, metric: &str) -> bool {
    let points = run.series.get(VALIDATION, metric).unwrap_or_default();
    points
        .iter()
        .all(|point| point.value.is_none_or(|value| value == 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Point, SeriesSet};

    fn run(name: &str, events: &[(&str, &str, f64)]) -> Run {
        let mut series = SeriesSet::default();
        for (index, &(split, metric, value)) in events.iter().enumerate() {
            let point = Point {
                step: index as u64,
                value: Some(value),
            };
            series.push(split, metric, point);
        }
        Run {
            name: name.to_owned(),
            best_step: None,
            series,
        }
    }

    fn names(runs: &[Run]) -> Vec<String> {
        figures(runs)
            .into_iter()
            .map(|figure| figure.name)
            .collect()
    }

    #[test]
    fn one_run_has_its_fractions_on_one_figure() {
        let run = run(
            "a",
            &[
                ("train", "loss", 1.0),
                ("validation", "unconverged", 0.0),
                ("validation", "kendall_tau", 0.2),
                ("validation", "micro_f1", 0.2),
                ("validation", "hamming_accuracy", 0.2),
                ("test", "micro_f1", 0.2),
            ],
        );
        let figures = figures(&[run]);
        let names: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(names, ["loss", "metrics", "kendall_tau"]);
        let shown: Vec<_> = figures[1]
            .curves
            .iter()
            .map(|curve| curve.metric.as_str())
            .collect();
        assert_eq!(shown, ["hamming_accuracy", "micro_f1"]);
    }

    #[test]
    fn several_runs_have_a_figure_for_each_metric() {
        let a = run(
            "a",
            &[
                ("validation", "micro_f1", 0.1),
                ("validation", "unconverged", 0.5),
            ],
        );
        let b = run(
            "b",
            &[
                ("validation", "subset_accuracy", 0.1),
                ("validation", "loss", 0.5),
            ],
        );
        assert_eq!(
            names(&[a, b]),
            ["loss", "subset_accuracy", "micro_f1", "unconverged"]
        );
    }

    #[test]
    fn colours_follow_the_runs_where_a_metric_is_missing() {
        let a = run("a", &[("validation", "loss", 0.1)]);
        let b = run("b", &[("validation", "micro_f1", 0.1)]);
        let figure = metric_figure(&[a, b], "micro_f1").unwrap();
        assert_eq!(figure.curves[0].stroke, Stroke::nth(1));
        assert_eq!(figure.legend, [line("b", Stroke::nth(1))]);
    }
}
