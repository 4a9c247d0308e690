//! Where the parts of a figure go on its page.

use crate::canvas::{Place, Rect, millimetres};
use crate::figure::{Figure, ScaleKind, Width};
use crate::font::{CAP_HEIGHT, Font};
use crate::scale::Scale;
use crate::ticks::{Tick, Ticks, linear_ticks, log_ticks};

/// The free border of the page, in millimetres.
const MARGIN: f64 = 1.5;
/// The length of the mark of a tick, in millimetres.
pub(crate) const TICK_LENGTH: f64 = 0.8;
/// The space between the mark of a tick and its label, in millimetres.
pub(crate) const TICK_GAP: f64 = 0.8;
/// The space between tick labels and the label of the axis, in millimetres.
const LABEL_GAP: f64 = 1.6;
/// The space below the title and below the legend, in millimetres.
const TITLE_GAP: f64 = 1.6;
/// Enough space for what is below the baseline, relative to the font size.
const DESCENT: f64 = 0.22;

/// Both axes of a figure, fitted to its data.
pub(crate) struct Axes {
    pub x: Scale,
    pub x_ticks: Ticks,
    pub y: Scale,
    pub y_ticks: Ticks,
}

impl Axes {
    /// The axes that show all points of `figure`.
    pub fn fit(figure: &Figure) -> Self {
        let finite = || {
            let points = figure.curves.iter().flat_map(|curve| &curve.points);
            points.filter_map(|point| Some((point.step as f64, point.value?)))
        };
        let x = Scale::fit(ScaleKind::Linear, finite().map(|(step, _)| step));
        let y = Scale::fit(figure.y.scale, finite().map(|(_, value)| value));
        // A label every 14 mm across and every 8 mm down can be read without crowding.
        let (width, height) = (
            figure.width.millimetres() - 14.0,
            frame_height(figure.width),
        );
        let mut x_ticks = linear_ticks(x.range(), (width / 14.0) as i32, true);
        x_ticks.major.retain(|tick| tick.value >= 0.0);
        let count = (height / 8.0) as i32;
        let mut y_ticks = match figure.y.scale {
            ScaleKind::Linear => linear_ticks(y.range(), count, false),
            ScaleKind::Log => log_ticks(y.range(), count),
        };
        if let Some((low, high)) = figure.y.bounds {
            y_ticks
                .major
                .retain(|tick| (low..=high).contains(&tick.value));
        }
        Self {
            x,
            x_ticks,
            y,
            y_ticks,
        }
    }
}

/// The places of the parts of a figure; those of text are on its baseline.
pub(crate) struct Layout {
    pub size: (i32, i32),
    pub frame: Rect,
    pub title: Place,
    pub legend: Place,
    pub x_tick_baseline: i32,
    pub x_label: Place,
    pub y_label: Place,
}

impl Layout {
    /// The layout that leaves `legend_height` free above the frame.
    pub fn new(figure: &Figure, axes: &Axes, legend_height: i32) -> Result<Self, String> {
        let margin = millimetres(MARGIN);
        let tick = millimetres(TICK_LENGTH + TICK_GAP);
        let width = millimetres(figure.width.millimetres());

        let label_height = part(Font::LABEL, CAP_HEIGHT + DESCENT);
        let y_label = margin + part(Font::LABEL, CAP_HEIGHT);
        let left =
            margin + label_height + millimetres(LABEL_GAP) + widest(&axes.y_ticks.major)? + tick;
        // The last label of the horizontal axis may be centred on the end of the frame.
        let right = width - margin - widest(&axes.x_ticks.major)? / 2;

        let title = margin + part(Font::TITLE, CAP_HEIGHT);
        let legend = title + part(Font::TITLE, DESCENT) + millimetres(TITLE_GAP);
        let gap = if legend_height > 0 {
            millimetres(TITLE_GAP)
        } else {
            0
        };
        let top = legend + legend_height + gap;
        let bottom = top + millimetres(frame_height(figure.width));
        let x_tick_baseline = bottom + tick + part(Font::SMALL, CAP_HEIGHT);
        let x_label = x_tick_baseline + millimetres(LABEL_GAP) + part(Font::LABEL, CAP_HEIGHT);
        let height = x_label + part(Font::LABEL, DESCENT) + margin;

        Ok(Self {
            size: (width, height),
            frame: Rect {
                left,
                top,
                right,
                bottom,
            },
            title: (left, title),
            legend: (left, legend),
            x_tick_baseline,
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

/// The height of the frame in millimetres: the golden ratio or so for one column, flatter for two.
fn frame_height(width: Width) -> f64 {
    match width {
        Width::Single => 44.0,
        Width::Double => 64.0,
    }
}

/// A share of the font size, in the units of the page.
fn part(font: Font, share: f64) -> i32 {
    (font.em() * share).round() as i32
}

fn widest(ticks: &[Tick]) -> Result<i32, String> {
    let mut widest = 0;
    for tick in ticks {
        widest = widest.max(Font::SMALL.width(&tick.label)?);
    }
    Ok(widest)
}
