//! The legend: in the emptiest corner of the frame, or above it if the curves leave no room.

use crate::canvas::{Anchor, Canvas, Place, Rect, millimetres, points};
use crate::font::{CAP_HEIGHT, Font};
use crate::palette::{INK, PAPER};
use crate::polyline::samples;
use crate::symbol::{LegendEntry, SYMBOL_WIDTH};

/// The space between a symbol and its label, in millimetres.
const SYMBOL_GAP: f64 = 1.2;
/// The distance from one line to the next, in millimetres.
const LINE_HEIGHT: f64 = 3.6;
/// The space between two columns, in millimetres.
const COLUMN_GAP: f64 = 3.5;
/// The space between the legend and the frame it is in, in millimetres.
const INSET: f64 = 1.0;
/// The least space between the legend and a curve, in millimetres.
const CLEARANCE: f64 = 1.0;
/// The space beyond which one corner is as good as another, in millimetres.
const AMPLE: f64 = 4.0;

/// A legend whose labels were measured.
pub(crate) struct Legend<'a> {
    entries: &'a [LegendEntry],
    labels: Vec<String>,
    /// The width of each entry, symbol included.
    widths: Vec<i32>,
}

/// Where the entries of a legend go: the left end of each symbol, at half the height of its line.
pub(crate) struct Placement {
    origins: Vec<Place>,
    /// The area to clear of grid lines first.
    background: Option<Rect>,
}

impl<'a> Legend<'a> {
    /// Measures `entries`, shortening labels so that each fits into `width`.
    pub fn measure(entries: &'a [LegendEntry], width: i32) -> Result<Self, String> {
        let indent = millimetres(SYMBOL_WIDTH + SYMBOL_GAP);
        let labels = entries
            .iter()
            .map(|entry| Font::SMALL.shorten(&entry.label, width - indent));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let widths = labels
            .iter()
            .map(|label| Ok(indent + Font::SMALL.width(label)?));
        let widths = widths.collect::<Result<Vec<_>, String>>()?;
        Ok(Self {
            entries,
            labels,
            widths,
        })
    }

    /// A place in the corner of `frame` that is farthest from all `curves`, if it is far enough;
    /// on the right, where there is a choice.
    pub fn place_inside(&self, frame: Rect, curves: &[Vec<Place>]) -> Option<Placement> {
        let height = self.entries.len() as i32 * millimetres(LINE_HEIGHT);
        let width = self.widths.iter().copied().max().unwrap_or(0);
        if width > frame.width() * 6 / 10 || height > frame.height() * 6 / 10 {
            return None;
        }
        let inset = millimetres(INSET);
        let (left, right) = (frame.left + inset, frame.right - inset - width);
        let (top, bottom) = (frame.top + inset, frame.bottom - inset - height);
        let corners = [(right, top), (right, bottom), (left, top), (left, bottom)];
        let mut best: Option<(Rect, i64)> = None;
        for (left, top) in corners {
            let area = Rect {
                left,
                top,
                right: left + width,
                bottom: top + height,
            };
            let clearance = clearance(area, curves).min(i64::from(millimetres(AMPLE)).pow(2));
            if best.is_none_or(|(_, most)| clearance > most) {
                best = Some((area, clearance));
            }
        }
        let (area, clearance) = best?;
        let enough = i64::from(millimetres(CLEARANCE)).pow(2);
        (clearance >= enough).then(|| Placement {
            origins: self.origins((area.left, area.top), &[width]),
            // Up to the edges of the frame without an axis, so that no stub of a grid line is left.
            background: Some(Rect {
                right: area.right + inset,
                top: area.top - inset,
                ..area
            }),
        })
    }

    /// Columns, filled line by line, from `at` on and not wider than `width`.
    pub fn place_above(&self, at: Place, width: i32) -> Placement {
        Placement {
            origins: self.origins(at, &self.columns(width)),
            background: None,
        }
    }

    /// The height of [`Legend::place_above`].
    pub fn height_above(&self, width: i32) -> i32 {
        self.entries.len().div_ceil(self.columns(width).len()) as i32 * millimetres(LINE_HEIGHT)
    }

    /// The widths of as many columns as fit into `width`, and of at least one.
    fn columns(&self, width: i32) -> Vec<i32> {
        let columns = |count: usize| -> Vec<i32> {
            let column = |first| self.widths.iter().skip(first).step_by(count).copied().max();
            (0..count).filter_map(column).collect()
        };
        let gap = millimetres(COLUMN_GAP);
        let fits = |columns: &Vec<i32>| {
            columns.iter().map(|width| width + gap).sum::<i32>() <= width + gap
        };
        (2..=self.widths.len())
            .rev()
            .map(columns)
            .find(fits)
            .unwrap_or_else(|| columns(1))
    }

    fn origins(&self, (left, top): Place, columns: &[i32]) -> Vec<Place> {
        let line = millimetres(LINE_HEIGHT);
        let gap = millimetres(COLUMN_GAP);
        let origin = |index: usize| {
            let (row, column) = (index / columns.len(), index % columns.len());
            let before: i32 = columns[..column].iter().map(|width| width + gap).sum();
            (left + before, top + row as i32 * line + line / 2)
        };
        (0..self.entries.len()).map(origin).collect()
    }

    /// Draws the legend.
    pub fn draw(&self, canvas: &mut Canvas<'_>, placement: &Placement) -> Result<(), String> {
        if let Some(area) = placement.background {
            canvas.fill(area, PAPER, 0.85)?;
        }
        let drop = (Font::SMALL.em() * CAP_HEIGHT / 2.0).round() as i32;
        for ((entry, label), &(x, y)) in self
            .entries
            .iter()
            .zip(&self.labels)
            .zip(&placement.origins)
        {
            entry.symbol.draw(canvas, (x, y))?;
            let x = x + millimetres(SYMBOL_WIDTH + SYMBOL_GAP);
            canvas.text(label, (x, y + drop), Font::SMALL, Anchor::Start, INK)?;
        }
        Ok(())
    }
}

/// The squared distance from `area` to the closest curve.
fn clearance(area: Rect, curves: &[Vec<Place>]) -> i64 {
    let places = curves.iter().flat_map(|piece| samples(piece, points(1.0)));
    let distances = places.map(|(x, y)| {
        let across = i64::from((area.left - x).max(x - area.right).max(0));
        let down = i64::from((area.top - y).max(y - area.bottom).max(0));
        across * across + down * down
    });
    distances.min().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::Stroke;
    use crate::symbol::Symbol;

    const FRAME: Rect = Rect {
        left: 1000,
        top: 500,
        right: 8000,
        bottom: 4700,
    };

    fn entries(labels: &[&str]) -> Vec<LegendEntry> {
        let symbol = Symbol::Line(Stroke::nth(0));
        labels
            .iter()
            .map(|&label| LegendEntry {
                label: label.to_owned(),
                symbol,
            })
            .collect()
    }

    #[test]
    fn the_legend_takes_the_free_corner() {
        let entries = entries(&["train", "validation"]);
        let legend = Legend::measure(&entries, FRAME.width()).unwrap();
        let falling = vec![vec![(1000, 600), (8000, 4600)]];
        let area = legend
            .place_inside(FRAME, &falling)
            .unwrap()
            .background
            .unwrap();
        assert!(area.right > 7000 && area.top < 1000, "{area:?}");
        let rising = vec![vec![(1000, 4600), (8000, 600)]];
        let area = legend
            .place_inside(FRAME, &rising)
            .unwrap()
            .background
            .unwrap();
        assert!(area.right > 7000 && area.bottom > 4000, "{area:?}");
    }

    #[test]
    fn without_a_free_corner_it_goes_above() {
        let entries = entries(&["train", "validation", "best step"]);
        let legend = Legend::measure(&entries, FRAME.width()).unwrap();
        let everywhere = vec![
            vec![(1000, 600), (8000, 4600)],
            vec![(1000, 4600), (8000, 600)],
        ];
        assert!(legend.place_inside(FRAME, &everywhere).is_none());
        assert_eq!(legend.height_above(FRAME.width()), millimetres(LINE_HEIGHT));
        let above = legend.place_above((1000, 100), FRAME.width());
        assert!(above.origins.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn long_labels_are_stacked_and_stay_on_the_page() {
        let long = "x".repeat(300);
        let entries = entries(&[&long, &long]);
        let legend = Legend::measure(&entries, FRAME.width()).unwrap();
        assert!(legend.widths.iter().all(|&width| width <= FRAME.width()));
        assert!(legend.place_inside(FRAME, &[]).is_none());
        assert_eq!(
            legend.height_above(FRAME.width()),
            2 * millimetres(LINE_HEIGHT)
        );
    }
}
