//! From an energy to its best vertex.
//!
//! Vertices of a polytope under a linear energy come from
//! [`Domain::linear_argmax`](crate::domain::Domain::linear_argmax): a threshold on the cube, a sort on the
//! permutahedron, an assignment on the Birkhoff polytope. Sets of labels under a quadratic energy are here.

use rand::RngExt;
use tch::{Device, Tensor};

use crate::energy::{Energy, Form};
use crate::random::{Stream, generator};
use crate::shape::size2;
use crate::{Error, Result, native};

/// Most random starts.
const MOST_STARTS: usize = 1 << 16;

/// Finds a set of labels of large energy, $y \in \{0, 1\}^k$, by coordinate ascent from several starts:
/// $y_i \leftarrow 1$ where $\Phi$ is not larger without label i, one label after the other until none changes. The
/// best of the sets found is kept, the first of equal ones.
///
/// It is a local maximum: no single label added or removed gives more. For linear energies it is the maximum. The
/// starts are the best set without the coupling, no label, all labels, and some random ones that all rows share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalSearch {
    /// Random starts beside the three.
    pub starts: usize,
    /// Their seed.
    pub seed: u64,
}

impl Default for LocalSearch {
    fn default() -> Self {
        LocalSearch { starts: 8, seed: 0 }
    }
}

impl LocalSearch {
    /// The set of each row as 0 and 1, `[B, k]`, of the kind and on the device of the energy. Native on the CPU,
    /// rows in parallel; other devices are waited for.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an energy that is neither linear nor quadratic, or for too many starts.
    pub fn best_sets(&self, energy: &dyn Energy) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        if self.starts > MOST_STARTS {
            return Err(Error::Parameter {
                name: "local_search.starts",
                expected: "at most 65536",
                found: self.starts.to_string(),
            });
        }
        match energy.form() {
            Form::Linear { u } => Ok(u.detach().ge(0.0).to_kind(u.kind())),
            Form::Quadratic { u, coupling } => {
                let (_, k) = size2(u);
                let sets = native::local_search(
                    &u.detach().to_device(Device::Cpu),
                    &coupling.dense().detach().to_device(Device::Cpu),
                    &self.random_starts(k as usize),
                )?;
                Ok(sets.to_device(u.device()))
            }
            _ => Err(Error::Parameter {
                name: "energy",
                expected: "a linear or quadratic energy for a local search over sets",
                found: "another one".to_owned(),
            }),
        }
    }

    fn random_starts(&self, k: usize) -> Vec<Vec<bool>> {
        let start = |index: usize| {
            let mut random = generator(self.seed, Stream::Starts, index as u64);
            (0..k).map(|_| random.random()).collect()
        };
        (0..self.starts).map(start).collect()
    }
}

#[cfg(test)]
mod tests;
