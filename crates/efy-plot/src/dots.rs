//! Panels of dots with error bars: several settings compared on several data sets.

use std::io;

use crate::palette::Stroke;

/// Panels side by side, each with a dot and its error bar for every row, on an axis of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct DotPlot {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the panels.
    pub title: String,
    /// The names of the rows, from the top.
    pub rows: Vec<String>,
    /// The label of the horizontal axes.
    pub x_label: String,
    /// The panels.
    pub panels: Vec<Panel>,
    /// What panels may show as vertical lines.
    pub references: Vec<Reference>,
}

/// A panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The line above it.
    pub title: String,
    /// The dot of each row, where there is one.
    pub dots: Vec<Option<Dot>>,
    /// The value of each of the plot's references, where there is one.
    pub references: Vec<Option<f64>>,
}

/// A value with its error bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// Where the dot is.
    pub mean: f64,
    /// How far the bar goes to both sides.
    pub deviation: f64,
}

/// A vertical line in the panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What the legend calls it.
    pub label: String,
    /// How it looks.
    pub stroke: Stroke,
    /// Whether axes are made long enough to show it. One that is not on the axis is left out.
    pub stretch: bool,
}

impl DotPlot {
    /// The dots as CSV, a line each.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["panel", "row", "mean", "deviation"])?;
        for panel in &self.panels {
            for (row, dot) in self.rows.iter().zip(&panel.dots) {
                let numbers = dot.map(|dot| [dot.mean.to_string(), dot.deviation.to_string()]);
                let [mean, deviation] = numbers.unwrap_or_default();
                table.write_record([&panel.title, row, &mean, &deviation])?;
            }
            for (reference, value) in self.references.iter().zip(&panel.references) {
                let value = value.map(|value| value.to_string()).unwrap_or_default();
                table.write_record([&panel.title, &reference.label, &value, ""])?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
