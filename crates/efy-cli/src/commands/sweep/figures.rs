//! The validation metric against each key that was varied.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use efy_plot::{
    Axis, Chart, Dot, DotPlot, Drawing, Format, LegendEntry, Line, Panel, ScaleKind, Stroke,
    Symbol, Width,
};
use efy_tasks::sweep::{self, Method, Parameter, Results};
use serde_json::Value;

/// A list of numbers over at least this factor has a logarithmic axis.
const DECADE: f64 = 10.0;
/// The dots of settings, in points.
const DOT: f64 = 1.7;

/// Writes a figure for each key that has more than one value.
pub(super) fn write(results: &Results<'_>, out: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (key, parameter) in &results.plan.sweep.parameters {
        let Some(figure) = figure(results, key, parameter) else {
            continue;
        };
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        let formats = [Format::Svg, Format::Png];
        written.extend(efy_plot::write_figure(figure.as_ref(), out, &formats)?);
    }
    Ok(written)
}

/// A chart of numbers, or a row for each of other values.
fn figure(results: &Results<'_>, key: &str, parameter: &Parameter) -> Option<Box<dyn Drawing>> {
    let settings = &results.plan.settings;
    let ranked = results.ranking.iter();
    let ranked = ranked.filter_map(|&setting| {
        let score = results.monitored(setting)?;
        Some((setting, settings[setting].get(key)?, score))
    });
    let mut distinct: Vec<&Value> = Vec::new();
    for (_, value, _) in ranked.clone() {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    if distinct.len() < 2 {
        return None;
    }
    let y = format!("validation {}", results.plan.monitor.replace('_', " "));
    let numbers: Option<Vec<(usize, f64, f64)>> = ranked
        .clone()
        .map(|(setting, value, score)| Some((setting, value.as_f64()?, score.mean)))
        .collect();
    if let Some(numbers) = numbers {
        return Some(Box::new(chart(results, (key, parameter), y, &numbers)));
    }
    // In the order of the file; the first setting with a value is the best one that has it.
    let of_value = |value: &Value| ranked.clone().find(|(_, found, _)| *found == value);
    let mut rows = Vec::new();
    let mut dots = Vec::new();
    for value in values(parameter)
        .into_iter()
        .filter(|value| distinct.contains(value))
    {
        rows.push(sweep::plain(value));
        dots.push(of_value(value).map(|(_, _, score)| Dot {
            mean: score.mean,
            deviation: score.deviation.unwrap_or_default(),
        }));
    }
    Some(Box::new(DotPlot {
        name: key.to_owned(),
        title: format!("{}: {key}", results.plan.name),
        rows,
        x_label: y,
        panels: vec![Panel {
            title: "best setting of each value".to_owned(),
            dots,
            references: Vec::new(),
        }],
        references: Vec::new(),
    }))
}

fn values(parameter: &Parameter) -> Vec<&Value> {
    match parameter {
        Parameter::List(values) => values.iter().collect(),
        Parameter::Section(section) => section.values.iter().flatten().collect(),
    }
}

/// A dot for each setting, a ring around the best; on a grid, a line through the best of each value.
fn chart(
    results: &Results<'_>,
    (key, parameter): (&str, &Parameter),
    y: String,
    settings: &[(usize, f64, f64)],
) -> Chart {
    let axis = |label: String, scale| Axis {
        label,
        scale,
        bounds: None,
    };
    let dot = Stroke {
        width: DOT,
        ..Stroke::nth(0)
    };
    let mut lines = Vec::new();
    let mut legend = Vec::new();
    if results.plan.sweep.method == Method::Grid {
        let stroke = Stroke {
            dash: efy_plot::Dash::Dotted,
            ..Stroke::nth(0)
        };
        let label = "best of each value".to_owned();
        legend.push(LegendEntry {
            label: label.clone(),
            symbol: Symbol::Line(stroke),
        });
        lines.push(Line {
            band: Vec::new(),
            label,
            points: envelope(settings),
            stroke,
            ring: None,
        });
    }
    // The best last, on top.
    for (place, &(setting, x, value)) in settings.iter().enumerate().rev() {
        lines.push(Line {
            band: Vec::new(),
            label: format!("setting {setting:03}"),
            points: vec![(x, Some(value))],
            stroke: dot,
            ring: (place == 0).then_some((x, value)),
        });
    }
    legend.push(LegendEntry {
        label: "best setting".to_owned(),
        symbol: Symbol::Ring,
    });
    Chart {
        name: key.to_owned(),
        title: format!("{}: {key}", results.plan.name),
        width: Width::default(),
        x: axis(key.to_owned(), scale(parameter, settings)),
        y: axis(y, ScaleKind::Linear),
        lines,
        legend,
    }
}

/// Each value with the metric of the best setting that has it; the settings come best first.
fn envelope(settings: &[(usize, f64, f64)]) -> Vec<(f64, Option<f64>)> {
    let mut best: Vec<(f64, Option<f64>)> = Vec::new();
    for &(_, x, value) in settings {
        if !best.iter().any(|(known, _)| *known == x) {
            best.push((x, Some(value)));
        }
    }
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    best
}

/// As the file says; where it does not, logarithmic for positive numbers of different sizes.
fn scale(parameter: &Parameter, settings: &[(usize, f64, f64)]) -> ScaleKind {
    let numbers = || settings.iter().map(|&(_, x, _)| x);
    let (low, high) = numbers().fold((f64::INFINITY, 0.0_f64), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    let log = match parameter.scale() {
        Some(scale) => scale == sweep::ScaleKind::Log,
        None => low > 0.0 && high >= DECADE * low,
    };
    if log && low > 0.0 {
        ScaleKind::Log
    } else {
        ScaleKind::Linear
    }
}
