//! What a network is judged by.

use efy_core::estimate::{
    Annealed, Density, Estimate, Quadrature, cross_entropy, energy_distance, fisher,
    kullback_leibler, total_variation,
};
use efy_core::shallow::{Shallow, Space};
use efy_core::teacher::Teacher;
use efy_train::Metrics;
use tch::{Kind, Tensor};

use crate::Result;
use crate::config::Config;

/// Nodes an axis where there are at most two dimensions: on the sphere, and where densities are finer, since points may lie in
/// a small part of the space.
const NODES: (usize, usize) = (96, 360);
/// Most points on both sides of the energy distance: it takes all pairs.
const MOST_PAIRED: i64 = 2000;

/// The estimators that fit a space, and the teacher if there is one.
pub struct Judge {
    teacher: Option<Teacher>,
    rule: Option<Quadrature>,
    annealed: Annealed,
    beta: f64,
    /// The logarithm of the density of $\tau$ at a point with respect to what log-likelihoods are given in, without what depends
    /// on the point.
    base: f64,
}

/// Names and estimates.
type Named = Vec<(&'static str, Estimate)>;

impl Judge {
    /// For networks like this one. `log_scale` is the sum of the logarithms of the deviations that the entries of points were
    /// divided by.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when libtorch fails.
    pub fn new(
        config: &Config,
        network: &Shallow,
        teacher: Option<Teacher>,
        log_scale: f64,
    ) -> Result<Self> {
        let d = network.dimension() as f64;
        let base = match network.space() {
            Space::Euclidean { deviation: Some(s) } => {
                -0.5 * d * (std::f64::consts::TAU * s * s).ln() - log_scale
            }
            _ => 0.0,
        };
        let nodes = match network.space() {
            Space::Sphere => NODES.0,
            _ => NODES.1,
        };
        Ok(Judge {
            teacher,
            // More dimensions than it can do are no error.
            rule: Quadrature::of(network, nodes).ok(),
            annealed: Annealed {
                temperatures: config.flow.eval_temperatures.into(),
                chains: config.flow.eval_chains.into(),
                step: config.flow.particle_step,
                seed: config.train.seed,
            },
            beta: config.flow.beta,
            base,
        })
    }

    /// The density to learn, if it is known.
    pub fn teacher(&self) -> Option<&Teacher> {
        self.teacher.as_ref()
    }

    /// The density of a network.
    pub fn density<'a>(&self, network: &'a Shallow) -> Density<'a> {
        Density {
            network,
            beta: self.beta,
        }
    }

    /// $\log Z$: by quadrature up to two dimensions, annealed above.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when libtorch fails.
    pub fn log_partition(&self, network: &Shallow) -> Result<Estimate> {
        let density = self.density(network);
        Ok(match &self.rule {
            Some(rule) => rule.log_partition(&density)?,
            None => self.annealed.log_partition(&density)?,
        })
    }

    /// The Kullback-Leibler divergence from the teacher to a network, by quadrature or from points of the teacher; none without a
    /// teacher.
    ///
    /// # Errors
    /// Points of another shape, kind or device than the network's.
    pub fn kullback_leibler(&self, network: &Shallow, points: &Tensor) -> Result<Option<Estimate>> {
        let q = self.density(network);
        let estimate = |teacher: &Teacher| match &self.rule {
            Some(rule) => rule.kullback_leibler(&teacher.density(), &q),
            None => kullback_leibler(&teacher.density(), &q, points),
        };
        Ok(self.teacher.as_ref().map(estimate).transpose()?)
    }

    /// The Fisher divergence, in the same way.
    ///
    /// # Errors
    /// As [`kullback_leibler`](Self::kullback_leibler).
    pub fn fisher(&self, network: &Shallow, points: &Tensor) -> Result<Option<Estimate>> {
        let q = self.density(network);
        let estimate = |teacher: &Teacher| match &self.rule {
            Some(rule) => rule.fisher(&teacher.density(), &q),
            None => fisher(&teacher.density(), &q, points),
        };
        Ok(self.teacher.as_ref().map(estimate).transpose()?)
    }

    /// The mean log-likelihood of points `[n, d]`.
    fn log_likelihood(&self, network: &Shallow, points: &Tensor) -> Result<Estimate> {
        let entropy = cross_entropy(
            &self.density(network),
            points,
            &self.log_partition(network)?,
        )?;
        let mut found = entropy.times(-1.0);
        if let Space::Euclidean { deviation: Some(s) } = network.space() {
            let squares = points
                .to_kind(Kind::Double)
                .square()
                .sum_dim_intlist(1, false, None);
            found.value += squares.mean(None) * (-0.5 / (s * s));
        }
        found.value += self.base;
        Ok(found)
    }

    /// All metrics of a split.
    ///
    /// # Errors
    /// As [`kullback_leibler`](Self::kullback_leibler).
    pub fn metrics(
        &self,
        network: &Shallow,
        points: &Tensor,
        particles: &Tensor,
    ) -> Result<Metrics> {
        let _guard = tch::no_grad_guard();
        let mut all: Named = vec![("log_likelihood", self.log_likelihood(network, points)?)];
        all.extend(self.kullback_leibler(network, points)?.map(|kl| ("kl", kl)));
        all.extend(
            self.fisher(network, points)?
                .map(|fisher| ("fisher", fisher)),
        );
        let tv = total_variation(network);
        let paired = |points: &Tensor| evenly(points, MOST_PAIRED);
        let distance = energy_distance(&paired(particles), &paired(points))?;
        let mut metrics = Metrics::default();
        let mut set = |name: &str, estimate: &Estimate| -> Result<()> {
            let found = estimate.read()?;
            metrics.set(name, found.value);
            metrics.set(&format!("{name}_error"), found.standard_error);
            Ok(())
        };
        for (name, estimate) in &all {
            set(name, estimate)?;
        }
        metrics.set("tv", tv.read()?.value);
        let distance = distance.read()?;
        metrics.set("energy_distance", distance.value);
        metrics.set("energy_distance_error", distance.standard_error);
        Ok(metrics)
    }
}

/// At most so many rows, evenly spread.
fn evenly(points: &Tensor, most: i64) -> Tensor {
    let n = points.size()[0];
    let every = (n + most - 1) / most;
    points.slice(0, 0, n, every.max(1))
}
