//! A page to draw on, in hundredths of a millimetre.
//!
//! plotters draws on whole pixels. Its SVG backend is used here with a page of so many of them that
//! rounding cannot be seen, and the page gets its size in millimetres afterwards.

use plotters::backend::DrawingBackend;
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, RGBAColor, ShapeStyle, TextStyle};

use crate::font::Font;
use crate::palette::{PAPER, Rgb, Stroke};

/// A place on the page: to the right and down from its upper left corner.
pub(crate) type Place = (i32, i32);

/// `mm` millimetres in the units of the canvas.
pub(crate) fn millimetres(mm: f64) -> i32 {
    (mm * 100.0).round() as i32
}

/// `pt` typographic points in the units of the canvas.
pub(crate) fn points(pt: f64) -> i32 {
    (pt * 2540.0 / 72.0).round() as i32
}

/// A rectangle on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Rect {
    pub fn width(self) -> i32 {
        self.right - self.left
    }

    pub fn height(self) -> i32 {
        self.bottom - self.top
    }
}

/// Which part of a text is at its place, and which way it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
    /// The middle, with the text running upwards.
    Upwards,
    /// The end, with the text running upwards: what stands below a frame ends at it.
    UpwardsEnd,
}

/// An SVG document in the making. Text is placed by its baseline.
pub(crate) struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

impl Canvas<'_> {
    /// Draws on a blank page of `width` by `height` units and returns the document.
    pub fn paint(
        (width, height): (i32, i32),
        draw: impl FnOnce(&mut Canvas<'_>) -> Result<(), String>,
    ) -> Result<String, String> {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let mut document = String::new();
        let mut canvas = Canvas {
            backend: SVGBackend::with_string(&mut document, size),
        };
        let page = Rect {
            left: 0,
            top: 0,
            right: width,
            bottom: height,
        };
        canvas.fill(page, PAPER, 1.0)?;
        draw(&mut canvas)?;
        canvas
            .backend
            .present()
            .map_err(|error| error.to_string())?;
        drop(canvas);
        // Joins are round because the miters of a noisy curve stick out like spikes.
        let in_pixels = format!("width=\"{}\" height=\"{}\" ", size.0, size.1);
        let in_print = format!(
            "width=\"{}mm\" height=\"{}mm\" stroke-linejoin=\"round\" ",
            f64::from(size.0) / 100.0,
            f64::from(size.1) / 100.0
        );
        Ok(document.replacen(&in_pixels, &in_print, 1))
    }

    /// A line through `places`.
    pub fn line(&mut self, places: &[Place], stroke: Stroke) -> Result<(), String> {
        let mut style = shape(stroke.color, stroke.opacity);
        style.stroke_width = points(stroke.width).unsigned_abs();
        let places = places.iter().copied();
        self.backend
            .draw_path(places, &style)
            .map_err(|error| error.to_string())
    }

    /// A filled rectangle.
    pub fn fill(&mut self, area: Rect, color: Rgb, opacity: f64) -> Result<(), String> {
        let (from, to) = ((area.left, area.top), (area.right, area.bottom));
        let style = shape(color, opacity);
        self.backend
            .draw_rect(from, to, &style, true)
            .map_err(|error| error.to_string())
    }

    /// A filled polygon; the last corner is joined to the first.
    pub fn polygon(&mut self, corners: &[Place], color: Rgb, opacity: f64) -> Result<(), String> {
        let style = shape(color, opacity);
        self.backend
            .fill_polygon(corners.iter().copied(), &style)
            .map_err(|error| error.to_string())
    }

    /// A filled circle.
    pub fn dot(&mut self, at: Place, radius: i32, stroke: Stroke) -> Result<(), String> {
        let style = shape(stroke.color, stroke.opacity);
        let radius = radius.unsigned_abs();
        self.backend
            .draw_circle(at, radius, &style, true)
            .map_err(|error| error.to_string())
    }

    /// A circle with an empty inside.
    pub fn ring(&mut self, at: Place, radius: i32, stroke: Stroke) -> Result<(), String> {
        let mut style = shape(PAPER, 1.0);
        let radius = radius.unsigned_abs();
        self.backend
            .draw_circle(at, radius, &style, true)
            .map_err(|error| error.to_string())?;
        style = shape(stroke.color, 1.0);
        style.stroke_width = points(stroke.width).unsigned_abs();
        self.backend
            .draw_circle(at, radius, &style, false)
            .map_err(|error| error.to_string())
    }

    /// A line of text.
    pub fn text(
        &mut self,
        text: &str,
        at: Place,
        font: Font,
        anchor: Anchor,
        color: Rgb,
    ) -> Result<(), String> {
        // Of plotters' three vertical anchors only `Top` is a multiple of the font size, and so the
        // same in every viewer: it moves the baseline down by this much.
        let drop = (font.em() * 0.76).round() as i32;
        let (h_pos, transform, at) = match anchor {
            Anchor::Start => (HPos::Left, FontTransform::None, (at.0, at.1 - drop)),
            Anchor::Middle => (HPos::Center, FontTransform::None, (at.0, at.1 - drop)),
            Anchor::End => (HPos::Right, FontTransform::None, (at.0, at.1 - drop)),
            Anchor::Upwards => (HPos::Center, FontTransform::Rotate270, (at.0 - drop, at.1)),
            Anchor::UpwardsEnd => (HPos::Right, FontTransform::Rotate270, (at.0 - drop, at.1)),
        };
        let color = rgba(color, 1.0);
        let style = TextStyle::from(font.desc().transform(transform))
            .color(&color)
            .pos(Pos::new(h_pos, VPos::Top));
        let text = printable(text);
        self.backend
            .draw_text(&text, &style, at)
            .map_err(|error| error.to_string())
    }
}

/// `text` without the characters that are not allowed in XML, not even escaped.
fn printable(text: &str) -> String {
    let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

fn rgba(Rgb(red, green, blue): Rgb, opacity: f64) -> RGBAColor {
    RGBAColor(red, green, blue, opacity)
}

fn shape(color: Rgb, opacity: f64) -> ShapeStyle {
    ShapeStyle {
        color: rgba(color, opacity),
        filled: true,
        stroke_width: 1,
    }
}
