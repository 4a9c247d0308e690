//! The log loss: negative log-likelihood under the Boltzmann distribution.

use tch::{Kind, Tensor};

use crate::Result;
use crate::energy::{Coupling, Energy, Form, by_row};
use crate::shape;

use super::boltzmann::{self, Boltzmann};
use super::{FenchelYoung, Found, Loss, LossValue, target};

/// $L(v, y) = \log \sum_{y' \in \{0,1\}^k} e^{\Phi(v, y')} - \Phi(v, y)$, the negative log-likelihood of y
/// under $p_v \propto e^{\Phi(v, \cdot)}$, with the exact partition function: conditional random fields.
///
/// $\nabla_v L = E_{p_v}[\nabla_v \Phi(v, y')] - \nabla_v \Phi(v, y)$; for a quadratic energy that is
/// $E[y'] - y$ in u and $\frac12(E[y' y'^\top] - y y^\top)$ in U. The graph of linear and quadratic energies
/// does not grow with the enumeration; that of any other energy holds $2^k$ values. See [`Boltzmann::of`]
/// for how many outputs there may be.
///
/// Predictions are those of the regularizer, domain and solver given; the probabilities of labels are
/// [`Boltzmann::marginals`], of which the regularized prediction with
/// [`BinaryEntropy`](crate::regularizer::BinaryEntropy) of strength 1 is a mean-field approximation.
pub struct LogLoss {
    predictor: FenchelYoung,
}

impl LogLoss {
    /// The log loss with predictions by `predictor`.
    pub fn new(predictor: FenchelYoung) -> Self {
        LogLoss { predictor }
    }
}

impl Loss for LogLoss {
    fn name(&self) -> &'static str {
        "log"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        _start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        let log_partition = match energy.form() {
            // -log sigmoid(-u) keeps its digits, and autograd knows it.
            Form::Linear { u } => shape::row_sum(&u.neg().log_sigmoid().neg()),
            Form::Quadratic { u, coupling } => {
                with_mean_gradient(u, coupling, Boltzmann::of(energy)?)
            }
            _ => boltzmann::log_partition_with_graph(energy)?,
        };
        Ok(LossValue {
            per_row: log_partition - energy.value(target),
            solution: Found::Nothing,
        })
    }
}

/// $\log Z$ with the derivative of $E[\Phi]$ under the distribution held constant,
/// $\langle u, E[y] \rangle + \frac12 \langle U, E[y y^\top] \rangle$.
fn with_mean_gradient(u: &Tensor, coupling: &Coupling, distribution: Boltzmann) -> Tensor {
    let Boltzmann {
        log_partition,
        marginals,
        second_moments,
    } = distribution;
    let linear = shape::dot(u, &marginals);
    let rows = u.size()[0];
    let expected = match (second_moments, coupling) {
        (None, _) => linear,
        (Some(moments), Coupling::Dense(matrix)) => {
            linear + inner(&by_row(matrix, rows), &moments) * 0.5
        }
        (Some(moments), Coupling::LowRank(a)) => {
            let a = by_row(a, rows);
            linear - inner(&a, &moments.matmul(&a)) * 0.5
        }
    };
    log_partition + (&expected - expected.detach())
}

/// $\langle M, N_b \rangle$ for each row, `[B]`, with M shared or one a row.
fn inner(matrix: &Tensor, rows: &Tensor) -> Tensor {
    (matrix * rows).sum_dim_intlist([-2_i64, -1].as_slice(), false, None::<Kind>)
}
