//! Where the parts of a figure go on its page.

use crate::canvas::{Place, Rect, millimetres};
use crate::chart::Chart;
use crate::figure::{Axis, ScaleKind, Width};
use crate::font::{CAP_HEIGHT, Font};
use crate::scale::Scale;
use crate::ticks::{Tick, Ticks, linear_ticks, log_ticks};

/// The free border of the page, in millimetres.
pub(crate) const MARGIN: f64 = 1.5;
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
    /// The axes that show all points of `chart`.
    pub fn fit(chart: &Chart) -> Self {
        let finite = || {
            let points = chart.lines.iter().flat_map(|line| &line.points);
            points.filter_map(|&(x, y)| Some((x, y?)))
        };
        let x = Scale::fit(chart.x.scale, finite().map(|(x, _)| x));
        let y = Scale::fit(chart.y.scale, finite().map(|(_, y)| y));
        // A label every 14 mm across and every 8 mm down can be read without crowding.
        let (width, height) = (chart.width.millimetres() - 14.0, frame_height(chart.width));
        Self {
            x,
            x_ticks: ticks(&chart.x, x, (width / 14.0) as i32),
            y,
            y_ticks: ticks(&chart.y, y, (height / 8.0) as i32),
        }
    }
}

fn ticks(axis: &Axis, scale: Scale, count: i32) -> Ticks {
    let mut ticks = match axis.scale {
        ScaleKind::Linear => linear_ticks(scale.range(), count, false),
        ScaleKind::Whole => linear_ticks(scale.range(), count, true),
        ScaleKind::Log => log_ticks(scale.range(), count),
    };
    if let Some((low, high)) = axis.bounds {
        ticks
            .major
            .retain(|tick| (low..=high).contains(&tick.value));
    }
    ticks
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
    pub fn new(chart: &Chart, axes: &Axes, legend_height: i32) -> Result<Self, String> {
        let margin = millimetres(MARGIN);
        let tick = millimetres(TICK_LENGTH + TICK_GAP);
        let width = millimetres(chart.width.millimetres());

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
        let bottom = top + millimetres(frame_height(chart.width));
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
pub(crate) fn part(font: Font, share: f64) -> i32 {
    (font.em() * share).round() as i32
}

fn widest(ticks: &[Tick]) -> Result<i32, String> {
    let mut widest = 0;
    for tick in ticks {
        widest = widest.max(Font::SMALL.width(&tick.label)?);
    }
    Ok(widest)
}
