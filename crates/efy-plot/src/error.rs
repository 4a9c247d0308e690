//! What can go wrong between a run directory and a finished figure.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why no figure could be made. Each message names the file, and the line where there is one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the run could not be read.
    #[error("{path}: cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A figure could not be written.
    #[error("{path}: cannot be written")]
    Write {
        /// The file, or the directory that was to hold it.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A line of a metrics file is not an event.
    #[error("{path}:{line}: {message}")]
    Event {
        /// The metrics file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// `config.yaml` or `summary.json` is there and cannot be understood.
    #[error("{path}: {message}")]
    RunFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The metrics file holds no event yet.
    #[error("{path}: no events yet; the first one is written at the end of the first epoch")]
    NoEvents {
        /// The metrics file.
        path: PathBuf,
    },
    /// There is nothing of a run in a directory, or no directory.
    #[error("{path}: {message}")]
    NotARun {
        /// The directory.
        path: PathBuf,
        /// What was found and expected.
        message: &'static str,
    },
    /// No run directory was given.
    #[error("no run directory given")]
    NoRuns,
    /// There are events, but none that a curve over training can be drawn from.
    #[error("{runs}: no finite train or validation value to plot")]
    NothingToPlot {
        /// The names of the runs.
        runs: String,
    },
    /// The name of an output format is unknown.
    #[error("{given}: unknown format, expected svg, pdf or png")]
    UnknownFormat {
        /// What was given.
        given: String,
    },
    /// The name of a grouping is unknown.
    #[error("{given}: unknown grouping, expected seeds or none")]
    UnknownGrouping {
        /// What was given.
        given: String,
    },
    /// The name of a format of tables is unknown.
    #[error("{given}: unknown format of tables, expected tex, md or csv")]
    UnknownTableFormat {
        /// What was given.
        given: String,
    },
    /// A metric was asked for that no run has.
    #[error("{given}: no run has this metric; there are {known}")]
    UnknownMetric {
        /// What was given.
        given: String,
        /// The metrics of all runs.
        known: String,
    },
    /// A run has no final metrics on a split.
    #[error("{path}: no metrics of the {split} split; it is written when a run has ended")]
    NoResults {
        /// The summary.
        path: PathBuf,
        /// The split.
        split: String,
    },
    /// The width of figures is not one.
    #[error("{given}: unknown width, expected single, double, or from 40mm to 600mm")]
    UnknownWidth {
        /// What was given.
        given: String,
    },
    /// The figure could not be drawn as SVG.
    #[error("figure `{figure}`: cannot be drawn: {message}")]
    Draw {
        /// The name of the figure.
        figure: String,
        /// What the drawing library answered.
        message: String,
    },
    /// The SVG could not be turned into a PNG.
    #[error("cannot make a PNG: {message}")]
    Png {
        /// What the rendering library answered.
        message: String,
    },
    /// The SVG could not be turned into a PDF.
    #[error("cannot make a PDF: {message}")]
    Pdf {
        /// What the converting library answered.
        message: String,
    },
}
