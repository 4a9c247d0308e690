//! Output formats, and SVG to PNG with the embedded font only.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::{Error, Result};
use crate::font;

/// The resolution of PNGs.
const DOTS_PER_INCH: f32 = 300.0;
/// The resolution in which resvg counts.
const CSS_DOTS_PER_INCH: f32 = 96.0;

/// A file format of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Scalable, for the web and for editing.
    Svg,
    /// 300 dots per inch.
    Png,
}

impl Format {
    /// The file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
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
            "png" => Ok(Self::Png),
            "pdf" => Err(Error::UnsupportedFormat {
                given: given.to_owned(),
            }),
            _ => Err(Error::UnknownFormat {
                given: given.to_owned(),
            }),
        }
    }
}

/// Renders an SVG document as a PNG file of 300 dots per inch.
///
/// No font but the embedded one is used, so that the result does not depend on what is
/// installed.
///
/// # Errors
/// [`Error::Png`] if the document cannot be read or has no size.
pub fn render_png(svg: &str) -> Result<Vec<u8>> {
    let failed = |message: String| Error::Png { message };
    let options = Options {
        dpi: CSS_DOTS_PER_INCH,
        font_family: font::FAMILY.to_owned(),
        fontdb: fonts(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let scale = DOTS_PER_INCH / CSS_DOTS_PER_INCH;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(scale)
        .unwrap_or(tree.size().to_int_size());
    let mut page = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed("the page has no size".to_owned()))?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut page.as_mut(),
    );
    page.encode_png().map_err(|error| failed(error.to_string()))
}

fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(font::REGULAR.to_vec());
        fonts.load_font_data(font::SEMI_BOLD.to_vec());
        fonts.set_sans_serif_family(font::FAMILY);
        Arc::new(fonts)
    };
    Arc::clone(FONTS.get_or_init(load))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_parsed() {
        assert_eq!("svg".parse::<Format>().unwrap(), Format::Svg);
        assert_eq!("PNG".parse::<Format>().unwrap(), Format::Png);
        let message = |given: &str| given.parse::<Format>().unwrap_err().to_string();
        assert_eq!(
            message("pdf"),
            "pdf: not supported yet, expected svg or png"
        );
        assert_eq!(message("bmp"), "bmp: unknown format, expected svg or png");
    }

    #[test]
    fn the_embedded_fonts_are_all_there_is() {
        let fonts = fonts();
        let weights: Vec<_> = fonts.faces().map(|face| face.weight.0).collect();
        assert_eq!(weights, [400, 600]);
        assert!(fonts.faces().all(|face| face.families[0].0 == font::FAMILY));
    }

    #[test]
    fn what_is_not_svg_is_an_error() {
        assert!(matches!(render_png("<p/>"), Err(Error::Png { .. })));
    }
}
