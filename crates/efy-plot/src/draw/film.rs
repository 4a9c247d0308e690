//! Drawing bodies that move as SVG.

use std::f64::consts::PI;

use crate::canvas::{Anchor, Canvas, Place, Rect, millimetres};
use crate::draw::{named, thin};
use crate::error::Result;
use crate::film::{Capsule, Film};
use crate::font::Font;
use crate::palette::{GREY, GRID, INK, PAPER, Rgb, Stroke};

/// The page of one picture, in millimetres.
const PICTURE: (f64, f64) = (160.0, 90.0);
/// The highest a pose of the strip gets, in millimetres.
const HIGHEST: f64 = 60.0;
/// Room around a body, relative to its largest extent.
const MARGIN: f64 = 1.25;
/// Room between the times of two poses, in millimetres.
const GAP: f64 = 2.0;
/// Corners of half a circle.
const CORNERS: usize = 12;
/// The share of a colour in what a limb is filled with; the rest is paper.
const FILL: f64 = 0.55;
/// The pieces of the strip that are text: the title with the space below it, times below the poses; in millimetres.
const TITLE: f64 = 6.5;
const TIMES: f64 = 5.0;

/// Draws the strip of a film as an SVG document, its size in millimetres: the poses that are shown, side by side at one scale,
/// each with its time; as many as there is room for.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if nothing is shown, or if the drawing library refuses something.
pub fn draw_film(film: &Film) -> Result<String> {
    named(&film.name, strip(film))
}

/// Draws one picture of a film, as far as `reach` to each side of the trunk, which the camera follows; lines in the background stand still, a unit apart.
///
/// # Errors
/// As [`draw_film`].
pub(crate) fn draw_picture(film: &Film, index: usize, reach: [f64; 2]) -> Result<String> {
    named(&film.name, picture(film, index, reach))
}

/// From the world to a part of the page.
struct Camera {
    area: Rect,
    /// What is in the middle of the area.
    middle: [f64; 2],
    /// Units of the canvas for one of the world.
    zoom: f64,
}

impl Camera {
    fn place(&self, [x, y]: [f64; 2]) -> Place {
        let across = f64::from(self.area.left + self.area.right) / 2.0;
        let down = f64::from(self.area.top + self.area.bottom) / 2.0;
        (
            (across + (x - self.middle[0]) * self.zoom).round() as i32,
            (down - (y - self.middle[1]) * self.zoom).round() as i32,
        )
    }

    /// The corners of a capsule: half a circle around each end.
    fn outline(&self, capsule: &Capsule) -> Vec<Place> {
        let [dx, dy] = [0, 1].map(|axis| capsule.to[axis] - capsule.from[axis]);
        let along = dy.atan2(dx);
        let around = |end: [f64; 2], first: f64| {
            (0..=CORNERS).map(move |corner| {
                let angle = first + PI * corner as f64 / CORNERS as f64;
                [
                    end[0] + capsule.radius * angle.cos(),
                    end[1] + capsule.radius * angle.sin(),
                ]
            })
        };
        let corners = around(capsule.to, along - PI / 2.0);
        let corners = corners.chain(around(capsule.from, along + PI / 2.0));
        corners.map(|corner| self.place(corner)).collect()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, body: &[Capsule]) -> Result<(), String> {
        for capsule in body {
            let color = match capsule.limb {
                0 => GREY,
                limb => Stroke::nth(limb - 1).color,
            };
            let mut outline = self.outline(capsule);
            canvas.polygon(&outline, pale(color), 1.0)?;
            outline.extend(outline.first().copied());
            canvas.line(&outline, thin(color, 0.6))?;
        }
        Ok(())
    }
}

/// A colour on its way to that of the page.
fn pale(Rgb(red, green, blue): Rgb) -> Rgb {
    let Rgb(page, ..) = PAPER;
    let mix = |part: u8| (FILL * f64::from(part) + (1.0 - FILL) * f64::from(page)).round() as u8;
    Rgb(mix(red), mix(green), mix(blue))
}

fn strip(film: &Film) -> Result<String, String> {
    let shown = film.shown.iter();
    let shown = shown.filter_map(|&index| Some((index, film.pictures.get(index)?)));
    let mut shown: Vec<_> = shown.filter(|(_, body)| !body.is_empty()).collect();
    let width = millimetres(film.width.millimetres());
    let time = |index: usize| format!("{:.2} s", index as f64 * film.seconds);
    let mut widest = 0;
    for (index, _) in &shown {
        widest = widest.max(Font::SMALL.width(&time(*index))?);
    }
    // A narrow page has room for the times of some of them only.
    shown.truncate((width / (widest + millimetres(GAP))).max(1) as usize);
    let reach = film.reach(shown.iter().map(|(_, body)| *body));
    let [across, up] = checked(reach)?;
    let cell = width / shown.len() as i32;
    let zoom = f64::from(cell) / (2.0 * across * MARGIN);
    let zoom = zoom.min(f64::from(millimetres(HIGHEST)) / (2.0 * up));
    let height = (2.0 * up * zoom).ceil() as i32 + millimetres(1.0);
    let top = millimetres(TITLE);
    let size = (width, top + height + millimetres(TIMES));
    Canvas::paint(size, |canvas| {
        let title = Font::TITLE.shorten(&film.title, width)?;
        let at = (0, millimetres(3.0));
        canvas.text(&title, at, Font::TITLE, Anchor::Start, INK)?;
        for (column, (index, body)) in shown.iter().enumerate() {
            let left = cell * column as i32;
            let camera = Camera {
                area: Rect {
                    left,
                    right: left + cell,
                    top,
                    bottom: top + height,
                },
                middle: film.focus(body, reach),
                zoom,
            };
            if let Some(ground) = film.ground {
                let (_, y) = camera.place([0.0, ground]);
                canvas.line(&[(left, y), (left + cell, y)], thin(GREY, 0.5))?;
            }
            camera.draw(canvas, body)?;
            let at = (left + cell / 2, size.1 - millimetres(1.2));
            canvas.text(&time(*index), at, Font::SMALL, Anchor::Middle, INK)?;
        }
        Ok(())
    })
}

/// Nothing to see, or something that is nowhere, has no scale.
fn checked(reach: [f64; 2]) -> Result<[f64; 2], String> {
    match reach.iter().all(|&half| half > 0.0 && half.is_finite()) {
        true => Ok(reach),
        false => Err(format!(
            "expected bodies of some size, found {reach:?} around the trunk"
        )),
    }
}

fn picture(film: &Film, index: usize, reach: [f64; 2]) -> Result<String, String> {
    let body = film.pictures.get(index);
    let body = body.ok_or_else(|| format!("there is no picture {index}"))?;
    let [across, up] = checked(reach)?;
    let size = (millimetres(PICTURE.0), millimetres(PICTURE.1));
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let zoom = (width / (2.0 * across * MARGIN)).min(height / (2.0 * up * MARGIN));
    let camera = Camera {
        area: Rect {
            left: 0,
            top: 0,
            right: size.0,
            bottom: size.1,
        },
        middle: film.focus(body, reach),
        zoom,
    };
    Canvas::paint(size, |canvas| {
        let half = [width, height].map(|side| side / (2.0 * zoom));
        let lines = |axis: usize| {
            let (low, high) = (
                camera.middle[axis] - half[axis],
                camera.middle[axis] + half[axis],
            );
            (low.ceil() as i64..=high.floor() as i64).map(|line| line as f64)
        };
        for x in lines(0) {
            let (x, _) = camera.place([x, 0.0]);
            canvas.line(&[(x, 0), (x, size.1)], thin(GRID, 0.7))?;
        }
        match film.ground {
            Some(ground) => {
                let (_, top) = camera.place([0.0, ground]);
                let below = Rect {
                    left: 0,
                    top,
                    right: size.0,
                    bottom: size.1,
                };
                canvas.fill(below, GRID, 1.0)?;
                canvas.line(&[(0, top), (size.0, top)], thin(GREY, 0.7))?;
            }
            None => {
                for y in lines(1) {
                    let (_, y) = camera.place([0.0, y]);
                    canvas.line(&[(0, y), (size.0, y)], thin(GRID, 0.7))?;
                }
            }
        }
        camera.draw(canvas, body)?;
        let text = format!("{:.2} s", index as f64 * film.seconds);
        let at = (millimetres(3.0), millimetres(5.0));
        canvas.text(&text, at, Font::LABEL, Anchor::Start, INK)
    })
}
