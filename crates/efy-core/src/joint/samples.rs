//! Sampled outputs with their importance weights.

use tch::{Kind, Tensor};

use super::base_measure::{BaseMeasure, Space};
use super::draw::Request;
use crate::random::{HalfWords, Stream};
use crate::{Error, Result, shape};

/// Outputs drawn from the base measure or from another distribution.
#[derive(Debug)]
pub struct Samples {
    /// $y'_{ij}$, `[B, m, n]`, or `[m, n]` for all rows.
    pub outputs: Tensor,
    /// $\log q(y') - \log r(y')$ for outputs drawn from r, `[B, m]` or `[m]`; `None` where r is q.
    pub log_weights: Option<Tensor>,
}

impl Samples {
    /// Given outputs, `[B, m, n]` or `[m, n]`, that count as drawn from the base measure.
    pub fn given(outputs: Tensor) -> Self {
        Samples {
            outputs,
            log_weights: None,
        }
    }

    /// Outputs drawn from `proposal`, another distribution over the same outputs, with their weights.
    ///
    /// # Errors
    /// [`Error::Parameter`] where the outputs are not of the same kind.
    pub fn importance(
        base: &BaseMeasure,
        proposal: &BaseMeasure,
        draw: &Draw,
        options: (Kind, tch::Device),
    ) -> Result<Self> {
        let same = base.outputs() == proposal.outputs()
            && base.is_permutations() == proposal.is_permutations()
            && !matches!(proposal.space(), Space::Subsets { .. });
        if !same {
            return Err(Error::Parameter {
                name: "proposal",
                expected: "a distribution over all outputs of the base measure",
                found: format!("{:?}", proposal.space()),
            });
        }
        let outputs = proposal.sample(draw, options)?;
        let log_weights = base.log_ratio(proposal, &outputs)?;
        Ok(Samples {
            outputs,
            log_weights: Some(log_weights),
        })
    }

    /// m.
    pub fn count(&self) -> i64 {
        self.outputs.size()[self.outputs.dim() - 2]
    }

    /// Refuses outputs that do not fit an energy of `rows` rows and n columns.
    pub(crate) fn check(&self, (rows, n): (i64, i64), like: &Tensor) -> Result<()> {
        let fits = |outer: &[i64]| outer.is_empty() || outer == [rows];
        let found = self.outputs.size();
        if found.len() < 2 || found[found.len() - 1] != n || !fits(&found[..found.len() - 2]) {
            return Err(Error::Shape {
                what: "samples",
                expected: format!("[{rows}, m, {n}] or [m, {n}]"),
                found,
            });
        }
        if let Some(weights) = &self.log_weights {
            if weights.size() != found[..found.len() - 1] {
                return Err(Error::Shape {
                    what: "log_weights",
                    expected: format!("{:?}", &found[..found.len() - 1]),
                    found: weights.size(),
                });
            }
            shape::like("log_weights", weights, like)?;
        }
        shape::like("samples", &self.outputs, like)
    }
}

/// Which samples: a pure function of these numbers, the same on every device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// m, the number of samples of a row.
    pub samples: i64,
    /// B rows of their own, or `None` for samples that all rows share.
    pub rows: Option<i64>,
    /// The number of the first row in its batch, for batches that are computed in parts.
    pub first_row: i64,
    /// The seed of the run.
    pub seed: u64,
    /// The training step.
    pub step: u64,
}

impl Draw {
    pub(crate) fn words(&self) -> HalfWords {
        HalfWords::new(self.seed, Stream::Outputs, self.step)
    }
}

impl BaseMeasure {
    /// Independent draws y' ~ q, `[B, m, n]` or `[m, n]`, of this kind on this device.
    ///
    /// Labels of a uniform prior are bits of random words; the others compare a word with
    /// $\pi_j 2^{64}$, or take the order of one word for each item.
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for them.
    pub fn sample(&self, draw: &Draw, options: (Kind, tch::Device)) -> Result<Tensor> {
        let outputs = self.request(draw, 0..draw.samples).draw(options)?;
        Ok(match draw.rows {
            Some(_) => outputs,
            None => outputs.f_squeeze_dim(0)?,
        })
    }

    pub(crate) fn request(&self, draw: &Draw, range: std::ops::Range<i64>) -> Request<'_> {
        Request {
            base: self,
            words: draw.words(),
            first: draw.rows.map_or(0, |_| draw.first_row),
            rows: draw.rows.unwrap_or(1),
            samples: draw.samples,
            range,
        }
    }
}
