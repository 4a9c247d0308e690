//! How wide a figure is printed.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The narrowest and the widest figure, in millimetres: labels need some room, and no page has more.
const LIMITS: (f64, f64) = (40.0, 600.0);

/// The width of a figure in print. Text has the same size at every width.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Width {
    /// One column of a two-column page: 85 mm.
    #[default]
    Single,
    /// Both columns: 178 mm.
    Double,
    /// So many millimetres, between 40 and 600.
    Millimetres(f64),
}

impl Width {
    /// The width in millimetres, from 40 to 600.
    pub fn millimetres(self) -> f64 {
        match self {
            Self::Single => 85.0,
            Self::Double => 178.0,
            Self::Millimetres(width) if width.is_nan() => Self::Single.millimetres(),
            Self::Millimetres(width) => width.clamp(LIMITS.0, LIMITS.1),
        }
    }

    /// The usual height of a frame in millimetres: the golden ratio or so for one column, flatter
    /// for two.
    pub(crate) fn frame_height(self) -> f64 {
        let (single, double) = (Self::Single.millimetres(), Self::Double.millimetres());
        let share = (self.millimetres() - single) / (double - single);
        (44.0 + 20.0 * share).min(80.0)
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("single"),
            Self::Double => f.write_str("double"),
            Self::Millimetres(width) => write!(f, "{width}mm"),
        }
    }
}

/// `single`, `double`, or millimetres such as `120mm`.
impl FromStr for Width {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        let unknown = || Error::UnknownWidth {
            given: given.to_owned(),
        };
        match given.to_ascii_lowercase().as_str() {
            "single" => Ok(Self::Single),
            "double" => Ok(Self::Double),
            other => {
                let number = other.strip_suffix("mm").ok_or_else(unknown)?.trim_end();
                let width: f64 = number.parse().map_err(|_| unknown())?;
                let possible = (LIMITS.0..=LIMITS.1).contains(&width);
                possible
                    .then_some(Self::Millimetres(width))
                    .ok_or_else(unknown)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_parsed_and_shown_alike() {
        for (given, millimetres) in [("single", 85.0), ("double", 178.0), ("120.5mm", 120.5)] {
            let width: Width = given.parse().unwrap();
            assert_eq!(width.millimetres(), millimetres);
            assert_eq!(width.to_string(), given);
        }
        for given in ["", "wide", "120", "mm", "nanmm", "39mm", "1e9mm", "-85mm"] {
            let message = given.parse::<Width>().unwrap_err().to_string();
            let expected = "expected single, double, or from 40mm to 600mm";
            assert_eq!(message, format!("{given}: unknown width, {expected}"));
        }
    }

    #[test]
    fn every_value_is_a_possible_width() {
        let width = |width| Width::Millimetres(width).millimetres();
        assert_eq!([0.0, 1e9, f64::NAN].map(width), [40.0, 600.0, 85.0]);
        let heights = [Width::Single, Width::Double, Width::Millimetres(600.0)];
        assert_eq!(heights.map(Width::frame_height), [44.0, 64.0, 80.0]);
    }
}
