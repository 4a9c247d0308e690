//! Axes that were fitted to the data they show.

use crate::canvas::millimetres;
use crate::chart::Chart;
use crate::figure::{Axis, ScaleKind};
use crate::font::Font;
use crate::scale::Scale;
use crate::ticks::{Tick, Ticks, linear_ticks, log_ticks};
use crate::width::Width;

/// A label every so many millimetres across and down can be read without crowding.
pub(crate) const TICK_EVERY: (f64, f64) = (14.0, 8.0);
/// The distance of two lines of a tick label, relative to the font size.
pub(crate) const LINE_HEIGHT: f64 = 1.25;
/// The least space between two names, in millimetres.
const BETWEEN_NAMES: f64 = 0.8;
/// What the frame leaves of the page for labels, in millimetres, before they are measured.
const BESIDE_FRAME: f64 = 14.0;

/// What belongs to the ticks of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TickStyle {
    /// A mark, a label and a line across the frame.
    Grid,
    /// The names of categories, in the middle of each.
    Names,
    /// The same, running upwards because they are too wide.
    NamesUpwards,
}

/// An axis of a frame.
pub(crate) struct FittedAxis<'a> {
    pub label: &'a str,
    pub scale: Scale,
    pub ticks: Ticks,
    pub style: TickStyle,
}

impl<'a> FittedAxis<'a> {
    /// An axis of numbers with at most `count` labels or so.
    pub fn numbers(axis: &'a Axis, scale: Scale, count: i32) -> Self {
        Self {
            label: &axis.label,
            scale,
            ticks: ticks(axis, scale, count),
            style: TickStyle::Grid,
        }
    }

    /// A vertical axis from 0 to the number of `names`, from the top; each stands in the middle of its
    /// unit and is shortened to `longest`.
    pub fn names_down(label: &'a str, names: &[String], longest: i32) -> Result<Self, String> {
        let places = (0..names.len()).rev().map(|index| index as f64 + 0.5);
        let labels = names.iter().map(|name| Font::SMALL.shorten(name, longest));
        Ok(Self {
            label,
            scale: units(names.len()),
            ticks: named_ticks(places, labels.collect::<Result<_, _>>()?),
            style: TickStyle::Names,
        })
    }

    /// A horizontal axis from 0 to the number of `names`, each of which stands in the middle of its
    /// unit. If one of them does not fit into `slot`, a unit on the page, not even in two lines, they
    /// run upwards and are shortened to `longest`.
    pub fn names_across(
        label: &'a str,
        names: &[String],
        slot: i32,
        longest: i32,
    ) -> Result<Self, String> {
        let room = slot - millimetres(BETWEEN_NAMES);
        let wrapped = names.iter().map(|name| wrap(name, room));
        let wrapped: Option<Vec<String>> = wrapped.collect::<Result<_, String>>()?;
        let (labels, style) = match wrapped {
            Some(labels) => (labels, TickStyle::Names),
            None => {
                let labels = names.iter().map(|name| Font::SMALL.shorten(name, longest));
                (labels.collect::<Result<_, _>>()?, TickStyle::NamesUpwards)
            }
        };
        let places = (0..names.len()).map(|index| index as f64 + 0.5);
        Ok(Self {
            label,
            scale: units(names.len()),
            ticks: named_ticks(places, labels),
            style,
        })
    }

    /// The lines of the tick label that has most of them.
    pub fn lines(&self) -> i32 {
        let labels = self.ticks.major.iter();
        let lines = labels.map(|tick| tick.label.lines().count());
        lines.max().unwrap_or(1).max(1) as i32
    }

    /// The width of the widest tick label.
    pub fn widest(&self) -> Result<i32, String> {
        let mut widest = 0;
        for tick in &self.ticks.major {
            widest = widest.max(Font::SMALL.width(&tick.label)?);
        }
        Ok(widest)
    }
}

fn named_ticks(places: impl Iterator<Item = f64>, labels: Vec<String>) -> Ticks {
    let major = places.zip(labels);
    Ticks {
        major: major.map(|(value, label)| Tick { value, label }).collect(),
        minor: Vec::new(),
    }
}

/// `name` in one line or two that fit into `room`, if it does.
fn wrap(name: &str, room: i32) -> Result<Option<String>, String> {
    if Font::SMALL.width(name)? <= room {
        return Ok(Some(name.to_owned()));
    }
    let mut best: Option<(i32, String)> = None;
    for (space, _) in name.match_indices(' ') {
        let (first, second) = (&name[..space], &name[space + 1..]);
        let width = Font::SMALL.width(first)?.max(Font::SMALL.width(second)?);
        if width <= room && best.as_ref().is_none_or(|(least, _)| width < *least) {
            best = Some((width, format!("{first}\n{second}")));
        }
    }
    Ok(best.map(|(_, lines)| lines))
}

/// The scale from 0 to `count`, or to 1 if that is 0.
pub(crate) fn units(count: usize) -> Scale {
    let high = count.max(1) as f64;
    let fallback = || Scale::fit(ScaleKind::Linear, [0.0, high].into_iter());
    Scale::exact(ScaleKind::Linear, 0.0, high).unwrap_or_else(fallback)
}

/// The ticks of an axis of numbers, at most `count` of them with labels or so.
pub(crate) fn ticks(axis: &Axis, scale: Scale, count: i32) -> Ticks {
    let mut ticks = match axis.scale {
        ScaleKind::Linear => linear_ticks(scale.range(), count, false),
        ScaleKind::Whole => linear_ticks(scale.range(), count, true),
        ScaleKind::Log => log_ticks(scale.range(), count),
    };
    if let Some((low, high)) = axis.bounds {
        ticks
            .major
            .retain(|tick| (low..=high).contains(&tick.value));
    }
    ticks
}

/// The labels that fit below a frame on a page of this width, and beside one of this height.
pub(crate) fn tick_counts(width: Width, frame_height: f64) -> (i32, i32) {
    let across = (width.millimetres() - BESIDE_FRAME) / TICK_EVERY.0;
    (across as i32, (frame_height / TICK_EVERY.1) as i32)
}

/// Both axes of a frame.
pub(crate) struct Axes<'a> {
    pub x: FittedAxis<'a>,
    pub y: FittedAxis<'a>,
}

impl<'a> Axes<'a> {
    /// The axes that show all points of `chart`, and the bands around them.
    pub fn fit(chart: &'a Chart) -> Self {
        let points = || chart.lines.iter().flat_map(|line| &line.points);
        let bands = chart.lines.iter().flat_map(|line| &line.band).flatten();
        let across = points().filter_map(|&(x, y)| y.map(|_| x));
        let up = points().filter_map(|&(_, y)| y);
        // On a logarithmic axis a band may reach below everything: it is cut, and does not count.
        let lowest = up.clone().fold(f64::INFINITY, f64::min) / 10.0;
        let bands = bands.flat_map(|&(low, high)| match chart.y.scale {
            ScaleKind::Log => [low.max(lowest), high],
            _ => [low, high],
        });
        let x = Scale::fit(chart.x.scale, across);
        let y = Scale::fit(chart.y.scale, up.chain(bands));
        let counts = tick_counts(chart.width, chart.width.frame_height());
        Self {
            x: FittedAxis::numbers(&chart.x, x, counts.0),
            y: FittedAxis::numbers(&chart.y, y, counts.1),
        }
    }
}
