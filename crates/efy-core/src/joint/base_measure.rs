//! The prior q over a finite set of outputs.

use tch::{Device, Kind, Tensor};

use crate::device::constants;
use crate::{Error, Result, shape};

/// $q(y)$ over sets, subsets of one size, or permutations of k items: what a model
/// $p_g(y) \propto q(y) e^{g(y)}$ is measured against. It is a probability, $\sum_y q(y) = 1$.
///
/// | constructor | outputs y `[B, n]` | n | q |
/// |---|---|---|---|
/// | [`uniform_sets`](Self::uniform_sets) | $\{0,1\}^k$ | k | $2^{-k}$ |
/// | [`bernoulli_sets`](Self::bernoulli_sets) | $\{0,1\}^k$ | k | $\prod_j \pi_j^{y_j} (1 - \pi_j)^{1 - y_j}$ |
/// | [`subsets`](Self::subsets) | s ones among k | k | $1/\binom{k}{s}$ |
/// | [`permutahedron`](Self::permutahedron) | $y_j$ is the position value of item j | k | $1/k!$ |
/// | [`birkhoff`](Self::birkhoff) | a permutation matrix, row by row: item, rank | $k^2$ | $1/k!$ |
#[derive(Debug, Clone, PartialEq)]
pub struct BaseMeasure {
    items: i64,
    space: Space,
}

/// The set of outputs and how they are written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Space {
    /// All sets, equally probable.
    UniformSets,
    /// All sets, every item on its own.
    BernoulliSets {
        /// $\pi_j = P(y_j = 1)$, k numbers.
        probabilities: Vec<f64>,
    },
    /// The sets of one size, equally probable.
    Subsets {
        /// s.
        size: i64,
    },
    /// Permutations as vectors, equally probable.
    Permutahedron {
        /// What $y_j$ is for an item of rank 0 to k - 1, k numbers.
        positions: Vec<f64>,
    },
    /// Permutations as matrices, equally probable.
    Birkhoff,
}

fn refuse<T>(name: &'static str, expected: &'static str, found: impl ToString) -> Result<T> {
    Err(Error::Parameter {
        name,
        expected,
        found: found.to_string(),
    })
}

impl BaseMeasure {
    fn new(items: i64, space: Space) -> Result<Self> {
        if items < 1 {
            return refuse("items", "a positive integer", items);
        }
        Ok(BaseMeasure { items, space })
    }

    /// The uniform distribution over the $2^k$ sets of k items.
    ///
    /// # Errors
    /// [`Error::Parameter`] for less than one item, as in all constructors.
    pub fn uniform_sets(items: i64) -> Result<Self> {
        Self::new(items, Space::UniformSets)
    }

    /// Items that are there or not independently of each other.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a probability outside of (0, 1).
    pub fn bernoulli_sets(probabilities: Vec<f64>) -> Result<Self> {
        if let Some(wrong) = probabilities.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
            return refuse("prior.probabilities", "numbers in (0, 1)", wrong);
        }
        let items = probabilities.len() as i64;
        Self::new(items, Space::BernoulliSets { probabilities })
    }

    /// The uniform distribution over the sets of `size` items among k.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a size that is not between 0 and k.
    pub fn subsets(items: i64, size: i64) -> Result<Self> {
        if !(0..=items).contains(&size) {
            return refuse("prior.size", "a number from 0 to the number of items", size);
        }
        Self::new(items, Space::Subsets { size })
    }

    /// The uniform distribution over permutations, with centred positions
    /// $r - \frac{k - 1}{2}$ for rank r = 0 to k - 1: the highest score goes to rank k - 1. Which positions
    /// the paper uses is not known; centring them, our choice, changes $\langle \theta, y \rangle$ by a number
    /// that does not depend on y.
    ///
    /// # Errors
    /// As [`uniform_sets`](Self::uniform_sets).
    pub fn permutahedron(items: i64) -> Result<Self> {
        let centre = 0.5 * (items - 1) as f64;
        Self::permutahedron_with((0..items).map(|rank| rank as f64 - centre).collect())
    }

    /// The same with positions of your own, $1, \dots, k$ for instance, one for each rank.
    ///
    /// # Errors
    /// [`Error::Parameter`] for positions that do not increase.
    pub fn permutahedron_with(positions: Vec<f64>) -> Result<Self> {
        let increasing =
            |pair: &[f64]| pair[0].partial_cmp(&pair[1]) == Some(std::cmp::Ordering::Less);
        if !positions.windows(2).all(increasing) {
            let found = format!("{positions:?}");
            return refuse("prior.positions", "increasing numbers", found);
        }
        let items = positions.len() as i64;
        Self::new(items, Space::Permutahedron { positions })
    }

    /// The uniform distribution over permutation matrices.
    ///
    /// # Errors
    /// As [`uniform_sets`](Self::uniform_sets).
    pub fn birkhoff(items: i64) -> Result<Self> {
        Self::new(items, Space::Birkhoff)
    }

    /// k.
    pub fn items(&self) -> i64 {
        self.items
    }

    /// The number n of columns of outputs and of a linear coupling's scores: k, or $k^2$ for matrices.
    pub fn outputs(&self) -> i64 {
        match self.space {
            Space::Birkhoff => self.items * self.items,
            _ => self.items,
        }
    }

    /// What the outputs are.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Whether the outputs are permutations.
    pub fn is_permutations(&self) -> bool {
        matches!(self.space, Space::Permutahedron { .. } | Space::Birkhoff)
    }

    /// Whether the outputs are all sets.
    pub fn is_sets(&self) -> bool {
        matches!(self.space, Space::UniformSets | Space::BernoulliSets { .. })
    }

    /// $\log |\mathcal Y|$: what is added to a loss to make it the negative log-likelihood of a uniform
    /// prior's model.
    pub fn log_count(&self) -> f64 {
        let factorial = |n: i64| (2..=n).map(|i| (i as f64).ln()).sum::<f64>();
        match self.space {
            Space::UniformSets | Space::BernoulliSets { .. } => {
                self.items as f64 * std::f64::consts::LN_2
            }
            Space::Subsets { size } => {
                factorial(self.items) - factorial(size) - factorial(self.items - size)
            }
            Space::Permutahedron { .. } | Space::Birkhoff => factorial(self.items),
        }
    }

    /// $\log q(y)$ for outputs `[.., n]`, `[..]`.
    pub fn log_density(&self, outputs: &Tensor) -> Tensor {
        let shape = &outputs.size()[..outputs.dim().saturating_sub(1)];
        let options = (outputs.kind(), outputs.device());
        match self.logits(options) {
            Some(logits) => {
                // y log pi + (1 - y) log(1 - pi) = y logit - softplus(logit).
                shape::row_sum(&(outputs * &logits + logits.neg().log_sigmoid()))
            }
            None => Tensor::full(shape, -self.log_count(), options),
        }
    }

    /// $\log q(y) - \log r(y)$ for outputs `[.., n]` of both, `[..]`: over all sets it is affine in y, and so one product.
    pub(crate) fn log_ratio(&self, r: &BaseMeasure, outputs: &Tensor) -> Result<Tensor> {
        let (Some((logits, none)), Some((of_r, none_of_r))) = (self.affine(), r.affine()) else {
            return Ok(self.log_density(outputs) - r.log_density(outputs));
        };
        let options = (outputs.kind(), outputs.device());
        let slope: Vec<f64> = logits.iter().zip(&of_r).map(|(q, r)| q - r).collect();
        let mut shape = outputs.size();
        let columns = shape.pop().unwrap_or(0);
        let flat = outputs.f_reshape([-1, columns])?;
        if flat.numel() == 0 {
            return Ok(Tensor::f_zeros(shape.as_slice(), options)?);
        }
        let offset = constants(&[none - none_of_r], options);
        let ratio = offset.f_addmv(&flat, &constants(&slope, options))?;
        Ok(ratio.f_view(shape.as_slice())?)
    }

    /// l and c of $\log q(y) = \langle l, y \rangle + c$ over all sets.
    fn affine(&self) -> Option<(Vec<f64>, f64)> {
        match &self.space {
            Space::UniformSets => Some((vec![0.0; self.items as usize], -self.log_count())),
            Space::BernoulliSets { probabilities } => {
                let none = probabilities.iter().map(|p| (-p).ln_1p()).sum();
                Some((logits(probabilities), none))
            }
            _ => None,
        }
    }

    /// $\log(\pi_j / (1 - \pi_j))$, `[k]`, of a Bernoulli prior; `None` for uniform ones.
    pub fn logits(&self, (kind, device): (Kind, Device)) -> Option<Tensor> {
        let Space::BernoulliSets { probabilities } = &self.space else {
            return None;
        };
        Some(constants(&logits(probabilities), (kind, device)))
    }

    /// The outputs of permutations given by the rank, 0 to k - 1, of every item: Int64 `[.., k]` to
    /// `[.., n]`. Rank k - 1 is that of the highest score: data that call the best item rank 1 have k minus
    /// that.
    ///
    /// # Errors
    /// [`Error::Parameter`] for sets; [`Error::Torch`] for ranks out of range.
    pub fn encode_ranks(&self, ranks: &Tensor, kind: Kind) -> Result<Tensor> {
        match &self.space {
            Space::Permutahedron { positions } => {
                let positions = constants(positions, (kind, ranks.device()));
                let flat = positions.f_index_select(0, &ranks.reshape([-1]))?;
                Ok(flat.f_view(ranks.size().as_slice())?)
            }
            Space::Birkhoff => {
                let places = Tensor::f_arange(self.items, (Kind::Int64, ranks.device()))?;
                let hot = ranks.unsqueeze(-1).f_eq_tensor(&places)?.f_to_kind(kind)?;
                Ok(hot.f_flatten(-2, -1)?)
            }
            _ => refuse("prior", "permutations", "sets"),
        }
    }

    /// The rank, 0 to k - 1, of every item: `[.., n]` to Int64 `[.., k]`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for sets.
    pub fn decode_ranks(&self, outputs: &Tensor) -> Result<Tensor> {
        match &self.space {
            Space::Permutahedron { .. } => {
                Ok(outputs.f_argsort(-1, false)?.f_argsort(-1, false)?)
            }
            Space::Birkhoff => {
                let mut shape = outputs.size();
                shape.pop();
                shape.extend([self.items, self.items]);
                Ok(outputs.f_reshape(&shape)?.f_argmax(-1, false)?)
            }
            _ => refuse("prior", "permutations", "sets"),
        }
    }

    /// Refuses an energy over other outputs.
    pub(crate) fn check(&self, columns: i64) -> Result<()> {
        if columns == self.outputs() {
            return Ok(());
        }
        Err(Error::Shape {
            what: "energy",
            expected: format!("[B, {}] for the base measure", self.outputs()),
            found: vec![columns],
        })
    }
}

/// $\log(\pi / (1 - \pi))$.
fn logits(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().map(|p| (p / (1.0 - p)).ln()).collect()
}

#[cfg(test)]
mod tests {
    use efy_test::{assert_close, everywhere, tensor};

    use super::*;

    #[everywhere]
    fn the_ratio_of_two_densities_is_that_of_their_logarithms() {
        let own = BaseMeasure::bernoulli_sets(vec![0.1, 0.5, 0.7]).unwrap();
        let (uniform, other) = (
            BaseMeasure::uniform_sets(3).unwrap(),
            BaseMeasure::bernoulli_sets(vec![0.8, 0.2, 0.4]).unwrap(),
        );
        let outputs = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0];
        let outputs = tensor(&outputs).view([2, 2, 3]);
        for (q, r) in [(&own, &other), (&uniform, &own), (&own, &uniform)] {
            let found = q.log_ratio(r, &outputs).unwrap();
            let expected = q.log_density(&outputs) - r.log_density(&outputs);
            assert_eq!(found.size(), [2, 2]);
            assert_close("log q/r", &found, &expected, 1e-12);
            let none = q.log_ratio(r, &outputs.narrow(0, 0, 0)).unwrap();
            assert_eq!(none.size(), [0, 2]);
        }
    }
}
