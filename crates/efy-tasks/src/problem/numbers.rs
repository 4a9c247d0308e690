//! Lists of numbers in JSON as tensors.

use efy_core::{Error, Result};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

/// Most numbers in one array: 2 GiB of f64.
const MOST_NUMBERS: usize = 1 << 28;

/// Refuses numbers that are too large for the kind: JSON has no infinity, but f32 has no 1e300.
pub(super) fn held(what: &'static str, numbers: &[f64], kind: Kind) -> Result<()> {
    let largest = match kind {
        Kind::Double => f64::MAX,
        _ => f64::from(f32::MAX),
    };
    match numbers.iter().find(|number| number.abs() > largest) {
        Some(number) => Err(Error::Parameter {
            name: what,
            expected: "numbers that f32 can hold",
            found: number.to_string(),
        }),
        None => Ok(()),
    }
}

/// A list of numbers, or lists of lists, all of one length.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected numbers in lists nested at most three deep"
)]
pub(super) enum Numbers {
    Vector(Vec<f64>),
    Matrix(Vec<Vec<f64>>),
    Batch(Vec<Vec<Vec<f64>>>),
}

impl Numbers {
    /// As a tensor of as many dimensions as lists are nested.
    pub(super) fn tensor(
        &self,
        what: &'static str,
        (kind, device): (Kind, Device),
    ) -> Result<Tensor> {
        let wrong = |expected, found: &str| Error::Parameter {
            name: what,
            expected,
            found: found.to_owned(),
        };
        let ragged = || wrong("lists of one length", "lists of different lengths");
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
                let first = matrices.first();
                let height = first.map_or(0, Vec::len);
                let width = first.and_then(|rows| rows.first()).map_or(0, Vec::len);
                shape.extend([matrices.len(), height, width]);
                for rows in matrices {
                    if rows.len() != height || rows.iter().any(|row| row.len() != width) {
                        return Err(ragged());
                    }
                    flat.extend(rows.iter().flatten());
                }
            }
        }
        if flat.is_empty() {
            return Err(wrong("at least one number", "none"));
        }
        if flat.len() > MOST_NUMBERS {
            return Err(wrong("at most 2^28 numbers", &flat.len().to_string()));
        }
        held(what, &flat, kind)?;
        let shape: Vec<i64> = shape.into_iter().map(|size| size as i64).collect();
        let tensor = Tensor::f_from_slice(&flat)?.f_reshape(shape)?;
        Ok(tensor.f_to_kind(kind)?.f_to_device(device)?)
    }

    /// As `[B, k]`, a vector being one row.
    pub(super) fn rows(&self, what: &'static str, options: (Kind, Device)) -> Result<Tensor> {
        Ok(as_rows(self.tensor(what, options)?))
    }

    /// Whether it is one list of numbers.
    pub(super) fn is_vector(&self) -> bool {
        matches!(self, Numbers::Vector(_))
    }
}

/// A vector as the only row.
pub(super) fn as_rows(tensor: Tensor) -> Tensor {
    if tensor.dim() == 1 {
        tensor.unsqueeze(0)
    } else {
        tensor
    }
}
