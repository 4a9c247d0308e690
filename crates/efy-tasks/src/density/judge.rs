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

/// Nodes an axis, where there are at most two dimensions.
const NODES: usize = 96;
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
        Ok(Judge {
            teacher,
            // More dimensions than it can do are no error.
            rule: Quadrature::of(network, NODES).ok(),
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

    /// KL and Fisher divergence from the teacher, by quadrature or from its points; nothing without a teacher.
    ///
    /// # Errors
    /// Points of another shape, kind or device than the network's.
    pub fn divergences(&self, network: &Shallow, points: &Tensor) -> Result<Option<[Estimate; 2]>> {
        let Some(teacher) = &self.teacher else {
            return Ok(None);
        };
        let (p, q) = (teacher.density(), self.density(network));
        Ok(Some(match &self.rule {
            Some(rule) => [rule.kullback_leibler(&p, &q)?, rule.fisher(&p, &q)?],
            None => [kullback_leibler(&p, &q, points)?, fisher(&p, &q, points)?],
        }))
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
    /// As [`divergences`](Self::divergences).
    pub fn metrics(
        &self,
        network: &Shallow,
        points: &Tensor,
        particles: &Tensor,
    ) -> Result<Metrics> {
        let _guard = tch::no_grad_guard();
        let mut all: Named = vec![("log_likelihood", self.log_likelihood(network, points)?)];
        if let Some([kl, fisher]) = self.divergences(network, points)? {
            all.extend([("kl", kl), ("fisher", fisher)]);
        }
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
