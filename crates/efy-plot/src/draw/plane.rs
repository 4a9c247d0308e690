//! Drawing densities over a rectangle as SVG.

use crate::axes::{Axes, FittedAxis, tick_counts};
use crate::canvas::{Canvas, Place, millimetres, points};
use crate::draw::color_bar::ColorScale;
use crate::draw::frame::draw_frame;
use crate::draw::{named, thin};
use crate::error::Result;
use crate::figure::{Axis, ScaleKind};
use crate::layout::{Layout, Room};
use crate::legend::Legend;
use crate::palette::{INK, PAPER};
use crate::plane::PlaneDensity;
use crate::scale::Scale;
use crate::symbol::{LegendEntry, Symbol};

/// The colours of the cells. Neighbours of one colour are drawn as one.
const LEVELS: usize = 48;
/// The lowest and the highest frame, in millimetres, the upper one relative to its width as well.
const LOWEST: f64 = 18.0;
const HIGHEST: (f64, f64) = (160.0, 1.4);
/// The radius of points and of the white around them, in points of print.
const RADIUS: (f64, f64) = (0.55, 0.85);

/// Draws `plane` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if there are no values or no room between the bounds, or if the drawing library
/// refuses something.
pub fn draw_plane(plane: &PlaneDensity) -> Result<String> {
    named(&plane.name, paint(plane))
}

fn paint(plane: &PlaneDensity) -> Result<String, String> {
    let columns = plane.values.first().map_or(0, Vec::len);
    if columns == 0 || plane.values.iter().any(|row| row.len() != columns) {
        return Err("a density needs rows of equal length, at least one value".to_owned());
    }
    let [x, y] = [0, 1].map(|axis| {
        let [low, high] = plane.bounds[axis];
        Scale::exact(ScaleKind::Linear, low, high)
            .ok_or_else(|| format!("bounds: expected two growing numbers, got {low} and {high}"))
    });
    let (x, y) = (x?, y?);
    let named = |label: &String| Axis {
        label: label.clone(),
        scale: ScaleKind::Linear,
        bounds: None,
    };
    let labels = plane.labels.each_ref().map(named);
    let colors = ColorScale::fit(
        &plane.color,
        plane.map,
        plane.values.iter().flatten().copied(),
    );
    let axes = |height: f64| {
        let (across, up) = tick_counts(plane.width, height);
        Axes {
            x: FittedAxis::numbers(&labels[0], x, across),
            y: FittedAxis::numbers(&labels[1], y, up.max(2)),
        }
    };
    let entries: Vec<LegendEntry> = (plane.groups.iter())
        .map(|group| LegendEntry::new(&group.label, Symbol::Marker(group.marker, group.stroke)))
        .collect();
    let [[west, east], [south, north]] = plane.bounds;
    let mut room = Room {
        frame: millimetres(plane.width.frame_height()),
        ..Room::default()
    };
    let mut fitted = axes(plane.width.frame_height());
    let mut layout = Layout::new(plane.width, &fitted, room)?;
    let mut legend = Legend::measure(&entries, layout.frame.width())?;
    // The width of the bar, of the labels and of the legend depend on each other, but hardly: three times is enough.
    for _ in 0..3 {
        room.right = colors.width(room.frame)?;
        let width = f64::from(layout.frame.width());
        let high = width * (north - south) / (east - west);
        let highest = f64::from(millimetres(HIGHEST.0)).min(width * HIGHEST.1);
        room.frame = high.clamp(f64::from(millimetres(LOWEST)), highest) as i32;
        legend = Legend::measure(&entries, layout.frame.width())?;
        room.legend = legend.height_above(layout.frame.width());
        fitted = axes(f64::from(room.frame) / f64::from(millimetres(1.0)));
        layout = Layout::new(plane.width, &fitted, room)?;
    }
    let placement = legend.place_above(layout.legend, layout.frame.width());
    Canvas::paint(layout.size, |canvas| {
        draw_frame(canvas, &plane.title, &fitted, &layout)?;
        draw_cells(canvas, plane, &colors, &layout)?;
        draw_points(canvas, plane, (x, y), &layout)?;
        legend.draw(canvas, &placement)?;
        let frame = layout.frame;
        let outline = [
            (frame.left, frame.top),
            (frame.right, frame.top),
            (frame.right, frame.bottom),
            (frame.left, frame.bottom),
            (frame.left, frame.top),
        ];
        canvas.line(&outline, thin(INK, 0.5))?;
        colors.draw(canvas, frame)
    })
}

fn draw_cells(
    canvas: &mut Canvas<'_>,
    plane: &PlaneDensity,
    colors: &ColorScale<'_>,
    layout: &Layout,
) -> Result<(), String> {
    let rows = plane.values.len();
    for (row, values) in plane.values.iter().enumerate() {
        let columns = values.len();
        let corner = |row: usize, column: usize| -> Place {
            let (across, down) = (column as f64 / columns as f64, row as f64 / rows as f64);
            layout.place(across, 1.0 - down)
        };
        let levels: Vec<Option<usize>> = values
            .iter()
            .map(|&value| colors.level(value, LEVELS))
            .collect();
        let mut first = 0;
        for piece in levels.chunk_by(|a, b| a == b) {
            let from = first;
            first += piece.len();
            let Some(level) = piece.first().copied().flatten() else {
                continue;
            };
            // It reaches below what is drawn next to the right and below, so that no seam shows.
            let (left, top) = corner(row, from);
            let (right, bottom) = corner((row + 2).min(rows), (first + 1).min(columns));
            let outline = [(left, top), (right, top), (right, bottom), (left, bottom)];
            canvas.polygon(&outline, colors.level_color(level, LEVELS), 1.0)?;
        }
    }
    Ok(())
}

fn draw_points(
    canvas: &mut Canvas<'_>,
    plane: &PlaneDensity,
    (x, y): (Scale, Scale),
    layout: &Layout,
) -> Result<(), String> {
    let inside = |share: &f64| (0.0..=1.0).contains(share);
    for group in &plane.groups {
        for &(across, up) in &group.points {
            let share = x
                .place(across)
                .filter(inside)
                .zip(y.place(up).filter(inside));
            let Some((across, up)) = share else {
                continue;
            };
            let at = layout.place(across, up);
            group
                .marker
                .draw(canvas, at, points(RADIUS.1), thin(PAPER, 1.0))?;
            group
                .marker
                .draw(canvas, at, points(RADIUS.0), group.stroke)?;
        }
    }
    Ok(())
}
