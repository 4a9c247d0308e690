//! What every figure with two axes has: a frame, ticks, labels, a title and perhaps a legend.

use crate::axes::{Axes, FittedAxis, LINE_HEIGHT, TickStyle};
use crate::canvas::{Anchor, Canvas, Place, millimetres};
use crate::draw::thin;
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{Layout, Room, TICK_GAP, TICK_LENGTH, part};
use crate::legend::{Legend, Placement};
use crate::palette::{GRID, INK};
use crate::symbol::LegendEntry;
use crate::width::Width;

/// A page with the place of its legend.
pub(crate) struct Page<'a> {
    pub layout: Layout,
    pub legend: Legend<'a>,
    pub placement: Placement,
}

impl<'a> Page<'a> {
    /// Puts the legend into the frame if it fits between what `drawn` says is there, else above.
    pub fn arrange(
        width: Width,
        axes: &Axes<'_>,
        room: Room,
        entries: &'a [LegendEntry],
        drawn: impl FnOnce(&Layout) -> Vec<Vec<Place>>,
    ) -> Result<Self, String> {
        let layout = Layout::new(width, axes, room)?;
        let legend = Legend::measure(entries, layout.frame.width())?;
        if let Some(placement) = legend.place_inside(layout.frame, &drawn(&layout)) {
            return Ok(Self {
                layout,
                legend,
                placement,
            });
        }
        let width_above = layout.frame.width();
        let room = Room {
            legend: legend.height_above(width_above),
            ..room
        };
        let layout = Layout::new(width, axes, room)?;
        let placement = legend.place_above(layout.legend, width_above);
        Ok(Self {
            layout,
            legend,
            placement,
        })
    }

    /// Draws axes, title and legend. The legend clears the grid behind it, so the data come after.
    pub fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        title: &str,
        axes: &Axes<'_>,
    ) -> Result<(), String> {
        draw_frame(canvas, title, axes, &self.layout)?;
        self.legend.draw(canvas, &self.placement)
    }
}

/// Draws axes and title.
pub(crate) fn draw_frame(
    canvas: &mut Canvas<'_>,
    title: &str,
    axes: &Axes<'_>,
    layout: &Layout,
) -> Result<(), String> {
    draw_x_ticks(canvas, &axes.x, layout)?;
    draw_y_ticks(canvas, &axes.y, layout)?;
    let frame = layout.frame;
    // A matrix between two lists of names has edges of its own.
    if axes.x.style == TickStyle::Grid || axes.y.style == TickStyle::Grid {
        let corner = [
            (frame.left, frame.top),
            (frame.left, frame.bottom),
            (frame.right, frame.bottom),
        ];
        canvas.line(&corner, thin(INK, 0.5))?;
    }

    let title = Font::TITLE.shorten(title, layout.title_width())?;
    canvas.text(&title, layout.title, Font::TITLE, Anchor::Start, INK)?;
    let x_label = Font::LABEL.shorten(axes.x.label, frame.width())?;
    if !x_label.is_empty() {
        canvas.text(&x_label, layout.x_label, Font::LABEL, Anchor::Middle, INK)?;
    }
    let y_label = Font::LABEL.shorten(axes.y.label, frame.height())?;
    if !y_label.is_empty() {
        canvas.text(&y_label, layout.y_label, Font::LABEL, Anchor::Upwards, INK)?;
    }
    Ok(())
}

fn draw_x_ticks(
    canvas: &mut Canvas<'_>,
    axis: &FittedAxis<'_>,
    layout: &Layout,
) -> Result<(), String> {
    let frame = layout.frame;
    let mark = millimetres(TICK_LENGTH);
    for tick in &axis.ticks.major {
        let Some(share) = axis.scale.place(tick.value) else {
            continue;
        };
        let (x, _) = layout.place(share, 0.0);
        if axis.style == TickStyle::Grid {
            canvas.line(&[(x, frame.top), (x, frame.bottom)], thin(GRID, 0.4))?;
            let ends = [(x, frame.bottom), (x, frame.bottom + mark)];
            canvas.line(&ends, thin(INK, 0.5))?;
        }
        if axis.style == TickStyle::NamesUpwards {
            let at = (x + part(Font::SMALL, CAP_HEIGHT) / 2, layout.x_ticks);
            canvas.text(&tick.label, at, Font::SMALL, Anchor::UpwardsEnd, INK)?;
            continue;
        }
        for (index, text) in tick.label.lines().enumerate() {
            let down = index as i32 * part(Font::SMALL, LINE_HEIGHT);
            let at = (x, layout.x_ticks + down);
            canvas.text(text, at, Font::SMALL, Anchor::Middle, INK)?;
        }
    }
    for &value in &axis.ticks.minor {
        let Some(share) = axis.scale.place(value) else {
            continue;
        };
        let (x, _) = layout.place(share, 0.0);
        let ends = [(x, frame.bottom), (x, frame.bottom + mark / 2)];
        canvas.line(&ends, thin(INK, 0.5))?;
    }
    Ok(())
}

fn draw_y_ticks(
    canvas: &mut Canvas<'_>,
    axis: &FittedAxis<'_>,
    layout: &Layout,
) -> Result<(), String> {
    let frame = layout.frame;
    let mark = millimetres(TICK_LENGTH);
    let centred = part(Font::SMALL, CAP_HEIGHT / 2.0);
    for tick in &axis.ticks.major {
        let Some(share) = axis.scale.place(tick.value) else {
            continue;
        };
        let (_, y) = layout.place(0.0, share);
        let mut x = frame.left - millimetres(TICK_GAP * 1.5);
        if axis.style == TickStyle::Grid {
            canvas.line(&[(frame.left, y), (frame.right, y)], thin(GRID, 0.4))?;
            let ends = [(frame.left - mark, y), (frame.left, y)];
            canvas.line(&ends, thin(INK, 0.5))?;
            x = frame.left - mark - millimetres(TICK_GAP);
        }
        canvas.text(&tick.label, (x, y + centred), Font::SMALL, Anchor::End, INK)?;
    }
    for &value in &axis.ticks.minor {
        let Some(share) = axis.scale.place(value) else {
            continue;
        };
        let (_, y) = layout.place(0.0, share);
        let ends = [(frame.left - mark / 2, y), (frame.left, y)];
        canvas.line(&ends, thin(INK, 0.5))?;
    }
    Ok(())
}
