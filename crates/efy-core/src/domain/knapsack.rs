//! The cube with bounds on the sum.

use tch::{Kind, Tensor};

use super::{Domain, Geometry, batched, misfit, vertices};
use crate::{Error, Result, native, shape};

/// Above this many outputs the vertices are not listed.
const MOST_OUTPUTS_WITH_VERTICES: usize = 12;

/// The knapsack polytope $\{p \in [0, 1]^k : m_1 \le \sum_i p_i \le m_2\}$: sets of between $m_1$ and
/// $m_2$ labels.
///
/// The projection is $\mathrm{clip}(z - \tau, 0, 1)$ with $\tau = 0$ where that lies between the bounds,
/// else such that the sum is the nearer one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knapsack {
    min: f64,
    max: f64,
}

impl Knapsack {
    /// Vectors whose sum lies in [`min`, `max`].
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= min <= max` and both are finite.
    pub fn new(min: f64, max: f64) -> Result<Self> {
        if !(0.0 <= min && min <= max && max.is_finite()) {
            return Err(Error::Parameter {
                name: "knapsack",
                expected: "finite bounds with 0 <= min <= max",
                found: format!("min {min}, max {max}"),
            });
        }
        Ok(Knapsack { min, max })
    }
}

impl Domain for Knapsack {
    fn name(&self) -> &'static str {
        "knapsack"
    }

    fn check(&self, k: i64) -> Result<()> {
        if k >= 1 && self.min <= k as f64 {
            Ok(())
        } else {
            Err(misfit("knapsack.min", "at most k >= 1", self.min, k))
        }
    }

    fn project(&self, z: &Tensor) -> Tensor {
        native::projection::knapsack(z, self.min, self.max)
            .unwrap_or_else(|| batched::knapsack(z, self.min, self.max))
    }

    /// The largest positive elements get what $m_2$ allows, others only what $m_1$ asks for; one element
    /// gets the fraction.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let k = theta.size().last().copied().unwrap_or(0);
        let (sorted, order) = theta.sort_stable(true, -1, true);
        let rank = Tensor::arange(k, (theta.kind(), theta.device()));
        let share = |bound: f64| (bound - &rank).clamp(0.0, 1.0);
        let shares = share(self.max).where_self(&sorted.gt(0.0), &share(self.min));
        Some(theta.zeros_like().scatter(-1, &order, &shares))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let k = p.size().last().map_or(0.0, |&k| k as f64);
        let sum = shape::row_sum(&p.to_kind(Kind::Double));
        let bounded = sum
            .ge(self.min - k * tolerance)
            .logical_and(&sum.le(self.max + k * tolerance));
        let inside = p.ge(-tolerance).logical_and(&p.le(1.0 + tolerance));
        inside.all_dim(-1, false).logical_and(&bounded)
    }

    /// All coordinates equal, the sum half way between its bounds.
    fn start(&self, like: &Tensor) -> Tensor {
        let k = like.size().last().map_or(1, |&k| k.max(1)) as f64;
        like.full_like(0.5 * (self.min + self.max.min(k)) / k)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Knapsack {
            min: self.min,
            max: self.max,
        }
    }

    /// 0/1 vectors between the bounds, and those on a bound with one fraction.
    fn vertices(&self, k: usize) -> Option<Tensor> {
        if k > MOST_OUTPUTS_WITH_VERTICES {
            return None;
        }
        let mut all = Vec::new();
        for vertex in (0..1_usize << k).map(|code| vertices::digits(code, k)) {
            let sum: f64 = vertex.iter().sum();
            for bound in [self.min, self.max] {
                let fraction = bound - sum;
                if !(fraction > 0.0 && fraction < 1.0) {
                    continue;
                }
                for i in (0..k).filter(|&i| vertex[i] == 0.0) {
                    let mut vertex = vertex.clone();
                    vertex[i] = fraction;
                    all.push(vertex);
                }
            }
            if self.min <= sum && sum <= self.max {
                all.push(vertex);
            }
        }
        vertices::sorted(all, k)
    }
}
