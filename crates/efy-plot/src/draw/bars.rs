//! Drawing bars as SVG.

use crate::axes::{Axes, FittedAxis, tick_counts};
use crate::bars::Bars;
use crate::canvas::{Canvas, Place, Rect, millimetres};
use crate::dots::Dot;
use crate::draw::frame::Page;
use crate::draw::{named, thin};
use crate::error::Result;
use crate::figure::ScaleKind;
use crate::layout::{Layout, Room};
use crate::palette::{INK, Stroke};
use crate::scale::Scale;
use crate::symbol::{LegendEntry, Symbol};

/// The share of a category that its bars cover.
const COVERED: f64 = 0.78;
/// The widest bar, in millimetres.
const WIDEST: f64 = 9.0;
/// The space between two bars of a category, in millimetres.
const GAP: f64 = 0.25;
/// Half the width of the end of an error bar, in millimetres.
const CAP: f64 = 0.6;
/// Names of categories that run upwards get at most so many millimetres.
const LONGEST_NAME: f64 = 28.0;

/// Draws `bars` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if the drawing library refuses something.
pub fn draw_bars(bars: &Bars) -> Result<String> {
    named(&bars.name, paint(bars))
}

fn paint(bars: &Bars) -> Result<String, String> {
    let height = bars.width.frame_height();
    let scale = fit(bars);
    let (_, count) = tick_counts(bars.width, height);
    let y = FittedAxis::numbers(&bars.y, scale, count);
    // Labels of the vertical axis take about 14 mm; whether names fit need not be known any better.
    let slot = millimetres((bars.width.millimetres() - 14.0) / bars.categories.len().max(1) as f64);
    let longest = millimetres(LONGEST_NAME);
    let x = FittedAxis::names_across(&bars.x_label, &bars.categories, slot, longest)?;
    let axes = Axes { x, y };
    let entries: Vec<LegendEntry> = match bars.series.as_slice() {
        [_] => Vec::new(),
        series => series
            .iter()
            .map(|series| LegendEntry::new(&series.label, Symbol::Box(series.stroke)))
            .collect(),
    };
    let room = Room {
        frame: millimetres(height),
        ..Room::default()
    };
    let page = Page::arrange(bars.width, &axes, room, &entries, |layout| {
        let bars = project(bars, &axes, layout);
        let whiskers = bars.iter().filter_map(|bar| bar.whisker.map(Vec::from));
        let outlines = bars.iter().map(|bar| outline(bar.area));
        whiskers.chain(outlines).collect()
    })?;
    Canvas::paint(page.layout.size, |canvas| {
        page.draw(canvas, &bars.title, &axes)?;
        for bar in project(bars, &axes, &page.layout) {
            canvas.fill(bar.area, bar.stroke.color, bar.stroke.opacity)?;
            if let Some(ends) = bar.whisker {
                draw_whisker(canvas, ends)?;
            }
        }
        // The grid must not run through the line that bars stand on.
        let frame = page.layout.frame;
        let (_, y) = page.layout.place(0.0, base(bars, scale));
        canvas.line(&[(frame.left, y), (frame.right, y)], thin(INK, 0.5))
    })
}

/// A bar in its place on the page.
struct Projected {
    area: Rect,
    whisker: Option<[Place; 2]>,
    stroke: Stroke,
}

fn project(bars: &Bars, axes: &Axes<'_>, layout: &Layout) -> Vec<Projected> {
    let count = bars.series.len().max(1) as i32;
    let slot = layout.frame.width() / bars.categories.len().max(1) as i32;
    let covered = (f64::from(slot) * COVERED) as i32;
    let step = (covered / count).min(millimetres(WIDEST));
    let gap = millimetres(GAP).min(step / 5);
    let place = |value: f64| {
        let share = axes.y.scale.place(value).unwrap_or(0.0).clamp(0.0, 1.0);
        layout.place(0.0, share).1
    };
    let (_, foot) = layout.place(0.0, base(bars, axes.y.scale));
    let mut projected = Vec::new();
    for category in 0..bars.categories.len() {
        let share = axes.x.scale.place(category as f64 + 0.5).unwrap_or(0.0);
        let (middle, _) = layout.place(share, 0.0);
        let first = middle - step * count / 2;
        for (index, series) in bars.series.iter().enumerate() {
            let Some(bar) = series.bars.get(category).copied().flatten().filter(finite) else {
                continue;
            };
            let left = first + index as i32 * step;
            let head = place(bar.mean);
            let area = Rect {
                left: left + gap / 2,
                top: head.min(foot),
                right: left + step - gap / 2,
                bottom: head.max(foot),
            };
            let x = left + step / 2;
            let ends = [bar.mean - bar.deviation, bar.mean + bar.deviation];
            projected.push(Projected {
                area,
                whisker: (bar.deviation > 0.0).then(|| ends.map(|end| (x, place(end)))),
                stroke: series.stroke,
            });
        }
    }
    projected
}

fn finite(bar: &Dot) -> bool {
    bar.mean.is_finite() && bar.deviation.is_finite()
}

fn draw_whisker(canvas: &mut Canvas<'_>, ends: [Place; 2]) -> Result<(), String> {
    let stroke = thin(INK, 0.7);
    let cap = millimetres(CAP);
    canvas.line(&ends, stroke)?;
    for (x, y) in ends {
        canvas.line(&[(x - cap, y), (x + cap, y)], stroke)?;
    }
    Ok(())
}

fn outline(area: Rect) -> Vec<Place> {
    vec![
        (area.left, area.bottom),
        (area.left, area.top),
        (area.right, area.top),
        (area.right, area.bottom),
    ]
}

/// Where on the axis bars begin.
fn base(bars: &Bars, scale: Scale) -> f64 {
    let place = baseline(bars).and_then(|baseline| scale.place(baseline));
    place.unwrap_or(0.0).clamp(0.0, 1.0)
}

fn baseline(bars: &Bars) -> Option<f64> {
    match bars.y.scale {
        ScaleKind::Log => bars.baseline,
        ScaleKind::Linear | ScaleKind::Whole => Some(bars.baseline.unwrap_or(0.0)),
    }
}

/// The scale that shows all bars from where they begin to the ends of their error bars.
fn fit(bars: &Bars) -> Scale {
    let shown = bars.series.iter().flat_map(|series| &series.bars).flatten();
    let shown = shown.filter(|bar| finite(bar));
    let ends = shown.flat_map(|bar| [bar.mean, bar.mean - bar.deviation, bar.mean + bar.deviation]);
    let values: Vec<f64> = ends.collect();
    let all = values.iter().copied().chain(baseline(bars));
    let scale = Scale::fit(bars.y.scale, all);
    match baseline(bars) {
        Some(baseline) => scale.ending_at(baseline, values.into_iter()),
        None => scale,
    }
}
