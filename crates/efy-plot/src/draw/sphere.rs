//! Drawing maps of the sphere as SVG.

use crate::canvas::{Anchor, Canvas, Place, Rect, millimetres};
use crate::draw::color_bar::ColorScale;
use crate::draw::{named, thin};
use crate::error::Result;
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{DESCENT, MARGIN, TICK_GAP, TITLE_GAP, part};
use crate::number::fixed;
use crate::palette::{INK, PAPER, Rgb, Stroke};
use crate::sphere::{Field, SphereDensity, SphereMark, SpherePanel, degrees, project};

/// The rows and columns of cells, each in the colour of the density in its middle: 2.25 degrees.
const CELLS: (usize, usize) = (80, 160);
/// The colours of the cells. Neighbours of one colour are drawn as one.
const LEVELS: usize = 32;
/// The distance of parallels and of meridians, in degrees.
const GRATICULE: (i32, i32) = (30, 60);
/// A map lower than this, in millimetres, is small.
const SMALL_MAP: f64 = 24.0;
/// The steps of a curved line, in degrees.
const STEP: usize = 3;
/// The space between two maps, in millimetres.
const GAP: f64 = 4.0;
/// A page of at least this width, in millimetres, has maps side by side.
const WIDE: f64 = 120.0;
/// The radius of points, in millimetres, and of the white around them.
const POINT: (f64, f64) = (0.22, 0.34);
/// The same of marks.
const MARK: (f64, f64) = (0.62, 0.86);
/// Where there is no density.
const MISSING: Rgb = Rgb(0xD9, 0xD9, 0xD9);

/// Draws `sphere` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if a grid or a sample is not one, or if the drawing library
/// refuses something.
pub fn draw_sphere(sphere: &SphereDensity) -> Result<String> {
    named(&sphere.name, paint(sphere))
}

fn paint(sphere: &SphereDensity) -> Result<String, String> {
    let fields = sphere.panels.iter().map(|panel| Field::new(&panel.density));
    let fields: Vec<Field<'_>> = fields.collect::<Result<_, _>>()?;
    let values: Vec<Vec<Vec<f64>>> = fields.iter().map(sample).collect();
    let all = values.iter().flatten().flatten().copied();
    let colors = ColorScale::fit(&sphere.color, sphere.map, all);
    let page = arrange(sphere, &colors)?;
    Canvas::paint(page.size, |canvas| {
        let title = Font::TITLE.shorten(&sphere.title, page.size.0 - 2 * page.title.0)?;
        canvas.text(&title, page.title, Font::TITLE, Anchor::Start, INK)?;
        let maps = sphere.panels.iter().zip(&values).zip(&page.maps);
        for (index, ((panel, values), &map)) in maps.enumerate() {
            draw_density(canvas, values, &colors, map)?;
            draw_graticule(canvas, map)?;
            draw_points(canvas, panel, map)?;
            draw_marks(canvas, panel, map)?;
            if index % page.across == 0 {
                draw_latitudes(canvas, map)?;
            }
            let title = Font::SMALL.shorten(&panel.title, map.width())?;
            let at = ((map.left + map.right) / 2, map.top - millimetres(1.0));
            canvas.text(&title, at, Font::SMALL, Anchor::Middle, INK)?;
        }
        colors.draw(canvas, page.bar)
    })
}

/// Where everything goes.
struct Page {
    size: (i32, i32),
    title: Place,
    /// The rectangles around the maps, twice as wide as high.
    maps: Vec<Rect>,
    /// The maps in a row.
    across: usize,
    /// What the colour bar is beside of.
    bar: Rect,
}

fn arrange(sphere: &SphereDensity, colors: &ColorScale<'_>) -> Result<Page, String> {
    let margin = millimetres(MARGIN);
    let width = millimetres(sphere.width.millimetres());
    let count = sphere.panels.len().max(1);
    let across = match sphere.width.millimetres() {
        WIDE.. => count.min(2),
        _ => 1,
    };
    let rows = count.div_ceil(across) as i32;
    let left = margin + Font::SMALL.width("\u{2212}30°")? + millimetres(TICK_GAP);
    let title = margin + part(Font::TITLE, CAP_HEIGHT);
    let under_title = title + part(Font::TITLE, DESCENT) + millimetres(TITLE_GAP);
    let heading = part(Font::SMALL, CAP_HEIGHT) + millimetres(1.0);
    let gap = millimetres(GAP);
    // A bar that is about as high as the maps have room for: a high one has more labels, and longer ones.
    let high = rows * width / across as i32 / 2;
    let beside = colors.width(high)?.max(colors.width(millimetres(30.0))?);
    let room = width - margin - beside - left - (across as i32 - 1) * gap;
    let (map_width, map_height) = (room / across as i32, room / across as i32 / 2);
    let map = |index: usize| {
        let (row, column) = ((index / across) as i32, (index % across) as i32);
        let left = left + column * (map_width + gap);
        let top = under_title + heading + row * (map_height + heading + gap);
        Rect {
            left,
            top,
            right: left + map_width,
            bottom: top + map_height,
        }
    };
    let maps: Vec<Rect> = (0..sphere.panels.len()).map(map).collect();
    let bottom = under_title + rows * (heading + map_height + gap) - gap;
    Ok(Page {
        size: (width, bottom + margin + millimetres(1.0)),
        title: (margin, title),
        maps,
        across,
        bar: Rect {
            left,
            top: under_title + heading,
            right: width - margin - beside,
            bottom,
        },
    })
}

/// The density in the middle of each cell, row by row from the north.
fn sample(field: &Field<'_>) -> Vec<Vec<f64>> {
    let middle = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
    let row = |row: usize| {
        let latitude = 90.0 - 180.0 * middle(row, CELLS.0);
        let longitude = |column| -180.0 + 360.0 * middle(column, CELLS.1);
        let values = (0..CELLS.1).map(longitude);
        values
            .map(|longitude| field.value(latitude, longitude))
            .collect()
    };
    (0..CELLS.0).map(row).collect()
}

fn draw_density(
    canvas: &mut Canvas<'_>,
    values: &[Vec<f64>],
    colors: &ColorScale<'_>,
    map: Rect,
) -> Result<(), String> {
    let (rows, columns) = CELLS;
    let latitude = |row: usize| 90.0 - 180.0 * row as f64 / rows as f64;
    let longitude = |column: usize| -180.0 + 360.0 * column as f64 / columns as f64;
    for (row, values) in values.iter().enumerate() {
        let levels = values.iter().map(|&value| colors.level(value, LEVELS));
        let levels: Vec<Option<usize>> = levels.collect();
        // Cells reach below those that are drawn next to the right and below, so that no seam shows.
        let (north, south) = (latitude(row), latitude((row + 2).min(rows)));
        let mut first = 0;
        for piece in levels.chunk_by(|a, b| a == b) {
            let west = longitude(first);
            first += piece.len();
            let east = longitude((first + 1).min(columns));
            let corners = [(north, west), (north, east), (south, east), (south, west)];
            let outline = corners.map(|(latitude, longitude)| place(map, latitude, longitude));
            let color = match piece.first().copied().flatten() {
                Some(level) => colors.level_color(level, LEVELS),
                None => MISSING,
            };
            canvas.polygon(&outline, color, 1.0)?;
        }
    }
    Ok(())
}

/// Parallels, meridians and the outline.
fn draw_graticule(canvas: &mut Canvas<'_>, map: Rect) -> Result<(), String> {
    let stroke = Stroke {
        opacity: 0.45,
        ..thin(PAPER, 0.4)
    };
    for latitude in inner(90, GRATICULE.0) {
        let ends = [-180.0, 180.0].map(|longitude| place(map, latitude, longitude));
        canvas.line(&ends, stroke)?;
    }
    for longitude in inner(180, GRATICULE.1) {
        canvas.line(&meridian(map, longitude), stroke)?;
    }
    let mut outline = meridian(map, -180.0);
    outline.extend(meridian(map, 180.0).into_iter().rev());
    outline.extend(outline.first().copied());
    canvas.line(&outline, thin(INK, 0.6))
}

/// Every `step`-th degree between `-end` and `end`, without the ends.
fn inner(end: i32, step: i32) -> impl Iterator<Item = f64> {
    (1 - end / step..end / step).map(move |index| f64::from(index * step))
}

fn meridian(map: Rect, longitude: f64) -> Vec<Place> {
    (-90..=90)
        .step_by(STEP)
        .map(|latitude| place(map, f64::from(latitude), longitude))
        .collect()
}

/// Labels of the parallels, as close to the outline as their whole height allows.
fn draw_latitudes(canvas: &mut Canvas<'_>, map: Rect) -> Result<(), String> {
    let (half, drop) = (part(Font::SMALL, 0.65), part(Font::SMALL, CAP_HEIGHT / 2.0));
    let (centre, radius) = ((map.top + map.bottom) / 2, f64::from(map.height()) / 2.0);
    // On a small map there is room for every other label.
    let every = if map.height() < millimetres(SMALL_MAP) {
        2
    } else {
        1
    };
    for latitude in inner(90, GRATICULE.0 * every) {
        let (_, y) = place(map, latitude, -180.0);
        let from_equator = f64::from(((y - centre).abs() - half).max(0)) / radius;
        let width = (1.0 - from_equator * from_equator).sqrt() * f64::from(map.width()) / 2.0;
        let edge = (map.left + map.right) / 2 - width.round() as i32;
        let label = format!("{}°", fixed(latitude, 0));
        let at = (edge - millimetres(TICK_GAP), y + drop);
        canvas.text(&label, at, Font::SMALL, Anchor::End, INK)?;
    }
    Ok(())
}

/// Dark points with a white edge, which can be seen on every colour.
fn draw_points(canvas: &mut Canvas<'_>, panel: &SpherePanel, map: Rect) -> Result<(), String> {
    let finite = |point: &&[f64; 3]| point.iter().all(|part| part.is_finite());
    let places = panel.points.iter().filter(finite).map(|point| {
        let (latitude, longitude) = degrees(*point);
        place(map, latitude, longitude)
    });
    for at in places {
        canvas.dot(at, millimetres(POINT.1), thin(PAPER, 1.0))?;
        canvas.dot(at, millimetres(POINT.0), thin(INK, 1.0))?;
    }
    Ok(())
}

/// Marks with a white edge.
fn draw_marks(canvas: &mut Canvas<'_>, panel: &SpherePanel, map: Rect) -> Result<(), String> {
    let finite = |mark: &&SphereMark| mark.at.iter().all(|part| part.is_finite());
    for mark in panel.marks.iter().filter(finite) {
        let (latitude, longitude) = degrees(mark.at);
        let at = place(map, latitude, longitude);
        for (radius, color) in [(MARK.1, PAPER), (MARK.0, mark.color)] {
            mark.marker
                .draw(canvas, at, millimetres(radius), thin(color, 1.0))?;
        }
    }
    Ok(())
}

/// Where a latitude and a longitude are on the page.
fn place(map: Rect, latitude: f64, longitude: f64) -> Place {
    let (x, y) = project(latitude, longitude);
    let across = (f64::from(map.width()) * (x + 1.0) / 2.0).round() as i32;
    let down = (f64::from(map.height()) * (1.0 - y) / 2.0).round() as i32;
    (map.left + across, map.top + down)
}
