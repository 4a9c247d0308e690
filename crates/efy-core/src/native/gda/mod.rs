//! Iterations of gradient descent-ascent in one pass over blocks of particles.
//!
//! A block's forces, its move, its scores at the new place and what the neurons need of them are computed while the
//! block is in cache; nothing of size particles times neurons is ever written. Sums of blocks are added in their
//! order, so that no bit depends on the number of threads.

mod blocks;
mod kernel;
mod lanes;
mod unit;

use std::hint::black_box;

use multiversion::multiversion;
use rayon::prelude::*;
use tch::Tensor;

use super::Real;
use super::normal::{self, BLOCK, Key, Normal};
use crate::Result;
use crate::device::read;
use crate::flow::{Rates, Renewal};
use crate::shallow::{Activation, Shallow, Space};
use blocks::Blocks;
use kernel::{Sums, TILE};
use lanes::Lanes;
use unit::{Power, Softplus, Unit};

/// Registers of f32 and of f64 hold this many.
pub(crate) const SINGLE: usize = 16;
/// As [`SINGLE`].
pub(crate) const DOUBLE: usize = 8;
/// Multiplications below which a second thread is not worth waking.
const WORTH_THREADS: usize = 1 << 18;

/// Whether there are native loops for this network.
pub(crate) fn serves(network: &Shallow) -> bool {
    matches!(
        (network.space(), network.activation()),
        (
            Space::Sphere | Space::Euclidean { .. },
            Activation::Relu { power: 1..=3 } | Activation::Softplus
        )
    )
}

/// Data, particles and neurons.
pub(crate) struct State<T, const L: usize> {
    space: Space,
    activation: Activation,
    d: usize,
    data: Blocks<T, L>,
    /// One group, or two that share their noise with opposite signs, block by block beside each other.
    particles: Vec<Lanes<T, L>>,
    groups: usize,
    /// Particles of a group.
    half: usize,
    neurons: Neurons<T>,
    /// V.
    discrepancy: Vec<f64>,
}

struct Neurons<T> {
    e: usize,
    /// Row by row.
    theta: Vec<T>,
    weights: Vec<T>,
    charges: Vec<T>,
}

/// Where the noise comes from.
pub(crate) enum Noise<'a> {
    /// From the generator.
    Drawn(Key),
    /// `[N, d]`.
    Given(&'a Tensor),
}

/// One move of all particles.
#[derive(Clone, Copy)]
struct Move<T> {
    /// h.
    step: T,
    /// $\sqrt{2h/\beta}$.
    noise: T,
    /// $h/(\beta s^2)$.
    base: T,
    sphere: bool,
}

/// Sums over points, neuron by neuron in tiles.
struct Totals {
    values: Vec<f64>,
    moments: Vec<f64>,
}

/// What a thread works with.
struct Scratch<T, const L: usize> {
    sums: Sums<T, L>,
    force: Vec<Lanes<T, L>>,
    words: Vec<u32>,
    noise: Vec<T>,
}

impl<T: Normal, const L: usize> State<T, L> {
    pub(crate) fn new(
        network: &Shallow,
        data: &Tensor,
        particles: &Tensor,
        antithetic: bool,
    ) -> Result<Self> {
        let d = network.dimension() as usize;
        let e = network.space().embedded(d as i64) as usize;
        let groups = if antithetic { 2 } else { 1 };
        let rows: Vec<T> = read::to_vec(particles)?;
        let half = rows.len() / d / groups;
        Ok(State {
            space: network.space(),
            activation: network.activation(),
            d,
            data: Blocks::new(&read::to_vec(data)?, d, e),
            particles: interleave(&rows, (half, groups), (d, e)),
            groups,
            half,
            neurons: Neurons {
                e,
                theta: read::to_vec(network.neurons())?,
                weights: read::to_vec(network.weights())?,
                charges: read::to_vec(network.charges())?,
            },
            discrepancy: vec![0.0; network.width() as usize],
        })
    }

    /// $\theta$ `[m, e]` and w `[m]`.
    pub(crate) fn neurons(&self) -> Result<(Tensor, Tensor)> {
        let Neurons {
            e, theta, weights, ..
        } = &self.neurons;
        let theta = Tensor::f_from_slice(theta)?.f_view([-1, *e as i64])?;
        Ok((theta, Tensor::f_from_slice(weights)?))
    }

    /// `[N, d]`.
    pub(crate) fn particles(&self) -> Result<Tensor> {
        let e = self.neurons.e;
        let size = e * Blocks::<T, L>::VECTORS;
        let mut rows = Vec::new();
        for group in 0..self.groups {
            let blocks = self
                .particles
                .chunks_exact(size)
                .skip(group)
                .step_by(self.groups);
            let blocks = Blocks {
                n: self.half,
                e,
                lanes: blocks.flatten().copied().collect(),
            };
            rows.extend(blocks.rows(self.d));
        }
        Ok(Tensor::f_from_slice(&rows)?.f_view([-1, self.d as i64])?)
    }

    /// V `[m]`.
    pub(crate) fn discrepancy(&self) -> Result<Tensor> {
        Ok(Tensor::f_from_slice(&self.discrepancy)?.f_to_kind(T::KIND)?)
    }

    /// Moves all particles, after some of them have been put back to the data, and the neurons when `rates` tells how fast.
    pub(crate) fn advance(
        &mut self,
        (step, beta): (f64, f64),
        renewal: Renewal,
        noise: &Noise<'_>,
        rates: Option<&Rates>,
    ) -> Result<()> {
        match self.activation {
            Activation::Softplus => {
                self.advance_units(Softplus, (step, beta), renewal, noise, rates)
            }
            Activation::Relu { power: 2 } => {
                self.advance_units(Power::<2>, (step, beta), renewal, noise, rates)
            }
            Activation::Relu { power: 3 } => {
                self.advance_units(Power::<3>, (step, beta), renewal, noise, rates)
            }
            _ => self.advance_units(Power::<1>, (step, beta), renewal, noise, rates),
        }
    }

    fn advance_units<U: Unit>(
        &mut self,
        unit: U,
        (step, beta): (f64, f64),
        renewal: Renewal,
        noise: &Noise<'_>,
        rates: Option<&Rates>,
    ) -> Result<()> {
        let real = super::real::<T>;
        let motion = Move {
            step: real(step),
            noise: real((2.0 * step / beta).sqrt()),
            base: real(step / beta * self.space.base_rate().unwrap_or(0.0)),
            sphere: self.space == Space::Sphere,
        };
        let given = match noise {
            Noise::Given(noise) => {
                let rows: Vec<T> = read::to_vec(noise)?;
                Some(interleave::<T, L>(
                    &rows,
                    (self.half, self.groups),
                    (self.d, self.d),
                ))
            }
            Noise::Drawn(_) => None,
        };
        let drawn = match *noise {
            Noise::Drawn(key) => Some(key),
            Noise::Given(_) => None,
        };
        let (tiles, amplitudes) = self.neurons.tiles();
        let (e, m) = (self.neurons.e, self.neurons.charges.len());
        let points = self.data.n + self.groups * self.half;
        let threads = points * m * e >= WORTH_THREADS;
        let scratch = || Scratch {
            sums: Sums::new(tiles.len() / e, e),
            force: vec![Lanes::zero(); self.data.size()],
            words: vec![0; self.d.max(4) * BLOCK],
            noise: vec![T::zero(); self.d * BLOCK],
        };
        let size = self.groups * self.data.size();
        let (d, half, groups, data) = (self.d, self.half, self.groups, &self.data);
        let count = self.particles.len() / size;
        let some_particles =
            |scratch: &mut Scratch<T, L>, first: usize, blocks: &mut [Lanes<T, L>]| {
                scratch.sums.clear();
                for (offset, blocks) in blocks.chunks_exact_mut(size).enumerate() {
                    let index = first + offset;
                    let live = (half - index * BLOCK).min(BLOCK);
                    if let Some(key) = drawn {
                        normal::block(
                            key,
                            index,
                            d,
                            &mut scratch.words[..d * BLOCK],
                            &mut scratch.noise,
                        );
                    }
                    renew(
                        data,
                        blocks,
                        (index, live),
                        (half, groups),
                        renewal,
                        scratch,
                    );
                    for (group, x) in blocks.chunks_exact_mut(size / groups).enumerate() {
                        let sign = if group == 0 { T::one() } else { -T::one() };
                        let sign = if given.is_some() { T::one() } else { sign };
                        if let Some(given) = &given {
                            let size = d * Blocks::<T, L>::VECTORS;
                            let given = &given[(index * groups + group) * size..][..size];
                            let all = given.iter().flat_map(|lanes| lanes.0);
                            scratch
                                .noise
                                .iter_mut()
                                .zip(all)
                                .for_each(|(z, given)| *z = given);
                        }
                        let network = (tiles.as_slice(), amplitudes.as_slice(), e);
                        move_block(unit, network, (motion, sign), (d, live), x, scratch);
                        if rates.is_some() {
                            add_block(unit, (&tiles, e), x, &mut scratch.sums);
                        }
                    }
                }
                Totals::of(&scratch.sums)
            };
        let some_data = |scratch: &mut Scratch<T, L>, blocks: &[Lanes<T, L>]| {
            scratch.sums.clear();
            for x in blocks.chunks_exact(data.size()) {
                add_block(unit, (&tiles, e), x, &mut scratch.sums);
            }
            Totals::of(&scratch.sums)
        };
        // Tasks of a size that depends on the problem alone.
        let task = (count / 16).clamp(1, 8);
        let data_lanes = if rates.is_some() {
            data.lanes.as_slice()
        } else {
            &[]
        };
        let data_task = task * data.size();
        let (of_particles, of_data): (Vec<Totals>, Vec<Totals>) = if threads {
            rayon::join(
                || {
                    let tasks = self.particles.par_chunks_mut(task * size).enumerate();
                    let work = |scratch: &mut _, (i, blocks): (usize, &mut [_])| {
                        some_particles(scratch, i * task, blocks)
                    };
                    tasks.map_init(scratch, work).collect()
                },
                || {
                    let tasks = data_lanes.par_chunks(data_task);
                    tasks
                        .map_init(scratch, |scratch, blocks| some_data(scratch, blocks))
                        .collect()
                },
            )
        } else {
            let mut scratch = scratch();
            let tasks = self.particles.chunks_mut(task * size).enumerate();
            let of_particles = tasks
                .map(|(i, blocks)| some_particles(&mut scratch, i * task, blocks))
                .collect();
            let of_data = data_lanes
                .chunks(data_task)
                .map(|blocks| some_data(&mut scratch, blocks));
            (of_particles, of_data.collect())
        };
        if let Some(rates) = rates {
            let empty = U::value(T::zero()).to_f64().unwrap_or(f64::NAN);
            let places = |count: usize| (count.div_ceil(BLOCK) * BLOCK - count) as f64 * empty;
            let of_data = Totals::mean(&of_data, self.data.n, places(self.data.n));
            let dead = groups as f64 * places(half);
            let of_particles = Totals::mean(&of_particles, groups * half, dead);
            self.discrepancy = self.neurons.follow(&of_data, &of_particles, rates);
        }
        Ok(())
    }
}

/// Rows `[groups * half, d]` in blocks, those of the groups beside each other.
fn interleave<T: Real, const L: usize>(
    rows: &[T],
    (half, groups): (usize, usize),
    (d, e): (usize, usize),
) -> Vec<Lanes<T, L>> {
    let groups: Vec<Blocks<T, L>> = rows
        .chunks_exact((half * d).max(1))
        .take(groups)
        .map(|rows| Blocks::new(rows, d, e))
        .collect();
    let blocks = half.div_ceil(BLOCK);
    let of_block = |block: usize| {
        let slice = move |group: &Blocks<T, L>| {
            group.lanes[block * group.size()..][..group.size()].to_vec()
        };
        groups.iter().flat_map(slice)
    };
    (0..blocks).flat_map(of_block).collect()
}

/// Puts particles of a block of each group back to the data.
fn renew<T: Real, const L: usize>(
    data: &Blocks<T, L>,
    blocks: &mut [Lanes<T, L>],
    (index, live): (usize, usize),
    (half, groups): (usize, usize),
    renewal: Renewal,
    scratch: &mut Scratch<T, L>,
) {
    let size = data.size();
    match renewal {
        Renewal::None => {}
        Renewal::All => {
            for (group, x) in blocks.chunks_exact_mut(size).enumerate() {
                let first = (group * half + index * BLOCK) % data.n;
                // The copy of a whole block is what restarts at every iteration cost.
                if first.is_multiple_of(BLOCK)
                    && first + live <= data.n
                    && data.live(first / BLOCK) == live
                {
                    x.copy_from_slice(&data.lanes[first / BLOCK * size..][..size]);
                    continue;
                }
                for slot in 0..live {
                    data.copy_point((first + slot) % data.n, x, slot);
                }
            }
        }
        Renewal::Each { probability, key } => {
            let d = scratch.noise.len() / BLOCK;
            let words = &mut scratch.words[..4 * BLOCK];
            normal::spare_words(key, index, d, words);
            for (x, words) in blocks
                .chunks_exact_mut(size)
                .take(groups)
                .zip(words.chunks_exact(2 * BLOCK))
            {
                let (decisions, choices) = words.split_at(BLOCK);
                for slot in 0..live {
                    let restart =
                        normal::restart(decisions[slot], choices[slot], probability, data.n);
                    if let Some(i) = restart {
                        data.copy_point(i, x, slot);
                    }
                }
            }
        }
    }
}

/// $x \leftarrow P(x - h\nabla f(x) - h/(\beta s^2)\, x \pm \sqrt{2h/\beta}\, z)$ for the points of a block.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
fn move_block<T: Real, U: Unit, const L: usize>(
    _unit: U,
    (tiles, amplitudes, e): (&[[T; TILE]], &[[T; TILE]], usize),
    (motion, sign): (Move<T>, T),
    (d, live): (usize, usize),
    x: &mut [Lanes<T, L>],
    scratch: &mut Scratch<T, L>,
) {
    let vectors = x.len() / e;
    let force = &mut scratch.force;
    force.fill(Lanes::zero());
    kernel::add_forces::<T, U, L>((tiles, amplitudes), e, x, force);
    let (noise, _) = scratch.noise.as_chunks::<L>();
    let scale = sign * motion.noise;
    // black_box: the optimizer would otherwise take one lane of many registers at a time, by gathers.
    for ((x, force), z) in x.iter_mut().zip(force.iter()).zip(noise).take(d * vectors) {
        let x = black_box(x);
        let here = *x;
        let moved = here.plus(-motion.step, force).plus(scale, &Lanes(*z));
        *x = moved.plus(-motion.base, &here);
    }
    if motion.sphere {
        // Coordinate by coordinate, so that all loops run over neighbours.
        let lengths = &mut force[..vectors];
        lengths.fill(Lanes::zero());
        for x in x.chunks_exact(vectors) {
            for (length, x) in lengths.iter_mut().zip(x) {
                let x = black_box(x);
                *length = length.plus_product(x, x);
            }
        }
        for length in lengths.iter_mut() {
            let length = black_box(length);
            *length = length.map(|square| T::one() / square.sqrt());
        }
        for x in x.chunks_exact_mut(vectors) {
            for (length, x) in lengths.iter().zip(x) {
                let x = black_box(x);
                *x = Lanes::zero().plus_product(x, length);
            }
        }
    }
    if live < vectors * L {
        for slot in live..vectors * L {
            for x in x[slot / L..].iter_mut().step_by(vectors) {
                x.0[slot % L] = T::zero();
            }
        }
    }
}

/// Adds the points of a block to the sums.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
fn add_block<T: Real, U: Unit, const L: usize>(
    _unit: U,
    (tiles, e): (&[[T; TILE]], usize),
    x: &[Lanes<T, L>],
    sums: &mut Sums<T, L>,
) {
    sums.add::<U>(tiles, e, x);
}

impl Totals {
    fn of<T: Real, const L: usize>(sums: &Sums<T, L>) -> Self {
        Totals {
            values: sums.values.iter().map(Lanes::sum).collect(),
            moments: sums.moments.iter().map(Lanes::sum).collect(),
        }
    }

    /// The mean over `count` points; empty places have added `empty` to each value.
    fn mean(parts: &[Totals], count: usize, empty: f64) -> Totals {
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

/// Neurons in tiles, coordinate by coordinate, and their $w c/m$.
type Tiles<T> = (Vec<[T; TILE]>, Vec<[T; TILE]>);

impl<T: Real> Neurons<T> {
    /// Places of the last tile without a neuron hold zeros.
    fn tiles(&self) -> Tiles<T> {
        let (e, m) = (self.e, self.charges.len());
        let width: T = super::real(m as f64);
        let mut tiles = vec![[T::zero(); TILE]; m.div_ceil(TILE) * e];
        let mut amplitudes = vec![[T::zero(); TILE]; m.div_ceil(TILE)];
        for (j, theta) in self.theta.chunks_exact(e).enumerate() {
            for (tile, &theta) in tiles[j / TILE * e..].iter_mut().zip(theta) {
                tile[j % TILE] = theta;
            }
            amplitudes[j / TILE][j % TILE] = self.weights[j] * self.charges[j] / width;
        }
        (tiles, amplitudes)
    }

    /// Moves neurons and weights; returns V.
    fn follow(&mut self, data: &Totals, particles: &Totals, rates: &Rates) -> Vec<f64> {
        let e = self.e;
        let double = |value: T| value.to_f64().unwrap_or(f64::NAN);
        let mut discrepancy = Vec::with_capacity(self.charges.len());
        for (j, theta) in self.theta.chunks_exact_mut(e).enumerate() {
            let charge = double(self.charges[j]);
            let v = data.values[j] - particles.values[j];
            discrepancy.push(v);
            let weight = double(self.weights[j]) * (-rates.weights * charge * v).exp();
            self.weights[j] = super::real(weight);
            if rates.neurons == 0.0 {
                continue;
            }
            let place = |k: usize| (j / TILE * e + k) * TILE + j % TILE;
            let of = |k: usize| charge * (data.moments[place(k)] - particles.moments[place(k)]);
            let along: f64 = theta
                .iter()
                .enumerate()
                .map(|(k, &t)| double(t) * of(k))
                .sum();
            let moved: Vec<f64> = theta
                .iter()
                .enumerate()
                .map(|(k, &t)| double(t) - rates.neurons * (of(k) - along * double(t)))
                .collect();
            let length = moved.iter().map(|t| t * t).sum::<f64>().sqrt();
            theta
                .iter_mut()
                .zip(moved)
                .for_each(|(t, moved)| *t = super::real(moved / length));
        }
        if let Some(cap) = rates.cap {
            let mean =
                self.weights.iter().map(|&w| double(w)).sum::<f64>() / self.weights.len() as f64;
            if mean > cap {
                let factor: T = super::real(cap / mean);
                self.weights.iter_mut().for_each(|w| *w *= factor);
            }
        }
        discrepancy
    }
}
