//! What a figure shows, apart from how it is drawn.

use crate::palette::Stroke;
use crate::series::Point;

/// A line chart: curves over steps in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame; shortened in the middle where it does not fit.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The horizontal axis; its values are steps, so its ticks are whole numbers.
    pub x_label: String,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, those drawn on top last.
    pub curves: Vec<Curve>,
    /// The legend, none if empty. It is kept apart from the curves, as one colour may stand for a
    /// run and one line style for a split.
    pub legend: Vec<LegendEntry>,
}

/// The width of a figure in print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// One column of a two-column page: 85 mm.
    #[default]
    Single,
    /// The whole page: 180 mm.
    Double,
}

impl Width {
    /// The width in millimetres.
    pub fn millimetres(self) -> f64 {
        match self {
            Self::Single => 85.0,
            Self::Double => 180.0,
        }
    }
}

/// An axis of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What the values are.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: ScaleKind,
    /// The values that are possible at all, such as 0 to 1 for a fraction: no tick lies outside.
    pub bounds: Option<(f64, f64)>,
}

/// How values turn into lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleKind {
    /// Equal differences are equally long.
    Linear,
    /// The same, with ticks at whole numbers only.
    Whole,
    /// Equal ratios are equally long; values that are not positive are gaps.
    Log,
}

/// One curve, with the data it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The name of the run.
    pub run: String,
    /// The split the metric was computed on.
    pub split: String,
    /// The metric.
    pub metric: String,
    /// The values, with steps in increasing order.
    pub points: Vec<Point>,
    /// How the line looks.
    pub stroke: Stroke,
    /// The step at which to draw a ring, if the curve has a value there.
    pub best_step: Option<u64>,
}

impl Curve {
    /// The value at the best step, if both are known.
    pub fn best(&self) -> Option<(u64, f64)> {
        let step = self.best_step?;
        let index = self
            .points
            .binary_search_by_key(&step, |point| point.step)
            .ok()?;
        Some((step, self.points[index].value?))
    }
}

/// One line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendEntry {
    /// What stands beside the symbol.
    pub label: String,
    /// The symbol.
    pub symbol: Symbol,
}

/// What a legend entry shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symbol {
    /// A piece of a line.
    Line(Stroke),
    /// The ring at the best step.
    Ring,
}
