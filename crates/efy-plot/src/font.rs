//! The embedded font: its registration with the drawing libraries, and the size of text.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

use crate::canvas::points;

/// Inter, as the SVG names it and as PNGs are rendered with.
pub(crate) const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.ttf");
/// The weight of titles.
pub(crate) const SEMI_BOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf");
/// The name of the family in the font files.
pub(crate) const FAMILY: &str = "Inter";
/// The family with what a reader without it gets. plotters writes the name a font is registered
/// under into the SVG as it is, so the whole list is that name.
const CSS_FAMILY: &str = "Inter, sans-serif";

/// The height of a capital letter relative to the font size, to centre text on a line.
pub(crate) const CAP_HEIGHT: f64 = 0.73;
/// plotters takes the height of a line and divides it by this to get the font size.
const LINE_HEIGHT: f64 = 1.24;

/// A font size, in points, and a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Font {
    pub size: f64,
    pub bold: bool,
}

impl Font {
    pub const TITLE: Self = Self {
        size: 8.5,
        bold: true,
    };
    pub const LABEL: Self = Self {
        size: 8.0,
        bold: false,
    };
    pub const SMALL: Self = Self {
        size: 7.0,
        bold: false,
    };

    /// The font size in the units of the canvas.
    pub fn em(self) -> f64 {
        f64::from(points(self.size))
    }

    /// The same font in plotters' terms.
    pub fn desc(self) -> FontDesc<'static> {
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        FontDesc::new(FontFamily::Name(CSS_FAMILY), self.em() * LINE_HEIGHT, style)
    }

    /// The width of `text` in the units of the canvas.
    pub fn width(self, text: &str) -> Result<i32, String> {
        register()?;
        let (width, _) = self
            .desc()
            .box_size(text)
            .map_err(|error| error.to_string())?;
        Ok(i32::try_from(width).unwrap_or(i32::MAX))
    }

    /// `text`, or as much of both its ends as fits into `width`.
    ///
    /// The names of runs tend to differ in their last characters, so it is the middle that goes.
    pub fn shorten(self, text: &str, width: i32) -> Result<String, String> {
        if self.width(text)? <= width {
            return Ok(text.to_owned());
        }
        let chars: Vec<char> = text.chars().collect();
        let keep = |count: usize| {
            let front: String = chars[..count.div_ceil(2)].iter().collect();
            let back: String = chars[chars.len() - count / 2..].iter().collect();
            format!("{}…{}", front.trim_end(), back.trim_start())
        };
        let (mut fits, mut too_long) = (0, chars.len());
        while too_long - fits > 1 {
            let middle = (fits + too_long) / 2;
            if self.width(&keep(middle))? <= width {
                fits = middle
            } else {
                too_long = middle
            }
        }
        Ok(keep(fits))
    }
}

fn register() -> Result<(), String> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let faces = [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)];
    let register_all = || {
        faces
            .iter()
            .all(|&(style, file)| register_font(CSS_FAMILY, style, file).is_ok())
    };
    if *REGISTERED.get_or_init(register_all) {
        Ok(())
    } else {
        Err("the embedded font is damaged".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_text_is_wider() {
        let width = |text| Font::LABEL.width(text).unwrap();
        assert_eq!(width(""), 0);
        assert!(width("iii") < width("mmm"));
        // Half a centimetre for five digits at 8 points is about right.
        assert!((500..900).contains(&width("12345")), "{}", width("12345"));
    }

    #[test]
    fn long_names_lose_their_middle() {
        let name = format!("yeast-{}-seed3", "x".repeat(500));
        let short = Font::SMALL.shorten(&name, 2000).unwrap();
        assert!(
            short.starts_with("yeast-") && short.ends_with("-seed3"),
            "{short}"
        );
        assert!(short.contains('…'));
        assert!(Font::SMALL.width(&short).unwrap() <= 2000);
        assert_eq!(Font::SMALL.shorten("yeast", 2000).unwrap(), "yeast");
        assert_eq!(Font::SMALL.shorten("yeast", 0).unwrap(), "…");
    }
}
