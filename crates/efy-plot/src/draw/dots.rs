//! Drawing panels of dots as SVG.

use crate::canvas::{Anchor, Canvas, Rect, millimetres};
use crate::dots::{DotPlot, Panel};
use crate::draw::dots_page::{ACROSS, ROW, arrange, fit, place};
use crate::draw::{named, thin};
use crate::error::Result;
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{MARGIN, TICK_GAP, TICK_LENGTH, part};
use crate::legend::Legend;
use crate::palette::{GRID, INK, Stroke};
use crate::scale::Scale;
use crate::symbol::{LegendEntry, Symbol, draw_dashed};
use crate::ticks::linear_ticks;
use crate::width::Width;

/// A tick label needs this much room, in millimetres.
const TICK: f64 = 10.0;
/// The radius of a dot and half the height of the end of an error bar, in millimetres.
const RADIUS: f64 = 0.7;

/// Draws `plot` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if the drawing library refuses something.
pub fn draw_dots(plot: &DotPlot) -> Result<String> {
    named(&plot.name, paint(plot))
}

fn paint(plot: &DotPlot) -> Result<String, String> {
    let scales: Vec<Scale> = plot.panels.iter().map(|panel| fit(plot, panel)).collect();
    let entries = legend_entries(plot, &scales);
    let width = millimetres(Width::Double.millimetres() - 2.0 * MARGIN);
    let legend = Legend::measure(&entries, width)?;
    let (page, placement) = arrange(plot, &legend, entries.is_empty(), width)?;
    Canvas::paint(page.size, |canvas| {
        let title = Font::TITLE.shorten(&plot.title, page.size.0 - 2 * page.title.0)?;
        canvas.text(&title, page.title, Font::TITLE, Anchor::Start, INK)?;
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
        .map(|(_, reference)| LegendEntry::new(&reference.label, Symbol::Line(reference.stroke)))
        .collect()
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
        draw_dashed(
            canvas,
            &[(x, frame.top), (x, frame.bottom)],
            reference.stroke,
        )?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dots::{Dot, Reference};
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
