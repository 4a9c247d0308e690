//! The section `solver`: how the inner problem is solved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most starts: each is a solve of its own.
pub(crate) const MOST_STARTS: usize = 1000;

/// How the inner problem is solved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// The method.
    pub kind: SolverKind,
    /// A row is done in training when its residual is at most this.
    #[schemars(range(min = 0))]
    pub tolerance: f64,
    /// Iterations a row gets in training.
    pub max_iterations: usize,
    /// The same when metrics are computed.
    #[schemars(range(min = 0))]
    pub eval_tolerance: f64,
    /// The same when metrics are computed.
    pub eval_max_iterations: usize,
    /// Starts from which a row is solved when metrics are computed and predictions are made; the best point counts. For
    /// energies that are not concave.
    #[schemars(range(min = 1, max = MOST_STARTS))]
    pub eval_starts: usize,
    /// Start from the example's solution of the epoch before.
    pub warm_start: bool,
}

impl Default for SolverConfig {
    fn default() -> Self {
        SolverConfig {
            kind: SolverKind::Auto,
            tolerance: 1e-5,
            max_iterations: 50,
            eval_tolerance: 1e-6,
            eval_max_iterations: 1000,
            eval_starts: 1,
            warm_start: true,
        }
    }
}

/// A solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SolverKind {
    /// The cheapest true method for the problem and the device.
    Auto,
    /// A formula.
    ClosedForm,
    /// Projected gradient with backtracking.
    ProjectedGradient,
    /// Accelerated projected gradient with backtracking and restarts.
    Fista,
    /// Accelerated proximal gradient: the regularizer's proximal map instead of its slope.
    ProximalGradient,
    /// Mirror ascent with the regularizer as mirror map.
    Mirror,
    /// Exact maximization over one coordinate after the other.
    CoordinateAscent,
    /// The same on Newton's model (network energies on the CPU).
    CoordinateNewton,
    /// Frank-Wolfe with away steps: the domain's linear oracle instead of its projection.
    FrankWolfe,
    /// Projected L-BFGS on boxes, on the CPU.
    Lbfgsb,
    /// Newton's method on boxes.
    Newton,
}
