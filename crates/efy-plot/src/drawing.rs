//! What all kinds of figures have in common: they are drawn, and written with their data beside.

use std::io;
use std::path::{Path, PathBuf};

use crate::bars::Bars;
use crate::chart::Chart;
use crate::dots::DotPlot;
use crate::draw::bars::draw_bars;
use crate::draw::dots::draw_dots;
use crate::draw::film::draw_film;
use crate::draw::heat_map::draw_heat_map;
use crate::draw::plane::draw_plane;
use crate::draw::scatter::draw_scatter;
use crate::draw::sphere::draw_sphere;
use crate::draw::{draw, draw_chart};
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::film::Film;
use crate::format::Format;
use crate::heat_map::HeatMap;
use crate::output::write_atomically;
use crate::plane::PlaneDensity;
use crate::render::{DOTS_PER_INCH, render_pdf, render_png_at};
use crate::scatter::Scatter;
use crate::sphere::SphereDensity;
use crate::table::to_csv;

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

/// A kind of figure is its fields, a function that draws it and one that makes a table of it.
macro_rules! drawing {
    ($kind:ty, $svg:path, $csv:path) => {
        impl Drawing for $kind {
            fn name(&self) -> &str {
                &self.name
            }

            fn svg(&self) -> Result<String> {
                $svg(self)
            }

            fn csv(&self) -> io::Result<Vec<u8>> {
                $csv(self)
            }
        }
    };
}

drawing!(Figure, draw, to_csv);
drawing!(Chart, draw_chart, Chart::to_csv);
drawing!(DotPlot, draw_dots, DotPlot::to_csv);
drawing!(Bars, draw_bars, Bars::to_csv);
drawing!(HeatMap, draw_heat_map, HeatMap::to_csv);
drawing!(Scatter, draw_scatter, Scatter::to_csv);
drawing!(SphereDensity, draw_sphere, SphereDensity::to_csv);
drawing!(Film, draw_film, Film::to_csv);
drawing!(PlaneDensity, draw_plane, PlaneDensity::to_csv);

/// The files that a drawing is written to.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The formats, a file each.
    pub formats: Vec<Format>,
    /// The resolution of PNGs, in dots per inch.
    pub dots_per_inch: f64,
}

/// SVG and PNG, 300 dots per inch.
impl Default for Output {
    fn default() -> Self {
        Self {
            formats: vec![Format::Svg, Format::Png],
            dots_per_inch: DOTS_PER_INCH,
        }
    }
}

/// Writes one drawing, named after [`Drawing::name`], to the directory `out`, which has to exist;
/// PNGs have 300 dots per inch.
///
/// # Errors
/// As [`write_drawing`].
pub fn write_figure(figure: &dyn Drawing, out: &Path, formats: &[Format]) -> Result<Vec<PathBuf>> {
    let output = Output {
        formats: formats.to_vec(),
        ..Output::default()
    };
    write_drawing(figure, out, &output)
}

/// Writes one drawing, named after [`Drawing::name`], to the directory `out`, which has to exist: a
/// file for each format, all from one SVG document, and its data as CSV. Returns the files.
///
/// # Errors
/// [`Error::Draw`], [`Error::Png`], [`Error::Pdf`] and [`Error::Write`].
pub fn write_drawing(drawing: &dyn Drawing, out: &Path, output: &Output) -> Result<Vec<PathBuf>> {
    let file = |extension: &str| out.join(format!("{}.{extension}", drawing.name()));
    let svg = drawing.svg()?;
    let mut written = Vec::new();
    for &format in &output.formats {
        let path = file(format.extension());
        match format {
            Format::Svg => write_atomically(&path, svg.as_bytes())?,
            Format::Pdf => write_atomically(&path, &render_pdf(&svg)?)?,
            Format::Png => {
                write_atomically(&path, &render_png_at(&svg, output.dots_per_inch)?)?;
            }
        }
        written.push(path);
    }
    let path = file("csv");
    let table = drawing.csv().map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })?;
    write_atomically(&path, &table)?;
    written.push(path);
    Ok(written)
}
