//! The figure of the loss, which has two splits on it.

use crate::curves::{LOSS, VALIDATION, alone, curve, figure};
use crate::entries::{explained, group_entries, line};
use crate::figure::{Axis, Curve, Figure, ScaleKind};
use crate::group::Group;
use crate::palette::Stroke;
use crate::run::Run;
use crate::symbol::LegendEntry;

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
    group_loss_figure(&alone(runs))
}

/// The same of groups of runs, their validation losses with bands.
pub(crate) fn group_loss_figure(groups: &[Group<'_>]) -> Option<Figure> {
    let on_split = |split: &'static str| {
        groups
            .iter()
            .enumerate()
            .filter_map(move |(index, group)| curve(group, split, LOSS, Stroke::nth(index)))
    };
    let mut train: Vec<Curve> = on_split(TRAIN).collect();
    let mut validation: Vec<Curve> = on_split(VALIDATION).collect();
    // The best step is chosen on the validation split.
    train.iter_mut().for_each(|curve| curve.best_step = None);
    let (title, mut legend) = match (groups, train.is_empty(), validation.is_empty()) {
        ([group], ..) => (
            format!("{}: loss", group.name),
            style_splits(&mut train, &mut validation),
        ),
        (_, false, false) => (
            "Loss".to_owned(),
            style_groups(groups, &mut train, &validation),
        ),
        (_, _, true) => ("Train loss".to_owned(), group_entries(groups, &train)),
        (_, true, false) => {
            let legend = group_entries(groups, &validation);
            ("Validation loss".to_owned(), legend)
        }
    };
    let best_step = match groups {
        [group] => group.best_step(),
        _ => None,
    };
    let curves: Vec<_> = train.into_iter().chain(validation).collect();
    legend.extend(explained(&curves, best_step));
    let y = Axis {
        label: LOSS.to_owned(),
        scale: loss_scale(&curves),
        bounds: None,
    };
    figure(LOSS, title, y, curves, legend)
}

/// Gives each split of one run or group its colour, and explains them.
fn style_splits(train: &mut [Curve], validation: &mut [Curve]) -> Vec<LegendEntry> {
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
    curves
        .map(|curve| line(&curve.split, curve.stroke))
        .collect()
}

/// Puts the train losses of several into the background, and explains colours and line styles.
fn style_groups(
    groups: &[Group<'_>],
    train: &mut [Curve],
    validation: &[Curve],
) -> Vec<LegendEntry> {
    for curve in train.iter_mut() {
        curve.stroke = curve.stroke.faint();
    }
    let curves: Vec<_> = train.iter().chain(validation).cloned().collect();
    let mut legend = group_entries(groups, &curves);
    legend.push(line(VALIDATION, Stroke::nth(0).grey()));
    legend.push(line(TRAIN, Stroke::nth(0).faint().grey()));
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
    use crate::series::{Point, SeriesSet};
    use crate::symbol::Symbol;

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
