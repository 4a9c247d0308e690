//! CSV with a header line.
//!
//! The header may begin with counts (`n,d,k,names`), and one column may hold whole rankings (`a>b>c`),
//! which becomes a column of ranks for each label. What a column holds comes from a [`Role`] given by its name: a schema knows the role of every
//! column; for a new data set only the labels are known, and the first row decides whether a
//! feature is a number or text.

mod counted;
mod order;
pub(crate) mod records;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::iter;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::counted::{COUNTS, Counts};
use self::order::Orders;
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

/// Most labels of a ranking: a rank is a byte.
pub(super) const MAX_RANKED: usize = 255;

/// Which columns of a new CSV file are labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelColumns {
    /// The columns of these names.
    Names(Vec<String>),
    /// All columns whose name begins so.
    Prefix(String),
    /// The last k columns of a file that begins with the counts `n,d,k`.
    Counted,
    /// The labels that a column of rankings such as `a>b>c` orders.
    Ranked(String),
}

impl LabelColumns {
    /// Whether a column is a label.
    #[must_use]
    pub fn contains(&self, column: &str) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|name| name == column),
            Self::Prefix(prefix) => column.starts_with(prefix),
            Self::Counted => false,
            Self::Ranked(name) => column == name,
        }
    }

    /// The role of a column in a file of a new data set, whose label columns have the role `label`.
    pub(crate) fn role(&self, column: &str, label: Role<'static>) -> Role<'static> {
        match self {
            _ if !self.contains(column) => Role::New,
            Self::Ranked(_) => Role::Ranking(None),
            _ => label,
        }
    }

    /// The labels in a table, in the table's order.
    ///
    /// # Errors
    /// When a named label has no column, no column has the prefix, or the file has neither the counts nor the
    /// column of rankings that it should have.
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
            Self::Counted | Self::Ranked(_) if !table.told_labels().is_empty() => {
                Ok(table.told_labels().to_vec())
            }
            Self::Counted => Err(table.error(
                "which columns are ranks? Expected their names, their prefix, the name of a column of rankings, \
                 or a first line n,d,k,names"
                    .to_owned(),
            )),
            Self::Ranked(name) => {
                Err(table.error(format!("no column {}, which holds the rankings", shown(name))))
            }
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// 0 or 1, also spelt FALSE or TRUE.
    Label,
    /// The rank of a label.
    Rank,
    /// A ranking `a>b>c`, of these labels or of those in the first row.
    Ranking(Option<&'a [String]>),
    /// A feature that a schema describes.
    Known(&'a Feature),
    /// A feature of a new data set: numbers if the first row has one, text otherwise.
    New,
    /// Nothing of interest.
    Skip,
}

impl Schema {
    /// The role of each column in a file that should fit this schema; `label` is that of labels.
    pub(crate) fn roles<'s>(&'s self, label: Role<'s>) -> impl Fn(&str) -> Role<'s> {
        let features: HashMap<&str, &Feature> = self
            .features
            .iter()
            .map(|feature| (feature.name(), feature))
            .collect();
        let labels: HashSet<&str> = self.labels.iter().map(String::as_str).collect();
        move |name| match features.get(name) {
            Some(feature) => Role::Known(feature),
            None if labels.contains(name) => label,
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
    let mut header: Vec<String> = records.cells().map(str::to_owned).collect();
    let counts = Counts::of(&header);
    if counts.is_some() {
        header.drain(..COUNTS);
    }
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
    let cells = header.iter().zip(first).map(|(name, text)| {
        Cells::new(role(name), text).map_err(|message| records.error(about(name, &message)))
    });
    let mut cells = cells.collect::<Result<Vec<_>>>()?;
    let columns = header.iter().zip(&cells);
    let columns: Vec<Column> = columns
        .flat_map(|(name, cells)| cells.columns(name))
        .collect();
    let mut names = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(&column.name)) {
        let twice = shown(&twice.name);
        return Err(records.error(format!("label {twice} of the ranking is a column, too")));
    }
    let told: Vec<String> = match (counts, cells.iter().find_map(Cells::ranked)) {
        (Some(counts), _) => header[header.len() - counts.labels..].to_vec(),
        (None, Some(labels)) => labels.to_vec(),
        (None, None) => Vec::new(),
    };
    let mut table = Table::new(file, columns, told);
    let mut collected = 0;
    while more {
        let found = records.cells().count();
        if found != header.len() {
            return Err(records.error(format!("expected {} values, found {found}", header.len())));
        }
        let mut row = table.add_row(records.line)?;
        for ((text, name), cells) in records.cells().zip(&header).zip(&mut cells) {
            let (out, rest) = row.split_at_mut(cells.width());
            cells
                .read(name, text, &mut collected, out)
                .map_err(|message| records.error(message))?;
            row = rest;
        }
        more = records.advance()?;
    }
    let mut at = 0;
    for cells in cells {
        let width = cells.width();
        if let Cells::Collected(seen) = cells {
            let (values, moved) = sorted(seen);
            table.set_values(at, values, &moved);
        }
        at += width;
    }
    match counts {
        Some(counts) if counts.rows != table.rows() => {
            let (said, found) = (counts.rows, table.rows());
            Err(table.error(format!("its first line says {said} rows, found {found}")))
        }
        _ => Ok(table),
    }
}

/// What is wrong in a column.
fn about(column: &str, message: &str) -> String {
    format!("column {}: {message}", shown(column))
}

/// How the cells of one column are read.
enum Cells {
    Label,
    Number,
    Declared(Vec<String>, HashMap<String, usize>),
    Collected(HashMap<String, usize>),
    Ranking(Orders),
    Skipped,
}

impl Cells {
    fn new(role: Role<'_>, first: &str) -> Result<Self, String> {
        Ok(match role {
            Role::Label => Self::Label,
            Role::Rank | Role::Known(Feature::Numeric { .. }) => Self::Number,
            Role::Known(Feature::Nominal { values, .. }) => {
                let index = values.iter().cloned().zip(0..).collect();
                Self::Declared(values.clone(), index)
            }
            // "nan" is a number here, so that it is refused as one.
            Role::New if first.parse::<f32>().is_ok() => Self::Number,
            Role::New => Self::Collected(HashMap::new()),
            Role::Ranking(Some(labels)) => Self::Ranking(Orders::of(labels)),
            Role::Ranking(None) => Self::Ranking(Orders::of_first(first)?),
            Role::Skip => Self::Skipped,
        })
    }

    /// The labels of a column of rankings.
    fn ranked(&self) -> Option<&[String]> {
        match self {
            Self::Ranking(orders) => Some(orders.labels()),
            _ => None,
        }
    }

    /// How many columns of the table these are.
    fn width(&self) -> usize {
        self.ranked().map_or(1, <[String]>::len)
    }

    /// The columns of the table.
    fn columns(&self, name: &str) -> Vec<Column> {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
        };
        match self {
            Self::Label | Self::Number => vec![column(name, ColumnKind::Numeric)],
            Self::Declared(values, _) => vec![column(name, ColumnKind::Nominal(values.clone()))],
            Self::Collected(_) => vec![column(name, ColumnKind::Nominal(Vec::new()))],
            Self::Ranking(orders) => {
                let labels = orders.labels().iter();
                labels
                    .map(|label| column(label, ColumnKind::Numeric))
                    .collect()
            }
            Self::Skipped => vec![column(name, ColumnKind::Skipped)],
        }
    }

    /// Writes what a text stands for; `collected` counts the texts of all columns.
    fn read(
        &mut self,
        name: &str,
        text: &str,
        collected: &mut usize,
        out: &mut [f32],
    ) -> Result<(), String> {
        if matches!(self, Self::Skipped) {
            return Ok(());
        }
        if matches!(text, "" | "?" | "NA") {
            let message = format!("missing value ({text:?}), expected complete rows");
            return Err(about(name, &message));
        }
        out[0] = match self {
            Self::Label => parse_label(text)
                .map(f32::from)
                .ok_or_else(|| label_message(name, text))?,
            Self::Number => parse_number(text).map_err(|message| about(name, &message))?,
            Self::Declared(_, index) => match index.get(text) {
                Some(&at) => at as f32,
                None => {
                    let found = shown(text);
                    let message = format!("expected a value seen in training, found {found}");
                    return Err(about(name, &message));
                }
            },
            Self::Collected(seen) => {
                collect(seen, text, collected).map_err(|message| about(name, &message))? as f32
            }
            Self::Ranking(orders) => {
                return orders
                    .read(text, out)
                    .map_err(|message| about(name, &message));
            }
            Self::Skipped => return Ok(()),
        };
        Ok(())
    }
}

/// The index of a text among those seen in its column; `collected` counts those of all columns.
fn collect(
    seen: &mut HashMap<String, usize>,
    text: &str,
    collected: &mut usize,
) -> Result<usize, String> {
    if let Some(&at) = seen.get(text) {
        return Ok(at);
    }
    let next = seen.len();
    if next == MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} different texts"));
    }
    if *collected == MAX_NAMES {
        return Err(format!("more than {MAX_NAMES} texts in all columns"));
    }
    *collected += 1;
    seen.insert(text.to_owned(), next);
    Ok(next)
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
