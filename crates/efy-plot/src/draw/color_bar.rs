//! The colour bar: which colour stands for which number.

use crate::axes::ticks;
use crate::canvas::{Anchor, Canvas, Rect, millimetres};
use crate::color_map::ColorMap;
use crate::draw::thin;
use crate::figure::{Axis, ScaleKind};
use crate::font::{CAP_HEIGHT, Font};
use crate::layout::{DESCENT, LABEL_GAP, TICK_GAP, TICK_LENGTH, part};
use crate::palette::{INK, Rgb};
use crate::scale::Scale;
use crate::ticks::Ticks;

/// The width of the bar and its distance from the frame, in millimetres.
const BAR: f64 = 2.6;
const GAP: f64 = 2.4;
/// The pieces that the bar is drawn in; no step between two of them can be seen.
const PIECES: i32 = 96;

/// The colours of an axis.
pub(crate) struct ColorScale<'a> {
    axis: &'a Axis,
    scale: Scale,
    map: ColorMap,
}

impl<'a> ColorScale<'a> {
    /// From the smallest of `values` to the largest, with nothing around: the whole map is used.
    pub fn fit(axis: &'a Axis, map: ColorMap, values: impl Iterator<Item = f64> + Clone) -> Self {
        let placed = Scale::fit(axis.scale, values.clone());
        let shown = values.filter(|&value| placed.place(value).is_some());
        let (mut low, mut high) = shown
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if map == ColorMap::Diverging && axis.scale != ScaleKind::Log {
            high = low.abs().max(high.abs());
            low = -high;
        }
        Self {
            axis,
            // A constant has no range of its own.
            scale: Scale::exact(axis.scale, low, high)
                .filter(|scale| scale.is_wide())
                .unwrap_or(placed),
            map,
        }
    }

    /// The colour of `value`, if it has a place on the axis.
    pub fn color(&self, value: f64) -> Option<Rgb> {
        let share = self.scale.place(value)?;
        Some(self.map.color(share))
    }

    /// The number of the one of `levels` equal parts of the axis that `value` is in.
    pub fn level(&self, value: f64, levels: usize) -> Option<usize> {
        let share = self.scale.place(value)?.clamp(0.0, 1.0);
        Some(((share * levels as f64) as usize).min(levels - 1))
    }

    /// The colour in the middle of a level.
    pub fn level_color(&self, level: usize, levels: usize) -> Rgb {
        self.map.color((level as f64 + 0.5) / levels as f64)
    }

    fn ticks(&self, height: i32) -> Ticks {
        ticks(self.axis, self.scale, (height / millimetres(8.0)).max(2))
    }

    /// The width that the bar takes beside a frame of this height, with its labels.
    pub fn width(&self, height: i32) -> Result<i32, String> {
        let mut widest = 0;
        for tick in self.ticks(height).major {
            widest = widest.max(Font::SMALL.width(&tick.label)?);
        }
        let label = match self.axis.label.as_str() {
            "" => 0,
            _ => millimetres(LABEL_GAP) + part(Font::LABEL, CAP_HEIGHT + DESCENT),
        };
        Ok(millimetres(GAP + BAR + TICK_LENGTH + TICK_GAP) + widest + label)
    }

    /// Draws the bar to the right of `frame`.
    pub fn draw(&self, canvas: &mut Canvas<'_>, frame: Rect) -> Result<(), String> {
        let left = frame.right + millimetres(GAP);
        let bar = Rect {
            left,
            right: left + millimetres(BAR),
            ..frame
        };
        let height = |share: f64| bar.bottom - (f64::from(bar.height()) * share).round() as i32;
        for piece in 0..PIECES {
            // Each reaches below the next one: no seam shows between them.
            let share = |piece: i32| f64::from(piece.min(PIECES)) / f64::from(PIECES);
            let area = Rect {
                bottom: height(share(piece)),
                top: height(share(piece + 2)),
                ..bar
            };
            let middle = (f64::from(piece) + 0.5) / f64::from(PIECES);
            canvas.fill(area, self.map.color(middle), 1.0)?;
        }
        let mark = bar.right + millimetres(TICK_LENGTH);
        let text = mark + millimetres(TICK_GAP);
        let ticks = self.ticks(frame.height());
        let mut widest = 0;
        for tick in &ticks.major {
            let Some(share) = self.scale.place(tick.value) else {
                continue;
            };
            let y = height(share);
            canvas.line(&[(bar.right, y), (mark, y)], thin(INK, 0.5))?;
            let at = (text, y + part(Font::SMALL, CAP_HEIGHT / 2.0));
            canvas.text(&tick.label, at, Font::SMALL, Anchor::Start, INK)?;
            widest = widest.max(Font::SMALL.width(&tick.label)?);
        }
        if !self.axis.label.is_empty() {
            let x = text + widest + millimetres(LABEL_GAP) + part(Font::LABEL, CAP_HEIGHT);
            let label = Font::LABEL.shorten(&self.axis.label, frame.height())?;
            let at = (x, (frame.top + frame.bottom) / 2);
            canvas.text(&label, at, Font::LABEL, Anchor::Upwards, INK)?;
        }
        Ok(())
    }
}
