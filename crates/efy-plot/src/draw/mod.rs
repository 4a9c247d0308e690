//! Drawing figures as SVG documents.

pub(crate) mod bars;
pub(crate) mod color_bar;
pub(crate) mod dots;
mod dots_page;
pub(crate) mod film;
mod frame;
pub(crate) mod heat_map;
pub(crate) mod lines;
pub(crate) mod plane;
pub(crate) mod scatter;
pub(crate) mod sphere;

use crate::chart::Chart;
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::palette::{Dash, Rgb, Stroke};

/// Draws `figure` as an SVG document, its size in millimetres.
///
/// The document names the font Inter and falls back to the sans-serif font of the reader.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if the drawing library refuses something.
pub fn draw(figure: &Figure) -> Result<String> {
    draw_chart(&Chart::from(figure))
}

/// Draws `chart` as an SVG document, as [`draw`] does.
///
/// # Errors
/// As [`draw`].
pub fn draw_chart(chart: &Chart) -> Result<String> {
    named(&chart.name, lines::paint(chart))
}

/// The error of the figure called `name`.
pub(crate) fn named(name: &str, drawn: Result<String, String>) -> Result<String> {
    drawn.map_err(|message| Error::Draw {
        figure: name.to_owned(),
        message,
    })
}

/// The stroke of axes and grid lines.
pub(crate) fn thin(color: Rgb, width: f64) -> Stroke {
    Stroke {
        color,
        opacity: 1.0,
        width,
        dash: Dash::Solid,
    }
}
