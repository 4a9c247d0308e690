//! Iterations of gradient descent-ascent in one pass over blocks of particles.
//!
//! A block's forces, its move, its scores at the new place and what the neurons need of them are computed while the
//! block is in cache; nothing of size particles times neurons is ever written. Sums of blocks are added in their
//! order, so that no bit depends on the number of threads.

mod blocks;
mod kernel;
mod motion;
mod neurons;
mod unit;

use std::ops::Range;

use rayon::prelude::*;
use tch::Tensor;

use super::lanes::Lanes;
use super::normal::{self, BLOCK, Key, Normal};
use crate::Result;
use crate::device::read;
use crate::flow::{Rates, Renewal};
use crate::parallel::{Collective, own};
use crate::shallow::{Activation, Shallow, Space};
use blocks::{Blocks, interleave};
use kernel::{Pair, Sums};
use motion::{Move, Scratch, add_block, move_block, renew};
use neurons::{Neurons, Totals};
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

/// Where the noise comes from.
pub(crate) enum Noise<'a> {
    /// From the generator.
    Drawn(Key),
    /// `[N, d]`.
    Given(&'a Tensor),
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

    /// Brings the particles together that processes have moved, each its own.
    pub(crate) fn gather(&mut self, collective: &mut dyn Collective) -> Result<()> {
        if collective.world() == 1 {
            return Ok(());
        }
        let blocks = self.own_blocks(self.own_tasks(collective));
        let size = self.groups * self.data.size();
        let own = blocks.start * size..blocks.end * size;
        let numbers: Vec<T> = (self.particles.iter().enumerate())
            .flat_map(|(place, lanes)| match own.contains(&place) {
                true => lanes.0,
                false => [T::zero(); L],
            })
            .collect();
        let all: Vec<T> = read::to_vec(&collective.sum(Tensor::f_from_slice(&numbers)?)?)?;
        for (lanes, numbers) in self.particles.iter_mut().zip(all.as_chunks::<L>().0) {
            lanes.0 = *numbers;
        }
        Ok(())
    }

    /// Blocks of particles in a task: a size that depends on the problem alone.
    fn task(&self) -> usize {
        (self.count() / 16).clamp(1, 8)
    }

    /// Blocks of particles, of all groups together.
    fn count(&self) -> usize {
        self.particles.len() / (self.groups * self.data.size())
    }

    fn own_tasks(&self, collective: &dyn Collective) -> Range<usize> {
        own(self.count().div_ceil(self.task()), collective)
    }

    fn own_blocks(&self, tasks: Range<usize>) -> Range<usize> {
        tasks.start * self.task()..(tasks.end * self.task()).min(self.count())
    }

    /// Moves the particles, after some of them have been put back to the data, and the neurons when `rates` tells how fast.
    /// Each process moves its own particles and looks at its own data, and all of them the neurons.
    pub(crate) fn advance(
        &mut self,
        (step, beta): (f64, f64),
        renewal: Renewal,
        noise: &Noise<'_>,
        rates: Option<&Rates>,
        collective: &mut dyn Collective,
    ) -> Result<()> {
        let rest = (renewal, noise);
        match self.activation {
            Activation::Softplus => {
                self.advance_units(Softplus, (step, beta), rest, rates, collective)
            }
            Activation::Relu { power: 2 } => {
                self.advance_units(Power::<2>, (step, beta), rest, rates, collective)
            }
            Activation::Relu { power: 3 } => {
                self.advance_units(Power::<3>, (step, beta), rest, rates, collective)
            }
            _ => self.advance_units(Power::<1>, (step, beta), rest, rates, collective),
        }
    }

    fn advance_units<U: Unit>(
        &mut self,
        unit: U,
        (step, beta): (f64, f64),
        (renewal, noise): (Renewal, &Noise<'_>),
        rates: Option<&Rates>,
        collective: &mut dyn Collective,
    ) -> Result<()> {
        let real = super::real::<T>;
        let motion = Move {
            step: real(step),
            noise: real((2.0 * step / beta).sqrt()),
            base: real(step / beta * self.space.base_rate().unwrap_or(0.0)),
            sphere: self.space == Space::Sphere,
        };
        let (given, drawn) = match *noise {
            Noise::Given(noise) => {
                let rows: Vec<T> = read::to_vec(noise)?;
                let blocks = interleave::<T, L>(&rows, (self.half, self.groups), (self.d, self.d));
                (Some(blocks), None)
            }
            Noise::Drawn(key) => (None, Some(key)),
        };
        let (tiles, pushes) = self.neurons.tiles();
        let (e, m) = (self.neurons.e, self.neurons.charges.len());
        let points = (self.data.n + self.groups * self.half) / collective.world();
        let threads = points * m * e >= WORTH_THREADS;
        let scratch = || Scratch {
            sums: Sums::new(tiles.len() / e, e),
            force: vec![Lanes::zero(); self.data.size()],
            pair: Pair::new(e),
            words: vec![0; self.d.max(4) * BLOCK],
            noise: vec![T::zero(); self.d * BLOCK],
        };
        let size = self.groups * self.data.size();
        let task = self.task();
        let blocks = self.own_blocks(self.own_tasks(collective));
        let (d, half, groups, data) = (self.d, self.half, self.groups, &self.data);
        let first = blocks.start;
        let particles = &mut self.particles[blocks.start * size..blocks.end * size];
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
                        let sign = if group == 0 || given.is_some() {
                            T::one()
                        } else {
                            -T::one()
                        };
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
                        let network = (tiles.as_slice(), pushes.as_slice(), e);
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
        let data_task = task * data.size();
        let data_lanes = if rates.is_some() {
            let tasks = own(data.lanes.len().div_ceil(data_task), collective);
            &data.lanes[tasks.start * data_task..(tasks.end * data_task).min(data.lanes.len())]
        } else {
            &[]
        };
        let (of_particles, of_data): (Vec<Totals>, Vec<Totals>) = if threads {
            rayon::join(
                || {
                    let tasks = particles.par_chunks_mut(task * size).enumerate();
                    let work = |scratch: &mut _, (i, blocks): (usize, &mut [_])| {
                        some_particles(scratch, first + i * task, blocks)
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
            let tasks = particles.chunks_mut(task * size).enumerate();
            let of_particles = tasks
                .map(|(i, blocks)| some_particles(&mut scratch, first + i * task, blocks))
                .collect();
            let of_data = data_lanes
                .chunks(data_task)
                .map(|blocks| some_data(&mut scratch, blocks));
            (of_particles, of_data.collect())
        };
        if let Some(rates) = rates {
            let empty = U::value(T::zero()).to_f64().unwrap_or(f64::NAN);
            let places = |count: usize| (count.div_ceil(BLOCK) * BLOCK - count) as f64 * empty;
            let of_data = (of_data.as_slice(), self.data.n, places(self.data.n));
            let dead = groups as f64 * places(half);
            let of_particles = (of_particles.as_slice(), groups * half, dead);
            let excess = match collective.world() {
                1 => Totals::excess(of_data, of_particles),
                _ => Totals::excess_of_all((of_data, of_particles), tiles.len(), e, collective)?,
            };
            self.discrepancy = self.neurons.follow(&excess, U::DEGREE, rates);
        }
        Ok(())
    }
}
