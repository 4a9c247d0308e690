//! Drawing panels of dots as SVG.

use crate::canvas::{Anchor, Canvas, Place, Rect, millimetres};
use crate::dots::{Dot, DotPlot, Panel};
use crate::draw::thin;
use crate::error::{Error, Result};
use crate::figure::{LegendEntry, ScaleKind, Symbol, Width};
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{MARGIN, TICK_GAP, TICK_LENGTH, part};
use crate::legend::{Legend, Placement};
use crate::palette::{GRID, INK, PAPER, Stroke};
use crate::polyline::dashes;
use crate::scale::Scale;
use crate::ticks::linear_ticks;

/// Panels in a line of the page.
const ACROSS: usize = 4;
/// The space between two panels of a line and between two lines, in millimetres.
const GAP: (f64, f64) = (4.0, 4.0);
/// The distance from one row to the next, in millimetres.
const ROW: f64 = 4.2;
/// A tick label needs this much room, in millimetres.
const TICK: f64 = 10.0;
/// The radius of a dot and half the height of the end of an error bar, in millimetres.
const RADIUS: f64 = 0.7;
/// The labels of rows get at most this share of the page.
const LABELS: f64 = 0.3;

/// A dot this many times as far from the median as half of the dots are is off the axis.
const FAR: f64 = 25.0;
/// Of fewer dots none is.
const MANY: usize = 5;

/// Draws `plot` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`] if the drawing library refuses something.
pub fn draw_dots(plot: &DotPlot) -> Result<String> {
    try_draw(plot).map_err(|message| Error::Draw {
        figure: plot.name.clone(),
        message,
    })
}

/// Where everything goes.
struct Page {
    size: (i32, i32),
    title: Place,
    /// The frames of the panels.
    frames: Vec<Rect>,
    /// The labels of the rows, shortened.
    labels: Vec<String>,
}

fn try_draw(plot: &DotPlot) -> Result<String, String> {
    let scales: Vec<Scale> = plot.panels.iter().map(|panel| fit(plot, panel)).collect();
    let entries = legend_entries(plot, &scales);
    let width = millimetres(Width::Double.millimetres() - 2.0 * MARGIN);
    let legend = Legend::measure(&entries, width)?;
    let (page, placement) = arrange(plot, &legend, entries.is_empty(), width)?;
    Canvas::paint(page.size, |canvas| {
        let (right, bottom) = page.size;
        let whole = Rect {
            left: 0,
            top: 0,
            right,
            bottom,
        };
        canvas.fill(whole, PAPER, 1.0)?;
        canvas.text(&plot.title, page.title, Font::TITLE, Anchor::Start, INK)?;
        if let Some(placement) = &placement {
            legend.draw(canvas, placement)?;
        }
        let panels = plot.panels.iter().zip(&scales).zip(&page.frames);
        for (index, ((panel, &scale), &frame)) in panels.enumerate() {
            if index % ACROSS == 0 {
                draw_labels(canvas, &page.labels, frame)?;
            }
            draw_panel(canvas, plot, panel, (scale, frame))?;
        }
        Ok(())
    })
}

/// The references that are on the axis of some panel.
fn legend_entries(plot: &DotPlot, scales: &[Scale]) -> Vec<LegendEntry> {
    let shown = |index: usize| {
        let mut panels = plot.panels.iter().zip(scales);
        panels.any(|(panel, scale)| {
            let value = panel.references.get(index).copied().flatten();
            value.and_then(|value| place(*scale, value)).is_some()
        })
    };
    let references = plot.references.iter().enumerate();
    let references = references.filter(|(index, _)| shown(*index));
    references
        .map(|(_, reference)| LegendEntry {
            label: reference.label.clone(),
            symbol: Symbol::Line(reference.stroke),
        })
        .collect()
}

/// Where on the axis a value is, from 0 to 1; `None` beyond its ends.
fn place(scale: Scale, value: f64) -> Option<f64> {
    scale
        .place(value)
        .filter(|share| (0.0..=1.0).contains(share))
}

fn arrange(
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

/// The middle of a row.
fn height_of(row: usize, frame: Rect) -> i32 {
    frame.top + millimetres(ROW) * row as i32 + millimetres(ROW) / 2
}

fn draw_labels(canvas: &mut Canvas<'_>, labels: &[String], frame: Rect) -> Result<(), String> {
    let drop = part(Font::SMALL, CAP_HEIGHT) / 2;
    for (row, label) in labels.iter().enumerate() {
        let at = (
            frame.left - millimetres(TICK_GAP * 2.0),
            height_of(row, frame) + drop,
        );
        canvas.text(label, at, Font::SMALL, Anchor::End, INK)?;
    }
    Ok(())
}

fn draw_panel(
    canvas: &mut Canvas<'_>,
    plot: &DotPlot,
    panel: &Panel,
    (scale, frame): (Scale, Rect),
) -> Result<(), String> {
    let across = |value: f64| {
        let share = place(scale, value)?;
        Some(frame.left + (f64::from(frame.width()) * share).round() as i32)
    };
    let (grid, axis) = (thin(GRID, 0.4), thin(INK, 0.5));
    let mark = millimetres(TICK_LENGTH);
    let baseline = frame.bottom + mark + millimetres(TICK_GAP) + part(Font::SMALL, CAP_HEIGHT);
    let count = (f64::from(frame.width()) / f64::from(millimetres(TICK))) as i32;
    for tick in linear_ticks(scale.range(), count, false).major {
        let Some(x) = across(tick.value) else {
            continue;
        };
        canvas.line(&[(x, frame.top), (x, frame.bottom)], grid)?;
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + mark)], axis)?;
        canvas.text(&tick.label, (x, baseline), Font::SMALL, Anchor::Middle, INK)?;
    }
    for row in 0..plot.rows.len() {
        let y = height_of(row, frame);
        canvas.line(&[(frame.left, y), (frame.right, y)], grid)?;
    }
    canvas.line(
        &[(frame.left, frame.bottom), (frame.right, frame.bottom)],
        axis,
    )?;
    for (reference, value) in plot.references.iter().zip(&panel.references) {
        let Some(x) = value.and_then(&across) else {
            continue;
        };
        for dash in dashes(&[(x, frame.top), (x, frame.bottom)], reference.stroke.dash) {
            canvas.line(&dash, reference.stroke)?;
        }
    }
    let end = millimetres(RADIUS);
    for (row, dot) in panel.dots.iter().enumerate() {
        let Some(dot) = dot else {
            continue;
        };
        let (stroke, y) = (Stroke::nth(row % 7), height_of(row, frame));
        let Some(x) = across(dot.mean) else {
            draw_far(canvas, dot.mean, scale, frame, y)?;
            continue;
        };
        let ends = across(dot.mean - dot.deviation).zip(across(dot.mean + dot.deviation));
        if let Some((from, to)) = ends.filter(|(from, to)| from < to) {
            canvas.line(&[(from, y), (to, y)], stroke)?;
            for x in [from, to] {
                canvas.line(&[(x, y - end), (x, y + end)], stroke)?;
            }
        }
        canvas.dot((x, y), millimetres(RADIUS), stroke)?;
    }
    let title = Font::SMALL.shorten(&panel.title, frame.width())?;
    let bold = Font {
        bold: true,
        ..Font::SMALL
    };
    let at = (frame.left, frame.top - millimetres(1.0));
    canvas.text(&title, at, bold, Anchor::Start, INK)?;
    let label = Font::SMALL.shorten(&plot.x_label, frame.width())?;
    let below = baseline + millimetres(1.6) + part(Font::SMALL, CAP_HEIGHT);
    let at = ((frame.left + frame.right) / 2, below);
    canvas.text(&label, at, Font::SMALL, Anchor::Middle, INK)
}

/// Writes a value at the edge of the frame that it lies beyond.
fn draw_far(
    canvas: &mut Canvas<'_>,
    value: f64,
    scale: Scale,
    frame: Rect,
    y: i32,
) -> Result<(), String> {
    let y = y + part(Font::SMALL, CAP_HEIGHT) / 2;
    let inset = millimetres(TICK_GAP);
    let (text, x, anchor) = if value < scale.range().0 {
        (
            format!("\u{2190} {value:.1}"),
            frame.left + inset,
            Anchor::Start,
        )
    } else {
        (
            format!("{value:.1} \u{2192}"),
            frame.right - inset,
            Anchor::End,
        )
    };
    canvas.text(&text, (x, y), Font::SMALL, anchor, INK)
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
fn fit(plot: &DotPlot, panel: &Panel) -> Scale {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dots::Reference;
    use crate::palette::{Dash, GREY};

    fn plot(panels: usize) -> DotPlot {
        let panel = |index: usize| Panel {
            title: format!("set {index}"),
            dots: vec![
                Some(Dot {
                    mean: 80.0,
                    deviation: 0.5,
                }),
                None,
                Some(Dot {
                    mean: 81.0,
                    deviation: 0.0,
                }),
            ],
            references: vec![Some(82.0), Some(50.0)],
        };
        let reference = |label: &str, stretch| Reference {
            label: label.to_owned(),
            stroke: Stroke {
                color: GREY,
                dash: Dash::Dashed,
                ..Stroke::nth(0)
            },
            stretch,
        };
        DotPlot {
            name: "dots".to_owned(),
            title: "Dots".to_owned(),
            rows: vec!["one".into(), "two".into(), "three".into()],
            x_label: "accuracy".to_owned(),
            panels: (0..panels).map(panel).collect(),
            references: vec![reference("paper", true), reference("constant", false)],
        }
    }

    #[test]
    fn dots_of_every_panel_are_drawn_where_there_are_any() {
        for panels in [0, 1, 4, 5, 7] {
            let svg = draw_dots(&plot(panels)).unwrap();
            assert_eq!(
                svg.matches("<circle").count(),
                2 * panels,
                "{panels} panels"
            );
            assert_eq!(svg, draw_dots(&plot(panels)).unwrap());
        }
    }

    #[test]
    fn an_axis_reaches_a_reference_only_if_it_is_to_stretch() {
        let plot = plot(1);
        let (low, high) = fit(&plot, &plot.panels[0]).range();
        assert!(low > 79.0 && low < 79.5 && high > 82.0, "{low} {high}");
    }

    #[test]
    fn a_dot_far_from_all_others_is_written_at_the_edge() {
        let mut plot = plot(1);
        let dot = |mean| {
            Some(Dot {
                mean,
                deviation: 0.1,
            })
        };
        plot.rows = (0..6).map(|row| row.to_string()).collect();
        plot.panels[0].dots = [80.0, 80.2, 34.5, 80.1, 78.0, 79.9].map(dot).to_vec();
        plot.panels[0].references = vec![None, None];
        let (low, high) = fit(&plot, &plot.panels[0]).range();
        assert!(low > 77.0 && high < 81.0, "{low} {high}");
        let svg = draw_dots(&plot).unwrap();
        assert!(svg.contains("\u{2190} 34.5"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn equal_dots_have_an_axis() {
        let mut plot = plot(1);
        plot.panels[0].dots = vec![
            Some(Dot {
                mean: 90.0,
                deviation: 0.0,
            });
            3
        ];
        plot.panels[0].references = vec![None, None];
        let (low, high) = fit(&plot, &plot.panels[0]).range();
        assert!(
            high - low > 0.05 && low < 90.0 && high > 90.0,
            "{low} {high}"
        );
    }
}
