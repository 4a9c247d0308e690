//! Tables of results: for papers (LaTeX with booktabs), for pages (Markdown) and for programs (CSV).

mod markdown;
pub(crate) mod results;
mod tex;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::chart::number;
use crate::error::{Error, Result};
use crate::number::fixed;
use crate::output::{create_dir, write_atomically};

/// A table of numbers, a row for each thing that is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The caption, none if empty.
    pub caption: String,
    /// What `\ref` finds it under, such as `tab:results`; none if empty.
    pub label: String,
    /// The header of the names of the rows.
    pub stub: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, from the top.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What stands above it and its neighbours of the same group, if anything does.
    pub group: Option<String>,
    /// Its header.
    pub label: String,
    /// Its name in CSV files.
    pub key: String,
    /// Which of its numbers are best, and so bold, if any are.
    pub best: Option<Best>,
    /// The decimals that its numbers are rounded to.
    pub decimals: usize,
}

/// Which numbers are best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    /// The highest.
    Highest,
    /// The lowest.
    Lowest,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is about.
    pub label: String,
    /// A cell for each column; those that are missing at the end are empty.
    pub cells: Vec<Cell>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A dash.
    Empty,
    /// Words.
    Text(String),
    /// A number, written as a dash if it is not finite, with its deviation, if it has one.
    Number {
        /// The number.
        mean: f64,
        /// How far it varies.
        deviation: Option<f64>,
    },
}

/// A file format of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableFormat {
    /// LaTeX with the package booktabs.
    Tex,
    /// Markdown as GitHub and mdBook read it.
    Markdown,
    /// Numbers that are not rounded.
    Csv,
}

impl TableFormat {
    /// The file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tex => "tex",
            Self::Markdown => "md",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for TableFormat {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        match given {
            "tex" => Ok(Self::Tex),
            "md" => Ok(Self::Markdown),
            "csv" => Ok(Self::Csv),
            _ => Err(Error::UnknownTableFormat {
                given: given.to_owned(),
            }),
        }
    }
}

impl Table {
    /// The table in one of the formats.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_format(&self, format: TableFormat) -> io::Result<String> {
        match format {
            TableFormat::Tex => Ok(self.to_tex()),
            TableFormat::Markdown => Ok(self.to_markdown()),
            TableFormat::Csv => self.to_csv(),
        }
    }

    /// A floating table that needs `\usepackage{booktabs}`. What TeX would take for a command is
    /// escaped; the best numbers are bold.
    pub fn to_tex(&self) -> String {
        tex::table(self)
    }

    /// A table with its caption below, the best numbers bold. A group stands before the headers of its
    /// columns.
    pub fn to_markdown(&self) -> String {
        markdown::table(self)
    }

    /// The table with all digits. A column with deviations is followed by one of them.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<String> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let deviates = |index: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.cells.get(index));
            cells.any(|cell| {
                matches!(
                    cell,
                    Cell::Number {
                        deviation: Some(_),
                        ..
                    }
                )
            })
        };
        let deviates: Vec<bool> = (0..self.columns.len()).map(deviates).collect();
        let mut header = vec![self.stub.clone()];
        for (column, &deviates) in self.columns.iter().zip(&deviates) {
            header.push(column.key.clone());
            header.extend(deviates.then(|| format!("{}_deviation", column.key)));
        }
        table.write_record(header)?;
        for row in &self.rows {
            let mut record = vec![row.label.clone()];
            for (index, &deviates) in deviates.iter().enumerate() {
                let (text, spread) = match row.cells.get(index) {
                    Some(Cell::Text(text)) => (text.clone(), String::new()),
                    Some(&Cell::Number { mean, deviation }) => {
                        let finite = Some(mean).filter(|mean| mean.is_finite());
                        (number(finite), number(deviation))
                    }
                    Some(Cell::Empty) | None => Default::default(),
                };
                record.push(text);
                record.extend(deviates.then_some(spread));
            }
            table.write_record(record)?;
        }
        let bytes = table
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// The cells as they are written: row by row, with a cell for every column.
    fn written(&self) -> Vec<(&str, Vec<Written>)> {
        let best: Vec<Option<String>> = (0..self.columns.len())
            .map(|index| self.best(index))
            .collect();
        let row = |row: &'_ Row| -> Vec<Written> {
            let columns = self.columns.iter().zip(&best).enumerate();
            let cells = columns.map(|(index, (column, best))| {
                match row.cells.get(index).unwrap_or(&Cell::Empty) {
                    Cell::Text(text) => Written::Text(text.clone()),
                    Cell::Number { mean, deviation } if mean.is_finite() => {
                        let mean = fixed(*mean, column.decimals);
                        Written::Number {
                            bold: best.as_ref() == Some(&mean),
                            deviation: deviation.map(|spread| fixed(spread, column.decimals)),
                            mean,
                        }
                    }
                    Cell::Empty | Cell::Number { .. } => Written::Empty,
                }
            });
            cells.collect()
        };
        self.rows
            .iter()
            .map(|found| (found.label.as_str(), row(found)))
            .collect()
    }

    /// The best number of a column as it is written, so that what reads alike is bold alike; none if
    /// there is nothing to compare.
    fn best(&self, index: usize) -> Option<String> {
        let column = self.columns.get(index)?;
        let cells = self.rows.iter().filter_map(|row| row.cells.get(index));
        let means = cells.filter_map(|cell| match cell {
            Cell::Number { mean, .. } if mean.is_finite() => Some(*mean),
            _ => None,
        });
        let means: Vec<f64> = means.collect();
        let best = match column.best? {
            Best::Highest => means.iter().copied().max_by(f64::total_cmp),
            Best::Lowest => means.iter().copied().min_by(f64::total_cmp),
        };
        let written: Vec<String> = means
            .iter()
            .map(|mean| fixed(*mean, column.decimals))
            .collect();
        let best = fixed(best?, column.decimals);
        let equal = written.iter().all(|mean| *mean == best);
        (!equal).then_some(best)
    }
}

/// Writes the table to `out`, which is made if need be, as `stem` with the extension of each format.
/// Returns the files.
///
/// # Errors
/// [`Error::Write`].
pub fn write_table(
    table: &Table,
    stem: &str,
    out: &Path,
    formats: &[TableFormat],
) -> Result<Vec<PathBuf>> {
    create_dir(out)?;
    let write = |format: &TableFormat| {
        let path = out.join(format!("{stem}.{format}"));
        let text = table.to_format(*format).map_err(|source| Error::Write {
            path: path.clone(),
            source,
        })?;
        write_atomically(&path, text.as_bytes())?;
        Ok(path)
    };
    formats.iter().map(write).collect()
}

/// A cell as it is written.
enum Written {
    Empty,
    Text(String),
    Number {
        mean: String,
        deviation: Option<String>,
        bold: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn table() -> Table {
        let column = |group: Option<&str>, label: &str, best| Column {
            group: group.map(str::to_owned),
            label: label.to_owned(),
            key: label.replace(' ', "_").to_lowercase(),
            best,
            decimals: 2,
        };
        let number = |mean, deviation| Cell::Number { mean, deviation };
        let row = |label: &str, cells: Vec<Cell>| Row {
            label: label.to_owned(),
            cells,
        };
        Table {
            caption: "Test metrics, 50% of the data & more".to_owned(),
            label: "tab:results".to_owned(),
            stub: "run".to_owned(),
            columns: vec![
                column(None, "loss", Some(Best::Lowest)),
                column(Some("F1"), "micro", Some(Best::Highest)),
                column(Some("F1"), "macro", Some(Best::Highest)),
                column(None, "note", None),
            ],
            rows: vec![
                row(
                    "pairwise_a",
                    vec![
                        number(-1.25, None),
                        number(0.712, Some(0.0123)),
                        number(0.5, None),
                        Cell::Text("a|b".to_owned()),
                    ],
                ),
                row(
                    "[unary]",
                    vec![
                        number(0.5, None),
                        number(0.714, Some(0.02)),
                        number(f64::NAN, None),
                    ],
                ),
                row("*", vec![Cell::Empty, number(0.31, None)]),
            ],
        }
    }

    #[test]
    fn the_best_is_what_reads_as_the_best() {
        let table = table();
        let bold = |column: usize| -> Vec<bool> {
            let rows = table.written();
            let cells = rows.iter().map(|(_, cells)| &cells[column]);
            cells
                .map(|cell| matches!(cell, Written::Number { bold: true, .. }))
                .collect()
        };
        assert_eq!(bold(0), [true, false, false]);
        assert_eq!(
            bold(1),
            [true, true, false],
            "0.712 and 0.714 both read 0.71"
        );
        assert_eq!(bold(2), [false, false, false], "nothing to compare");
    }

    #[test]
    fn a_csv_file_has_all_digits() {
        let expected = "run,loss,micro,micro_deviation,macro,note\n\
             pairwise_a,-1.25,0.712,0.0123,0.5,a|b\n\
             [unary],0.5,0.714,0.02,,\n\
             *,,0.31,,,\n";
        assert_eq!(table().to_csv().unwrap(), expected);
    }

    #[test]
    fn formats_are_parsed() {
        for format in [TableFormat::Tex, TableFormat::Markdown, TableFormat::Csv] {
            assert_eq!(format.to_string().parse::<TableFormat>().unwrap(), format);
            assert!(!table().to_format(format).unwrap().is_empty());
        }
        let message = "html".parse::<TableFormat>().unwrap_err().to_string();
        assert_eq!(
            message,
            "html: unknown format of tables, expected tex, md or csv"
        );
    }
}
