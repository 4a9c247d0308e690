//! From the pictures of an experiment to figures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use efy_plot::{
    Axis, Chart, Dash, Density, Dot, DotPlot, Drawing, Format, LegendEntry, Line, Rgb, ScaleKind,
    SphereDensity, SpherePanel, Stroke, Symbol,
};
use efy_tasks::experiment::{Banded, Globe, Panel, Picture, Plot, Reference, Scale};

/// Writes every picture as SVG and PNG with its data as CSV.
pub(super) fn write(pictures: &[Picture], out: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for picture in pictures {
        let drawing = drawing(picture);
        let formats = [Format::Svg, Format::Png];
        written.extend(efy_plot::write_figure(drawing.as_ref(), out, &formats)?);
    }
    Ok(written)
}

fn drawing(picture: &Picture) -> Box<dyn Drawing> {
    let Picture { name, title, .. } = picture;
    match &picture.plot {
        Plot::Lines { x, y, series } => {
            let lines = series.iter();
            let lines = lines.map(|line| (line.style, line.label.clone(), line.points.clone()));
            Box::new(Chart::new(name, title, (axis(x), axis(y)), lines))
        }
        Plot::Bands { x, y, series } => Box::new(bands(picture, (axis(x), axis(y)), series)),
        Plot::Globes { panels } => {
            let panel = |globe: &Globe| SpherePanel {
                title: globe.title.clone(),
                density: Density::Grid(globe.density.clone()),
                points: globe.points.clone(),
                marks: Vec::new(),
            };
            let panels = panels.iter().map(panel).collect();
            Box::new(SphereDensity::new(name, title, panels))
        }
        Plot::Dots { rows, x, panels } => Box::new(dots(picture, rows, x, panels)),
    }
}

/// Lines with bands; what they are compared with is thin and broken, in the colour of its line.
fn bands(picture: &Picture, axes: (Axis, Axis), series: &[Banded]) -> Chart {
    let mut chart = Chart::new(&picture.name, &picture.title, axes, []);
    for banded in series {
        let mut stroke = Stroke::nth(banded.style);
        if banded.reference {
            stroke = Stroke {
                dash: Dash::Dashed,
                width: 0.8,
                ..stroke
            };
        }
        let ends: Vec<_> = banded.points.iter().map(|point| point.ends).collect();
        let line = Line {
            label: banded.label.clone(),
            points: (banded.points.iter())
                .map(|point| (point.x, Some(point.middle)))
                .collect(),
            band: match ends.iter().any(Option::is_some) {
                true => ends,
                false => Vec::new(),
            },
            stroke,
            ring: None,
        };
        let symbol = Symbol::Line(stroke);
        chart.legend.push(LegendEntry::new(&line.label, symbol));
        chart.lines.push(line);
    }
    chart
}

fn axis((label, scale): &(String, Scale)) -> Axis {
    Axis {
        label: label.clone(),
        scale: match scale {
            Scale::Linear => ScaleKind::Linear,
            Scale::Log => ScaleKind::Log,
        },
        bounds: None,
    }
}

fn dots(picture: &Picture, rows: &[String], x: &str, panels: &[Panel]) -> DotPlot {
    let mut references: Vec<&Reference> = Vec::new();
    for reference in panels.iter().flat_map(|panel| &panel.references) {
        if !references
            .iter()
            .any(|known| known.label == reference.label)
        {
            references.push(reference);
        }
    }
    let panel = |panel: &Panel| {
        let value = |label: &str| {
            let found = panel
                .references
                .iter()
                .find(|reference| reference.label == label);
            found.map(|reference| reference.value)
        };
        let dot = |&(mean, deviation): &(f64, f64)| Dot { mean, deviation };
        efy_plot::Panel {
            title: panel.title.clone(),
            dots: panel
                .dots
                .iter()
                .map(|found| found.as_ref().map(dot))
                .collect(),
            references: references.iter().map(|known| value(&known.label)).collect(),
        }
    };
    let line = |(index, reference): (usize, &&Reference)| efy_plot::Reference {
        label: reference.label.clone(),
        stroke: Stroke {
            color: Rgb(0x73, 0x73, 0x73),
            dash: if index == 0 {
                Dash::Dotted
            } else {
                Dash::Dashed
            },
            ..Stroke::nth(0)
        },
        stretch: reference.stretch,
    };
    DotPlot {
        name: picture.name.clone(),
        title: picture.title.clone(),
        rows: rows.to_vec(),
        x_label: x.to_owned(),
        panels: panels.iter().map(panel).collect(),
        references: references.iter().enumerate().map(line).collect(),
    }
}
