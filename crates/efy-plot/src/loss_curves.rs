//! The figure of the loss, which has two splits on it.

use crate::curves::{LOSS, VALIDATION, best_entry, curve, figure, line, run_entries};
use crate::figure::{Axis, Curve, Figure, LegendEntry, ScaleKind};
use crate::palette::Stroke;
use crate::run::Run;

const TRAIN: &str = "train";

/// A loss that spans more than this factor gets a logarithmic axis.
const WIDE: f64 = 100.0;
/// A train loss of more points than this stays in the background.
const DENSE: usize = 1000;

/// Train and validation loss over steps.
///
/// One run has a colour for each split. Several runs have a colour each, the train loss thin and
/// pale behind the validation loss.
pub fn loss_figure(runs: &[Run]) -> Option<Figure> {
    let on_split = |split: &'static str| {
        runs.iter()
            .enumerate()
            .filter_map(move |(index, run)| curve(run, split, LOSS, Stroke::nth(index)))
    };
    let mut train: Vec<Curve> = on_split(TRAIN).collect();
    let mut validation: Vec<Curve> = on_split(VALIDATION).collect();
    // The best step is chosen on the validation split.
    train.iter_mut().for_each(|curve| curve.best_step = None);
    let (title, legend) = match (runs, train.is_empty(), validation.is_empty()) {
        ([run], ..) => (
            format!("{}: loss", run.name),
            style_one_run(run, &mut train, &mut validation),
        ),
        (_, false, false) => ("Loss".to_owned(), style_runs(runs, &mut train, &validation)),
        (_, _, true) => ("Train loss".to_owned(), run_entries(runs, &train)),
        (_, true, false) => {
            let mut legend = run_entries(runs, &validation);
            legend.extend(best_entry(&validation, None));
            ("Validation loss".to_owned(), legend)
        }
    };
    let curves: Vec<_> = train.into_iter().chain(validation).collect();
    let y = Axis {
        label: LOSS.to_owned(),
        scale: loss_scale(&curves),
        bounds: None,
    };
    figure(LOSS, title, y, curves, legend)
}

/// Gives each split of one run its colour, and explains them.
fn style_one_run(run: &Run, train: &mut [Curve], validation: &mut [Curve]) -> Vec<LegendEntry> {
    for curve in train.iter_mut() {
        // A loss written at every step is a band, not a line, and must not hide the other one.
        if !validation.is_empty() && curve.points.len() > DENSE {
            curve.stroke = curve.stroke.faint();
        }
    }
    for curve in validation.iter_mut() {
        curve.stroke = Stroke::nth(1);
    }
    let curves = train.iter().chain(validation.iter());
    let mut legend: Vec<_> = curves
        .map(|curve| line(&curve.split, curve.stroke))
        .collect();
    legend.extend(best_entry(validation, run.best_step));
    legend
}

/// Puts the train losses of several runs into the background, and explains colours and line styles.
fn style_runs(runs: &[Run], train: &mut [Curve], validation: &[Curve]) -> Vec<LegendEntry> {
    for curve in train.iter_mut() {
        curve.stroke = curve.stroke.faint();
    }
    let curves: Vec<_> = train.iter().chain(validation).cloned().collect();
    let mut legend = run_entries(runs, &curves);
    legend.push(line(VALIDATION, Stroke::nth(0).grey()));
    legend.push(line(TRAIN, Stroke::nth(0).faint().grey()));
    legend.extend(best_entry(validation, None));
    legend
}

fn loss_scale(curves: &[Curve]) -> ScaleKind {
    let values = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .filter_map(|point| point.value);
    let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > 0.0 && high / low >= WIDE {
        ScaleKind::Log
    } else {
        ScaleKind::Linear
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Symbol;
    use crate::series::{Point, SeriesSet};

    fn run(events: &[(&str, &str, f64)]) -> Run {
        let mut series = SeriesSet::default();
        for (index, &(split, metric, value)) in events.iter().enumerate() {
            let point = Point {
                step: index as u64,
                value: Some(value),
            };
            series.push(split, metric, point);
        }
        Run {
            name: "a".to_owned(),
            best_step: None,
            series,
        }
    }

    #[test]
    fn a_loss_that_falls_far_has_a_logarithmic_axis() {
        let scale = |values: &[f64]| {
            let events: Vec<_> = values
                .iter()
                .map(|&value| ("train", "loss", value))
                .collect();
            loss_figure(&[run(&events)]).unwrap().y.scale
        };
        assert_eq!(scale(&[1.0, 0.5]), ScaleKind::Linear);
        assert_eq!(scale(&[100.0, 1e-6]), ScaleKind::Log);
        assert_eq!(scale(&[100.0, 1e-6, 0.0]), ScaleKind::Linear);
    }

    #[test]
    fn the_ring_is_explained_only_where_there_is_one() {
        let mut run = run(&[("train", "loss", 1.0), ("validation", "loss", 1.0)]);
        let rings = |run: &Run| {
            let legend = loss_figure(std::slice::from_ref(run)).unwrap().legend;
            legend
                .into_iter()
                .filter(|entry| entry.symbol == Symbol::Ring)
                .count()
        };
        assert_eq!(rings(&run), 0);
        run.best_step = Some(1);
        assert_eq!(rings(&run), 1);
        run.best_step = Some(7);
        assert_eq!(rings(&run), 0, "no event at that step");
    }
}
