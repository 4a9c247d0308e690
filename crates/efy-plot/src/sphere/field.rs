//! The value of a density at any place on the sphere.

use std::f64::consts::PI;

use super::Density;

/// The narrowest kernel, in radians: below it the map could not show it.
const NARROWEST: f64 = 0.01;

/// A density that can be evaluated.
pub(crate) enum Field<'a> {
    Grid(&'a [Vec<f64>]),
    Kernels {
        /// Unit vectors.
        centres: Vec<[f64; 3]>,
        concentration: f64,
    },
}

impl<'a> Field<'a> {
    /// # Errors
    /// What is wrong with the grid, the samples or the bandwidth.
    pub fn new(density: &'a Density) -> Result<Self, String> {
        match density {
            Density::Grid(rows) => {
                let columns = rows.first().map_or(0, Vec::len);
                if columns == 0 || rows.iter().any(|row| row.len() != columns) {
                    return Err("a grid needs rows of equal length, at least one value".to_owned());
                }
                Ok(Self::Grid(rows))
            }
            Density::Samples { samples, bandwidth } => {
                let centres: Option<Vec<_>> = samples.iter().map(|sample| unit(*sample)).collect();
                let centres = centres.filter(|centres| !centres.is_empty());
                let centres = centres.ok_or("a sample is missing, zero or not finite")?;
                let width = match bandwidth {
                    Some(width) if width.is_finite() && *width > 0.0 => width.to_radians(),
                    Some(width) => return Err(format!("bandwidth: expected > 0, got {width}")),
                    None => scott(&centres),
                };
                Ok(Self::Kernels {
                    centres,
                    concentration: width.max(NARROWEST).powi(-2),
                })
            }
        }
    }

    /// The density at a latitude and a longitude in degrees, per steradian.
    pub fn value(&self, latitude: f64, longitude: f64) -> f64 {
        match self {
            Self::Grid(rows) => interpolate(rows, latitude, longitude),
            Self::Kernels {
                centres,
                concentration,
            } => {
                let at = direction(latitude, longitude);
                let kernel = |centre: &[f64; 3]| (concentration * (dot(at, *centre) - 1.0)).exp();
                let sum: f64 = centres.iter().map(kernel).sum();
                // k / (4 pi sinh k), with the exponential of the largest value taken out.
                let constant = concentration / (2.0 * PI * -(-2.0 * concentration).exp_m1());
                constant * sum / centres.len() as f64
            }
        }
    }
}

/// The place of a value of a grid, in degrees.
pub(super) fn grid_place(
    (row, rows): (usize, usize),
    (column, columns): (usize, usize),
) -> (f64, f64) {
    let share = |index: usize, count: usize| (index as f64 + 0.5) / count as f64;
    (
        90.0 - 180.0 * share(row, rows),
        -180.0 + 360.0 * share(column, columns),
    )
}

/// The bilinear interpolation; around the poles the values of the last row.
fn interpolate(rows: &[Vec<f64>], latitude: f64, longitude: f64) -> f64 {
    let columns = rows[0].len();
    let down = (90.0 - latitude) / 180.0 * rows.len() as f64 - 0.5;
    let down = down.clamp(0.0, (rows.len() - 1) as f64);
    let across = (longitude + 180.0) / 360.0 * columns as f64 - 0.5;
    let across = across.rem_euclid(columns as f64);
    let (top, left) = (down.floor() as usize, across.floor() as usize % columns);
    let (bottom, right) = ((top + 1).min(rows.len() - 1), (left + 1) % columns);
    let (v, u) = (down - top as f64, across - across.floor());
    let mix = |row: &[f64]| blend(row[left], row[right], u);
    blend(mix(&rows[top]), mix(&rows[bottom]), v)
}

/// Between `a` and `b`. What does not count must not be NaN because it is not a number.
fn blend(a: f64, b: f64, share: f64) -> f64 {
    if share == 0.0 { a } else { a + (b - a) * share }
}

/// Scott's rule in two dimensions, the spread of a sample being that of its directions.
fn scott(centres: &[[f64; 3]]) -> f64 {
    let count = centres.len() as f64;
    let mean = |axis: usize| centres.iter().map(|centre| centre[axis]).sum::<f64>() / count;
    let length = dot([mean(0), mean(1), mean(2)], [mean(0), mean(1), mean(2)]).sqrt();
    (1.0 - length).max(0.0).sqrt() * count.powf(-1.0 / 6.0)
}

fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(vector, vector).sqrt();
    (length.is_finite() && length > 0.0).then(|| vector.map(|part| part / length))
}

fn direction(latitude: f64, longitude: f64) -> [f64; 3] {
    let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
    let flat = latitude.cos();
    [
        flat * longitude.cos(),
        flat * longitude.sin(),
        latitude.sin(),
    ]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::super::degrees;
    use super::*;

    /// The integral over the sphere, by the midpoint rule.
    fn mass(field: &Field<'_>) -> f64 {
        let (rows, columns) = (90, 180);
        let cell = |row: usize| {
            let edge = |row: usize| (90.0 - 180.0 * row as f64 / rows as f64).to_radians().sin();
            (edge(row) - edge(row + 1)) * 2.0 * PI / columns as f64
        };
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        cells
            .map(|(row, column)| {
                let (latitude, longitude) = grid_place((row, rows), (column, columns));
                field.value(latitude, longitude) * cell(row)
            })
            .sum()
    }

    #[test]
    fn kernels_have_mass_one_and_are_densest_at_the_samples() {
        for bandwidth in [None, Some(10.0), Some(60.0)] {
            let samples = vec![[1.0, 0.0, 0.1], [0.9, 0.3, 0.0], [0.0, 0.0, 5.0]];
            let density = Density::Samples { samples, bandwidth };
            let field = Field::new(&density).unwrap();
            assert!((mass(&field) - 1.0).abs() < 1e-3, "{}", mass(&field));
            assert!(field.value(5.0, 5.0) > field.value(-60.0, 180.0));
        }
    }

    #[test]
    fn a_grid_keeps_its_values_and_closes_at_the_date_line() {
        let density = Density::Grid(vec![
            vec![1.0, 2.0, 3.0, 4.0],
            vec![5.0, 6.0, 7.0, f64::NAN],
        ]);
        let field = Field::new(&density).unwrap();
        assert_eq!(field.value(45.0, -135.0), 1.0);
        assert_eq!(field.value(-45.0, 45.0), 7.0);
        assert_eq!(field.value(90.0, 0.0), 2.5);
        assert_eq!(field.value(45.0, 180.0), 2.5);
        assert_eq!(field.value(45.0, -180.0), 2.5);
        assert!(field.value(-45.0, 135.0).is_nan());
    }

    #[test]
    fn what_is_no_density_is_refused() {
        let refused = |density: Density| Field::new(&density).err().unwrap();
        let ragged = Density::Grid(vec![vec![1.0], vec![]]);
        assert!(refused(ragged).contains("equal length"));
        for samples in [vec![], vec![[0.0; 3]], vec![[f64::NAN, 0.0, 1.0]]] {
            let samples = Density::Samples {
                samples,
                bandwidth: None,
            };
            assert!(refused(samples).contains("sample"));
        }
        let narrow = Density::Samples {
            samples: vec![[1.0, 0.0, 0.0]],
            bandwidth: Some(0.0),
        };
        assert_eq!(refused(narrow), "bandwidth: expected > 0, got 0");
    }

    #[test]
    fn directions_and_degrees_are_inverse() {
        for (latitude, longitude) in [(10.0, 20.0), (-80.0, -170.0), (0.0, 179.0)] {
            let found = degrees(direction(latitude, longitude).map(|part| part * 3.0));
            assert!((found.0 - latitude).abs() < 1e-9 && (found.1 - longitude).abs() < 1e-9);
        }
    }
}
