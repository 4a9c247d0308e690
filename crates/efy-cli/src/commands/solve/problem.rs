//! The JSON form of an inner problem, and its parts.

use efy_core::device::read;
use efy_core::domain::{BoxDomain, Cube, Domain, Reals};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::regularizer::Regularizer;
use efy_core::solver::{Options, Solver};
use efy_core::{Error, Result};
use efy_tasks::config::{Dtype, RegularizerKind, SolverKind};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specification {
    energy: EnergySpec,
    regularizer: RegularizerSpec,
    domain: DomainSpec,
    target: Option<Numbers>,
    #[serde(default)]
    solver: SolverSpec,
    #[serde(default = "double")]
    dtype: Dtype,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum EnergySpec {
    Linear {
        u: Numbers,
    },
    Quadratic {
        u: Numbers,
        #[serde(rename = "U")]
        dense: Option<Numbers>,
        #[serde(rename = "A")]
        factor: Option<Numbers>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegularizerSpec {
    kind: RegularizerKind,
    #[serde(default = "one")]
    gamma: f64,
}

fn double() -> Dtype {
    Dtype::F64
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum DomainSpec {
    Reals {},
    Cube {},
    Box { low: f64, high: f64 },
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SolverSpec {
    kind: SolverKind,
    tol: f64,
    max_iterations: usize,
}

impl Default for SolverSpec {
    fn default() -> Self {
        SolverSpec {
            kind: SolverKind::Auto,
            tol: 1e-9,
            max_iterations: 1000,
        }
    }
}

/// A list of numbers, or lists of lists, all of one length.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected numbers in lists nested at most three deep"
)]
enum Numbers {
    Vector(Vec<f64>),
    Matrix(Vec<Vec<f64>>),
    Batch(Vec<Vec<Vec<f64>>>),
}

/// The problem as efy-core takes it.
pub(super) struct Parts {
    pub(super) energy: Box<dyn Energy>,
    /// The leaves that gradients are taken in.
    pub(super) inputs: Vec<(&'static str, Tensor)>,
    pub(super) regularizer: Box<dyn Regularizer>,
    pub(super) domain: Box<dyn Domain>,
    pub(super) solver: Box<dyn Solver>,
    pub(super) target: Option<Tensor>,
    /// `u` was a vector: so are the results.
    pub(super) single: bool,
}

impl Numbers {
    fn tensor(&self, what: &'static str, kind: Kind, device: Device) -> Result<Tensor> {
        let ragged = || Error::Parameter {
            name: what,
            expected: "lists of one length",
            found: "lists of different lengths".to_owned(),
        };
        let mut shape = Vec::new();
        let mut flat = Vec::new();
        match self {
            Numbers::Vector(row) => {
                shape.push(row.len());
                flat.extend_from_slice(row);
            }
            Numbers::Matrix(rows) => {
                let width = rows.first().map_or(0, Vec::len);
                shape.extend([rows.len(), width]);
                for row in rows {
                    if row.len() != width {
                        return Err(ragged());
                    }
                    flat.extend_from_slice(row);
                }
            }
            Numbers::Batch(matrices) => {
                let height = matrices.first().map_or(0, Vec::len);
                let width = matrices
                    .first()
                    .and_then(|rows| rows.first())
                    .map_or(0, Vec::len);
                shape.extend([matrices.len(), height, width]);
                for rows in matrices {
                    if rows.len() != height || rows.iter().any(|row| row.len() != width) {
                        return Err(ragged());
                    }
                    flat.extend(rows.iter().flatten());
                }
            }
        }
        let shape: Vec<i64> = shape.into_iter().map(|size| size as i64).collect();
        let tensor = Tensor::f_from_slice(&flat)?.f_reshape(shape)?;
        Ok(tensor.f_to_kind(kind)?.f_to_device(device)?)
    }

    /// As `[B, k]`, a vector being one row.
    fn rows(&self, what: &'static str, kind: Kind, device: Device) -> Result<Tensor> {
        let tensor = self.tensor(what, kind, device)?;
        Ok(if tensor.dim() == 1 {
            tensor.unsqueeze(0)
        } else {
            tensor
        })
    }
}

impl Specification {
    pub(super) fn build(&self, device: Device) -> Result<Parts> {
        let kind = self.dtype.kind();
        let leaf = |t: Tensor| t.set_requires_grad(true);
        let (EnergySpec::Linear { u: numbers } | EnergySpec::Quadratic { u: numbers, .. }) =
            &self.energy;
        let u = leaf(numbers.rows("energy.u", kind, device)?);
        let mut inputs = vec![("u", u.shallow_clone())];
        let energy: Box<dyn Energy> = match &self.energy {
            EnergySpec::Linear { .. } => Box::new(Linear::new(u)?),
            EnergySpec::Quadratic { dense, factor, .. } => {
                let coupling = match (dense, factor) {
                    (Some(dense), None) => {
                        let dense = leaf(dense.tensor("energy.U", kind, device)?);
                        inputs.push(("U", dense.shallow_clone()));
                        Coupling::Dense(dense)
                    }
                    (None, Some(factor)) => {
                        let factor = leaf(factor.tensor("energy.A", kind, device)?);
                        inputs.push(("A", factor.shallow_clone()));
                        Coupling::LowRank(factor)
                    }
                    (both, _) => {
                        return Err(Error::Parameter {
                            name: "energy",
                            expected: "either U or A",
                            found: if both.is_some() { "both" } else { "neither" }.to_owned(),
                        });
                    }
                };
                Box::new(Quadratic::new(u, coupling)?)
            }
        };
        let target = self
            .target
            .as_ref()
            .map(|t| t.rows("target", kind, device))
            .transpose()?;
        let domain = self.domain.build()?;
        if let Some(target) = &target
            && read::scalar(&domain.contains(target, 1e-6).all())? == 0.0
        {
            return Err(Error::Parameter {
                name: "target",
                expected: "points of the domain",
                found: "one outside of it".to_owned(),
            });
        }
        let SolverSpec {
            tol: tolerance,
            max_iterations,
            ..
        } = self.solver;
        let options = Options {
            tolerance,
            max_iterations,
            ..Options::default()
        };
        Ok(Parts {
            energy,
            inputs,
            regularizer: self.regularizer.kind.build(self.regularizer.gamma)?,
            domain,
            solver: self.solver.kind.build(options),
            target,
            single: matches!(numbers, Numbers::Vector(_)),
        })
    }
}

impl DomainSpec {
    fn build(&self) -> Result<Box<dyn Domain>> {
        Ok(match *self {
            DomainSpec::Reals {} => Box::new(Reals),
            DomainSpec::Cube {} => Box::new(Cube),
            DomainSpec::Box { low, high } => Box::new(BoxDomain::new(low, high)?),
        })
    }
}
