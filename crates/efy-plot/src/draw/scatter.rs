//! Drawing scatter plots as SVG.

use crate::axes::{Axes, FittedAxis, TICK_EVERY, tick_counts};
use crate::canvas::{Canvas, Place, millimetres, points};
use crate::draw::frame::Page;
use crate::draw::named;
use crate::error::Result;
use crate::layout::{Layout, Room};
use crate::palette::{Dash, GREY, Stroke};
use crate::scale::Scale;
use crate::scatter::{Scatter, ScatterGroup};
use crate::symbol::{LegendEntry, Symbol, draw_dashed};

/// The radius of a point, in points; smaller where there are [`MANY`].
const RADIUS: (f64, f64) = (1.7, 1.0);
const MANY: usize = 500;
/// The label of the line on which both coordinates are equal.
const IDENTITY: &str = "y = x";

/// Draws `scatter` as an SVG document, its size in millimetres.
///
/// # Errors
/// [`Error::Draw`](crate::Error::Draw) if the drawing library refuses something.
pub fn draw_scatter(scatter: &Scatter) -> Result<String> {
    named(&scatter.name, paint(scatter))
}

fn paint(scatter: &Scatter) -> Result<String, String> {
    let (axes, room) = fit(scatter)?;
    let entries = legend(scatter);
    let page = Page::arrange(scatter.width, &axes, room, &entries, |layout| {
        let groups = scatter.groups.iter();
        let dots = groups.flat_map(|group| project(group, &axes, layout));
        let dots = dots.map(|place| vec![place]);
        dots.chain(identity(scatter, &axes, layout).map(Vec::from))
            .collect()
    })?;
    let radius = match scatter.groups.iter().map(|group| group.points.len()).sum() {
        0..MANY => points(RADIUS.0),
        _ => points(RADIUS.1),
    };
    Canvas::paint(page.layout.size, |canvas| {
        page.draw(canvas, &scatter.title, &axes)?;
        if let Some(line) = identity(scatter, &axes, &page.layout) {
            draw_dashed(canvas, &line, identity_stroke())?;
        }
        for group in &scatter.groups {
            for place in project(group, &axes, &page.layout) {
                group.marker.draw(canvas, place, radius, group.stroke)?;
            }
        }
        Ok(())
    })
}

fn legend(scatter: &Scatter) -> Vec<LegendEntry> {
    let groups = match scatter.groups.as_slice() {
        [_] => &[],
        groups => groups,
    };
    let entry = |group: &ScatterGroup| {
        LegendEntry::new(&group.label, Symbol::Marker(group.marker, group.stroke))
    };
    let mut entries: Vec<_> = groups.iter().map(entry).collect();
    if scatter.identity {
        entries.push(LegendEntry::new(IDENTITY, Symbol::Line(identity_stroke())));
    }
    entries
}

fn identity_stroke() -> Stroke {
    Stroke {
        color: GREY,
        opacity: 1.0,
        width: 0.7,
        dash: Dash::Dashed,
    }
}

/// The axes and the height of the frame: with the identity line a square, as far as pages allow.
fn fit(scatter: &Scatter) -> Result<(Axes<'_>, Room), String> {
    let shown = || {
        let points = scatter.groups.iter().flat_map(|group| &group.points);
        points.filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    let (across, up) = (shown().map(|point| point.0), shown().map(|point| point.1));
    let (x, y) = if scatter.identity {
        let both = || across.clone().chain(up.clone());
        (
            Scale::fit(scatter.x.scale, both()),
            Scale::fit(scatter.y.scale, both()),
        )
    } else {
        (
            Scale::fit(scatter.x.scale, across),
            Scale::fit(scatter.y.scale, up),
        )
    };
    let axes = |height: f64| {
        let (columns, rows) = tick_counts(scatter.width, height);
        // Equal ranges have equal ticks.
        let rows = if scatter.identity { columns } else { rows };
        Axes {
            x: FittedAxis::numbers(&scatter.x, x, columns),
            y: FittedAxis::numbers(&scatter.y, y, rows.max(2)),
        }
    };
    let height = scatter.width.frame_height();
    if !scatter.identity {
        let room = Room {
            frame: millimetres(height),
            ..Room::default()
        };
        return Ok((axes(height), room));
    }
    let most = TICK_EVERY.0 * 8.0;
    let axes = axes(most);
    let width = Layout::new(scatter.width, &axes, Room::default())?
        .frame
        .width();
    let frame = width.min(millimetres(most));
    let room = Room {
        frame,
        right: width - frame + millimetres(1.5),
        ..Room::default()
    };
    Ok((axes, room))
}

fn project(group: &ScatterGroup, axes: &Axes<'_>, layout: &Layout) -> Vec<Place> {
    let place =
        |&(x, y): &(f64, f64)| Some(layout.place(axes.x.scale.place(x)?, axes.y.scale.place(y)?));
    group.points.iter().filter_map(place).collect()
}

/// The ends of the identity line, from corner to corner where both axes are of one kind.
fn identity(scatter: &Scatter, axes: &Axes<'_>, layout: &Layout) -> Option<[Place; 2]> {
    let same = scatter.identity && axes.x.scale == axes.y.scale;
    same.then(|| [layout.place(0.0, 0.0), layout.place(1.0, 1.0)])
}
