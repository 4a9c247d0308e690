//! The shapes of points, so that groups differ in more than their colours.

use crate::canvas::{Canvas, Place};
use crate::palette::Stroke;

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
}

impl Marker {
    /// The marker of group `index`; the fifth has that of the first, in another colour.
    pub fn nth(index: usize) -> Self {
        [Self::Circle, Self::Square, Self::Triangle, Self::Diamond][index % 4]
    }

    /// Draws it; `radius` is that of the disc, and the other shapes cover about the same area.
    pub(crate) fn draw(
        self,
        canvas: &mut Canvas<'_>,
        (x, y): Place,
        radius: i32,
        stroke: Stroke,
    ) -> Result<(), String> {
        let part = |share: f64| (f64::from(radius) * share).round() as i32;
        let (side, tip, foot) = (part(0.89), part(1.25), part(0.78));
        let corners = match self {
            Self::Circle => return canvas.dot((x, y), radius, stroke),
            Self::Square => vec![
                (x - side, y - side),
                (x + side, y - side),
                (x + side, y + side),
                (x - side, y + side),
            ],
            Self::Triangle => vec![
                (x, y - part(1.45)),
                (x + part(1.3), y + foot),
                (x - part(1.3), y + foot),
            ],
            Self::Diamond => vec![(x, y - tip), (x + tip, y), (x, y + tip), (x - tip, y)],
        };
        canvas.polygon(&corners, stroke.color, stroke.opacity)
    }
}
