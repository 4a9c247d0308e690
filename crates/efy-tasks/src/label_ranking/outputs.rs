//! Rankings as vertices of a polytope.

use efy_core::domain::{Birkhoff, Domain, Permutahedron};
use efy_core::energy::{Energy, Form};
use efy_core::{Error, Result};
use tch::{Kind, Tensor};

use super::{RankingSums, rankings_csv};
use crate::config::PolytopeKind;
use crate::supervised::{Layout, Outputs, Sums};

/// Rankings of k labels. A label of rank r (1 is the best) has the place value $w_r = \frac{k + 1}{2} - r$: the
/// better, the larger, and their sum is 0.
///
/// On the permutahedron a ranking is the vector of its labels' place values, and the vertex of the largest
/// $\langle\theta, y\rangle$ sorts $\theta$. On the Birkhoff polytope it is the matrix with $Y_{rj} = 1$ where label
/// j has rank r, flattened row by row, and the best vertex is an optimal assignment.
///
/// The outcome of a row, `[2k]`, is the rank of each label at the best vertex, and then the score of each label:
/// its expected place value in the regularized prediction, or under the distribution of a model that has one (where
/// it is not known, at that vertex).
#[derive(Debug, Clone, Copy)]
pub struct Rankings {
    labels: i64,
    polytope: PolytopeKind,
}

impl Rankings {
    /// Rankings of so many labels.
    ///
    /// # Errors
    /// [`Error::Parameter`] for fewer than two.
    pub fn new(labels: i64, polytope: PolytopeKind) -> Result<Self> {
        if labels < 2 {
            return Err(Error::Parameter {
                name: "labels",
                expected: "at least 2 for rankings",
                found: labels.to_string(),
            });
        }
        Ok(Rankings { labels, polytope })
    }

    /// k.
    pub fn labels(&self) -> i64 {
        self.labels
    }

    fn middle(&self) -> f64 {
        (self.labels + 1) as f64 / 2.0
    }

    /// The expected place value of each label at points of C `[B, m]`, `[B, k]`; at a vertex the place values.
    pub fn place_values(&self, p: &Tensor) -> Tensor {
        match self.polytope {
            PolytopeKind::Permutahedron => p.shallow_clone(),
            PolytopeKind::Birkhoff => {
                let k = self.labels;
                let ranks = Tensor::arange_start(1, k + 1, (p.kind(), p.device()));
                let weights = self.middle() - ranks;
                (p.reshape([-1, k, k]) * weights.reshape([1, k, 1])).sum_dim_intlist(
                    1,
                    false,
                    None::<Kind>,
                )
            }
        }
    }

    /// The ranks that vertices of C `[B, m]` stand for, `[B, k]`.
    pub fn ranks(&self, vertices: &Tensor) -> Tensor {
        (self.middle() - self.place_values(vertices)).round()
    }

    /// The ranks at the vertex of the largest $\langle\theta, y\rangle$, `[B, k]`, for `theta` `[B, m]`. Of equal scores
    /// on the permutahedron, the label with the lower index is the better; of equal assignments it is always the
    /// same one. For the Birkhoff polytope other devices than the CPU are waited for.
    pub fn decide(&self, theta: &Tensor) -> Result<Tensor> {
        match self.polytope {
            PolytopeKind::Permutahedron => Ok(ranks_of_scores(theta)),
            PolytopeKind::Birkhoff => {
                let best = self.domain()?.linear_argmax(theta);
                let best = best.ok_or_else(|| Error::Parameter {
                    name: "model.polytope",
                    expected: "a bounded set",
                    found: "birkhoff".to_owned(),
                })?;
                Ok(self.ranks(&best))
            }
        }
    }
}

/// The rank of each element of a row, 1 for the largest; of equal ones the earlier is the better. `[B, k]`, of
/// the kind of `scores`.
pub fn ranks_of_scores(scores: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let order = scores.argsort_stable(true, -1, true);
    let k = scores.size().last().copied().unwrap_or(0);
    let ranks = Tensor::arange_start(1, k + 1, (scores.kind(), scores.device()));
    scores
        .zeros_like()
        .scatter(-1, &order, &ranks.expand_as(scores))
}

impl Outputs for Rankings {
    fn domain(&self) -> Result<Box<dyn Domain>> {
        Ok(match self.polytope {
            PolytopeKind::Permutahedron => {
                let weights = (1..=self.labels).map(|rank| self.middle() - rank as f64);
                Box::new(Permutahedron::new(weights.collect())?)
            }
            PolytopeKind::Birkhoff => Box::new(Birkhoff::new(self.labels as usize)?),
        })
    }

    fn centre(&self) -> f64 {
        match self.polytope {
            PolytopeKind::Permutahedron => 0.0,
            PolytopeKind::Birkhoff => 1.0 / self.labels as f64,
        }
    }

    fn encode(&self, y: &Tensor) -> Result<Tensor> {
        match self.polytope {
            PolytopeKind::Permutahedron => Ok(self.middle() - y),
            PolytopeKind::Birkhoff => {
                let k = self.labels;
                let ranks = Tensor::f_arange_start(1, k + 1, (y.kind(), y.device()))?;
                let vertices = y.unsqueeze(1).f_eq_tensor(&ranks.reshape([1, k, 1]))?;
                Ok(vertices.f_to_kind(y.kind())?.f_reshape([-1, k * k])?)
            }
        }
    }

    fn outcome(&self, energy: &dyn Energy, p: &Tensor) -> Result<Tensor> {
        // The regularized prediction of another energy is its nearest point that has an order.
        let ranks = match energy.form() {
            Form::Linear { u } => self.decide(&u.detach())?,
            _ => self.decide(p)?,
        };
        Ok(Tensor::f_cat(&[ranks, self.place_values(p)], 1)?)
    }

    fn decided(&self, vertices: &Tensor, mean: Option<&Tensor>) -> Result<Tensor> {
        let scores = self.place_values(mean.unwrap_or(vertices));
        Ok(Tensor::f_cat(&[self.ranks(vertices), scores], 1)?)
    }

    fn outcome_width(&self, _layout: Layout) -> i64 {
        2 * self.labels
    }

    fn best_vertices(&self, u: &Tensor) -> Result<Tensor> {
        self.encode(&self.decide(u)?)
    }

    fn sums(&self) -> Box<dyn Sums> {
        Box::new(RankingSums::new(*self))
    }

    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        outcome: (&[f64], Layout),
        truth: Option<&[u8]>,
    ) -> crate::Result<String> {
        rankings_csv(labels, rows, outcome, truth)
    }
}

#[cfg(test)]
mod tests;
