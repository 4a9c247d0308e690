//! What a legend shows beside its labels.

use crate::canvas::{Canvas, Place, Rect, millimetres, points};
use crate::marker::Marker;
use crate::palette::{GREY, Stroke};
use crate::polyline::dashes;

/// The radius of the ring at the best step, in millimetres.
const RING_RADIUS: f64 = 0.75;
/// The width of a symbol, in millimetres.
pub(crate) const SYMBOL_WIDTH: f64 = 4.5;
/// Half the height of a box or a band in the legend, in millimetres.
const HALF_HEIGHT: f64 = 0.95;
/// How much of what is behind it a band hides.
pub(crate) const BAND_OPACITY: f64 = 0.2;

/// One line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendEntry {
    /// What stands beside the symbol.
    pub label: String,
    /// The symbol.
    pub symbol: Symbol,
}

impl LegendEntry {
    /// An entry.
    pub fn new(label: impl Into<String>, symbol: Symbol) -> Self {
        Self {
            label: label.into(),
            symbol,
        }
    }
}

/// What a legend entry shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symbol {
    /// A piece of a line.
    Line(Stroke),
    /// The ring at the best step.
    Ring,
    /// A piece of a line in its band.
    Band(Stroke),
    /// A bar's colour.
    Box(Stroke),
    /// A marker of a scatter plot.
    Marker(Marker, Stroke),
}

impl Symbol {
    /// Draws the symbol from `origin` to the right, at half the height of the line of text.
    pub(crate) fn draw(self, canvas: &mut Canvas<'_>, origin: Place) -> Result<(), String> {
        let (x, y) = origin;
        let (width, half) = (millimetres(SYMBOL_WIDTH), millimetres(HALF_HEIGHT));
        let middle = (x + width / 2, y);
        let line = [(x, y), (x + width, y)];
        match self {
            Symbol::Line(stroke) => draw_dashed(canvas, &line, stroke),
            Symbol::Ring => {
                let stroke = Stroke {
                    color: GREY,
                    ..Stroke::nth(0)
                };
                draw_ring(canvas, middle, stroke)
            }
            Symbol::Band(stroke) => {
                let band = Rect {
                    left: x,
                    top: y - half,
                    right: x + width,
                    bottom: y + half,
                };
                canvas.fill(band, stroke.color, BAND_OPACITY)?;
                draw_dashed(canvas, &line, stroke)
            }
            Symbol::Box(stroke) => {
                let area = Rect {
                    left: middle.0 - half,
                    top: y - half,
                    right: middle.0 + half,
                    bottom: y + half,
                };
                canvas.fill(area, stroke.color, stroke.opacity)
            }
            Symbol::Marker(marker, stroke) => {
                let opaque = Stroke {
                    opacity: 1.0,
                    ..stroke
                };
                marker.draw(canvas, middle, points(2.2), opaque)
            }
        }
    }
}

/// Draws a line in the pieces of its dash pattern.
pub(crate) fn draw_dashed(
    canvas: &mut Canvas<'_>,
    places: &[Place],
    stroke: Stroke,
) -> Result<(), String> {
    for piece in dashes(places, stroke.dash) {
        canvas.line(&piece, stroke)?;
    }
    Ok(())
}

/// Draws the ring at the best step.
pub(crate) fn draw_ring(canvas: &mut Canvas<'_>, at: Place, stroke: Stroke) -> Result<(), String> {
    canvas.ring(
        at,
        millimetres(RING_RADIUS),
        Stroke {
            width: 0.9,
            ..stroke
        },
    )
}
