//! From run directories to files.

use std::io;
use std::path::{Path, PathBuf};

use crate::chart::Chart;
use crate::curves::figures;
use crate::dots::DotPlot;
use crate::draw::{draw, draw_chart};
use crate::draw_dots::draw_dots;
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::output::{create_dir, write_atomically};
use crate::render::{Format, render_png};
use crate::run::{Run, read_runs};
use crate::table::to_csv;

/// Draws the figures of one run, or of several in comparison, and writes them to the directory
/// `out` in each of `formats`, with a CSV file of the data beside each. Returns the files.
///
/// # Errors
/// [`Error::NoRuns`] and [`Error::NothingToPlot`] if there is nothing to draw, and those of reading
/// the runs and of writing the files. Figures that were finished before stay.
pub fn plot(runs: &[PathBuf], out: &Path, formats: &[Format]) -> Result<Vec<PathBuf>> {
    if runs.is_empty() {
        return Err(Error::NoRuns);
    }
    let runs = read_runs(runs)?;
    let figures = figures(&runs);
    if figures.is_empty() {
        return Err(Error::NothingToPlot { runs: names(&runs) });
    }
    create_dir(out)?;
    let mut written = Vec::new();
    for figure in &figures {
        written.extend(write_figure(figure, out, formats)?);
    }
    Ok(written)
}

/// Something that is drawn, with its data beside it.
pub trait Drawing {
    /// The stem of its files.
    fn name(&self) -> &str;

    /// The drawing.
    ///
    /// # Errors
    /// [`Error::Draw`].
    fn svg(&self) -> Result<String>;

    /// The data.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    fn csv(&self) -> io::Result<Vec<u8>>;
}

impl Drawing for Figure {
    fn name(&self) -> &str {
        &self.name
    }

    fn svg(&self) -> Result<String> {
        draw(self)
    }

    fn csv(&self) -> io::Result<Vec<u8>> {
        to_csv(self)
    }
}

impl Drawing for Chart {
    fn name(&self) -> &str {
        &self.name
    }

    fn svg(&self) -> Result<String> {
        draw_chart(self)
    }

    fn csv(&self) -> io::Result<Vec<u8>> {
        self.to_csv()
    }
}

impl Drawing for DotPlot {
    fn name(&self) -> &str {
        &self.name
    }

    fn svg(&self) -> Result<String> {
        draw_dots(self)
    }

    fn csv(&self) -> io::Result<Vec<u8>> {
        self.to_csv()
    }
}

/// Writes one drawing, named after [`Drawing::name`], to the directory `out`, which has to exist.
///
/// # Errors
/// [`Error::Draw`], [`Error::Png`] and [`Error::Write`].
pub fn write_figure(figure: &dyn Drawing, out: &Path, formats: &[Format]) -> Result<Vec<PathBuf>> {
    let file = |extension: &str| out.join(format!("{}.{extension}", figure.name()));
    let svg = figure.svg()?;
    let mut written = Vec::new();
    for &format in formats {
        let path = file(format.extension());
        match format {
            Format::Svg => write_atomically(&path, svg.as_bytes())?,
            Format::Png => write_atomically(&path, &render_png(&svg)?)?,
        }
        written.push(path);
    }
    let path = file("csv");
    let table = figure.csv().map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })?;
    write_atomically(&path, &table)?;
    written.push(path);
    Ok(written)
}

fn names(runs: &[Run]) -> String {
    runs.iter()
        .map(|run| run.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
