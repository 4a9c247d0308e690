//! What a loss returns.

use tch::Tensor;

use crate::solver::Solution;

/// The losses of a batch.
#[derive(Debug)]
pub struct LossValue<S = Solution> {
    /// $L(v_i, y_i)$, `[B]`, with the autograd graph to the energy's parameters. A Fenchel-Young loss,
    /// computed at the solver's point, is at most the certificate's
    /// [`gap`](crate::solver::Certificate::gap) too small.
    pub per_row: Tensor,
    /// What was found on the way: the regularized predictions and how they were found, or what
    /// [`Found`] says.
    pub solution: S,
}

/// The mean loss of a batch.
#[derive(Debug)]
pub struct MeanLoss<S = Solution> {
    /// $\frac1B \sum_i L(v_i, y_i)$, a scalar with the autograd graph to the energy's parameters.
    pub mean: Tensor,
    /// As in [`LossValue`].
    pub solution: S,
}

/// The mean loss of a batch with its gradient, no tensor having a graph.
#[derive(Debug)]
pub struct MeanGradient {
    /// $\frac1B \sum_i L(v_i, y_i)$, a scalar.
    pub mean: Tensor,
    /// Its gradient in u, $(\hat y - y) / B$, `[B, k]`.
    pub u: Tensor,
    /// Its gradients in what all rows share: for a low-rank coupling in its factor A,
    /// $-\frac1B \sum_i (\hat y_i \hat y_i^\top - y_i y_i^\top) A$ `[k, m]`; for a network over outputs
    /// in W, $W^z$ and b of each layer and in w, of
    /// $\frac1B \sum_i \Psi(y_i) - \Psi(\hat y_i)$.
    pub shared: Vec<Tensor>,
    /// $\hat y$ and how it was found: the regularized predictions, or the maximizers of the
    /// cost-augmented problem for [`Margin`](super::Margin).
    pub solution: Solution,
}

/// The points that a loss found on its way; none of them has a graph.
#[derive(Debug)]
#[non_exhaustive]
pub enum Found {
    /// Nothing was looked for.
    Nothing,
    /// The regularized prediction.
    Prediction(Solution),
    /// Another point than the prediction: the maximizer of a cost-augmented problem, the last iterate
    /// of an unrolled solver.
    Other(Solution),
    /// Where chains ended, `[B, k]`.
    Sample(Tensor),
}

impl Found {
    /// Where the next search for the same examples may start, `[B, k]`.
    pub fn point(&self) -> Option<&Tensor> {
        match self {
            Found::Nothing => None,
            Found::Prediction(solution) | Found::Other(solution) => Some(&solution.argmax),
            Found::Sample(sample) => Some(sample),
        }
    }

    /// What a solver found, whichever problem it solved.
    pub fn into_solution(self) -> Option<Solution> {
        match self {
            Found::Prediction(solution) | Found::Other(solution) => Some(solution),
            Found::Nothing | Found::Sample(_) => None,
        }
    }
}
