//! All outputs of a base measure.

use tch::{Device, Kind, Tensor};

use super::base_measure::{BaseMeasure, Space};
use crate::loss::vertices;
use crate::{Error, Result};

/// Sets are enumerated up to this many items: a million outputs.
pub(crate) const MOST_SET_ITEMS: i64 = 20;
/// Permutations up to this many: 362 880 outputs.
pub(crate) const MOST_PERMUTED_ITEMS: i64 = 9;

/// Every output of a base measure with its prior probability.
#[derive(Debug)]
pub struct Enumeration {
    /// `[N, n]`: sets in lexicographic order, permutations in that of their ranks.
    pub outputs: Tensor,
    /// $\log q(y)$, `[N]`.
    pub log_prior: Tensor,
}

impl Enumeration {
    /// All sets for k up to 20, all permutations for k up to 9.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for more items.
    pub fn of(base: &BaseMeasure, (kind, device): (Kind, Device)) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let k = base.items();
        let most = if base.is_permutations() {
            MOST_PERMUTED_ITEMS
        } else {
            MOST_SET_ITEMS
        };
        if k > most {
            return Err(Error::Unsupported {
                solver: "enumeration",
                problem: format!("a base measure of {k} items, more than {most}"),
                hint: "use the sampled objective",
            });
        }
        let like = Tensor::f_zeros([0], (kind, device))?;
        let outputs = match base.space() {
            Space::UniformSets | Space::BernoulliSets { .. } => vertices(k, &like)?,
            Space::Subsets { size } => {
                let codes: Vec<i64> = (0..1_u32 << k)
                    .filter(|code| i64::from(code.count_ones()) == *size)
                    .map(i64::from)
                    .collect();
                let codes = Tensor::f_from_slice(&codes)?.f_to_device(device)?;
                vertices(k, &like)?.f_index_select(0, &codes)?
            }
            Space::Permutahedron { .. } | Space::Birkhoff => {
                let ranks = permutations(k as usize);
                let ranks = Tensor::f_from_slice(&ranks)?.f_view([-1, k])?;
                base.encode_ranks(&ranks.f_to_device(device)?, kind)?
            }
        };
        let log_prior = base.log_density(&outputs);
        Ok(Enumeration { outputs, log_prior })
    }
}

/// How many outputs there are, at most, where they are enumerated.
pub(super) fn count(base: &BaseMeasure) -> i64 {
    base.log_count().exp().round() as i64
}

/// All permutations of 0 to k - 1 in lexicographic order, one after the other.
fn permutations(k: usize) -> Vec<i64> {
    let mut current: Vec<i64> = (0..k as i64).collect();
    let mut all = current.clone();
    // The successor: the last ascent is raised by as little as possible, what follows it is sorted.
    while let Some(i) = (1..k).rev().find(|&i| current[i - 1] < current[i]) {
        let next = (i..k)
            .rev()
            .find(|&j| current[j] > current[i - 1])
            .unwrap_or(i);
        current.swap(i - 1, next);
        current[i..].reverse();
        all.extend_from_slice(&current);
    }
    all
}
