//! What an experiment finds, apart from how it is printed and drawn.

use std::fmt::Write;

use serde_json::Value;

/// The findings of an experiment.
#[derive(Debug)]
pub struct Findings {
    /// The heading of the report.
    pub title: String,
    /// What was done, in Markdown.
    pub about: String,
    /// What a reader must know of this run, such as data sets that were left out.
    pub notes: Vec<String>,
    /// The tables, the main one first.
    pub tables: Vec<Table>,
    /// The pictures.
    pub pictures: Vec<Picture>,
    /// How the numbers compare with the paper's.
    pub comparison: Vec<String>,
    /// Where the experiment is not the paper's, or is not known to be.
    pub deviations: Vec<String>,
    /// Every number.
    pub numbers: Value,
    /// Seconds of computation, over all trials.
    pub seconds: f64,
}

/// A table of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// What its cells are.
    pub caption: String,
    /// The heads of the columns.
    pub header: Vec<String>,
    /// The rows, each as wide as the header.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table in Markdown, all columns but the first aligned to the right.
    #[must_use]
    pub fn markdown(&self) -> String {
        let escaped = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = escaped(&self.header);
        let rules = self.header.iter().enumerate();
        let rules: Vec<&str> = rules
            .map(|(column, _)| if column == 0 { "---" } else { "---:" })
            .collect();
        let _ = writeln!(text, "|{}|", rules.join("|"));
        for row in &self.rows {
            text += &escaped(row);
        }
        text
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The stem of its files.
    pub name: String,
    /// The line above it.
    pub title: String,
    /// What it shows.
    pub caption: String,
    /// What is drawn.
    pub plot: Plot,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Plot {
    /// Lines in one frame.
    Lines {
        /// The horizontal axis: its label and scale.
        x: (String, Scale),
        /// The vertical axis.
        y: (String, Scale),
        /// The lines.
        series: Vec<Series>,
    },
    /// Lines with bands in one frame.
    Bands {
        /// The horizontal axis: its label and scale.
        x: (String, Scale),
        /// The vertical axis.
        y: (String, Scale),
        /// The lines.
        series: Vec<Banded>,
    },
    /// Maps of densities over the sphere, in one scale of colours.
    Globes {
        /// The maps.
        panels: Vec<Globe>,
    },
    /// Panels side by side, in each a dot with its error bar for every row.
    Dots {
        /// The names of the rows, the same in all panels.
        rows: Vec<String>,
        /// The label of the horizontal axes.
        x: String,
        /// The panels.
        panels: Vec<Panel>,
    },
}

/// A scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    Linear,
    /// Equal ratios are equally long.
    Log,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Its look, counted from 0: the same in all pictures of an experiment.
    pub style: usize,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A line with a band.
#[derive(Debug, Clone, PartialEq)]
pub struct Banded {
    /// Its name.
    pub label: String,
    /// Its look, counted from 0.
    pub style: usize,
    /// Whether others are compared with it: it is drawn thin and broken.
    pub reference: bool,
    /// Its points, x increasing.
    pub points: Vec<Spread>,
}

/// A point of a line and the ends of the band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Where it is.
    pub x: f64,
    /// The value of the line.
    pub middle: f64,
    /// The lower and the upper end.
    pub ends: Option<(f64, f64)>,
}

/// A density over the sphere.
#[derive(Debug, Clone, PartialEq)]
pub struct Globe {
    /// The line above it.
    pub title: String,
    /// Probability per steradian, row by row from the north; in a row from the west.
    pub density: Vec<Vec<f64>>,
    /// Points on top.
    pub points: Vec<[f64; 3]>,
}

/// A panel of dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Its heading.
    pub title: String,
    /// Mean and standard deviation of each row, where there are any.
    pub dots: Vec<Option<(f64, f64)>>,
    /// Vertical lines.
    pub references: Vec<Reference>,
}

/// A value that others are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// What it is; the same in all panels that have it.
    pub label: String,
    /// The value.
    pub value: f64,
    /// Whether the axis has to reach it; if not, it is drawn where the axis happens to.
    pub stretch: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let table = Table {
            title: String::new(),
            caption: String::new(),
            header: vec!["model".into(), "a|b".into()],
            rows: vec![vec!["unary".into(), "1.0".into()]],
        };
        let expected = "| model | a\\|b |\n|---|---:|\n| unary | 1.0 |\n";
        assert_eq!(table.markdown(), expected);
    }
}
