//! From a table to matrices, column by column as a schema says.

use std::collections::HashMap;

use super::schema::{Feature, Schema};
use super::table::{ColumnKind, MAX_CELLS, Table, label_message, parse_label, parse_number, shown};
use crate::Result;

impl Schema {
    /// Encodes the features of every row: row-major `[rows, width()]`.
    ///
    /// Columns are matched by name; columns the schema does not know, labels among them, are
    /// ignored.
    ///
    /// # Errors
    /// When a feature has no column, or a cell holds a value the schema does not know.
    pub fn encode(&self, table: &Table) -> Result<Vec<f32>> {
        let width = self.width();
        let cells = table
            .rows()
            .checked_mul(width)
            .filter(|&cells| cells <= MAX_CELLS);
        let cells = cells.ok_or_else(|| {
            table.error(format!(
                "{} rows of {width} encoded columns are too many",
                table.rows()
            ))
        })?;
        let plan = self.plan(table)?;
        let mut x = vec![0.0; cells];
        // `max(1)`: a schema without features encodes to nothing, and chunks cannot be empty.
        for (row, out) in x.chunks_exact_mut(width.max(1)).enumerate() {
            let cells = table.row(row);
            let mut at = 0;
            for (feature, (column, rule)) in self.features.iter().zip(&plan) {
                let unknown = |wanted| table.error_at(row, mismatch(table, *column, cells, wanted));
                match rule {
                    Rule::Copy => out[at] = cells[*column],
                    Rule::Number(numbers) => {
                        let number = numbers.get(cells[*column] as usize).copied().flatten();
                        out[at] = number.ok_or_else(|| unknown("a number"))?;
                    }
                    Rule::OneHot(slots) => {
                        let slot = slots.get(cells[*column] as usize).copied().flatten();
                        out[at + slot.ok_or_else(|| unknown("a value seen in training"))?] = 1.0;
                    }
                }
                at += feature.width();
            }
        }
        Ok(x)
    }

    /// Encodes the labels of every row: row-major `[rows, labels]`, each 0 or 1.
    ///
    /// # Errors
    /// When a label has no column, or a cell is neither 0 nor 1.
    pub fn encode_labels(&self, table: &Table) -> Result<Vec<u8>> {
        let columns = self.label_columns(table)?;
        let plan = columns.into_iter().map(|column| {
            let bits: Option<Vec<_>> = match &table.columns()[column].kind {
                ColumnKind::Nominal(values) => {
                    Some(values.iter().map(|v| parse_label(v)).collect())
                }
                _ => None,
            };
            (column, bits)
        });
        let plan: Vec<_> = plan.collect();
        let mut y = Vec::with_capacity(table.rows() * plan.len());
        for row in 0..table.rows() {
            let cells = table.row(row);
            for (column, bits) in &plan {
                let cell = cells[*column];
                let bit = match bits {
                    Some(bits) => bits.get(cell as usize).copied().flatten(),
                    None if cell == 0.0 => Some(0),
                    None if cell == 1.0 => Some(1),
                    None => None,
                };
                y.push(bit.ok_or_else(|| {
                    let name = &table.columns()[*column].name;
                    table.error_at(row, label_message(name, &text(table, *column, cell)))
                })?);
            }
        }
        Ok(y)
    }

    /// Encodes the ranks of every row: row-major `[rows, labels]`, each row a permutation of 1 to k.
    ///
    /// # Errors
    /// When a label has no column, a cell is no rank, or two labels of a row have the same.
    pub fn encode_ranks(&self, table: &Table) -> Result<Vec<u8>> {
        let columns = self.label_columns(table)?;
        let k = columns.len();
        let mut y = Vec::with_capacity(table.rows() * k);
        let mut taken = vec![false; k];
        for row in 0..table.rows() {
            taken.fill(false);
            let cells = table.row(row);
            for &column in &columns {
                let label = || shown(&table.columns()[column].name);
                let (cell, named) = (cells[column], &table.columns()[column].kind);
                let rank = match named {
                    ColumnKind::Numeric => whole(cell).filter(|rank| (1..=k).contains(rank)),
                    _ => None,
                };
                let rank = rank.ok_or_else(|| {
                    let found = shown(&text(table, column, cell));
                    let message = format!("expected a rank from 1 to {k}, found {found}");
                    table.error_at(row, format!("label {}: {message}", label()))
                })?;
                if std::mem::replace(&mut taken[rank - 1], true) {
                    let message = format!("rank {rank} is taken; ties are not supported");
                    return Err(table.error_at(row, format!("label {}: {message}", label())));
                }
                y.push(rank as u8);
            }
        }
        Ok(y)
    }

    /// The table's columns of the labels.
    fn label_columns(&self, table: &Table) -> Result<Vec<usize>> {
        let positions = table.positions();
        let column = |label: &String| match positions.get(label.as_str()) {
            Some(&column) => Ok(column),
            None => Err(table.error(format!("no column for label {}", shown(label)))),
        };
        self.labels.iter().map(column).collect()
    }

    /// For each feature the table's column and what to do with its cells.
    fn plan(&self, table: &Table) -> Result<Vec<(usize, Rule)>> {
        let positions = table.positions();
        let mut plan = Vec::with_capacity(self.features.len());
        for feature in &self.features {
            let name = shown(feature.name());
            let Some(&column) = positions.get(feature.name()) else {
                return Err(table.error(format!("no column {name}, which is a feature")));
            };
            let rule = match (feature, &table.columns()[column].kind) {
                (Feature::Numeric { .. }, ColumnKind::Nominal(values)) => Rule::Number(
                    values
                        .iter()
                        .map(|value| parse_number(value).ok())
                        .collect(),
                ),
                (Feature::Numeric { .. }, _) => Rule::Copy,
                (Feature::Nominal { values, .. }, ColumnKind::Nominal(found)) => {
                    let slots: HashMap<&str, usize> =
                        values.iter().map(String::as_str).zip(0..).collect();
                    let slot = |value: &String| slots.get(value.as_str()).copied();
                    Rule::OneHot(found.iter().map(slot).collect())
                }
                (Feature::Nominal { .. }, _) => {
                    let message = format!("column {name} is numeric, expected one with values");
                    return Err(table.error(message));
                }
            };
            plan.push((column, rule));
        }
        Ok(plan)
    }
}

/// The number if it is a whole one that fits a byte.
fn whole(cell: f32) -> Option<usize> {
    let fits = cell.fract() == 0.0 && (0.0..=255.0).contains(&cell);
    fits.then_some(cell as usize)
}

/// How the cells of one column become encoded columns. Nominal cells are looked up by index;
/// `None` marks a value that has no place in the schema, an error only where a row uses it.
enum Rule {
    Copy,
    Number(Vec<Option<f32>>),
    OneHot(Vec<Option<usize>>),
}

fn mismatch(table: &Table, column: usize, cells: &[f32], expected: &str) -> String {
    let name = shown(&table.columns()[column].name);
    let found = shown(&text(table, column, cells[column]));
    format!("column {name}: expected {expected}, found {found}")
}

/// The cell as the file has it.
fn text(table: &Table, column: usize, cell: f32) -> String {
    match &table.columns()[column].kind {
        ColumnKind::Nominal(values) => values.get(cell as usize).cloned().unwrap_or_default(),
        _ => cell.to_string(),
    }
}
