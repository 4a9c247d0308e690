//! What a figure shows, apart from how it is drawn.

use crate::palette::Stroke;
use crate::series::Point;
use crate::symbol::LegendEntry;
use crate::width::Width;

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
    /// The name of the run, or of the runs that it is the mean of.
    pub run: String,
    /// The split the metric was computed on.
    pub split: String,
    /// The metric.
    pub metric: String,
    /// The values, with steps in increasing order: of a run, or their means over several.
    pub points: Vec<Point>,
    /// The sample standard deviation of the values behind each mean, one for every point; empty for a
    /// curve of a single run.
    pub deviations: Vec<Option<f64>>,
    /// How many runs each point is a mean of.
    pub runs: usize,
    /// How the line looks.
    pub stroke: Stroke,
    /// The step at which to draw a ring, if the curve has a value there.
    pub best_step: Option<u64>,
}

impl Curve {
    /// From the mean less the deviation to the mean plus the deviation, for every point; empty for a
    /// curve of a single run. A faint curve has no band, as it would hide those it stands behind.
    pub(crate) fn band(&self) -> Vec<Option<(f64, f64)>> {
        if self.stroke.opacity < 1.0 {
            return Vec::new();
        }
        let points = self.points.iter().zip(&self.deviations);
        let ends = |(mean, deviation): (f64, f64)| (mean - deviation, mean + deviation);
        points
            .map(|(point, deviation)| point.value.zip(*deviation).map(ends))
            .collect()
    }

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
