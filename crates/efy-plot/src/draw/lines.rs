//! Drawing lines, and the bands around them.

use crate::axes::Axes;
use crate::canvas::{Canvas, Place, millimetres, points};
use crate::chart::{Chart, Line};
use crate::draw::frame::Page;
use crate::layout::{Layout, Room};
use crate::polyline::{split_at_gaps, thin_out};
use crate::symbol::{BAND_OPACITY, draw_dashed, draw_ring};

/// A curve of so few values has a dot at each of them.
const FEW: usize = 12;

/// Draws a chart as an SVG document.
pub(crate) fn paint(chart: &Chart) -> Result<String, String> {
    let axes = Axes::fit(chart);
    let room = Room {
        frame: millimetres(chart.width.frame_height()),
        ..Room::default()
    };
    let page = Page::arrange(chart.width, &axes, room, &chart.legend, |layout| {
        let lines = project(chart, &axes, layout);
        let drawn = lines.into_iter().flat_map(|line| [line.pieces, line.bands]);
        drawn.flatten().collect()
    })?;
    let lines = project(chart, &axes, &page.layout);
    Canvas::paint(page.layout.size, |canvas| {
        page.draw(canvas, &chart.title, &axes)?;
        for Projected { line, bands, .. } in &lines {
            for band in bands {
                canvas.polygon(band, line.stroke.color, BAND_OPACITY)?;
            }
        }
        draw_lines(canvas, &lines)
    })
}

/// A line in its place on the page.
struct Projected<'a> {
    line: &'a Line,
    pieces: Vec<Vec<Place>>,
    /// The outlines of its bands.
    bands: Vec<Vec<Place>>,
    ring: Option<Place>,
}

fn project<'a>(chart: &'a Chart, axes: &Axes<'_>, layout: &Layout) -> Vec<Projected<'a>> {
    let place = |x: f64, y: f64| Some(layout.place(axes.x.scale.place(x)?, axes.y.scale.place(y)?));
    // What is below a logarithmic axis has no place there: the band ends at the frame.
    let clipped = |x: f64, y: f64| {
        let share = axes.y.scale.place(y).unwrap_or(0.0).clamp(0.0, 1.0);
        Some(layout.place(axes.x.scale.place(x)?, share))
    };
    let bands = |line: &Line| {
        let ends = || line.points.iter().zip(&line.band);
        let edge = |end: fn(&(f64, f64)) -> f64| {
            split_at_gaps(ends().map(|(&(x, _), band)| clipped(x, end(band.as_ref()?))))
        };
        let (low, high) = (edge(|band| band.0), edge(|band| band.1));
        let outlines = low.iter().zip(&high).filter(|(low, _)| low.len() > 1);
        outlines
            .map(|(low, high)| {
                let mut outline = thin_out(high);
                outline.extend(thin_out(low).into_iter().rev());
                outline
            })
            .collect()
    };
    let project = |line: &'a Line| Projected {
        line,
        pieces: split_at_gaps(line.points.iter().map(|&(x, y)| place(x, y?))),
        bands: bands(line),
        ring: line.ring.and_then(|(x, y)| place(x, y)),
    };
    chart.lines.iter().map(project).collect()
}

fn draw_lines(canvas: &mut Canvas<'_>, lines: &[Projected<'_>]) -> Result<(), String> {
    for Projected { line, pieces, .. } in lines {
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
                draw_dashed(canvas, &thin_out(piece), stroke)?;
            }
        }
    }
    // Rings last, so that no other curve runs through them.
    for Projected { line, ring, .. } in lines {
        if let Some(place) = ring {
            draw_ring(canvas, *place, line.stroke)?;
        }
    }
    Ok(())
}
