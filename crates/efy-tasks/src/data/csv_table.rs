//! CSV with a header line.
//!
//! What a column holds comes from a [`Role`] given by its name: a schema knows the role of every
//! column; for a new data set only the labels are known, and the first row decides whether a
//! feature is a number or text.

mod records;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::iter;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::records::Records;
use super::input;
use super::schema::{Feature, Schema};
use super::table::{
    Column, ColumnKind, MAX_NAMES, Table, label_message, parse_label, parse_number, shown,
};
use crate::{Error, Result};

/// Most distinct values of a text column: each becomes an encoded column, and a column with more
/// is rather a name or free text.
const MAX_VALUES: usize = 1000;

/// Which columns of a new CSV file are labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelColumns {
    /// The columns of these names.
    Names(Vec<String>),
    /// All columns whose name begins so.
    Prefix(String),
}

impl LabelColumns {
    /// Whether a column is a label.
    #[must_use]
    pub fn contains(&self, column: &str) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|name| name == column),
            Self::Prefix(prefix) => column.starts_with(prefix),
        }
    }

    /// The labels in a table, in the table's order.
    ///
    /// # Errors
    /// When a named label has no column, or no column has the prefix.
    pub fn of_table(&self, table: &Table) -> Result<Vec<String>> {
        let columns = table.columns().iter().map(|column| column.name.as_str());
        let labels: Vec<_> = columns
            .filter(|name| self.contains(name))
            .map(str::to_owned)
            .collect();
        match self {
            Self::Names(names) => match names.iter().find(|name| !labels.contains(name)) {
                Some(missing) => {
                    Err(table.error(format!("no column for label {}", shown(missing))))
                }
                None => Ok(labels),
            },
            Self::Prefix(prefix) if labels.is_empty() => {
                let prefix = shown(prefix);
                Err(table.error(format!(
                    "no column name begins with the label prefix {prefix}"
                )))
            }
            Self::Prefix(_) => Ok(labels),
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// 0 or 1, also spelt FALSE or TRUE.
    Label,
    /// A feature that a schema describes.
    Known(&'a Feature),
    /// A feature of a new data set: numbers if the first row has one, text otherwise.
    New,
    /// Nothing of interest.
    Skip,
}

impl Schema {
    /// The role of each column in a file that should fit this schema.
    pub(crate) fn roles<'s>(&'s self, with_labels: bool) -> impl Fn(&str) -> Role<'s> {
        let features: HashMap<&str, &Feature> = self
            .features
            .iter()
            .map(|feature| (feature.name(), feature))
            .collect();
        let labels: HashSet<&str> = self.labels.iter().map(String::as_str).collect();
        move |name| match features.get(name) {
            Some(feature) => Role::Known(feature),
            None if with_labels && labels.contains(name) => Role::Label,
            None => Role::Skip,
        }
    }
}

/// Reads a plain or gzipped CSV file, each column as its role says.
///
/// # Errors
/// When the file cannot be read, or, with line and column, when a cell does not fit.
pub fn read<'r>(path: &Path, role: &dyn Fn(&str) -> Role<'r>) -> Result<Table> {
    parse(input::open(path)?, path, role)
}

/// Reads CSV text; `file` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse<'r>(input: impl Read, file: &Path, role: &dyn Fn(&str) -> Role<'r>) -> Result<Table> {
    let mut records = Records::new(input, file);
    if !records.advance()? {
        return Err(Error::input(
            file,
            None,
            "expected a header line, found nothing",
        ));
    }
    if records.cells().count() > MAX_NAMES {
        return Err(records.error(format!("more than {MAX_NAMES} columns")));
    }
    let header: Vec<String> = records.cells().map(str::to_owned).collect();
    let mut names = HashSet::new();
    if let Some(twice) = header.iter().find(|name| !names.insert(name.as_str())) {
        return Err(records.error(format!("two columns called {}", shown(twice))));
    }
    let mut more = records.advance()?;
    if !more {
        return Err(Error::input(file, None, "no rows after the header"));
    }
    // A row that is too short is told so below, before its cells are looked at.
    let first = records.cells().chain(iter::repeat(""));
    let mut cells: Vec<_> = header
        .iter()
        .zip(first)
        .map(|(name, text)| Cells::new(role(name), text))
        .collect();
    let columns = header.iter().zip(&cells);
    let columns = columns.map(|(name, cells)| Column {
        name: name.clone(),
        kind: cells.kind(),
    });
    let mut table = Table::new(file, columns.collect());
    let mut collected = 0;
    while more {
        let found = records.cells().count();
        if found != header.len() {
            return Err(records.error(format!("expected {} values, found {found}", header.len())));
        }
        let row = table.add_row(records.line)?;
        for (((text, name), cells), out) in records.cells().zip(&header).zip(&mut cells).zip(row) {
            *out = cells
                .read(name, text, &mut collected)
                .map_err(|message| records.error(message))?;
        }
        more = records.advance()?;
    }
    for (at, cells) in cells.into_iter().enumerate() {
        if let Cells::Collected(seen) = cells {
            let (values, moved) = sorted(seen);
            table.set_values(at, values, &moved);
        }
    }
    Ok(table)
}

/// How the cells of one column are read.
enum Cells {
    Label,
    Number,
    Declared(Vec<String>, HashMap<String, usize>),
    Collected(HashMap<String, usize>),
    Skipped,
}

impl Cells {
    fn new(role: Role<'_>, first: &str) -> Self {
        match role {
            Role::Label => Self::Label,
            Role::Known(Feature::Numeric { .. }) => Self::Number,
            Role::Known(Feature::Nominal { values, .. }) => {
                let index = values.iter().cloned().zip(0..).collect();
                Self::Declared(values.clone(), index)
            }
            // "nan" is a number here, so that it is refused as one.
            Role::New if first.parse::<f32>().is_ok() => Self::Number,
            Role::New => Self::Collected(HashMap::new()),
            Role::Skip => Self::Skipped,
        }
    }

    fn kind(&self) -> ColumnKind {
        match self {
            Self::Label | Self::Number => ColumnKind::Numeric,
            Self::Declared(values, _) => ColumnKind::Nominal(values.clone()),
            Self::Collected(_) => ColumnKind::Nominal(Vec::new()),
            Self::Skipped => ColumnKind::Skipped,
        }
    }

    /// The cell that a text stands for; `collected` counts the texts of all columns.
    fn read(&mut self, name: &str, text: &str, collected: &mut usize) -> Result<f32, String> {
        let about = |message: String| format!("column {}: {message}", shown(name));
        if matches!(self, Self::Skipped) {
            return Ok(0.0);
        }
        if matches!(text, "" | "?" | "NA") {
            return Err(about(format!(
                "missing value ({text:?}), expected complete rows"
            )));
        }
        match self {
            Self::Label => parse_label(text)
                .map(f32::from)
                .ok_or_else(|| label_message(name, text)),
            Self::Number => parse_number(text).map_err(about),
            Self::Declared(_, index) => match index.get(text) {
                Some(&at) => Ok(at as f32),
                None => Err(about(format!(
                    "expected a value seen in training, found {}",
                    shown(text)
                ))),
            },
            Self::Collected(seen) => {
                let next = seen.len();
                if let Some(&at) = seen.get(text) {
                    return Ok(at as f32);
                }
                if next == MAX_VALUES {
                    return Err(about(format!("more than {MAX_VALUES} different texts")));
                }
                if *collected == MAX_NAMES {
                    return Err(about(format!("more than {MAX_NAMES} texts in all columns")));
                }
                *collected += 1;
                seen.insert(text.to_owned(), next);
                Ok(next as f32)
            }
            Self::Skipped => Ok(0.0),
        }
    }
}

/// Values in sorted order, and for each index of first sight its place in that order.
fn sorted(seen: HashMap<String, usize>) -> (Vec<String>, Vec<usize>) {
    let mut pairs: Vec<_> = seen.into_iter().collect();
    pairs.sort_unstable();
    let mut moved = vec![0; pairs.len()];
    for (to, (_, from)) in pairs.iter().enumerate() {
        moved[*from] = to;
    }
    (pairs.into_iter().map(|(value, _)| value).collect(), moved)
}

#[cfg(test)]
mod tests;
