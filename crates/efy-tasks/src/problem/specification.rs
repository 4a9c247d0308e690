//! The JSON form of an inner problem, and its parts.

use std::path::Path;

use efy_core::device::read;
use efy_core::domain::Domain;
use efy_core::energy::Energy;
use efy_core::regularizer::Regularizer;
use efy_core::solver::{Options, Solver};
use efy_core::{Error, Result};
use serde::Deserialize;
use tch::{Device, Tensor};

use super::domain::DomainSpec;
use super::energy::{EnergySpec, Leaves};
use super::numbers::Numbers;
use super::regularizer::RegularizerSpec;
use super::tagged::tagged;
use crate::config::{Dtype, MOST_STARTS, SolverKind};
use crate::error::json_message;

/// How far a target may lie outside of the domain, in every coordinate.
const TARGET_SLACK: f64 = 1e-6;
/// Of the starts.
const SEED: u64 = 0;

/// An inner problem: energy, regularizer, domain, and optionally a target, a solver and an element type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    #[serde(deserialize_with = "tagged")]
    energy: EnergySpec,
    #[serde(deserialize_with = "tagged")]
    regularizer: RegularizerSpec,
    #[serde(deserialize_with = "tagged")]
    domain: DomainSpec,
    target: Option<Numbers>,
    #[serde(default, deserialize_with = "efy_train::config::section")]
    solver: SolverSpec,
    #[serde(default = "double")]
    dtype: Dtype,
}

fn double() -> Dtype {
    Dtype::F64
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SolverSpec {
    kind: SolverKind,
    tol: f64,
    max_iterations: usize,
    /// The best point of so many starts counts.
    starts: usize,
}

impl Default for SolverSpec {
    fn default() -> Self {
        SolverSpec {
            kind: SolverKind::Auto,
            tol: 1e-9,
            max_iterations: 1000,
            starts: 1,
        }
    }
}

/// The problem as efy-core takes it.
pub(super) struct Parts {
    pub(super) energy: Box<dyn Energy>,
    /// The leaves that gradients are taken in.
    pub(super) inputs: Leaves,
    pub(super) regularizer: Box<dyn Regularizer>,
    pub(super) domain: Box<dyn Domain>,
    pub(super) solver: Box<dyn Solver>,
    pub(super) target: Option<Tensor>,
    /// `u` was a vector: so are the results.
    pub(super) single: bool,
}

impl Problem {
    /// Reads JSON; `file` is what errors call it.
    ///
    /// # Errors
    /// [`crate::Error::Input`] with the line, the member, what was expected and what was found.
    pub fn parse(file: &Path, text: &str) -> crate::Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let problem = serde_path_to_error::deserialize(&mut deserializer);
        let problem = problem.map_err(|error| (error.path().to_string(), error.into_inner()));
        problem
            .and_then(|problem| {
                let end = deserializer.end();
                end.map(|()| problem)
                    .map_err(|error| (".".to_owned(), error))
            })
            .map_err(|(path, error)| {
                let message = json_message(&error);
                let message = match path.as_str() {
                    "." => message,
                    path => format!("{path}: {message}"),
                };
                let line = Some(error.line() as u64).filter(|line| *line > 0);
                crate::Error::input(file, line, message)
            })
    }

    /// Lets the solver run for `most` iterations at most, from all starts together, whatever the problem says: for
    /// problems from strangers.
    #[must_use]
    pub fn with_iterations_at_most(mut self, most: usize) -> Self {
        let SolverSpec {
            max_iterations,
            starts,
            ..
        } = &mut self.solver;
        *starts = (*starts).min(most);
        *max_iterations = (*max_iterations).min(most / (*starts).max(1));
        self
    }

    pub(super) fn build(&self, device: Device) -> Result<Parts> {
        if !(1..=MOST_STARTS).contains(&self.solver.starts) {
            return Err(Error::Parameter {
                name: "solver.starts",
                expected: "a whole number from 1 to 1000",
                found: self.solver.starts.to_string(),
            });
        }
        let options = (self.dtype.kind(), device);
        self.domain.check(options.0)?;
        let (energy, inputs) = self.energy.build(options)?;
        let target = self.target.as_ref().map(|t| t.rows("target", options));
        let target = target.transpose()?;
        let (rows, k) = energy.size();
        let domain = self.domain.build(k as usize)?;
        domain.check(k)?;
        if let Some(target) = &target {
            // A target of another shape is the loss's to refuse.
            let fits = target.size() == [rows, k];
            if fits && read::scalar(&domain.contains(target, TARGET_SLACK).all())? == 0.0 {
                return Err(Error::Parameter {
                    name: "target",
                    expected: "points of the domain",
                    found: "one outside of it".to_owned(),
                });
            }
        }
        let solver = Options {
            tolerance: self.solver.tol,
            max_iterations: self.solver.max_iterations,
            ..Options::default()
        };
        Ok(Parts {
            energy,
            inputs,
            regularizer: self.regularizer.build(&self.domain)?,
            domain,
            solver: self
                .solver
                .kind
                .from_starts(solver, self.solver.starts, SEED)?,
            target,
            single: self.energy.u().is_vector(),
        })
    }
}
