//! ARFF, the format of Weka, MEKA and Mulan: dense rows and sparse rows (`{index value, ...}`).
//!
//! Read in one pass, line by line. Numeric and nominal attributes only; a missing value (`?`), a
//! number that is not finite and a value that was not declared are errors, because a model cannot
//! be trained on a guess. An index a sparse row leaves out is 0, or the first declared value.

mod header;
mod row;
mod scan;

use std::io::BufRead;
use std::path::Path;

use super::input::{self, Lines};
use super::table::{Column, Table};
use crate::{Error, Result};

/// Reads the attributes for which `keep` is true. Cells of the others may hold anything.
///
/// # Errors
/// When the file cannot be read, or, with its line, when it is not valid ARFF.
pub fn read(path: &Path, keep: &dyn Fn(&str) -> bool) -> Result<Table> {
    parse(input::open(path)?, path, keep)
}

/// Reads ARFF text; `file` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse(input: impl BufRead, file: &Path, keep: &dyn Fn(&str) -> bool) -> Result<Table> {
    let mut lines = Lines::new(file, input);
    let attributes = header::parse(&mut lines, file, keep)?;
    let columns = attributes.iter().map(|a| Column {
        name: a.name.clone(),
        kind: a.column_kind(),
    });
    let mut table = Table::new(file, columns.collect(), Vec::new());
    let mut rows = row::Rows::new(&attributes);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.is_empty() || line.starts_with('%') {
            continue;
        }
        let cells = table.add_row(number)?;
        rows.parse(line, cells)
            .map_err(|message| Error::input(file, Some(number), message))?;
    }
    if table.rows() == 0 {
        return Err(Error::input(
            file,
            Some(lines.number()),
            "no rows after @data",
        ));
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
