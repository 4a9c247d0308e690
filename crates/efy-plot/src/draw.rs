//! Drawing a figure as SVG.

use crate::canvas::{Anchor, Canvas, Place, Rect, millimetres, points};
use crate::chart::{Chart, Line};
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{Axes, Layout, TICK_GAP, TICK_LENGTH};
use crate::legend::{Legend, draw_ring};
use crate::palette::{Dash, GRID, INK, PAPER, Rgb, Stroke};
use crate::polyline::{dashes, split_at_gaps, thin_out};

/// A curve of so few values has a dot at each of them.
const FEW: usize = 12;

/// Draws `figure` as an SVG document, its size in millimetres.
///
/// The document names the font Inter and falls back to the sans-serif font of the reader.
///
/// # Errors
/// [`Error::Draw`] if the drawing library refuses something.
pub fn draw(figure: &Figure) -> Result<String> {
    draw_chart(&Chart::from(figure))
}

/// Draws `chart` as an SVG document, as [`draw`] does.
///
/// # Errors
/// As [`draw`].
pub fn draw_chart(chart: &Chart) -> Result<String> {
    try_draw(chart).map_err(|message| Error::Draw {
        figure: chart.name.clone(),
        message,
    })
}

fn try_draw(chart: &Chart) -> Result<String, String> {
    let axes = Axes::fit(chart);
    let mut layout = Layout::new(chart, &axes, 0)?;
    let mut curves = project(chart, &axes, &layout);
    let legend = Legend::measure(&chart.legend, layout.frame.width())?;
    let pieces: Vec<_> = curves
        .iter()
        .flat_map(|curve| curve.pieces.iter().cloned())
        .collect();
    let placement = match legend.place_inside(layout.frame, &pieces) {
        Some(inside) => inside,
        None => {
            let width = layout.frame.width();
            layout = Layout::new(chart, &axes, legend.height_above(width))?;
            curves = project(chart, &axes, &layout);
            legend.place_above(layout.legend, width)
        }
    };
    Canvas::paint(layout.size, |canvas| {
        let (width, height) = layout.size;
        let page = Rect {
            left: 0,
            top: 0,
            right: width,
            bottom: height,
        };
        canvas.fill(page, PAPER, 1.0)?;
        draw_axes(canvas, chart, &axes, &layout)?;
        // The legend clears the grid behind it, which must not touch a curve.
        legend.draw(canvas, &placement)?;
        draw_curves(canvas, &curves)
    })
}

/// A curve in its place on the page.
struct Projected<'a> {
    line: &'a Line,
    pieces: Vec<Vec<Place>>,
    ring: Option<Place>,
}

fn project<'a>(chart: &'a Chart, axes: &Axes, layout: &Layout) -> Vec<Projected<'a>> {
    let place = |x: f64, y: f64| Some(layout.place(axes.x.place(x)?, axes.y.place(y)?));
    let project = |line: &'a Line| Projected {
        line,
        pieces: split_at_gaps(line.points.iter().map(|&(x, y)| place(x, y?))),
        ring: line.ring.and_then(|(x, y)| place(x, y)),
    };
    chart.lines.iter().map(project).collect()
}

fn draw_axes(
    canvas: &mut Canvas<'_>,
    chart: &Chart,
    axes: &Axes,
    layout: &Layout,
) -> Result<(), String> {
    let frame = layout.frame;
    let grid = thin(GRID, 0.4);
    let axis = thin(INK, 0.5);
    let mark = millimetres(TICK_LENGTH);
    let gap = millimetres(TICK_GAP);
    let centred = points(Font::SMALL.size * CAP_HEIGHT / 2.0);

    for tick in &axes.x_ticks.major {
        let Some(share) = axes.x.place(tick.value) else {
            continue;
        };
        let (x, _) = layout.place(share, 0.0);
        canvas.line(&[(x, frame.top), (x, frame.bottom)], grid)?;
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + mark)], axis)?;
        let at = (x, layout.x_tick_baseline);
        canvas.text(&tick.label, at, Font::SMALL, Anchor::Middle, INK)?;
    }
    for &value in &axes.x_ticks.minor {
        let Some(share) = axes.x.place(value) else {
            continue;
        };
        let (x, _) = layout.place(share, 0.0);
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + mark / 2)], axis)?;
    }
    for tick in &axes.y_ticks.major {
        let Some(share) = axes.y.place(tick.value) else {
            continue;
        };
        let (_, y) = layout.place(0.0, share);
        canvas.line(&[(frame.left, y), (frame.right, y)], grid)?;
        canvas.line(&[(frame.left - mark, y), (frame.left, y)], axis)?;
        let at = (frame.left - mark - gap, y + centred);
        canvas.text(&tick.label, at, Font::SMALL, Anchor::End, INK)?;
    }
    for &value in &axes.y_ticks.minor {
        let Some(share) = axes.y.place(value) else {
            continue;
        };
        let (_, y) = layout.place(0.0, share);
        canvas.line(&[(frame.left - mark / 2, y), (frame.left, y)], axis)?;
    }
    let corner = [
        (frame.left, frame.top),
        (frame.left, frame.bottom),
        (frame.right, frame.bottom),
    ];
    canvas.line(&corner, axis)?;

    let title = Font::TITLE.shorten(&chart.title, layout.title_width())?;
    canvas.text(&title, layout.title, Font::TITLE, Anchor::Start, INK)?;
    let x_label = Font::LABEL.shorten(&chart.x.label, frame.width())?;
    canvas.text(&x_label, layout.x_label, Font::LABEL, Anchor::Middle, INK)?;
    let y_label = Font::LABEL.shorten(&chart.y.label, frame.height())?;
    canvas.text(&y_label, layout.y_label, Font::LABEL, Anchor::Upwards, INK)
}

fn draw_curves(canvas: &mut Canvas<'_>, curves: &[Projected<'_>]) -> Result<(), String> {
    for Projected { line, pieces, .. } in curves {
        let stroke = line.stroke;
        let radius = points(stroke.width * 1.1);
        let few = pieces.iter().map(Vec::len).sum::<usize>() <= FEW;
        for piece in pieces {
            if few || piece.len() == 1 {
                for &place in piece {
                    canvas.dot(place, radius, stroke)?;
                }
            }
            if piece.len() > 1 {
                for dash in dashes(&thin_out(piece), stroke.dash) {
                    canvas.line(&dash, stroke)?;
                }
            }
        }
    }
    // Rings last, so that no other curve runs through them.
    for Projected { line, ring, .. } in curves {
        if let Some(place) = ring {
            draw_ring(canvas, *place, line.stroke)?;
        }
    }
    Ok(())
}

pub(crate) fn thin(color: Rgb, width: f64) -> Stroke {
    Stroke {
        color,
        opacity: 1.0,
        width,
        dash: Dash::Solid,
    }
}
