//! Which figures a set of runs gives, and what is on them.

use std::collections::BTreeSet;

use crate::figure::{Axis, Curve, Figure, LegendEntry, ScaleKind, Symbol, Width};
use crate::file_name::name_files;
use crate::loss_curves::loss_figure;
use crate::metric::{FRACTIONS, is_fraction, rank, written_out};
use crate::palette::Stroke;
use crate::run::Run;

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
    let mut figures = Vec::new();
    figures.extend(loss_figure(runs));
    let mut metrics: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.series.metrics(VALIDATION))
        .collect();
    metrics.remove(LOSS);
    if runs.iter().all(|run| stays_at_zero(run, UNCONVERGED)) {
        metrics.remove(UNCONVERGED);
    }
    if let [run] = runs {
        figures.extend(fractions_figure(run));
        metrics.retain(|metric| !is_fraction(metric));
    }
    // The usual metrics come first, in the order they are known in.
    let mut metrics: Vec<_> = metrics.into_iter().collect();
    metrics.sort_by_key(|metric| rank(metric));
    figures.extend(
        metrics
            .into_iter()
            .filter_map(|metric| metric_figure(runs, metric)),
    );
    name_files(&mut figures);
    figures
}

/// The fractions among the validation metrics of one run over steps, a curve each.
pub fn fractions_figure(run: &Run) -> Option<Figure> {
    let curves = FRACTIONS
        .iter()
        .enumerate()
        .filter_map(|(index, (metric, _))| curve(run, VALIDATION, metric, Stroke::nth(index)));
    let curves: Vec<_> = curves.collect();
    let mut legend: Vec<_> = curves
        .iter()
        .map(|curve| line(&written_out(&curve.metric), curve.stroke))
        .collect();
    legend.extend(best_entry(&curves, run.best_step));
    let y = Axis {
        label: "validation metric".to_owned(),
        scale: ScaleKind::Linear,
        bounds: Some((0.0, 1.0)),
    };
    figure(
        "metrics",
        format!("{}: validation metrics", run.name),
        y,
        curves,
        legend,
    )
}

/// One validation metric over steps, a curve for each run.
pub fn metric_figure(runs: &[Run], metric: &str) -> Option<Figure> {
    let curves = runs
        .iter()
        .enumerate()
        .filter_map(|(index, run)| curve(run, VALIDATION, metric, Stroke::nth(index)));
    let curves: Vec<_> = curves.collect();
    let label = written_out(metric);
    let (title, mut legend) = match runs {
        [run] => (format!("{}: validation {label}", run.name), Vec::new()),
        _ => (format!("Validation {label}"), run_entries(runs, &curves)),
    };
    let best_step = if let [run] = runs {
        run.best_step
    } else {
        None
    };
    legend.extend(best_entry(&curves, best_step));
    let bounds = is_fraction(metric).then_some((0.0, 1.0));
    let y = Axis {
        label,
        scale: ScaleKind::Linear,
        bounds,
    };
    figure(metric, title, y, curves, legend)
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

pub(crate) fn curve(run: &Run, split: &str, metric: &str, stroke: Stroke) -> Option<Curve> {
    Some(Curve {
        run: run.name.clone(),
        split: split.to_owned(),
        metric: metric.to_owned(),
        points: run.series.get(split, metric)?.to_vec(),
        stroke,
        best_step: run.best_step,
    })
}

pub(crate) fn line(label: &str, stroke: Stroke) -> LegendEntry {
    LegendEntry {
        label: label.to_owned(),
        symbol: Symbol::Line(stroke),
    }
}

/// An entry for each run that one of `curves` is from.
pub(crate) fn run_entries(runs: &[Run], curves: &[Curve]) -> Vec<LegendEntry> {
    let shown: BTreeSet<&str> = curves.iter().map(|curve| curve.run.as_str()).collect();
    let entries = runs.iter().enumerate();
    let entries = entries.filter(|(_, run)| shown.contains(run.name.as_str()));
    entries
        .map(|(index, run)| line(&run.name, Stroke::nth(index)))
        .collect()
}

/// The entry for the ring, if one of `curves` has a ring; with the step, if it is the same for all.
pub(crate) fn best_entry(curves: &[Curve], step: Option<u64>) -> Option<LegendEntry> {
    let label = match step {
        Some(step) => format!("best (step {step})"),
        None => "best step".to_owned(),
    };
    let has_ring = curves.iter().any(|curve| curve.best().is_some());
    has_ring.then_some(LegendEntry {
        label,
        symbol: Symbol::Ring,
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
