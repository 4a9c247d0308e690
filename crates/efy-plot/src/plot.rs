//! From run directories to files.

use std::path::{Path, PathBuf};

use crate::bars::Bars;
use crate::curves::group_figures;
use crate::density::density_drawings;
use crate::drawing::{Drawing, Output, write_drawing};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::group::{Grouping, group_runs};
use crate::log_partitions::log_partitions;
use crate::output::create_dir;
use crate::run::{Run, read_runs};
use crate::tabular::results::results_table;
use crate::test_bars::test_bars;
use crate::width::Width;

/// How runs are drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlotOptions {
    /// The files of each figure.
    pub output: Output,
    /// How wide figures are printed.
    pub width: Width,
    /// Which runs are drawn as one.
    pub grouping: Grouping,
}

/// Draws the figures of one run, or of several in comparison, and writes them to the directory
/// `out` in each of `formats`, with a CSV file of the data beside each. Returns the files.
///
/// # Errors
/// As [`plot_with`].
pub fn plot(runs: &[PathBuf], out: &Path, formats: &[Format]) -> Result<Vec<PathBuf>> {
    let output = Output {
        formats: formats.to_vec(),
        ..Output::default()
    };
    let options = PlotOptions {
        output,
        ..PlotOptions::default()
    };
    plot_with(runs, out, &options)
}

/// Draws the [figures](crate::figures) of the runs in the directories `runs`, and for several
/// (groups of) runs their test metrics as bars, for runs that have some their log-partitions, for one run of a density its maps, and
/// writes them to the directory `out` with a CSV file
/// beside each. Returns the files.
///
/// # Errors
/// [`Error::NoRuns`] and [`Error::NothingToPlot`] if there is nothing to draw, and those of reading
/// the runs and of writing the files. Figures that were finished before stay.
pub fn plot_with(runs: &[PathBuf], out: &Path, options: &PlotOptions) -> Result<Vec<PathBuf>> {
    if runs.is_empty() {
        return Err(Error::NoRuns);
    }
    let dirs = runs;
    let runs = read_runs(dirs)?;
    let groups = group_runs(dirs, &runs, options.grouping)?;
    let mut figures = group_figures(&groups);
    if figures.is_empty() {
        return Err(Error::NothingToPlot { runs: names(&runs) });
    }
    for figure in &mut figures {
        figure.width = options.width;
    }
    let bars = match groups.len() {
        1 => None,
        _ => match results_table(dirs, options.grouping, "test", &[]) {
            Ok(table) => test_bars(&table),
            // A run that has not ended has curves already.
            Err(Error::NoResults { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let bars = bars.map(|bars| Bars {
        width: options.width,
        ..bars
    });
    let densities = match (dirs, runs.as_slice()) {
        ([dir], [run]) => density_drawings(dir, &run.name, options.width)?,
        _ => Vec::new(),
    };
    let log_partitions = log_partitions((dirs, &runs), options.width)?;
    create_dir(out)?;
    let mut written = Vec::new();
    let drawings = figures.iter().map(|figure| figure as &dyn Drawing);
    let drawings = drawings
        .chain(bars.iter().map(|bars| bars as &dyn Drawing))
        .chain(log_partitions.iter().map(|scatter| scatter as &dyn Drawing));
    for drawing in drawings.chain(densities.iter().map(|density| density.as_ref())) {
        written.extend(write_drawing(drawing, out, &options.output)?);
    }
    Ok(written)
}

fn names(runs: &[Run]) -> String {
    runs.iter()
        .map(|run| run.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
