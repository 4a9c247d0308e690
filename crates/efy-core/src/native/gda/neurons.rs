//! The neurons: in tiles for the passes over points, and moved by what these have summed.

use multiversion::multiversion;

use super::kernel::{Sums, TILE};
use super::lanes::Lanes;
use crate::flow::Rates;
use crate::native::{Real, real};

/// $\theta$, w and the charges.
pub(super) struct Neurons<T> {
    pub(super) e: usize,
    /// Row by row.
    pub(super) theta: Vec<T>,
    pub(super) weights: Vec<T>,
    pub(super) charges: Vec<T>,
}

/// Sums over points, neuron by neuron in tiles.
pub(super) struct Totals {
    values: Vec<f64>,
    moments: Vec<f64>,
}

/// Neurons in tiles, coordinate by coordinate, and the same times their $w c/m$.
pub(super) type Tiles<T> = (Vec<[T; TILE]>, Vec<[T; TILE]>);

impl Totals {
    pub(super) fn of<T: Real, const L: usize>(sums: &Sums<T, L>) -> Self {
        Totals {
            values: lane_sums(&sums.values),
            moments: lane_sums(&sums.moments),
        }
    }

    /// The mean over `count` points; empty places have added `empty` to each value.
    pub(super) fn mean(parts: &[Totals], count: usize, empty: f64) -> Totals {
        let sum = |f: fn(&Totals) -> &[f64], less: f64| {
            let mut parts = parts.iter().map(f);
            let mut sum = parts.next().unwrap_or_default().to_vec();
            for part in parts {
                sum.iter_mut()
                    .zip(part)
                    .for_each(|(sum, part)| *sum += part);
            }
            sum.iter_mut()
                .for_each(|sum| *sum = (*sum - less) / count as f64);
            sum
        };
        Totals {
            values: sum(|totals| &totals.values, empty),
            moments: sum(|totals| &totals.moments, 0.0),
        }
    }
}

/// Registers are summed as fast as they are filled only in the registers of the machine.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
fn lane_sums<T: Real, const L: usize>(lanes: &[Lanes<T, L>]) -> Vec<f64> {
    lanes.iter().map(Lanes::sum).collect()
}

impl<T: Real> Neurons<T> {
    /// Places of the last tile without a neuron hold zeros.
    pub(super) fn tiles(&self) -> Tiles<T> {
        let (e, m) = (self.e, self.charges.len());
        let width: T = real(m as f64);
        let mut tiles = vec![[T::zero(); TILE]; m.div_ceil(TILE) * e];
        let mut pushes = tiles.clone();
        for (j, theta) in self.theta.chunks_exact(e).enumerate() {
            let amplitude = self.weights[j] * self.charges[j] / width;
            let first = j / TILE * e;
            for (k, &theta) in theta.iter().enumerate() {
                tiles[first + k][j % TILE] = theta;
                pushes[first + k][j % TILE] = amplitude * theta;
            }
        }
        (tiles, pushes)
    }

    /// Moves neurons and weights; returns V. For `degree` see [`Unit::DEGREE`](super::unit::Unit::DEGREE).
    pub(super) fn follow(
        &mut self,
        (data, particles): (&Totals, &Totals),
        degree: Option<u32>,
        rates: &Rates,
    ) -> Vec<f64> {
        let e = self.e;
        let double = |value: T| value.to_f64().unwrap_or(f64::NAN);
        let mut discrepancy = Vec::with_capacity(self.charges.len());
        for (j, theta) in self.theta.chunks_exact_mut(e).enumerate() {
            let charge = double(self.charges[j]);
            let place = |k: usize| (j / TILE * e + k) * TILE + j % TILE;
            let excess = |k: usize| data.moments[place(k)] - particles.moments[place(k)];
            let along: f64 = theta
                .iter()
                .enumerate()
                .map(|(k, &t)| double(t) * excess(k))
                .sum();
            let v = match degree {
                Some(degree) => along / f64::from(degree),
                None => data.values[j] - particles.values[j],
            };
            discrepancy.push(v);
            let weight = double(self.weights[j]) * (-rates.weights * charge * v).exp();
            self.weights[j] = real(weight);
            if rates.neurons == 0.0 {
                continue;
            }
            let moved: Vec<f64> = theta
                .iter()
                .enumerate()
                .map(|(k, &t)| double(t) - rates.neurons * charge * (excess(k) - along * double(t)))
                .collect();
            let length = moved.iter().map(|t| t * t).sum::<f64>().sqrt();
            theta
                .iter_mut()
                .zip(moved)
                .for_each(|(t, moved)| *t = real(moved / length));
        }
        if let Some(cap) = rates.cap {
            let mean =
                self.weights.iter().map(|&w| double(w)).sum::<f64>() / self.weights.len() as f64;
            if mean > cap {
                let factor: T = real(cap / mean);
                self.weights.iter_mut().for_each(|w| *w *= factor);
            }
        }
        discrepancy
    }
}
