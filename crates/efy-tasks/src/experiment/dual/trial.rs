//! One run of gradient descent-ascent, looked at from time to time.

use std::fmt;

use efy_core::device::read;
use efy_core::estimate::{self, Density, Estimate, Quadrature};
use efy_core::flow::Gda;
use efy_core::shallow::{Activation, Shallow, Space};
use efy_core::teacher::Teacher;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::specification::Specification;
use crate::Result;

/// f32 on the CPU.
const PLACE: (Kind, Device) = (Kind::Float, Device::Cpu);
/// The first set of a seed is learned from, the second is for estimates.
const SETS: [u64; 2] = [0, 1];

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    pub specification: Specification,
    /// Of data, neurons, noise and test points.
    pub seed: u64,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Specification {
            teacher,
            n,
            restart,
            neuron_step,
            ..
        } = &self.specification;
        let seed = self.seed;
        write!(
            f,
            "{teacher:?}, n {n}, {restart:?}, h_θ {neuron_step}, seed {seed}"
        )
    }
}

/// What is known of the student after some iterations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub iteration: u64,
    /// KL(teacher | student), and its standard error.
    pub kl: f64,
    pub kl_error: f64,
    /// E |grad f_teacher - grad f_student|^2 over the teacher.
    pub fisher: f64,
    pub total_variation: f64,
    /// As particles and neurons see it, for a ball of radius max(cap, total variation).
    pub gap: f64,
    /// The smallest of the teacher's neurons' largest cosines.
    pub alignment: f64,
}

/// Neurons after some iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub iteration: u64,
    /// Row by row.
    pub neurons: Vec<f64>,
    pub weights: Vec<f64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub looks: Vec<Look>,
    pub snapshots: Vec<Snapshot>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.looks.last() {
            Some(last) => write!(f, "KL {:.2e} after {} iterations", last.kl, last.iteration),
            None => f.write_str("no iterations"),
        }
    }
}

/// What the teacher is compared by.
enum Judge {
    Nodes(Box<Quadrature>),
    Points(Tensor),
}

impl Judge {
    fn new(specification: &Specification, teacher: &Teacher, seed: u64) -> Result<Self> {
        Ok(match teacher.network().dimension() {
            2 | 3 => Judge::Nodes(Box::new(Quadrature::of(
                teacher.network(),
                specification.nodes,
            )?)),
            _ => Judge::Points(teacher.sample(specification.test, seed, SETS[1])?),
        })
    }

    fn divergences(
        &self,
        teacher: &Density<'_>,
        student: &Density<'_>,
    ) -> efy_core::Result<(Estimate, Estimate)> {
        Ok(match self {
            Judge::Nodes(rule) => (
                rule.kullback_leibler(teacher, student)?,
                rule.fisher(teacher, student)?,
            ),
            Judge::Points(points) => (
                estimate::kullback_leibler(teacher, student, points)?,
                estimate::fisher(teacher, student, points)?,
            ),
        })
    }
}

impl Trial {
    /// Runs it.
    ///
    /// # Errors
    /// What flow and estimators report.
    pub fn run(&self) -> Result<Outcome> {
        let Trial {
            specification,
            seed,
        } = self;
        let teacher = specification.teacher.build(PLACE)?;
        let judge = Judge::new(specification, &teacher, *seed)?;
        let data = teacher.sample(specification.n, *seed, SETS[0])?;
        let student = student(specification, teacher.network().dimension(), *seed)?;
        let mut flow = Gda::new(&student, &data, None, specification.settings(*seed))?;
        let mut outcome = Outcome {
            looks: Vec::new(),
            snapshots: Vec::new(),
        };
        for iteration in self.stops() {
            flow.run(iteration - flow.iteration())?;
            let network = flow.network()?;
            if iteration % specification.every == 0 || iteration == 1 {
                outcome
                    .looks
                    .push(look(&flow, &network, &teacher, &judge, specification.cap)?);
            }
            if specification.snapshots.contains(&iteration) {
                outcome.snapshots.push(Snapshot {
                    iteration,
                    neurons: read::to_vec(network.neurons())?,
                    weights: read::to_vec(network.weights())?,
                });
            }
        }
        Ok(outcome)
    }

    /// The iterations after which something is looked at, increasing.
    fn stops(&self) -> Vec<u64> {
        let Specification {
            iterations,
            every,
            snapshots,
            ..
        } = &self.specification;
        let regular = (0..=*iterations).step_by((*every).max(1) as usize);
        let mut stops: Vec<u64> = regular.chain(snapshots.iter().copied()).collect();
        stops.push(1);
        stops.retain(|stop| (1..=*iterations).contains(stop));
        stops.sort_unstable();
        stops.dedup();
        stops
    }
}

/// The student before the first iteration.
pub(super) fn student(
    specification: &Specification,
    dimension: i64,
    seed: u64,
) -> efy_core::Result<Shallow> {
    let charges = specification.charges();
    Shallow::random(
        Space::Sphere,
        Activation::RELU,
        dimension,
        &charges,
        seed,
        PLACE,
    )
}

fn look(
    flow: &Gda,
    network: &Shallow,
    teacher: &Teacher,
    judge: &Judge,
    cap: Option<f64>,
) -> Result<Look> {
    let student = Density { network, beta: 1.0 };
    let (kl, fisher) = judge.divergences(&teacher.density(), &student)?;
    let kl = kl.read()?;
    let total_variation = estimate::total_variation(network).read()?.value;
    let radius = cap.map_or(total_variation, |cap| cap.max(total_variation));
    Ok(Look {
        iteration: flow.iteration(),
        kl: kl.value,
        kl_error: kl.standard_error,
        fisher: fisher.read()?.value,
        total_variation,
        gap: read::scalar(&flow.gap(radius)?)?,
        alignment: read::scalar(&estimate::alignment(teacher.network(), network)?.min())?,
    })
}
