//! What figures of a density are drawn from.

use efy_core::device::read;
use efy_core::shallow::{Shallow, Space};
use efy_train::Split;
use serde::Serialize;
use tch::{Kind, Tensor};

use super::Examples;
use super::objective::Density;
use crate::Result;

/// The file of a run directory that figures are drawn from.
pub const PICTURE_FILE: &str = "density.json";
/// Rows of a map of the sphere, which has twice as many columns.
const LATITUDES: usize = 64;
/// Rows and columns of a map of the plane.
const CELLS: usize = 96;
/// Most points of a kind.
const POINTS: i64 = 600;
/// How much wider a map of the plane is than its points reach, to each side.
const EDGE: f64 = 0.08;

/// Densities over a space of two dimensions on a grid, points, and neurons, in the units of the data.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// `sphere`, `plane` or `torus`.
    space: &'static str,
    /// The names of the entries of a point.
    names: Vec<String>,
    /// The least and the largest value of each axis of a map, none on the sphere.
    bounds: Option<[[f64; 2]; 2]>,
    /// The learned density: on the sphere row by row from the north, per steradian; in the plane from the top.
    model: Vec<Vec<f32>>,
    /// The teacher's.
    teacher: Option<Vec<Vec<f32>>>,
    /// Test points.
    data: Vec<Vec<f32>>,
    /// Neurons and their amplitudes, as in the last network.
    neurons: Vec<Neuron>,
    /// The teacher's.
    teacher_neurons: Vec<Neuron>,
    /// Particles and neurons during training.
    frames: Vec<Moment>,
}

/// A neuron.
#[derive(Debug, Serialize)]
struct Neuron {
    /// Its direction.
    at: Vec<f32>,
    /// w c: it lowers the energy where it is negative.
    amplitude: f32,
}

/// A moment of training.
#[derive(Debug, Serialize)]
struct Moment {
    step: u64,
    particles: Vec<Vec<f32>>,
    neurons: Vec<Neuron>,
}

impl Picture {
    /// Of a trained network; none where its space has not two dimensions.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when libtorch fails.
    pub fn of(density: &Density, examples: &Examples) -> Result<Option<Picture>> {
        let _guard = tch::no_grad_guard();
        let network = density.network()?;
        let d = network.dimension();
        let (space, bounds) = match (network.space(), d) {
            (Space::Sphere, 3) => ("sphere", None),
            (Space::Euclidean { .. }, 2) => ("plane", Some(bounds(examples)?)),
            (Space::Torus, 2) => ("torus", Some([[0.0, 1.0]; 2])),
            _ => return Ok(None),
        };
        let grid = Grid::new(bounds);
        let judge = density.judge();
        let places = Tensor::f_from_slice(&grid.points)
            .and_then(|flat| flat.f_view([-1, d]))
            .map_err(efy_core::Error::from)?;
        let seen = density.scaling().apply(&places, network.place());
        // Of tau with respect to the area of the map.
        let area = match network.space() {
            Space::Sphere => Tensor::from(-(4.0 * std::f64::consts::PI).ln()),
            Space::Euclidean { deviation: Some(s) } => {
                let squares = seen
                    .to_kind(Kind::Double)
                    .square()
                    .sum_dim_intlist(1, false, None);
                let constant =
                    (std::f64::consts::TAU * s * s).ln() + density.scaling().log_volume()?;
                squares * (-0.5 / (s * s)) - constant
            }
            _ => Tensor::from(0.0),
        };
        let area = area.to_device(network.place().1);
        let map =
            |network: &Shallow, log: Tensor, log_partition: &Tensor| -> Result<Vec<Vec<f32>>> {
                let values: Vec<f32> = read::to_vec(&(log - log_partition + &area).exp())?;
                debug_assert_eq!(values.len(), grid.rows * grid.columns, "{network:?}");
                Ok(values
                    .chunks_exact(grid.columns)
                    .map(<[f32]>::to_vec)
                    .collect())
            };
        let model = map(
            &network,
            judge.density(&network).log_unnormalized(&seen)?,
            &judge.log_partition(&network)?.value,
        )?;
        let teacher = judge.teacher().map(|teacher| {
            let rule = efy_core::estimate::Quadrature::of(teacher.network(), 96)?;
            let log_partition = rule.log_partition(&teacher.density())?.value;
            let log = teacher.density().log_unnormalized(&seen)?;
            map(teacher.network(), log, &log_partition)
        });
        let teacher_neurons = judge.teacher().map(|teacher| {
            let network = teacher.network();
            neurons(network.neurons(), &network.amplitudes())
        });
        let frames = density.frames().iter().map(|frame| {
            Ok(Moment {
                step: frame.step,
                particles: rows(&density.scaling().undo(&frame.particles), POINTS)?,
                neurons: neurons(&frame.neurons, &frame.amplitudes)?,
            })
        });
        Ok(Some(Picture {
            space,
            names: examples.names().to_vec(),
            bounds,
            model,
            teacher: teacher.transpose()?,
            data: rows(examples.split(Split::Test), POINTS)?,
            neurons: neurons(network.neurons(), &network.amplitudes())?,
            teacher_neurons: teacher_neurons.transpose()?.unwrap_or_default(),
            frames: frames.collect::<Result<_>>()?,
        }))
    }
}

/// The places of the values of a map.
struct Grid {
    rows: usize,
    columns: usize,
    points: Vec<f64>,
}

impl Grid {
    fn new(bounds: Option<[[f64; 2]; 2]>) -> Self {
        let (rows, columns) = match bounds {
            Some(_) => (CELLS, CELLS),
            None => (LATITUDES, 2 * LATITUDES),
        };
        let middle = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
        let mut points = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let (down, across) = (middle(row, rows), middle(column, columns));
                match bounds {
                    Some([[west, east], [south, north]]) => {
                        points.extend([
                            west + (east - west) * across,
                            north - (north - south) * down,
                        ]);
                    }
                    None => {
                        let (latitude, longitude) = (
                            (90.0 - 180.0 * down).to_radians(),
                            (360.0 * across - 180.0).to_radians(),
                        );
                        let (sine, cosine) = latitude.sin_cos();
                        points.extend([cosine * longitude.cos(), cosine * longitude.sin(), sine]);
                    }
                }
            }
        }
        Grid {
            rows,
            columns,
            points,
        }
    }
}

/// What the points of all splits take, and a little more.
fn bounds(examples: &Examples) -> Result<[[f64; 2]; 2]> {
    let points = Tensor::f_cat(&Split::ALL.map(|split| examples.split(split)), 0)
        .map_err(efy_core::Error::from)?;
    let axis = |index: i64| -> Result<[f64; 2]> {
        let column = points.select(1, index);
        let (low, high) = (read::scalar(&column.min())?, read::scalar(&column.max())?);
        let edge = (high - low).max(1e-9) * EDGE;
        Ok([low - edge, high + edge])
    };
    Ok([axis(0)?, axis(1)?])
}

/// At most so many rows of a matrix.
fn rows(matrix: &Tensor, most: i64) -> Result<Vec<Vec<f32>>> {
    let first = matrix.narrow(0, 0, matrix.size()[0].min(most));
    let values: Vec<f32> = read::to_vec(&first)?;
    let width = matrix.size()[1].max(1) as usize;
    Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
}

fn neurons(directions: &Tensor, amplitudes: &Tensor) -> Result<Vec<Neuron>> {
    let amplitudes: Vec<f32> = read::to_vec(amplitudes)?;
    let directions = rows(directions, directions.size()[0])?;
    let each = directions.into_iter().zip(amplitudes);
    Ok(each
        .map(|(at, amplitude)| Neuron { at, amplitude })
        .collect())
}
