//! Nodes and weights of integration, in f64 on the host.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Gauss and Legendre's rule on [-1, 1]: n nodes, and weights of sum 1.
pub(super) fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut nodes = vec![0.0; n];
    let mut weights = vec![0.0; n];
    for i in 0..n.div_ceil(2) {
        // Newton's method from Tricomi's approximation of the i-th zero of the Legendre polynomial.
        let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut last, mut value) = (0.0, 1.0);
            for k in 0..n {
                let k = k as f64;
                (last, value) = (value, ((2.0 * k + 1.0) * x * value - k * last) / (k + 1.0));
            }
            slope = n as f64 * (x * value - last) / (x * x - 1.0);
            x -= value / slope;
        }
        let weight = 1.0 / ((1.0 - x * x) * slope * slope);
        (nodes[i], weights[i]) = (x, weight);
        (nodes[n - 1 - i], weights[n - 1 - i]) = (-x, weight);
    }
    if n % 2 == 1 {
        nodes[n / 2] = 0.0;
    }
    (nodes, weights)
}

/// Points in rows of d entries, and the weight of each; weights sum to 1.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) points: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

impl Nodes {
    fn add(&mut self, point: &[f64], weight: f64) {
        self.points.extend_from_slice(point);
        self.weights.push(weight);
    }
}

/// n places in the middle of equal parts of [0, 1].
fn middles(n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| (i as f64 + 0.5) / n as f64)
}

/// The circle, n nodes.
pub(super) fn circle(n: usize) -> Nodes {
    let mut nodes = Nodes::default();
    for angle in middles(n).map(|part| TAU * part) {
        nodes.add(&[angle.cos(), angle.sin()], 1.0 / n as f64);
    }
    nodes
}

/// $S^2$: n heights by Gauss and Legendre times 2n longitudes.
pub(super) fn sphere(n: usize) -> Nodes {
    let (heights, weights) = gauss_legendre(n);
    let mut nodes = Nodes::default();
    for (height, weight) in heights.into_iter().zip(weights) {
        let radius = (1.0 - height * height).sqrt();
        for angle in middles(2 * n).map(|part| TAU * part) {
            let point = [radius * angle.cos(), radius * angle.sin(), height];
            nodes.add(&point, weight / (2 * n) as f64);
        }
    }
    nodes
}

/// The product with itself of a rule on a line, d times (1 or 2).
fn product(line: &[(f64, f64)], d: i64) -> Nodes {
    let mut nodes = Nodes::default();
    for &(x, weight) in line {
        match d {
            1 => nodes.add(&[x], weight),
            _ => line
                .iter()
                .for_each(|&(y, other)| nodes.add(&[x, y], weight * other)),
        }
    }
    nodes
}

/// $[0, 1)^d$ for d = 1 or 2, n nodes an axis.
pub(super) fn torus(n: usize, d: i64) -> Nodes {
    let line: Vec<_> = middles(n).map(|x| (x, 1.0 / n as f64)).collect();
    product(&line, d)
}

/// $N(0, s^2 I)$ on $R^d$ for d = 1 or 2: Gauss and Legendre's n nodes an axis under $z = 9 \sinh(3u)/\sinh 3$ deviations, three times
/// as close to each other in the middle as they would be without.
pub(super) fn gaussian(n: usize, d: i64, s: f64) -> Nodes {
    const REACH: f64 = 9.0;
    const BEND: f64 = 3.0;
    let (nodes, weights) = gauss_legendre(n);
    let places = nodes.iter().zip(&weights).map(|(u, weight)| {
        let z = REACH * (BEND * u).sinh() / BEND.sinh();
        (z, weight * (BEND * u).cosh() * (-0.5 * z * z).exp())
    });
    let total: f64 = places.clone().map(|(_, weight)| weight).sum();
    let line: Vec<_> = places.map(|(z, weight)| (s * z, weight / total)).collect();
    product(&line, d)
}

/// The projection of the uniform law of $S^{d-1}$, d at least 3, onto a plane: $r = \sin t$ with density
/// $\propto \sin t \cos^{d-3} t$, times the angle. The angles are cut where a neuron of the plane, at one of `axes`, switches on or
/// off, and each part has its own n nodes: the integrand is smooth within.
pub(super) fn plane(n: usize, d: i64, axes: &[f64]) -> Nodes {
    let (nodes, weights) = gauss_legendre(n);
    let mut cuts: Vec<f64> = (axes.iter())
        .flat_map(|axis| [axis + FRAC_PI_2, axis - FRAC_PI_2])
        .map(|angle| angle.rem_euclid(TAU))
        .collect();
    cuts.sort_by(f64::total_cmp);
    let radii: Vec<(f64, f64)> = (nodes.iter().zip(&weights))
        .map(|(x, weight)| {
            let t = (x + 1.0) * PI / 4.0;
            (t.sin(), weight * t.sin() * t.cos().powi((d - 3) as i32))
        })
        .collect();
    let total: f64 = radii.iter().map(|(_, weight)| weight).sum();
    let mut out = Nodes::default();
    for (i, &from) in cuts.iter().enumerate() {
        let to = cuts.get(i + 1).copied().unwrap_or(cuts[0] + TAU);
        for (x, weight) in nodes.iter().zip(&weights) {
            let angle = from + (to - from) * (x + 1.0) / 2.0;
            let share = weight * (to - from) / TAU;
            for (radius, ring) in &radii {
                let point = [radius * angle.cos(), radius * angle.sin()];
                out.add(&point, share * ring / total);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule of n nodes is exact for polynomials of degree 2n - 1, and not for one more.
    #[test]
    fn eq_gauss_legendre_integrates_polynomials() {
        for n in [1, 2, 5, 40, 401] {
            let (nodes, weights) = gauss_legendre(n);
            let moment = |power: i32| -> f64 {
                nodes
                    .iter()
                    .zip(&weights)
                    .map(|(x, w)| w * x.powi(power))
                    .sum()
            };
            for power in 0..(2 * n as i32).min(80) {
                let exact = if power % 2 == 1 {
                    0.0
                } else {
                    1.0 / f64::from(power + 1)
                };
                assert!((moment(power) - exact).abs() < 2e-14, "{n} {power}");
            }
        }
        let (nodes, weights) = gauss_legendre(2);
        let fourth: f64 = nodes.iter().zip(&weights).map(|(x, w)| w * x.powi(4)).sum();
        assert!((fourth - 0.2).abs() > 1e-2);
    }
}
