//! Bars: a few numbers for each of several categories.

use std::io;

use crate::chart::number;
use crate::dots::Dot;
use crate::figure::Axis;
use crate::palette::Stroke;
use crate::width::Width;

/// Groups of bars side by side, each bar with its error bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the frame.
    pub title: String,
    /// How wide it is printed.
    pub width: Width,
    /// The label below the names of the categories, none if empty.
    pub x_label: String,
    /// The categories, from the left.
    pub categories: Vec<String>,
    /// The vertical axis.
    pub y: Axis,
    /// Where bars begin: 0 unless given, and the end of the axis where it is logarithmic.
    ///
    /// Lengths are compared by eye, so that a bar that does not begin at zero should have a reason,
    /// such as the score of a trivial method.
    pub baseline: Option<f64>,
    /// A bar in every category each.
    pub series: Vec<BarSeries>,
}

/// The bars of one colour.
#[derive(Clone, Debug, PartialEq)]
pub struct BarSeries {
    /// What the legend calls them.
    pub label: String,
    /// Their colour.
    pub stroke: Stroke,
    /// The value of each category with its deviation; a deviation of 0 draws no error bar, and where
    /// there is no finite value there is no bar.
    pub bars: Vec<Option<Dot>>,
}

impl Bars {
    /// Bars in `categories`, a series for each label; colours are those of [`Stroke::nth`].
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        categories: Vec<String>,
        y: Axis,
        series: impl IntoIterator<Item = (String, Vec<Option<Dot>>)>,
    ) -> Self {
        let series = series.into_iter().enumerate();
        let series = series.map(|(index, (label, bars))| BarSeries {
            label,
            stroke: Stroke::nth(index),
            bars,
        });
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            x_label: String::new(),
            categories,
            y,
            baseline: None,
            series: series.collect(),
        }
    }

    /// The bars as CSV, a line each; those that are missing have no value.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["category", "series", "value", "deviation"])?;
        for (index, category) in self.categories.iter().enumerate() {
            for series in &self.series {
                let bar = series.bars.get(index).copied().flatten();
                let value = number(bar.map(|bar| bar.mean));
                let deviation = number(bar.map(|bar| bar.deviation));
                table.write_record([category, &series.label, &value, &deviation])?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
