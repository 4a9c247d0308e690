//! Heat maps: a matrix of numbers as colours.

use std::io;

use crate::chart::number;
use crate::color_map::ColorMap;
use crate::figure::Axis;
use crate::width::Width;

/// A matrix with named rows and columns, and a colour bar beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The label below the names of the columns, none if empty.
    pub x_label: String,
    /// The label beside the names of the rows, none if empty.
    pub y_label: String,
    /// The names of the columns, from the left.
    pub columns: Vec<String>,
    /// The names of the rows, from the top.
    pub rows: Vec<String>,
    /// The numbers, row by row: as many rows as names, each with as many numbers as there are columns.
    /// A number that is not finite, or not positive on a logarithmic axis, is a hatched cell.
    pub values: Vec<Vec<f64>>,
    /// The axis of the colour bar.
    pub color: Axis,
    /// The colours. [`ColorMap::Diverging`] has zero in its middle.
    pub map: ColorMap,
}

impl HeatMap {
    /// A heat map of one column in viridis; `(columns, rows)` are names.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        (columns, rows): (Vec<String>, Vec<String>),
        values: Vec<Vec<f64>>,
        color: Axis,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            x_label: String::new(),
            y_label: String::new(),
            columns,
            rows,
            values,
            color,
            map: ColorMap::default(),
        }
    }

    /// The numbers as CSV, a line each; those that are not finite have no value.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["row", "column", "value"])?;
        for (row, values) in self.rows.iter().zip(&self.values) {
            for (column, value) in self.columns.iter().zip(values) {
                let value = number(Some(*value).filter(|value| value.is_finite()));
                table.write_record([row, column, &value])?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
