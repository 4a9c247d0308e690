//! Scatter plots: points of one or several groups.

use std::io;

use crate::figure::Axis;
use crate::marker::Marker;
use crate::palette::Stroke;
use crate::width::Width;

/// Points in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// Whether both axes show the same range, with the line on which x and y are equal.
    pub identity: bool,
    /// The groups, those drawn on top last.
    pub groups: Vec<ScatterGroup>,
}

/// Points of one colour and shape.
#[derive(Clone, Debug, PartialEq)]
pub struct ScatterGroup {
    /// What the legend calls them.
    pub label: String,
    /// Their shape.
    pub marker: Marker,
    /// Their colour and opacity.
    pub stroke: Stroke,
    /// The points; those that have no place on an axis are left out.
    pub points: Vec<(f64, f64)>,
}

impl ScatterGroup {
    /// The group `index`, in a shape and a colour of its own; the more points, the more transparent
    /// they are, so that one sees where they are dense.
    pub fn nth(index: usize, label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        let opacity = match points.len() {
            0..=50 => 0.9,
            51..=500 => 0.6,
            _ => 0.35,
        };
        Self {
            label: label.into(),
            marker: Marker::nth(index),
            stroke: Stroke {
                opacity,
                ..Stroke::nth(index)
            },
            points,
        }
    }
}

impl Scatter {
    /// A scatter plot of one column.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        (x, y): (Axis, Axis),
        groups: Vec<ScatterGroup>,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            x,
            y,
            identity: false,
            groups,
        }
    }

    /// The points as CSV, a line each.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["group", "x", "y"])?;
        for group in &self.groups {
            for (x, y) in &group.points {
                table.write_record([&group.label, &x.to_string(), &y.to_string()])?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
