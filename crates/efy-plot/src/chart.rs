//! Lines in one frame over any horizontal axis: what every line chart is drawn as.

use std::io;

use crate::figure::{Axis, Figure, ScaleKind};
use crate::palette::Stroke;
use crate::symbol::{LegendEntry, Symbol};
use crate::width::Width;

/// A line chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame; shortened in the middle where it does not fit.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines, those drawn on top last.
    pub lines: Vec<Line>,
    /// The legend, none if empty.
    pub legend: Vec<LegendEntry>,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it stands for.
    pub label: String,
    /// Its points, x increasing; without a y there is a gap.
    pub points: Vec<(f64, Option<f64>)>,
    /// The lower and the upper end of the band around each point; empty for a line without a band.
    pub band: Vec<Option<(f64, f64)>>,
    /// How it looks.
    pub stroke: Stroke,
    /// Where a ring is drawn, if anywhere.
    pub ring: Option<(f64, f64)>,
}

impl Chart {
    /// A chart of lines, each with the number of its [stroke](Stroke::nth) and its name, and its legend.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        (x, y): (Axis, Axis),
        lines: impl IntoIterator<Item = (usize, String, Vec<(f64, f64)>)>,
    ) -> Self {
        let line = |(index, label, points): (usize, String, Vec<(f64, f64)>)| Line {
            label,
            points: points.into_iter().map(|(x, y)| (x, Some(y))).collect(),
            band: Vec::new(),
            stroke: Stroke::nth(index),
            ring: None,
        };
        let lines: Vec<Line> = lines.into_iter().map(line).collect();
        let entry = |line: &Line| LegendEntry::new(&line.label, Symbol::Line(line.stroke));
        Chart {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            x,
            y,
            legend: lines.iter().map(entry).collect(),
            lines,
        }
    }

    /// The points of all lines as CSV, a line each; gaps have no value. `low` and `high` are the ends
    /// of the bands, where a line has one.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let banded = self.lines.iter().any(|line| !line.band.is_empty());
        let mut table = csv::Writer::from_writer(Vec::new());
        let header = ["line", "x", "y", "low", "high"];
        table.write_record(&header[..if banded { 5 } else { 3 }])?;
        for line in &self.lines {
            for (index, (x, y)) in line.points.iter().enumerate() {
                let mut record = vec![line.label.clone(), x.to_string(), number(*y)];
                if banded {
                    let band = line.band.get(index).copied().flatten();
                    record.extend([
                        number(band.map(|(low, _)| low)),
                        number(band.map(|(_, high)| high)),
                    ]);
                }
                table.write_record(record)?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// A number as a cell of a CSV file, empty where there is none.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Steps become a horizontal axis of whole numbers.
impl From<&Figure> for Chart {
    fn from(figure: &Figure) -> Self {
        let lines = figure.curves.iter().map(|curve| Line {
            label: curve.run.clone(),
            points: curve
                .points
                .iter()
                .map(|point| (point.step as f64, point.value))
                .collect(),
            band: curve.band(),
            stroke: curve.stroke,
            ring: curve.best().map(|(step, value)| (step as f64, value)),
        });
        Chart {
            name: figure.name.clone(),
            title: figure.title.clone(),
            width: figure.width,
            x: Axis {
                label: figure.x_label.clone(),
                scale: ScaleKind::Whole,
                bounds: Some((0.0, f64::INFINITY)),
            },
            y: figure.y.clone(),
            lines: lines.collect(),
            legend: figure.legend.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_a_table_of_its_points() {
        let axis = |label: &str| Axis {
            label: label.to_owned(),
            scale: ScaleKind::Log,
            bounds: None,
        };
        let mut chart = Chart::new(
            "a",
            "A",
            (axis("k"), axis("s")),
            [(2, "fista".to_owned(), vec![(16.0, 0.5)])],
        );
        chart.lines[0].points.push((32.0, None));
        let table = String::from_utf8(chart.to_csv().unwrap()).unwrap();
        assert_eq!(table, "line,x,y\nfista,16,0.5\nfista,32,\n");
        assert_eq!(chart.legend[0].symbol, Symbol::Line(Stroke::nth(2)));
    }
}
