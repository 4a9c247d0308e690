//! Domains by name.

use efy_core::domain::{
    Ball, Birkhoff, BoxDomain, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Product, Reals,
    Simplex, Sphere,
};
use efy_core::{Error, Result};
use serde::Deserialize;
use tch::Kind;

use super::numbers::held;
use super::tagged::tagged;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum DomainSpec {
    Reals {},
    Cube {},
    Box {
        low: f64,
        high: f64,
    },
    Simplex {
        #[serde(default = "one")]
        scale: f64,
    },
    Knapsack {
        #[serde(default)]
        min: f64,
        max: f64,
    },
    /// Without weights: of the rankings, k - 1, ..., 0.
    Permutahedron {
        weights: Option<Vec<f64>>,
    },
    /// n x n matrices flattened row by row.
    Birkhoff {},
    OrderSimplex {},
    Ball {
        radius: f64,
    },
    Sphere {
        radius: f64,
    },
    Product {
        parts: Vec<PartSpec>,
    },
}

/// A factor of a product and its number of coordinates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartSpec {
    #[serde(deserialize_with = "tagged")]
    domain: DomainSpec,
    size: usize,
}

fn one() -> f64 {
    1.0
}

impl DomainSpec {
    /// The domain of points with k coordinates.
    pub(super) fn build(&self, k: usize) -> Result<Box<dyn Domain>> {
        Ok(match self {
            DomainSpec::Reals {} => Box::new(Reals),
            DomainSpec::Cube {} => Box::new(Cube),
            DomainSpec::Box { low, high } => Box::new(BoxDomain::new(*low, *high)?),
            DomainSpec::Simplex { scale } => Box::new(Simplex::new(*scale)?),
            DomainSpec::Knapsack { min, max } => Box::new(Knapsack::new(*min, *max)?),
            DomainSpec::Permutahedron { weights: None } => Box::new(Permutahedron::ranking(k)?),
            DomainSpec::Permutahedron {
                weights: Some(weights),
            } => Box::new(Permutahedron::new(weights.clone())?),
            DomainSpec::Birkhoff {} => {
                let n = k.isqrt();
                if n * n != k {
                    return Err(Error::Parameter {
                        name: "energy.u",
                        expected: "n^2 scores for the birkhoff polytope",
                        found: k.to_string(),
                    });
                }
                Box::new(Birkhoff::new(n)?)
            }
            DomainSpec::OrderSimplex {} => Box::new(OrderSimplex),
            DomainSpec::Ball { radius } => Box::new(Ball::new(*radius)?),
            DomainSpec::Sphere { radius } => Box::new(Sphere::new(*radius)?),
            DomainSpec::Product { parts } => {
                // Before anything is made as large as a part says it is.
                let sizes = parts
                    .iter()
                    .try_fold(0_usize, |sum, part| sum.checked_add(part.size));
                if sizes != Some(k) {
                    return Err(Error::Parameter {
                        name: "domain.parts",
                        expected: "sizes that add up to the number of scores",
                        found: sizes.map_or("far more".to_owned(), |sum| sum.to_string()),
                    });
                }
                let build = |part: &PartSpec| Ok((part.domain.build(part.size)?, part.size));
                let parts: Result<Vec<_>> = parts.iter().map(build).collect();
                Box::new(Product::new(parts?)?)
            }
        })
    }

    /// Refuses numbers that are too large for the kind.
    pub(super) fn check(&self, kind: Kind) -> Result<()> {
        match self {
            DomainSpec::Box { low, high } => held("domain.low, domain.high", &[*low, *high], kind),
            DomainSpec::Simplex { scale } => held("domain.scale", &[*scale], kind),
            DomainSpec::Knapsack { min, max } => {
                held("domain.min, domain.max", &[*min, *max], kind)
            }
            DomainSpec::Permutahedron {
                weights: Some(weights),
            } => held("domain.weights", weights, kind),
            DomainSpec::Ball { radius } | DomainSpec::Sphere { radius } => {
                held("domain.radius", &[*radius], kind)
            }
            DomainSpec::Product { parts } => {
                parts.iter().try_for_each(|part| part.domain.check(kind))
            }
            DomainSpec::Reals {}
            | DomainSpec::Cube {}
            | DomainSpec::Permutahedron { weights: None }
            | DomainSpec::Birkhoff {}
            | DomainSpec::OrderSimplex {} => Ok(()),
        }
    }

    /// The bounds of a general box, for regularizers that are made for one.
    pub(super) fn box_bounds(&self) -> Option<(f64, f64)> {
        match self {
            DomainSpec::Box { low, high } => Some((*low, *high)),
            _ => None,
        }
    }
}
