//! A batch of network energies as slices.

use tch::Tensor;

use crate::device::read;
use crate::energy::{Form, Layer, Prior};
use crate::native::Real;
use crate::native::input::{Block, Concavity};
use crate::native::matrix::Matrix;
use crate::native::omega::Omega;
use crate::solver::Problem;
use crate::{Error, Result};

/// What the rows of a batch are made of.
pub(super) struct Network<T> {
    pub(super) rows: usize,
    pub(super) k: usize,
    /// Matrix elements that an iteration on one row touches.
    pub(super) work: usize,
    pub(super) u: Vec<T>,
    pub(super) layers: Vec<Weights<T>>,
    pub(super) output: Shared<T>,
    omega: Omega<T>,
    /// One for all rows or one a row.
    concavity: Vec<Concavity>,
}

/// A vector for all rows, or one for each.
pub(super) struct Shared<T> {
    pub(super) values: Vec<T>,
    pub(super) per_row: bool,
}

/// One layer.
pub(super) struct Weights<T> {
    /// The number of units m.
    pub(super) width: usize,
    /// $W^\top$, k x m.
    pub(super) input: Vec<T>,
    /// B x k.
    pub(super) input_gate: Option<Vec<T>>,
    /// $W^z$, m x n.
    pub(super) hidden: Option<Vec<T>>,
    /// B x n.
    pub(super) hidden_gate: Option<Vec<T>>,
    pub(super) bias: Shared<T>,
}

impl<T: Real> Network<T> {
    /// `certify` says whether anybody will ask for concavity.
    pub(super) fn new(problem: &Problem<'_>, certify: bool) -> Result<Self> {
        let (Some((omega, bounds)), Form::Network { u, prior }) =
            (problem.separable_on_box(), problem.energy.form())
        else {
            return Err(problem.unsupported("native", "use solver auto"));
        };
        let (rows, k) = problem.energy.size();
        if k == 0 {
            return Err(Error::Shape {
                what: "u",
                expected: "[B, k >= 1]".into(),
                found: u.size(),
            });
        }
        let layers: Vec<Weights<T>> = prior
            .layers()
            .iter()
            .map(Weights::new)
            .collect::<Result<_>>()?;
        let modulus = problem.regularizer.modulus(problem.domain);
        Ok(Network {
            rows: rows as usize,
            k: k as usize,
            work: work(&layers),
            u: read::to_vec(u)?,
            layers,
            output: Shared::new(prior.output())?,
            omega: Omega::new(omega, bounds),
            concavity: if certify {
                concavity(prior, modulus)?
            } else {
                vec![Concavity::Unknown]
            },
        })
    }

    /// Whether the Jacobian is the same for all rows and all p: one layer without a gate.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.layers.as_slice(), [layer] if layer.input_gate.is_none())
    }

    /// Rows as certificates see them.
    pub(super) fn block<'a, const L: usize>(
        &self,
        index: usize,
        live: usize,
        u: &'a [[T; L]],
    ) -> Block<'a, T, L> {
        Block {
            index,
            live,
            u,
            matrix: Matrix::Zero,
            concavity: Concavity::Unknown,
            omega: self.omega,
        }
    }

    /// What is known of a row.
    pub(super) fn concavity(&self, row: usize) -> Concavity {
        *self.concavity.get(row).unwrap_or(&self.concavity[0])
    }
}

impl<T: Real> Shared<T> {
    fn new(t: &Tensor) -> Result<Self> {
        Ok(Shared {
            values: read::to_vec(t)?,
            per_row: t.dim() == 2,
        })
    }
}

impl<T: Real> Weights<T> {
    fn new(layer: &Layer) -> Result<Self> {
        let optional = |t: &Option<Tensor>| t.as_ref().map(read::to_vec).transpose();
        Ok(Weights {
            width: layer.width() as usize,
            input: read::to_vec(&layer.input.tr())?,
            input_gate: optional(&layer.input_gate)?,
            hidden: optional(&layer.hidden)?,
            hidden_gate: optional(&layer.hidden_gate)?,
            bias: Shared::new(&layer.bias)?,
        })
    }
}

/// Of an evaluation and a sweep, with an activation counted as sixteen elements.
fn work<T>(layers: &[Weights<T>]) -> usize {
    let of_layer = |layer: &Weights<T>| {
        5 * layer.input.len()
            + layer.hidden.as_ref().map_or(0, |hidden| {
                hidden.len() * (2 + layer.input.len() / layer.width.max(1))
            })
            + 16 * layer.width
    };
    layers.iter().map(of_layer).sum()
}

/// What the weights say, for all rows or for each.
fn concavity(prior: &Prior, modulus: f64) -> Result<Vec<Concavity>> {
    let convex: Vec<bool> = read::to_vec(&prior.is_convex())?;
    let mild: Vec<bool> = match prior.negative_curvature() {
        Some(bend) => read::to_vec(&bend.le(modulus))?,
        None => vec![false],
    };
    let count = convex.len().max(mild.len());
    let at = |all: &[bool], row: usize| all.get(row).or(all.first()).copied().unwrap_or(false);
    Ok((0..count.max(1))
        .map(|row| match (at(&convex, row), at(&mild, row)) {
            (true, _) => Concavity::Energy,
            (false, true) => Concavity::Objective,
            (false, false) => Concavity::Unknown,
        })
        .collect())
}
