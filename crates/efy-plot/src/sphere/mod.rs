//! Densities over the sphere S^2.

mod field;
mod mollweide;

use std::io;

use crate::chart::number;
use crate::color_map::ColorMap;
use crate::figure::{Axis, ScaleKind};
use crate::marker::Marker;
use crate::palette::Rgb;
use crate::width::Width;

pub(crate) use self::field::Field;
pub(crate) use self::mollweide::project;

/// Maps of densities over the sphere in one colour scale, such as a target and where particles are.
///
/// The projection is Mollweide's: areas are true, so that a density is as much ink as it is mass. The
/// middle is (1, 0, 0), the top the north pole (0, 0, 1), and (0, 1, 0) is to the right; parallels are
/// drawn every 30 degrees and meridians every 60.
#[derive(Clone, Debug, PartialEq)]
pub struct SphereDensity {
    /// The stem of the files it is written to.
    pub name: String,
    /// The line above the maps.
    pub title: String,
    /// How wide it is printed: maps are below each other in one column, and side by side on a page.
    pub width: Width,
    /// The axis of the colour bar.
    pub color: Axis,
    /// The colours.
    pub map: ColorMap,
    /// The maps.
    pub panels: Vec<SpherePanel>,
}

/// One map.
#[derive(Clone, Debug, PartialEq)]
pub struct SpherePanel {
    /// The line above it.
    pub title: String,
    /// What the colours show.
    pub density: Density,
    /// Points that are drawn on the map, as vectors of any length but 0.
    pub points: Vec<[f64; 3]>,
    /// Larger marks on top of them.
    pub marks: Vec<SphereMark>,
}

/// A mark on a map, such as a neuron in the direction it looks to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SphereMark {
    /// Where, a vector of any length but 0.
    pub at: [f64; 3],
    /// Its shape.
    pub marker: Marker,
    /// Its colour.
    pub color: Rgb,
}

/// A density over the sphere, in probability per steradian.
#[derive(Clone, Debug, PartialEq)]
pub enum Density {
    /// Its values on a grid, row by row from the north and in a row from the west: of R rows with C
    /// values, value j of row i (from 0) is at latitude 90 - 180 (i + 1/2) / R and longitude
    /// -180 + 360 (j + 1/2) / C degrees. In between they are interpolated.
    Grid(Vec<Vec<f64>>),
    /// The density that samples, vectors of any length but 0, were drawn from, as a mean of von
    /// Mises-Fisher kernels around them, each normalized to 1.
    Samples {
        /// The samples.
        samples: Vec<[f64; 3]>,
        /// The width of a kernel, one standard deviation in degrees; by itself Scott's rule
        /// n^(-1/6) s, with s = sqrt(1 - |mean of the samples|) radians, which is wide for several
        /// separate modes.
        bandwidth: Option<f64>,
    },
}

impl SphereDensity {
    /// Maps of one column in viridis, their colour bar linear.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        panels: Vec<SpherePanel>,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            width: Width::default(),
            color: Axis {
                label: "density per steradian".to_owned(),
                scale: ScaleKind::Linear,
                bounds: None,
            },
            map: ColorMap::default(),
            panels,
        }
    }

    /// What the maps are made of as CSV, in degrees: the values of grids (`density`), samples
    /// (`sample`), and the points (`point`) and marks (`mark`) on top.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["panel", "kind", "latitude", "longitude", "density"])?;
        for panel in &self.panels {
            let mut write = |kind: &str, (latitude, longitude): (f64, f64), value: Option<f64>| {
                let (latitude, longitude) = (latitude.to_string(), longitude.to_string());
                let value = number(value.filter(|value| value.is_finite()));
                table.write_record([&panel.title, kind, &latitude, &longitude, &value])
            };
            match &panel.density {
                Density::Grid(rows) => {
                    for (i, row) in rows.iter().enumerate() {
                        for (j, value) in row.iter().enumerate() {
                            let at = field::grid_place((i, rows.len()), (j, row.len()));
                            write("density", at, Some(*value))?;
                        }
                    }
                }
                Density::Samples { samples, .. } => {
                    for sample in samples {
                        write("sample", degrees(*sample), None)?;
                    }
                }
            }
            for point in &panel.points {
                write("point", degrees(*point), None)?;
            }
            for mark in &panel.marks {
                write("mark", degrees(mark.at), None)?;
            }
        }
        table.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// The latitude and the longitude of a direction, in degrees.
pub(crate) fn degrees([x, y, z]: [f64; 3]) -> (f64, f64) {
    let latitude = z.atan2(x.hypot(y)).to_degrees();
    (latitude, y.atan2(x).to_degrees())
}
