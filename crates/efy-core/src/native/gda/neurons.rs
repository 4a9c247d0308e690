//! The neurons: in tiles for the passes over points, and moved by what these have summed.

use multiversion::multiversion;
use tch::Tensor;

use super::kernel::{Sums, TILE};
use crate::Result;
use crate::device::read;
use crate::flow::Rates;
use crate::native::lanes::Lanes;
use crate::native::{Real, real};
use crate::parallel::Collective;

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

/// Sums over some points, of how many in all, and what empty places have added to each value.
pub(super) type Summed<'a> = (&'a [Totals], usize, f64);

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
    fn mean((parts, count, empty): Summed<'_>) -> Totals {
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

impl Totals {
    /// The mean over data less that over particles.
    pub(super) fn excess(data: Summed<'_>, particles: Summed<'_>) -> Totals {
        let (data, particles) = (Totals::mean(data), Totals::mean(particles));
        let less = |data: Vec<f64>, particles: Vec<f64>| {
            let pairs = data.into_iter().zip(particles);
            pairs.map(|(data, particles)| data - particles).collect()
        };
        Totals {
            values: less(data.values, particles.values),
            moments: less(data.moments, particles.moments),
        }
    }

    /// [`excess`](Self::excess) from the sums of all processes, each over its own points: one sum of as many numbers as
    /// neurons and weights have.
    pub(super) fn excess_of_all(
        (data, particles): (Summed<'_>, Summed<'_>),
        tiles: usize,
        e: usize,
        collective: &mut dyn Collective,
    ) -> Result<Totals> {
        let values = tiles / e * TILE;
        let mut flat = vec![0.0; values + tiles * TILE];
        for ((parts, count, _), sign) in [(data, 1.0), (particles, -1.0)] {
            for part in parts {
                let own = part.values.iter().chain(&part.moments);
                let weight = sign / count as f64;
                flat.iter_mut()
                    .zip(own)
                    .for_each(|(sum, own)| *sum += weight * own);
            }
        }
        let all: Vec<f64> = read::to_vec(&collective.sum(Tensor::f_from_slice(&flat)?)?)?;
        let empty = data.2 / data.1 as f64 - particles.2 / particles.1 as f64;
        let (values, moments) = all.split_at(values);
        Ok(Totals {
            values: values.iter().map(|value| value - empty).collect(),
            moments: moments.to_vec(),
        })
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

    /// Moves neurons and weights by what data have more than particles; returns V. For `degree` see [`Unit::DEGREE`](super::unit::Unit::DEGREE).
    pub(super) fn follow(
        &mut self,
        excess: &Totals,
        degree: Option<u32>,
        rates: &Rates,
    ) -> Vec<f64> {
        let e = self.e;
        let double = |value: T| value.to_f64().unwrap_or(f64::NAN);
        let mut discrepancy = Vec::with_capacity(self.charges.len());
        for (j, theta) in self.theta.chunks_exact_mut(e).enumerate() {
            let charge = double(self.charges[j]);
            let place = |k: usize| (j / TILE * e + k) * TILE + j % TILE;
            let moment = |k: usize| excess.moments[place(k)];
            let along: f64 = theta
                .iter()
                .enumerate()
                .map(|(k, &t)| double(t) * moment(k))
                .sum();
            let v = match degree {
                Some(degree) => along / f64::from(degree),
                None => excess.values[j],
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
                .map(|(k, &t)| double(t) - rates.neurons * charge * (moment(k) - along * double(t)))
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
