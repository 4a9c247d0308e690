//! Drawing heat maps as SVG.

use crate::axes::{Axes, FittedAxis};
use crate::canvas::{Anchor, Canvas, Rect, millimetres};
use crate::color_map::readable_on;
use crate::draw::color_bar::ColorScale;
use crate::draw::frame::draw_frame;
use crate::draw::{named, thin};
use crate::error::Result;
use crate::figure::ScaleKind;
use crate::font::{CAP_HEIGHT, Font};
use crate::heat_map::HeatMap;
use crate::layout::{Layout, Room, part};
use crate::number::{decimals, fixed};
use crate::palette::{GREY, PAPER, Rgb};

/// Cells are squares unless these limits of the height of the frame, in millimetres, forbid it; the
/// upper one is relative to its width as well.
const LOWEST: f64 = 18.0;
const HIGHEST: (f64, f64) = (150.0, 1.2);
/// The highest cell, in millimetres: few rows stay flat.
const HIGHEST_CELL: f64 = 11.0;
/// Names of rows get at most this share of the page, and names of columns that run upwards at most so
/// many millimetres.
const ROW_NAMES: f64 = 0.3;
const COLUMN_NAMES: f64 = 28.0;
/// The smallest cell with white lines around, in millimetres; smaller ones touch.
const SEPARATE: f64 = 1.6;
/// The space that a number leaves free in its cell, in millimetres.
const AROUND_NUMBER: f64 = 0.7;
/// Behind the hatching of a cell without a number.
const MISSING: Rgb = Rgb(0xEE, 0xEE, 0xEE);

/// Draws `map` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if the values do not fit the names, or if the drawing library
/// refuses something.
pub fn draw_heat_map(map: &HeatMap) -> Result<String> {
    named(&map.name, paint(map))
}

fn paint(map: &HeatMap) -> Result<String, String> {
    check(map)?;
    let values = map.values.iter().flatten().copied();
    let colors = ColorScale::fit(&map.color, map.map, values);
    let (axes, layout) = arrange(map, &colors)?;
    Canvas::paint(layout.size, |canvas| {
        let cells = cells(map, &layout);
        let separate = cells
            .iter()
            .all(|(cell, _)| cell.width().min(cell.height()) >= millimetres(SEPARATE));
        for &(cell, value) in &cells {
            // What touches reaches below the next cells: no seam shows between them.
            let area = if separate {
                cell
            } else {
                Rect {
                    right: (cell.right + cell.width()).min(layout.frame.right),
                    bottom: (cell.bottom + cell.height()).min(layout.frame.bottom),
                    ..cell
                }
            };
            match colors.color(value) {
                Some(color) => canvas.fill(area, color, 1.0)?,
                None => canvas.fill(area, MISSING, 1.0)?,
            }
        }
        for &(cell, value) in &cells {
            if colors.color(value).is_none() {
                hatch(canvas, cell)?;
            }
        }
        if separate {
            separate_cells(canvas, map, &layout)?;
        }
        draw_frame(canvas, &map.title, &axes, &layout)?;
        draw_numbers(canvas, map, &cells, &colors)?;
        colors.draw(canvas, layout.frame)
    })
}

fn check(map: &HeatMap) -> Result<(), String> {
    if map.values.len() != map.rows.len() {
        let (rows, names) = (map.values.len(), map.rows.len());
        return Err(format!("{rows} rows of values, {names} names of rows"));
    }
    let columns = map.columns.len();
    match map.values.iter().position(|row| row.len() != columns) {
        Some(row) => {
            let found = map.values[row].len();
            Err(format!(
                "row {}: {found} values, {columns} names of columns",
                row + 1
            ))
        }
        None => Ok(()),
    }
}

/// The axes, and the layout with room for the colour bar.
fn arrange<'a>(map: &'a HeatMap, colors: &ColorScale<'_>) -> Result<(Axes<'a>, Layout), String> {
    let page = millimetres(map.width.millimetres());
    let longest = (f64::from(page) * ROW_NAMES) as i32;
    let y = FittedAxis::names_down(&map.y_label, &map.rows, longest)?;
    let names = |slot| {
        let longest = millimetres(COLUMN_NAMES);
        FittedAxis::names_across(&map.x_label, &map.columns, slot, longest)
    };
    let mut axes = Axes { x: names(page)?, y };
    let mut room = Room {
        frame: millimetres(map.width.frame_height()),
        ..Room::default()
    };
    // The room for the bar depends on the height, which depends on the room: twice is enough, as the
    // labels of the bar hardly change.
    let mut layout = Layout::new(map.width, &axes, room)?;
    for _ in 0..2 {
        room.right = colors.width(room.frame)?;
        layout = Layout::new(map.width, &axes, room)?;
        let width = layout.frame.width();
        let cell = width / map.columns.len().max(1) as i32;
        let high = cell.min(millimetres(HIGHEST_CELL)) * map.rows.len().max(1) as i32;
        let highest = millimetres(HIGHEST.0).min((f64::from(width) * HIGHEST.1) as i32);
        room.frame = high.clamp(millimetres(LOWEST), highest.max(millimetres(LOWEST)));
        axes.x = names(cell)?;
        layout = Layout::new(map.width, &axes, room)?;
    }
    Ok((axes, layout))
}

/// The cells, row by row, with their values.
fn cells(map: &HeatMap, layout: &Layout) -> Vec<(Rect, f64)> {
    let frame = layout.frame;
    let cut = |length: i32, index: usize, count: usize| {
        (f64::from(length) * index as f64 / count.max(1) as f64).round() as i32
    };
    let across = |index| frame.left + cut(frame.width(), index, map.columns.len());
    let down = |index| frame.top + cut(frame.height(), index, map.rows.len());
    let mut cells = Vec::new();
    for (row, values) in map.values.iter().enumerate() {
        for (column, &value) in values.iter().enumerate() {
            let cell = Rect {
                left: across(column),
                top: down(row),
                right: across(column + 1),
                bottom: down(row + 1),
            };
            cells.push((cell, value));
        }
    }
    cells
}

/// White lines between the cells.
fn separate_cells(canvas: &mut Canvas<'_>, map: &HeatMap, layout: &Layout) -> Result<(), String> {
    let frame = layout.frame;
    let stroke = thin(PAPER, 0.6);
    for column in 1..map.columns.len() {
        let (x, _) = layout.place(column as f64 / map.columns.len() as f64, 0.0);
        canvas.line(&[(x, frame.top), (x, frame.bottom)], stroke)?;
    }
    for row in 1..map.rows.len() {
        let (_, y) = layout.place(0.0, row as f64 / map.rows.len() as f64);
        canvas.line(&[(frame.left, y), (frame.right, y)], stroke)?;
    }
    Ok(())
}

/// Lines from the lower left to the upper right, as long as they are in the cell.
fn hatch(canvas: &mut Canvas<'_>, cell: Rect) -> Result<(), String> {
    let (width, height) = (cell.width(), cell.height());
    let step = millimetres(1.2);
    let mut from = step / 2;
    while from < width + height {
        // x + y = from, measured from the upper left corner.
        let low = (from - height).max(0);
        let high = from.min(width);
        let ends = [low, high].map(|x| (cell.left + x, cell.top + from - x));
        canvas.line(&ends, thin(GREY, 0.35))?;
        from += step;
    }
    Ok(())
}

/// Writes the numbers into the cells, if all of them fit.
fn draw_numbers(
    canvas: &mut Canvas<'_>,
    map: &HeatMap,
    cells: &[(Rect, f64)],
    colors: &ColorScale<'_>,
) -> Result<(), String> {
    let shown = || {
        cells
            .iter()
            .filter(|(_, value)| colors.color(*value).is_some())
    };
    let largest = shown().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let capitals = part(Font::SMALL, CAP_HEIGHT);
    let around = 2 * millimetres(AROUND_NUMBER);
    let mut numbers = Vec::new();
    for &(cell, value) in shown() {
        let size = match map.color.scale {
            ScaleKind::Log => value,
            _ => largest,
        };
        let digits = match map.color.scale {
            ScaleKind::Whole => 0,
            _ => decimals(size, 2),
        };
        let number = fixed(value, digits);
        let fits = Font::SMALL.width(&number)? + around <= cell.width()
            && capitals + around <= cell.height();
        if !fits || digits > 3 {
            return Ok(());
        }
        numbers.push((cell, value, number));
    }
    for (cell, value, number) in numbers {
        let color = colors.color(value).map_or(GREY, readable_on);
        let at = (
            (cell.left + cell.right) / 2,
            (cell.top + cell.bottom + capitals) / 2,
        );
        canvas.text(&number, at, Font::SMALL, Anchor::Middle, color)?;
    }
    Ok(())
}
