//! A file as it was read: named columns, one `f32` a cell, the line each row came from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Most cells a table or an encoded matrix may have (2 GiB of `f32`).
pub(crate) const MAX_CELLS: usize = 1 << 29;

/// Most columns of a file, and most values its columns may have together: each of them is a name in
/// memory, and a short line can hold millions.
pub(crate) const MAX_NAMES: usize = 1 << 18;

/// Most bytes of all names and values that a header declares.
pub(crate) const MAX_HEADER: usize = 32 << 20;

/// Rows of a file, not yet split into features and labels.
///
/// Nominal cells hold the index of their value, so that one dense buffer serves all columns. The
/// cap on the length of a line keeps these indices far below 2^24, where `f32` is exact.
#[derive(Clone, Debug)]
pub struct Table {
    file: PathBuf,
    columns: Vec<Column>,
    cells: Vec<f32>,
    lines: Vec<u64>,
    told: Vec<String>,
}

/// A column: its name and what its cells mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, unique in the table.
    pub name: String,
    /// Meaning of the cells.
    pub kind: ColumnKind,
}

/// What the cells of a column mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// The number itself.
    Numeric,
    /// Index into these values.
    Nominal(Vec<String>),
    /// Nobody asked for this column; its cells are 0 and mean nothing.
    Skipped,
}

impl Table {
    /// An empty table; `told` are the columns that the file itself says are labels.
    pub(crate) fn new(file: &Path, columns: Vec<Column>, told: Vec<String>) -> Self {
        Self {
            file: file.to_owned(),
            columns,
            cells: Vec::new(),
            lines: Vec::new(),
            told,
        }
    }

    /// The columns that the file itself says are labels; most files do not.
    pub(crate) fn told_labels(&self) -> &[String] {
        &self.told
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The columns, in file order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Cells of a row, in column order.
    ///
    /// # Panics
    /// When `row` is not below [`Table::rows`].
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        let width = self.columns.len();
        &self.cells[row * width..(row + 1) * width]
    }

    /// The file the table was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// An error at a row of the file.
    pub(crate) fn error_at(&self, row: usize, message: String) -> Error {
        Error::input(&self.file, self.lines.get(row).copied(), message)
    }

    /// An error about the file as a whole.
    pub(crate) fn error(&self, message: String) -> Error {
        Error::input(&self.file, None, message)
    }

    /// Where each column that was asked for stands.
    pub(crate) fn positions(&self) -> HashMap<&str, usize> {
        let wanted = |column: &Column| column.kind != ColumnKind::Skipped;
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| wanted(column))
            .map(|(at, column)| (column.name.as_str(), at))
            .collect()
    }

    /// Adds a row of zeros from this line and hands it out to be filled.
    pub(crate) fn add_row(&mut self, line: u64) -> Result<&mut [f32]> {
        let start = self.cells.len();
        let end = start + self.columns.len();
        if end > MAX_CELLS {
            let message = format!("more than {MAX_CELLS} cells (rows times columns) in one file");
            return Err(Error::input(&self.file, Some(line), message));
        }
        self.cells.resize(end, 0.0);
        self.lines.push(line);
        Ok(&mut self.cells[start..])
    }

    /// Gives a nominal column its values, moving the cells from the old indices to the new ones.
    pub(crate) fn set_values(&mut self, column: usize, values: Vec<String>, moved: &[usize]) {
        let width = self.columns.len();
        for cell in self.cells.iter_mut().skip(column).step_by(width) {
            *cell = moved.get(*cell as usize).map_or(0.0, |&index| index as f32);
        }
        self.columns[column].kind = ColumnKind::Nominal(values);
    }
}

/// Reads a finite number.
pub(crate) fn parse_number(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("expected a finite number, found {}", shown(text))),
        Err(_) if text.is_empty() => Err("expected a number, found nothing".to_owned()),
        Err(_) => Err(format!("expected a number, found {}", shown(text))),
    }
}

/// Reads a label: 0 or 1, also spelt FALSE or TRUE.
pub(crate) fn parse_label(text: &str) -> Option<u8> {
    match text {
        "0" => Some(0),
        "1" => Some(1),
        _ if text.eq_ignore_ascii_case("false") => Some(0),
        _ if text.eq_ignore_ascii_case("true") => Some(1),
        _ => None,
    }
}

/// What a wrong label is told.
pub(crate) fn label_message(label: &str, found: &str) -> String {
    format!(
        "label {}: labels must be 0 or 1, found {}",
        shown(label),
        shown(found)
    )
}

/// Foreign text quoted for a message: escaped, so that it stays in the line, and cut short.
pub(crate) fn shown(text: &str) -> String {
    const MAX: usize = 60;
    match text.char_indices().nth(MAX) {
        None => format!("{text:?}"),
        Some((cut, _)) => format!("{:?}...", &text[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_are_numbers() {
        assert_eq!(parse_number("-1.7e-05"), Ok(-1.7e-5));
        for text in ["nan", "inf", "-infinity", "1e999"] {
            let message = format!("expected a finite number, found {text:?}");
            assert_eq!(parse_number(text), Err(message));
        }
        assert_eq!(
            parse_number("0x1"),
            Err("expected a number, found \"0x1\"".to_owned())
        );
    }

    #[test]
    fn foreign_text_stays_in_one_short_line() {
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert!(shown(&"é".repeat(10_000)).chars().count() < 70);
    }
}
