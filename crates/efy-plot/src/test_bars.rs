//! The figure of what several runs came to.

use crate::bars::Bars;
use crate::dots::Dot;
use crate::figure::{Axis, ScaleKind};
use crate::metric::is_fraction;
use crate::tabular::{Cell, Table};

/// Bars of the fractions in a table of results, a category for each metric and a colour for each row;
/// none if there are no fractions.
pub(crate) fn test_bars(table: &Table) -> Option<Bars> {
    let columns = table.columns.iter().enumerate();
    let columns: Vec<_> = columns
        .filter(|(_, column)| is_fraction(&column.key))
        .collect();
    let categories: Vec<String> = columns
        .iter()
        .map(|(_, column)| column.label.clone())
        .collect();
    if categories.is_empty() {
        return None;
    }
    let mut averaged = false;
    let mut series = Vec::new();
    for row in &table.rows {
        let bar = |&(index, _): &(usize, _)| match row.cells.get(index) {
            Some(&Cell::Number { mean, deviation }) => Some(Dot {
                mean,
                deviation: deviation.unwrap_or(0.0),
            }),
            _ => None,
        };
        let bars: Vec<Option<Dot>> = columns.iter().map(bar).collect();
        averaged |= bars.iter().flatten().any(|bar| bar.deviation > 0.0);
        series.push((row.label.clone(), bars));
    }
    let title = if averaged {
        "Test metrics, mean \u{b1} s.d. over seeds"
    } else {
        "Test metrics"
    };
    let y = Axis {
        label: "test metric".to_owned(),
        scale: ScaleKind::Linear,
        bounds: Some((0.0, 1.0)),
    };
    Some(Bars::new("test", title, categories, y, series))
}
