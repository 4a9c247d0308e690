//! Densities over a rectangle of the plane.

use std::io;

use crate::chart::number;
use crate::color_map::ColorMap;
use crate::figure::{Axis, ScaleKind};
use crate::scatter::ScatterGroup;
use crate::width::Width;

/// A density in colours, points on top of it, and both axes in their units; equal lengths on the page are
/// equal in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneDensity {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The labels of the axes.
    pub labels: [String; 2],
    /// Where the horizontal and the vertical axis begin and end.
    pub bounds: [[f64; 2]; 2],
    /// The axis of the colour bar.
    pub color: Axis,
    /// The colours.
    pub map: ColorMap,
    /// The density in the middle of each of R times C equal cells, row by row from the top.
    pub values: Vec<Vec<f64>>,
    /// Points, those drawn on top last; what lies outside of the frame is left out.
    pub groups: Vec<ScatterGroup>,
}

impl PlaneDensity {
    /// A density of one column in viridis, its colour bar linear.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        (labels, bounds): ([String; 2], [[f64; 2]; 2]),
        values: Vec<Vec<f64>>,
        groups: Vec<ScatterGroup>,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            labels,
            bounds,
            color: Axis {
                label: "density".to_owned(),
                scale: ScaleKind::Linear,
                bounds: None,
            },
            map: ColorMap::default(),
            values,
            groups,
        }
    }

    /// Where the middle of a cell is.
    fn place(&self, (row, rows): (usize, usize), (column, columns): (usize, usize)) -> (f64, f64) {
        let share = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
        let [[west, east], [south, north]] = self.bounds;
        (
            west + (east - west) * share(column, columns),
            north - (north - south) * share(row, rows),
        )
    }

    /// The values (`density`) and the points, by the name of their group.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["kind", "x", "y", "density"])?;
        let mut write = |kind: &str, (x, y): (f64, f64), value: Option<f64>| {
            let value = number(value.filter(|value| value.is_finite()));
            table.write_record([kind, &x.to_string(), &y.to_string(), &value])
        };
        for (row, values) in self.values.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let at = self.place((row, self.values.len()), (column, values.len()));
                write("density", at, Some(*value))?;
            }
        }
        for group in &self.groups {
            for point in &group.points {
                write(&group.label, *point, None)?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
