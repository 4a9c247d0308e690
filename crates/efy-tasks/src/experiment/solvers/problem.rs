//! Made-up inner problems.

use efy_core::energy::{Coupling, Energy, Prior, Quadratic, Spen};
use efy_core::random::{Stream, generator};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;
use crate::config::RegularizerKind;

/// The standard deviation of the unary scores.
const UNARY: f64 = 2.0;

/// An inner problem on the cube.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specification {
    /// What tables and figures call it.
    pub name: String,
    /// The energy.
    pub energy: EnergyKind,
    /// Outputs.
    pub k: usize,
    /// The regularizer, of strength 1.
    pub regularizer: RegularizerKind,
}

/// An energy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum EnergyKind {
    /// <u, p> - 1/2 |A^T p|^2, A shared by the rows.
    Pairwise {
        /// The rank m of A.
        rank: usize,
    },
    /// <u, p> - Psi(p), Psi a softplus network of one layer, the same for all rows.
    Spen {
        /// The width of the layer.
        hidden: usize,
    },
    /// The same with output weights that are not negative: concave.
    InputConcave {
        /// The width of the layer.
        hidden: usize,
    },
}

impl Specification {
    /// A batch of energies, a function of the seed.
    ///
    /// # Errors
    /// [`efy_core::Error`] for sizes that make none.
    pub fn energy(&self, rows: usize, seed: u64, kind: Kind) -> Result<Box<dyn Energy>> {
        let mut random = generator(seed, Stream::MadeUp, 0);
        let bound = 3.0_f64.sqrt();
        let mut uniform =
            |(rows, columns): (usize, usize), deviation: f64| -> efy_core::Result<Tensor> {
                let values: Vec<f64> = (0..rows * columns)
                    .map(|_| random.random_range(-bound..=bound) * deviation)
                    .collect();
                let flat = Tensor::f_from_slice(&values)?;
                let shaped = flat.f_reshape([rows as i64, columns as i64])?;
                Ok(shaped.f_to_kind(kind)?)
            };
        let k = self.k;
        let u = uniform((rows, k), UNARY)?;
        match self.energy {
            EnergyKind::Pairwise { rank } => {
                let a = uniform((k, rank), 1.0 / (rank as f64).sqrt())?;
                Ok(Box::new(Quadratic::new(u, Coupling::LowRank(a))?))
            }
            EnergyKind::Spen { hidden } | EnergyKind::InputConcave { hidden } => {
                let w1 = uniform((hidden, k), 1.0)?;
                let b1 = uniform((1, hidden), 1.0)?.reshape([-1]);
                let w2 = uniform((1, hidden), 1.0)?.reshape([-1]);
                let w2 = match self.energy {
                    EnergyKind::InputConcave { .. } => w2.abs(),
                    _ => w2,
                };
                Ok(Box::new(Spen::new(u, Prior::shallow(w1, b1, w2)?)?))
            }
        }
    }
}
