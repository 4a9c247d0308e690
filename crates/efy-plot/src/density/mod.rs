//! What a run of a density has left: maps of the density, its neurons, and particles on their way.

mod file;

use std::path::Path;

use self::file::{Moment, Neuron, PictureFile};
use crate::drawing::Drawing;
use crate::error::{Error, Result};
use crate::marker::Marker;
use crate::palette::{CYCLE, INK, Stroke};
use crate::plane::PlaneDensity;
use crate::scatter::ScatterGroup;
use crate::sphere::{Density, SphereDensity, SphereMark, SpherePanel};
use crate::width::Width;

pub use self::file::PICTURE_FILE;

/// Most moments that are drawn.
const MOMENTS: usize = 6;
/// The width of the kernels of particles, in degrees.
const BANDWIDTH: f64 = 12.0;

/// The figures of `density.json` in the directory of a run called `name`, none without it: `density`, the density that was learned beside the
/// teacher's or over the data, and where particles and neurons were, as `particles` on the sphere and `particles-STEP` in the
/// plane.
///
/// # Errors
/// [`Error::Read`], and [`Error::RunFile`] for a file that is malformed.
pub fn density_drawings(dir: &Path, name: &str, width: Width) -> Result<Vec<Box<dyn Drawing>>> {
    let path = dir.join(PICTURE_FILE);
    let Some(picture) = PictureFile::read(&path)? else {
        return Ok(Vec::new());
    };
    let wrong = |message: &str| Error::RunFile {
        path: path.clone(),
        message: message.to_owned(),
    };
    let shown = moments(&picture.frames);
    match (picture.space.as_str(), picture.bounds) {
        ("sphere", None) => on_sphere(name, &picture, &shown, width)
            .ok_or_else(|| wrong("expected points of 3 numbers on the sphere")),
        ("plane" | "torus", Some(bounds)) => in_plane(name, &picture, &shown, (bounds, width))
            .ok_or_else(|| wrong("expected points of 2 numbers in the plane")),
        _ => Err(wrong(
            "expected the space sphere, or plane or torus with bounds",
        )),
    }
}

/// At most [`MOMENTS`] frames, the first and the last among them.
fn moments(frames: &[Moment]) -> Vec<&Moment> {
    let count = frames.len().min(MOMENTS);
    let last = frames.len().saturating_sub(1);
    (0..count)
        .map(|index| &frames[index * last / count.saturating_sub(1).max(1)])
        .collect()
}

fn on_sphere(
    name: &str,
    picture: &PictureFile,
    shown: &[&Moment],
    width: Width,
) -> Option<Vec<Box<dyn Drawing>>> {
    let panel = |title: String, density, points, neurons: &[Neuron]| -> Option<SpherePanel> {
        Some(SpherePanel {
            title,
            density,
            points,
            marks: neurons.iter().map(mark).collect::<Option<_>>()?,
        })
    };
    let mut panels = Vec::new();
    if let Some(teacher) = &picture.teacher {
        let grid = Density::Grid(teacher.clone());
        panels.push(panel(
            "teacher and its neurons".to_owned(),
            grid,
            Vec::new(),
            &picture.teacher_neurons,
        )?);
    }
    let raises = picture.neurons.iter().any(|neuron| neuron.amplitude > 0.0);
    let title = match raises {
        true => "learned; neurons that lower (triangles) and raise the energy",
        false => "learned, with its neurons",
    };
    let grid = Density::Grid(picture.model.clone());
    panels.push(panel(title.to_owned(), grid, Vec::new(), &picture.neurons)?);
    let mut density = SphereDensity::new("density", format!("{name}: density"), panels);
    density.width = width;
    let mut drawings: Vec<Box<dyn Drawing>> = vec![Box::new(density)];
    let panels = shown.iter().map(|moment| {
        let particles: Option<Vec<[f64; 3]>> =
            moment.particles.iter().map(|point| vector(point)).collect();
        let particles = particles?;
        let samples = Density::Samples {
            samples: particles.clone(),
            bandwidth: Some(BANDWIDTH),
        };
        panel(
            format!("step {}", moment.step),
            samples,
            particles,
            &moment.neurons,
        )
    });
    let panels: Vec<SpherePanel> = panels.collect::<Option<_>>()?;
    if !panels.is_empty() {
        let title = format!("{name}: particles, 12° kernels, and neurons");
        let mut particles = SphereDensity::new("particles", title, panels);
        particles.width = match width {
            Width::Single => Width::Double,
            other => other,
        };
        drawings.push(Box::new(particles));
    }
    Some(drawings)
}

fn in_plane(
    name: &str,
    picture: &PictureFile,
    shown: &[&Moment],
    (bounds, width): ([[f64; 2]; 2], Width),
) -> Option<Vec<Box<dyn Drawing>>> {
    let labels = <[String; 2]>::try_from(picture.names.clone()).ok()?;
    let group = |label: &str, points: &[Vec<f64>]| -> Option<ScatterGroup> {
        let pair = |point: &Vec<f64>| {
            <[f64; 2]>::try_from(point.as_slice())
                .ok()
                .map(|[x, y]| (x, y))
        };
        Some(ScatterGroup {
            label: label.to_owned(),
            marker: Marker::Circle,
            stroke: Stroke {
                color: INK,
                ..Stroke::nth(0)
            },
            points: points.iter().map(pair).collect::<Option<_>>()?,
        })
    };
    let map = |file: String, title: String, group: ScatterGroup| -> Box<dyn Drawing> {
        let mut map = PlaneDensity::new(
            file,
            title,
            (labels.clone(), bounds),
            picture.model.clone(),
            vec![group],
        );
        map.width = width;
        Box::new(map)
    };
    let data = group("test points", &picture.data)?;
    let mut drawings = vec![map(
        "density".to_owned(),
        format!("{name}: learned density"),
        data,
    )];
    for moment in shown {
        let particles = group("particles", &moment.particles)?;
        let file = format!("particles-{:06}", moment.step);
        drawings.push(map(
            file,
            format!("{name}: step {}", moment.step),
            particles,
        ));
    }
    Some(drawings)
}

/// A neuron in its direction.
fn mark(neuron: &Neuron) -> Option<SphereMark> {
    let lowers = neuron.amplitude < 0.0;
    Some(SphereMark {
        at: vector(&neuron.at)?,
        marker: if lowers {
            Marker::Triangle
        } else {
            Marker::Square
        },
        color: if lowers { CYCLE[0] } else { CYCLE[1] },
    })
}

/// Three numbers, not all 0.
fn vector(numbers: &[f64]) -> Option<[f64; 3]> {
    let vector = <[f64; 3]>::try_from(numbers).ok()?;
    vector.iter().any(|part| *part != 0.0).then_some(vector)
}
