//! How alike two rankings are, for each row of a batch: ranks `[B, k]` of any kind, k at least 2, in the same
//! direction; results `[B]` in f64, on the device of the ranks and without a graph.
//!
//! Only order matters to all but [`spearman`], so scores do as well as ranks (both negated for [`top_one`],
//! where less is better). Ties are counted as each function says; nothing is corrected for them.

use tch::{Kind, Tensor};

/// Pairs of labels that are compared at once.
const PAIRS: i64 = 1 << 22;

/// Of the k(k - 1)/2 pairs of labels of each row, how many two rankings order alike and how many oppositely. A
/// pair that is tied in either is in neither.
#[derive(Debug)]
pub struct Pairs {
    /// Ordered alike, `[B]`.
    pub concordant: Tensor,
    /// Ordered oppositely, `[B]`.
    pub discordant: Tensor,
    all: f64,
}

impl Pairs {
    /// Compares the rankings of each row. k^2 work and, for some rows at a time, k^2 memory.
    pub fn of(predicted: &Tensor, truth: &Tensor) -> Self {
        let _guard = tch::no_grad_guard();
        let (rows, k) = (predicted.size()[0], predicted.size()[1]);
        let step = (PAIRS / (k * k).max(1)).max(1);
        let (mut concordant, mut discordant) = (Vec::new(), Vec::new());
        for from in (0..rows).step_by(step as usize) {
            let signs = |ranks: &Tensor| {
                let ranks = ranks
                    .narrow(0, from, step.min(rows - from))
                    .to_kind(Kind::Double);
                (ranks.unsqueeze(2) - ranks.unsqueeze(1)).sign()
            };
            let product = signs(predicted) * signs(truth);
            // Both orders of a pair are there.
            let count =
                |which: Tensor| which.sum_dim_intlist([1, 2].as_slice(), false, Kind::Double) * 0.5;
            concordant.push(count(product.gt(0.0)));
            discordant.push(count(product.lt(0.0)));
        }
        let empty = || Tensor::zeros([0], (Kind::Double, predicted.device()));
        let joined = |parts: Vec<Tensor>| match parts.is_empty() {
            true => empty(),
            false => Tensor::cat(&parts, 0),
        };
        Pairs {
            concordant: joined(concordant),
            discordant: joined(discordant),
            all: (k * (k - 1)) as f64 / 2.0,
        }
    }

    /// Kendall's $\tau_a = \frac{C - D}{k(k - 1)/2}$ with C concordant and D discordant pairs: 1 for the same
    /// ranking, -1 for the reverse. A tied pair counts 0 and stays in the denominator.
    pub fn kendall_tau(&self) -> Tensor {
        (&self.concordant - &self.discordant) / self.all
    }

    /// The fraction of all pairs that are ordered alike, $\frac{C}{k(k - 1)/2}$; without ties
    /// $\frac{1 + \tau}{2}$. A pair that is tied in either counts as wrong.
    pub fn accuracy(&self) -> Tensor {
        &self.concordant / self.all
    }
}

/// Kendall's tau: see [`Pairs::kendall_tau`].
pub fn kendall_tau(predicted: &Tensor, truth: &Tensor) -> Tensor {
    Pairs::of(predicted, truth).kendall_tau()
}

/// The fraction of pairs that are ordered alike: see [`Pairs::accuracy`].
pub fn pairwise_accuracy(predicted: &Tensor, truth: &Tensor) -> Tensor {
    Pairs::of(predicted, truth).accuracy()
}

/// Spearman's $\rho$, the correlation of the ranks: $1 - \frac{6 \sum_i d_i^2}{k(k^2 - 1)}$ with the differences
/// d of ranks where there are no ties. Tied labels should have the mean of their ranks; 0 where a row has one
/// rank only.
pub fn spearman(predicted: &Tensor, truth: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let centred = |ranks: &Tensor| {
        let ranks = ranks.to_kind(Kind::Double);
        let mean = ranks.mean_dim([-1].as_slice(), true, None::<Kind>);
        ranks - mean
    };
    let (r, s) = (centred(predicted), centred(truth));
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum_dim_intlist(-1, false, Kind::Double);
    let norms = (dot(&r, &r) * dot(&s, &s)).sqrt();
    let constant = norms.eq(0.0);
    dot(&r, &s) / norms.masked_fill(&constant, 1.0)
}

/// 1 where a label is first (has the least rank) in both rankings, else 0.
pub fn top_one(predicted: &Tensor, truth: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let first = |ranks: &Tensor| ranks.eq_tensor(&ranks.amin([-1].as_slice(), true));
    let both = first(predicted).logical_and(&first(truth));
    both.any_dim(-1, false).to_kind(Kind::Double)
}

#[cfg(test)]
mod tests;
