//! Markov chains that draw from $p_v \propto e^{\Phi(v, \cdot)}$.

use rand::{Rng, RngExt};
use tch::{Device, Tensor};

use crate::domain::Domain;
use crate::energy::{Coupling, Energy, Form};
use crate::parallel::Part;
use crate::{Error, Result, native};

/// A chain a row. What it draws is a function of its start, its row in the batch and the generator.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Gibbs sampling of labels $y \in \{0, 1\}^k$: one coordinate after the other is drawn given the
    /// rest, $P(y_i = 1 \mid \text{rest}) = \sigma(\Phi(y_i = 1) - \Phi(y_i = 0))$, for quadratic energies
    /// $\sigma(u_i + \sum_{j \ne i} U_{ij} y_j + \frac12 U_{ii})$. The start is rounded to labels.
    ///
    /// Native for linear and quadratic energies on the CPU; other energies cost two values a coordinate.
    Gibbs {
        /// Sweeps over all coordinates.
        sweeps: usize,
    },
    /// Projected Langevin dynamics, $p^+ = P_C(p + \eta \nabla\Phi(p) + \sqrt{2\eta}\, \xi)$ with Gaussian
    /// $\xi$: draws from the density $\propto e^\Phi$ on C as $\eta \to 0$ and the number of steps grows,
    /// for any energy that is differentiable in p.
    Langevin {
        /// Steps.
        steps: usize,
        /// $\eta$.
        step_size: f64,
    },
}

impl Sampler {
    /// Refuses a chain that goes nowhere.
    pub(super) fn validate(&self) -> Result<()> {
        let (name, count, size) = match *self {
            Sampler::Gibbs { sweeps } => ("sampler.sweeps", sweeps, 1.0),
            Sampler::Langevin { steps, step_size } => ("sampler.steps", steps, step_size),
        };
        let wrong = |name, expected, found| {
            Err(Error::Parameter {
                name,
                expected,
                found,
            })
        };
        if count == 0 {
            return wrong(name, "a positive integer", "0".to_owned());
        }
        if !(size.is_finite() && size > 0.0) {
            return wrong("sampler.step_size", "a positive number", size.to_string());
        }
        Ok(())
    }

    /// Where the chains from `start` `[B, k]` end, `[B, k]`, without a graph.
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for the random numbers, drawn on the host beforehand.
    pub fn sample(
        &self,
        energy: &dyn Energy,
        domain: &dyn Domain,
        start: &Tensor,
        random: &mut impl Rng,
    ) -> Result<Tensor> {
        self.sample_part(energy, domain, start, None, random)
    }

    /// [`sample`](Self::sample) for some rows of a batch: what their chains are in the whole of it.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub(crate) fn sample_part(
        &self,
        energy: &dyn Energy,
        domain: &dyn Domain,
        start: &Tensor,
        part: Option<Part>,
        random: &mut impl Rng,
    ) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (rows, k) = crate::shape::size2(start);
        let part = part.unwrap_or(Part::whole(rows));
        let size = |rounds| (rounds, rows as usize, k as usize);
        match *self {
            Sampler::Gibbs { sweeps } => {
                let noise = part.pick(size(sweeps), || random.random());
                let start = start.gt(0.5).to_kind(start.kind());
                match energy.form() {
                    Form::Linear { u } if on_cpu(start.device()) => {
                        native::gibbs(u, None, &start, &noise)
                    }
                    Form::Quadratic { u, coupling } if on_cpu(start.device()) => {
                        native::gibbs(u, Some(coupling), &start, &noise)
                    }
                    _ => gibbs(energy, &start, &like(&noise, &start)?),
                }
            }
            Sampler::Langevin { steps, step_size } => {
                let noise = part.pick(size(steps), || gaussian(random));
                Ok(langevin(
                    energy,
                    domain,
                    start,
                    &like(&noise, start)?,
                    step_size,
                ))
            }
        }
    }

    /// The uniform numbers that chains of the whole batch take, of which `start` has a part.
    pub(crate) fn numbers(&self, start: &Tensor, part: Option<Part>) -> i64 {
        let cells = start.numel() as i64;
        let cells = part.map_or(cells, |part| cells / part.count.max(1) * part.of);
        match *self {
            Sampler::Gibbs { sweeps } => sweeps as i64 * cells,
            Sampler::Langevin { steps, .. } => 2 * steps as i64 * cells,
        }
    }

    /// [`sample`](Self::sample) with these [numbers](Self::numbers) of a generator, f64 on the device of
    /// `start`.
    pub(crate) fn sample_on_device(
        &self,
        energy: &dyn Energy,
        domain: &dyn Domain,
        start: &Tensor,
        (uniform, part): (&Tensor, Option<Part>),
    ) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (rows, k) = crate::shape::size2(start);
        let shaped = |noise: &Tensor| -> Result<Tensor> {
            let noise = noise.f_to_kind(start.kind())?;
            let own = match part {
                Some(part) => {
                    let replicas = rows / part.count.max(1);
                    let all = noise.f_reshape([-1, replicas, part.of, k])?;
                    all.f_narrow(2, part.first, part.count)?
                }
                None => noise,
            };
            Ok(own.f_reshape([-1, rows, k])?)
        };
        match *self {
            Sampler::Gibbs { .. } => {
                let start = start.gt(0.5).to_kind(start.kind());
                gibbs(energy, &start, &shaped(uniform)?)
            }
            Sampler::Langevin { step_size, .. } => {
                let pairs = uniform.f_reshape([-1, 2])?;
                let (radius, angle) = (pairs.select(1, 0), pairs.select(1, 1));
                let rest: Tensor = 1.0 - radius;
                let radius = (rest.log() * -2.0).sqrt();
                let noise = radius * (angle * std::f64::consts::TAU).cos();
                Ok(langevin(energy, domain, start, &shaped(&noise)?, step_size))
            }
        }
    }
}

/// Projected Langevin dynamics with Gaussian `noise` `[steps, B, k]`.
fn langevin(
    energy: &dyn Energy,
    domain: &dyn Domain,
    start: &Tensor,
    noise: &Tensor,
    step_size: f64,
) -> Tensor {
    let noise = noise * (2.0 * step_size).sqrt();
    let mut p = domain.project(start);
    for step in 0..noise.size()[0] {
        let moved = &p + energy.gradient(&p) * step_size + noise.get(step);
        p = domain.project(&moved).detach();
    }
    p
}

fn on_cpu(device: Device) -> bool {
    device == Device::Cpu
}

/// Numbers as a tensor `[n, B, k]` of the kind and on the device of `p` `[B, k]`.
fn like(numbers: &[f64], p: &Tensor) -> Result<Tensor> {
    let (rows, k) = crate::shape::size2(p);
    let count = numbers.len() / p.numel().max(1);
    Ok(Tensor::f_from_slice(numbers)?
        .f_to_kind(p.kind())?
        .f_to_device(p.device())?
        .f_view([count as i64, rows, k])?)
}

/// Gibbs sampling in tensor operations: a few launches a coordinate, nothing is read.
fn gibbs(energy: &dyn Energy, start: &Tensor, noise: &Tensor) -> Result<Tensor> {
    let y = start.copy();
    let conditional = Conditional::of(energy);
    for sweep in 0..noise.size()[0] {
        let noise = noise.get(sweep);
        for i in 0..start.size()[1] {
            let probability = conditional.logit(&y, i).sigmoid();
            let drawn = noise.select(1, i).lt_tensor(&probability);
            y.select(1, i).copy_(&drawn);
        }
    }
    Ok(y)
}

/// What the conditional distribution of one coordinate is computed from.
enum Conditional<'a> {
    /// $u_i + \sum_{j \ne i} U_{ij} y_j + \frac12 U_{ii}$.
    Quadratic { u: Tensor, matrix: Tensor },
    /// $\Phi(y_i = 1) - \Phi(y_i = 0)$.
    General(&'a dyn Energy),
}

impl<'a> Conditional<'a> {
    fn of(energy: &'a dyn Energy) -> Self {
        let quadratic = |u: &Tensor, coupling: &Coupling| Conditional::Quadratic {
            u: u.detach(),
            matrix: coupling.dense_by_row(u.size()[0]),
        };
        match energy.form() {
            Form::Quadratic { u, coupling } => quadratic(u, coupling),
            _ => Conditional::General(energy),
        }
    }

    /// `[B]`.
    fn logit(&self, y: &Tensor, i: i64) -> Tensor {
        match self {
            Conditional::Quadratic { u, matrix } => {
                let row = matrix.select(-2, i);
                let own = row.select(-1, i);
                let coupled = if row.dim() == 1 {
                    y.mv(&row)
                } else {
                    crate::shape::dot(&row, y)
                };
                u.select(1, i) + coupled + own * (0.5 - y.select(1, i))
            }
            Conditional::General(energy) => {
                let with = |value: f64| {
                    let y = y.copy();
                    let _ = y.select(1, i).fill_(value);
                    energy.value(&y)
                };
                with(1.0) - with(0.0)
            }
        }
    }
}

/// A standard Gaussian number, by the method of Box and Muller.
fn gaussian(random: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
