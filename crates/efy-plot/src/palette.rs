//! Colours and line styles that stay distinct in print and to colour-blind readers.

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Text and axes: softer than black.
pub const INK: Rgb = Rgb(0x26, 0x26, 0x26);
/// Symbols that stand for no curve in particular.
pub const GREY: Rgb = Rgb(0x73, 0x73, 0x73);
/// The grid, which must stay behind the curves.
pub const GRID: Rgb = Rgb(0xE6, 0xE6, 0xE6);
/// The page.
pub const PAPER: Rgb = Rgb(0xFF, 0xFF, 0xFF);

/// The colours of Okabe and Ito (2008) without the yellow, which is too light for a line on white.
pub(crate) const CYCLE: [Rgb; 7] = [
    Rgb(0x00, 0x72, 0xB2),
    Rgb(0xD5, 0x5E, 0x00),
    Rgb(0x00, 0x9E, 0x73),
    Rgb(0xCC, 0x79, 0xA7),
    Rgb(0xE6, 0x9F, 0x00),
    Rgb(0x56, 0xB4, 0xE9),
    Rgb(0x00, 0x00, 0x00),
];

/// Whether and how a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Not at all.
    Solid,
    /// Long pieces.
    Dashed,
    /// Short pieces.
    Dotted,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: Rgb,
    /// From 0 (invisible) to 1.
    pub opacity: f64,
    /// Its width in points.
    pub width: f64,
    /// Whether it is broken.
    pub dash: Dash,
}

impl Stroke {
    /// The stroke of curve `index`: seven colours, then the same ones dashed, then dotted.
    pub fn nth(index: usize) -> Self {
        let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted][index / CYCLE.len() % 3];
        Self {
            color: CYCLE[index % CYCLE.len()],
            opacity: 1.0,
            width: 1.1,
            dash,
        }
    }

    /// The same stroke in the background: thin and pale.
    pub fn faint(self) -> Self {
        Self {
            opacity: 0.45,
            width: 0.7,
            ..self
        }
    }

    /// The same stroke in grey, to explain a line style whatever its colour.
    pub fn grey(self) -> Self {
        Self {
            color: GREY,
            dash: Dash::Solid,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_one_strokes_are_distinct() {
        for a in 0..21 {
            for b in 0..a {
                assert_ne!(Stroke::nth(a), Stroke::nth(b), "{a} and {b}");
            }
        }
        assert_eq!(Stroke::nth(21), Stroke::nth(0));
    }
}
