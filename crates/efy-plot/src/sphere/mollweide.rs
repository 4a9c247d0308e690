//! Mollweide's projection, in which areas are true and parallels are straight.

use std::f64::consts::{FRAC_PI_2, PI};

/// Where a latitude and a longitude, in degrees, are on the map: from -1 to 1 in both directions of
/// its ellipse, which is twice as wide as high.
///
/// With 2 t + sin 2t = pi sin(latitude): x = longitude / pi cos t and y = sin t (Snyder 1987,
/// equations 31-1 to 31-3, in units of the half axes).
pub(crate) fn project(latitude: f64, longitude: f64) -> (f64, f64) {
    let angle = auxiliary(latitude.to_radians());
    (longitude / 180.0 * angle.cos(), angle.sin())
}

/// The t of the formula, by bisection: Newton's method creeps near the poles.
fn auxiliary(latitude: f64) -> f64 {
    let target = PI * latitude.sin();
    let (mut low, mut high) = (-FRAC_PI_2, FRAC_PI_2);
    for _ in 0..52 {
        let middle = (low + high) / 2.0;
        if 2.0 * middle + (2.0 * middle).sin() < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_places_are_where_they_should_be() {
        let close = |(a, b): (f64, f64), (x, y): (f64, f64)| {
            assert!((a - x).abs() < 1e-9 && (b - y).abs() < 1e-9, "({a}, {b})");
        };
        close(project(0.0, 0.0), (0.0, 0.0));
        close(project(0.0, -180.0), (-1.0, 0.0));
        assert!((project(90.0, 50.0).1 - 1.0).abs() < 1e-9);
        // Half of the northern hemisphere's area is south of 30 degrees: t + sin(2 t) / 2 = pi / 4.
        let (_, y) = project(30.0, 0.0);
        let t = y.asin();
        assert!((2.0 * t + (2.0 * t).sin() - PI / 2.0).abs() < 1e-9);
    }

    #[test]
    fn areas_are_true() {
        // The part of the ellipse's area below a parallel is the part of the sphere's.
        for latitude in [-75.0, -40.0, 0.0, 10.0, 60.0, 85.0f64] {
            let (_, y) = project(latitude, 0.0);
            let on_map = 0.5 + (y.asin() + y * (1.0 - y * y).sqrt()) / PI;
            let on_sphere = (1.0 + latitude.to_radians().sin()) / 2.0;
            assert!((on_map - on_sphere).abs() < 1e-9, "{latitude}");
        }
    }
}
