//! The sets of the regularizers' tests. They say which set they are, and know just enough of the rest
//! of [`Domain`].
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs
)]

use efy_core::device::read;
use efy_core::domain::{Domain, Geometry};
use tch::{Kind, Tensor};

/// A set given by its geometry.
pub enum Set {
    Simplex(f64),
    Knapsack(f64, f64),
    Birkhoff(usize),
}

impl Domain for Set {
    fn name(&self) -> &'static str {
        match self {
            Set::Simplex(_) => "simplex",
            Set::Knapsack(..) => "knapsack",
            Set::Birkhoff(_) => "birkhoff",
        }
    }

    /// The simplex only, by bisection.
    fn project(&self, z: &Tensor) -> Tensor {
        let Set::Simplex(scale) = *self else {
            panic!("no projection onto {}", self.name());
        };
        let k = z.size()[1] as usize;
        let values: Vec<f64> = read::to_vec(z).unwrap();
        let project = |row: &[f64]| -> Vec<f64> {
            if row.iter().any(|x| x.is_nan()) {
                return vec![f64::NAN; row.len()];
            }
            let largest = row.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
            let (mut low, mut high) = (largest - scale, largest);
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                let sum: f64 = row.iter().map(|x| (x - middle).max(0.0)).sum();
                *(if sum > scale { &mut low } else { &mut high }) = middle;
            }
            row.iter().map(|x| (x - low).max(0.0)).collect()
        };
        let all: Vec<f64> = values.chunks_exact(k).flat_map(project).collect();
        Tensor::from_slice(&all)
            .reshape(z.size())
            .to_kind(z.kind())
            .to_device(z.device())
    }

    fn linear_argmax(&self, _theta: &Tensor) -> Option<Tensor> {
        None
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let near = |sum: Tensor, value: f64| (sum - value).abs().le(tolerance);
        let sum = p.sum_dim_intlist(-1, false, None::<Kind>);
        let nonnegative = p.ge(-tolerance).all_dim(-1, false);
        let sums = match *self {
            Set::Simplex(scale) => near(sum, scale),
            Set::Knapsack(min, max) => {
                let below = p.le(1.0 + tolerance).all_dim(-1, false);
                let enough = sum.ge(min - tolerance);
                below
                    .logical_and(&enough)
                    .logical_and(&sum.le(max + tolerance))
            }
            Set::Birkhoff(n) => {
                let matrix = p.reshape([-1, n as i64, n as i64]);
                let [columns, rows] = [-2_i64, -1].map(|dim| {
                    let sums = matrix.sum_dim_intlist(dim, false, None::<Kind>);
                    near(sums, 1.0).all_dim(-1, false)
                });
                columns.logical_and(&rows)
            }
        };
        sums.logical_and(&nonnegative)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        let k = like.size()[1] as f64;
        like.full_like(match *self {
            Set::Simplex(scale) => scale / k,
            Set::Knapsack(min, max) => 0.5 * (min + max.min(k)) / k,
            Set::Birkhoff(n) => 1.0 / n as f64,
        })
    }

    fn geometry(&self) -> Geometry<'_> {
        match *self {
            Set::Simplex(scale) => Geometry::Simplex { scale },
            Set::Knapsack(min, max) => Geometry::Knapsack { min, max },
            Set::Birkhoff(n) => Geometry::Birkhoff { n },
        }
    }
}
