//! Where the parts of a figure go on its page.

use crate::axes::{Axes, LINE_HEIGHT, TickStyle};
use crate::canvas::{Place, Rect, millimetres};
use crate::font::{CAP_HEIGHT, Font};
use crate::width::Width;

/// The free border of the page, in millimetres.
pub(crate) const MARGIN: f64 = 1.5;
/// The length of the mark of a tick, in millimetres.
pub(crate) const TICK_LENGTH: f64 = 0.8;
/// The space between the mark of a tick and its label, in millimetres.
pub(crate) const TICK_GAP: f64 = 0.8;
/// The space between tick labels and the label of the axis, in millimetres.
pub(crate) const LABEL_GAP: f64 = 1.6;
/// The space below the title and below the legend, in millimetres.
pub(crate) const TITLE_GAP: f64 = 1.6;
/// Enough space for what is below the baseline, relative to the font size.
pub(crate) const DESCENT: f64 = 0.22;

/// What a layout leaves free.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// The height of the frame.
    pub frame: i32,
    /// The height of the legend above the frame.
    pub legend: i32,
    /// The width of what stands to the right of the frame.
    pub right: i32,
}

/// The places of the parts of a figure; those of text are on its baseline.
pub(crate) struct Layout {
    pub size: (i32, i32),
    pub frame: Rect,
    pub title: Place,
    pub legend: Place,
    /// The baseline of tick labels below the frame, or where those that run upwards end.
    pub x_ticks: i32,
    pub x_label: Place,
    pub y_label: Place,
}

impl Layout {
    /// The layout of a page of `width` that leaves `room`.
    pub fn new(width: Width, axes: &Axes<'_>, room: Room) -> Result<Self, String> {
        let margin = millimetres(MARGIN);
        let width = millimetres(width.millimetres());

        let label_height = part(Font::LABEL, CAP_HEIGHT + DESCENT);
        let y_label = margin + part(Font::LABEL, CAP_HEIGHT);
        let beside = match axes.y.label {
            "" => 0,
            _ => label_height + millimetres(LABEL_GAP),
        };
        let left = margin + beside + axes.y.widest()? + beside_mark(axes.y.style);
        // The last label of the horizontal axis may be centred on the end of the frame.
        let overhang = match axes.x.style {
            TickStyle::Grid => axes.x.widest()? / 2,
            TickStyle::Names | TickStyle::NamesUpwards => 0,
        };
        let right = width - margin - overhang.max(room.right);

        let title = margin + part(Font::TITLE, CAP_HEIGHT);
        let legend = title + part(Font::TITLE, DESCENT) + millimetres(TITLE_GAP);
        let gap = if room.legend > 0 {
            millimetres(TITLE_GAP)
        } else {
            0
        };
        let top = legend + room.legend + gap;
        let bottom = top + room.frame;
        let below_mark = bottom + beside_mark(axes.x.style);
        let capitals = part(Font::SMALL, CAP_HEIGHT);
        let (x_ticks, under_ticks) = match axes.x.style {
            TickStyle::NamesUpwards => (below_mark, below_mark + axes.x.widest()?),
            _ => {
                let more = (axes.x.lines() - 1) * part(Font::SMALL, LINE_HEIGHT);
                (below_mark + capitals, below_mark + capitals + more)
            }
        };
        let (x_label, under) = match axes.x.label {
            "" => (under_ticks, under_ticks + part(Font::SMALL, DESCENT)),
            _ => {
                let label = under_ticks + millimetres(LABEL_GAP) + part(Font::LABEL, CAP_HEIGHT);
                (label, label + part(Font::LABEL, DESCENT))
            }
        };
        Ok(Self {
            size: (width, under + margin),
            frame: Rect {
                left,
                top,
                right,
                bottom,
            },
            title: (left, title),
            legend: (left, legend),
            x_ticks,
            x_label: ((left + right) / 2, x_label),
            y_label: (y_label, (top + bottom) / 2),
        })
    }

    /// The room there is for the title.
    pub fn title_width(&self) -> i32 {
        self.size.0 - self.title.0 - millimetres(MARGIN)
    }

    /// Where in the frame the shares `x` and `y` of its width and height are, from the lower left.
    pub fn place(&self, x: f64, y: f64) -> Place {
        let across = (f64::from(self.frame.width()) * x).round() as i32;
        let up = (f64::from(self.frame.height()) * y).round() as i32;
        (self.frame.left + across, self.frame.bottom - up)
    }
}

/// From the frame to the labels of its ticks.
fn beside_mark(style: TickStyle) -> i32 {
    match style {
        TickStyle::Grid => millimetres(TICK_LENGTH + TICK_GAP),
        TickStyle::Names | TickStyle::NamesUpwards => millimetres(TICK_GAP * 1.5),
    }
}

/// A share of the font size, in the units of the page.
pub(crate) fn part(font: Font, share: f64) -> i32 {
    (font.em() * share).round() as i32
}
