//! The file formats of figures.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A file format of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Scalable, for the web and for editing; text names the font.
    Svg,
    /// Scalable, for LaTeX; the glyphs in use are embedded.
    Pdf,
    /// Pixels, 300 dots per inch unless asked otherwise.
    Png,
}

impl Format {
    /// The file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        match given.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "pdf" => Ok(Self::Pdf),
            "png" => Ok(Self::Png),
            _ => Err(Error::UnknownFormat {
                given: given.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_parsed() {
        for format in [Format::Svg, Format::Pdf, Format::Png] {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert_eq!("PDF".parse::<Format>().unwrap(), Format::Pdf);
        let message = "bmp".parse::<Format>().unwrap_err().to_string();
        assert_eq!(message, "bmp: unknown format, expected svg, pdf or png");
    }
}
