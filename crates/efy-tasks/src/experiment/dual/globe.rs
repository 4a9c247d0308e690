//! Maps of densities on S^2: the teacher, and the student whenever its neurons were kept.

use efy_core::device::read;
use efy_core::estimate::{Density, Quadrature};
use efy_core::shallow::Shallow;
use tch::{Device, Kind, Tensor};

use super::trial::student;
use super::{Finished, Group};
use crate::Result;
use crate::experiment::{Globe, Picture, Plot};

/// Rows of a map, which has twice as many columns.
const LATITUDES: usize = 64;
const PLACE: (Kind, Device) = (Kind::Float, Device::Cpu);

/// A picture for each run whose neurons were kept: the teacher, and its first seed's student.
pub(super) fn pictures(group: &Group, runs: &[Finished<'_>]) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (index, finished) in runs.iter().enumerate() {
        let Some(outcome) = finished.outcomes.first() else {
            continue;
        };
        let teacher = finished.specification.teacher.build(PLACE)?;
        if teacher.network().dimension() != 3 || outcome.snapshots.is_empty() {
            continue;
        }
        let mut panels = vec![panel("teacher".to_owned(), teacher.network())?];
        for snapshot in &outcome.snapshots {
            let start = student(finished.specification, 3, 0)?;
            let tensor = |values: &[f64]| -> efy_core::Result<Tensor> {
                Ok(Tensor::f_from_slice(values)?.f_to_kind(PLACE.0)?)
            };
            let network = Shallow::new(
                start.space(),
                start.activation(),
                tensor(&snapshot.neurons)?.view([-1, 3]),
                tensor(&snapshot.weights)?,
                start.charges().copy(),
            )?;
            panels.push(panel(
                format!("student, iteration {}", snapshot.iteration),
                &network,
            )?);
        }
        pictures.push(Picture {
            name: format!("{}-density-{}", group.name, index + 1),
            title: format!("{}, {}", group.title, finished.run.name),
            caption: "Densities over the sphere with neurons, those of the student of the first seed, in Mollweide's \
                      projection, which is true in area."
                .to_owned(),
            plot: Plot::Globes { panels },
        });
    }
    Ok(pictures)
}

/// The density per steradian and the neurons.
fn panel(title: String, network: &Shallow) -> Result<Globe> {
    let density = Density { network, beta: 1.0 };
    let columns = 2 * LATITUDES;
    let mut points = Vec::with_capacity(3 * LATITUDES * columns);
    for row in 0..LATITUDES {
        let latitude = (90.0 - 180.0 * (row as f64 + 0.5) / LATITUDES as f64).to_radians();
        for column in 0..columns {
            let longitude = (-180.0 + 360.0 * (column as f64 + 0.5) / columns as f64).to_radians();
            let (sin, cos) = latitude.sin_cos();
            points.extend([cos * longitude.cos(), cos * longitude.sin(), sin]);
        }
    }
    let points = Tensor::f_from_slice(&points)
        .and_then(|points| points.f_view([-1, 3])?.f_to_kind(PLACE.0))
        .map_err(efy_core::Error::from)?;
    let log_partition = Quadrature::of(network, 96)?.log_partition(&density)?.value;
    let log = density.log_unnormalized(&points)? - log_partition;
    let values: Vec<f64> = read::to_vec(&(log.exp() / (4.0 * std::f64::consts::PI)))?;
    let neurons: Vec<f64> = read::to_vec(network.neurons())?;
    Ok(Globe {
        title,
        density: values.chunks_exact(columns).map(<[f64]>::to_vec).collect(),
        points: neurons.as_chunks::<3>().0.to_vec(),
    })
}
