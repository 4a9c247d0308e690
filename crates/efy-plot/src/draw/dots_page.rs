//! Where the panels of a dot plot go, and what their axes show.

use crate::canvas::{Place, Rect, millimetres};
use crate::dots::{Dot, DotPlot, Panel};
use crate::figure::ScaleKind;
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{MARGIN, TICK_GAP, TICK_LENGTH, part};
use crate::legend::{Legend, Placement};
use crate::scale::Scale;

/// Panels in a line of the page.
pub(crate) const ACROSS: usize = 4;
/// The space between two panels of a line and between two lines, in millimetres.
const GAP: (f64, f64) = (4.0, 4.0);
/// The distance from one row to the next, in millimetres.
pub(crate) const ROW: f64 = 4.2;
/// The labels of rows get at most this share of the page.
const LABELS: f64 = 0.3;

/// A dot this many times as far from the median as half of the dots are is off the axis.
const FAR: f64 = 25.0;
/// Of fewer dots none is.
const MANY: usize = 5;

/// Where everything goes.
pub(crate) struct Page {
    pub size: (i32, i32),
    pub title: Place,
    /// The frames of the panels.
    pub frames: Vec<Rect>,
    /// The labels of the rows, shortened.
    pub labels: Vec<String>,
}

/// Where on the axis a value is, from 0 to 1; `None` beyond its ends.
pub(crate) fn place(scale: Scale, value: f64) -> Option<f64> {
    scale
        .place(value)
        .filter(|share| (0.0..=1.0).contains(share))
}

/// Places title, legend and panels on a page that is `width` wide inside of its margins.
pub(crate) fn arrange(
    plot: &DotPlot,
    legend: &Legend<'_>,
    bare: bool,
    width: i32,
) -> Result<(Page, Option<Placement>), String> {
    let margin = millimetres(MARGIN);
    let title = margin + part(Font::TITLE, CAP_HEIGHT);
    let under_title = title + millimetres(2.2);
    let legend_height = if bare { 0 } else { legend.height_above(width) };
    let placement = (!bare).then(|| legend.place_above((margin, under_title), width));

    let most = (f64::from(width) * LABELS) as i32;
    let labels = plot.rows.iter().map(|row| Font::SMALL.shorten(row, most));
    let labels = labels.collect::<Result<Vec<_>, _>>()?;
    let mut widest = 0;
    for label in &labels {
        widest = widest.max(Font::SMALL.width(label)?);
    }
    let left = margin + widest + millimetres(TICK_GAP * 2.0);
    let across = plot.panels.len().clamp(1, ACROSS) as i32;
    let gap = millimetres(GAP.0);
    // Wide panels for few data sets look empty: none is wider than a third of the page.
    let room = margin + width - left - (across - 1) * gap;
    let panel_width = (room / across).min(width / 3);
    let panel_height = millimetres(ROW) * plot.rows.len().max(1) as i32;
    let above = part(Font::SMALL, CAP_HEIGHT) + millimetres(2.0);
    let below = millimetres(TICK_LENGTH + TICK_GAP + 1.6)
        + part(Font::SMALL, CAP_HEIGHT)
        + part(Font::SMALL, CAP_HEIGHT);
    let line = above + panel_height + below + millimetres(GAP.1);
    let first = under_title + legend_height + millimetres(1.0);
    let frame = |index: usize| {
        let (row, column) = ((index / ACROSS) as i32, (index % ACROSS) as i32);
        let left = left + column * (panel_width + gap);
        let top = first + row * line + above;
        Rect {
            left,
            top,
            right: left + panel_width,
            bottom: top + panel_height,
        }
    };
    let lines = plot.panels.len().div_ceil(ACROSS).max(1) as i32;
    let used = left + across * (panel_width + gap) - gap - margin;
    let page = Page {
        size: (
            // A page that few panels leave empty is cut; the legend and half a title stay on it.
            used.max(width * 2 / 3) + 2 * margin,
            first + lines * line - millimetres(GAP.1) + margin,
        ),
        title: (margin, title),
        frames: (0..plot.panels.len()).map(frame).collect(),
        labels,
    };
    Ok((page, placement))
}

/// The dots that the axis shows: all but those [`FAR`] from the others.
fn near(panel: &Panel) -> Vec<Dot> {
    let dots: Vec<Dot> = panel.dots.iter().flatten().copied().collect();
    let middle = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let median = middle(dots.iter().map(|dot| dot.mean).collect());
    let spread = middle(dots.iter().map(|dot| (dot.mean - median).abs()).collect());
    let far = |dot: &Dot| (dot.mean - median).abs() > FAR * spread.max(median.abs() * 1e-3);
    match dots.len() {
        0..MANY => dots,
        _ => dots.into_iter().filter(|dot| !far(dot)).collect(),
    }
}

/// The scale that shows the dots with their bars, and the references that ask for it; at least one
/// unit in a thousand of the values wide, so that a difference that means nothing does not look large.
pub(crate) fn fit(plot: &DotPlot, panel: &Panel) -> Scale {
    let bars = near(panel).into_iter();
    let bars = bars.flat_map(|dot| [dot.mean - dot.deviation, dot.mean + dot.deviation]);
    let lines = plot.references.iter().zip(&panel.references);
    let lines = lines.filter_map(|(reference, value)| value.filter(|_| reference.stretch));
    let values: Vec<f64> = bars.chain(lines).collect();
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    let least = (low.abs().max(high.abs()) * 1e-3 - (high - low)).max(0.0) / 2.0;
    let around = (low <= high).then_some([low - least, high + least]);
    Scale::fit(
        ScaleKind::Linear,
        values.into_iter().chain(around.into_iter().flatten()),
    )
}
