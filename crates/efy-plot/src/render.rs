//! From an SVG document to PDF and PNG, with the embedded font only.

use std::sync::{Arc, OnceLock};

use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla::{Document, SerializeSettings};
use krilla_svg::{SurfaceExt, SvgSettings};
use png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::{Error, Result};
use crate::font;

/// The resolution of PNGs, in dots per inch.
pub const DOTS_PER_INCH: f64 = 300.0;
/// The resolution in which resvg counts.
const CSS_DOTS_PER_INCH: f32 = 96.0;
const POINTS_PER_INCH: f32 = 72.0;
const INCHES_PER_METRE: f64 = 1000.0 / 25.4;

/// Renders an SVG document as a PNG file of 300 dots per inch.
///
/// No font but the embedded one is used, so that the result does not depend on what is
/// installed.
///
/// # Errors
/// [`Error::Png`] if the document cannot be read or has no size.
pub fn render_png(svg: &str) -> Result<Vec<u8>> {
    render_png_at(svg, DOTS_PER_INCH)
}

/// Renders an SVG document as a PNG file of `dots_per_inch`, which the file says as well: programs
/// that place it on a page know its size in print.
///
/// # Errors
/// As [`render_png`].
pub fn render_png_at(svg: &str, dots_per_inch: f64) -> Result<Vec<u8>> {
    encode(&render(svg, dots_per_inch)?, dots_per_inch)
}

/// Renders an SVG document as pixels.
pub(crate) fn render(svg: &str, dots_per_inch: f64) -> Result<Pixmap> {
    let failed = |message: String| Error::Png { message };
    let tree = parse(svg).map_err(failed)?;
    let scale = dots_per_inch as f32 / CSS_DOTS_PER_INCH;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(scale)
        .unwrap_or(tree.size().to_int_size());
    let mut page = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed("the page has no size".to_owned()))?;
    let zoom = Transform::from_scale(scale, scale);
    resvg::render(&tree, zoom, &mut page.as_mut());
    Ok(page)
}

/// Pixels as a PNG file, which says how large they are in print.
pub(crate) fn encode(page: &Pixmap, dots_per_inch: f64) -> Result<Vec<u8>> {
    let opaque = page.pixels().iter().all(|pixel| pixel.is_opaque());
    let (kind, channels) = match opaque {
        true => (ColorType::Rgb, 3),
        false => (ColorType::Rgba, 4),
    };
    let per_metre = (dots_per_inch * INCHES_PER_METRE).round() as u32;
    let mut file = Vec::new();
    let mut encoder = encoder(&mut file, page, kind);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(unencoded)?;
    writer
        .write_image_data(&colors(page, channels))
        .map_err(unencoded)?;
    writer.finish().map_err(unencoded)?;
    Ok(file)
}

/// An encoder for pages as large as `page`.
pub(crate) fn encoder<'a>(
    file: &'a mut Vec<u8>,
    page: &Pixmap,
    kind: ColorType,
) -> Encoder<'a, &'a mut Vec<u8>> {
    let mut encoder = Encoder::new(file, page.width(), page.height());
    encoder.set_color(kind);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    // Most pixels are the same as their neighbours, which deflate finds by itself.
    encoder.set_filter(Filter::NoFilter);
    encoder
}

/// The first `channels` of red, green, blue and alpha of every pixel.
pub(crate) fn colors(page: &Pixmap, channels: usize) -> Vec<u8> {
    let mut colors = Vec::with_capacity(page.pixels().len() * channels);
    for pixel in page.pixels() {
        let color = pixel.demultiply();
        let color = [color.red(), color.green(), color.blue(), color.alpha()];
        colors.extend_from_slice(&color[..channels]);
    }
    colors
}

/// What the PNG library refuses.
pub(crate) fn unencoded(error: png::EncodingError) -> Error {
    let message = error.to_string();
    Error::Png { message }
}

/// Converts an SVG document to a PDF file of one page, as large as the figure is in print.
///
/// Text stays text, in the embedded font, of which the file holds the glyphs that it uses. There is
/// no date in it: the same document gives the same bytes.
///
/// # Errors
/// [`Error::Pdf`] if the document cannot be read or has no size.
pub fn render_pdf(svg: &str) -> Result<Vec<u8>> {
    let failed = |message: String| Error::Pdf { message };
    let tree = parse(svg).map_err(failed)?;
    let points = |pixels: f32| pixels * POINTS_PER_INCH / CSS_DOTS_PER_INCH;
    let (width, height) = (points(tree.size().width()), points(tree.size().height()));
    let size = Size::from_wh(width, height);
    let size = size.ok_or_else(|| failed("the page has no size".to_owned()))?;
    let mut document = Document::new_with(SerializeSettings::default());
    let mut page = document.start_page_with(PageSettings::new(size));
    let mut surface = page.surface();
    surface
        .draw_svg(&tree, size, SvgSettings::default())
        .ok_or_else(|| failed("the drawing cannot be converted".to_owned()))?;
    surface.finish();
    page.finish();
    document
        .finish()
        .map_err(|error| failed(format!("{error:?}")))
}

fn parse(svg: &str) -> Result<Tree, String> {
    let options = Options {
        dpi: CSS_DOTS_PER_INCH,
        font_family: font::FAMILY.to_owned(),
        fontdb: fonts(),
        ..Options::default()
    };
    Tree::from_str(svg, &options).map_err(|error| error.to_string())
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
    fn the_embedded_fonts_are_all_there_is() {
        let fonts = fonts();
        let weights: Vec<_> = fonts.faces().map(|face| face.weight.0).collect();
        assert_eq!(weights, [400, 600]);
        assert!(fonts.faces().all(|face| face.families[0].0 == font::FAMILY));
    }

    #[test]
    fn what_is_not_svg_is_an_error() {
        assert!(matches!(render_png("<p/>"), Err(Error::Png { .. })));
        assert!(matches!(render_pdf("<p/>"), Err(Error::Pdf { .. })));
    }

    const PAGE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="25.4mm" height="12.7mm">
        <text y="20" font-family="Inter, sans-serif">energy</text></svg>"#;

    #[test]
    fn a_png_knows_its_size_in_print() {
        for (dots_per_inch, width, per_metre) in [(300.0, 300, 11_811), (96.0, 96, 3780)] {
            let file = render_png_at(PAGE, dots_per_inch).unwrap();
            let reader = png::Decoder::new(std::io::Cursor::new(&file))
                .read_info()
                .unwrap();
            let dims = reader.info().pixel_dims.unwrap();
            assert_eq!((dims.xppu, dims.yppu), (per_metre, per_metre));
            assert_eq!(
                (reader.info().width, reader.info().height),
                (width, width / 2)
            );
        }
        assert_eq!(
            render_png(PAGE).unwrap(),
            render_png_at(PAGE, 300.0).unwrap()
        );
    }

    #[test]
    fn a_pdf_has_the_size_in_points_the_font_and_no_date() {
        let file = render_pdf(PAGE).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(text.starts_with("%PDF-1."));
        assert!(text.contains("/MediaBox[0 0 72 36]"), "{text}");
        // Six letters of a subset's name, then that of the font.
        assert!(text.contains("+Inter"), "{text}");
        assert!(text.contains("/FontFile"), "{text}");
        assert!(!text.contains("Date"), "{text}");
        assert_eq!(file, render_pdf(PAGE).unwrap());
    }
}
