//! Actions for observations in a file.

use std::path::Path;

use super::{Actions, EnergyPolicy};
use crate::data::arrays::Arrays;
use crate::data::read_points;
use crate::supervised::{Layout, Outputs};
use crate::{Error, Result};

/// The actions of a policy for the observations of a file, as CSV with the columns `row`, `a1`, `a2`, ...: `observations` of an npz or
/// safetensors file, or the rows of an npy or CSV file.
///
/// # Errors
/// [`Error::Input`] naming the file, what was expected and what was found; those of model and solver.
pub fn predict(policy: &EnergyPolicy, path: &Path) -> Result<String> {
    let (width, observations) = read(path)?;
    let expected = policy.observation();
    if width != expected {
        let message = format!(
            "expected observations of {expected} numbers, as in {}, found {width}",
            policy.environment()
        );
        return Err(Error::input(path, None, message));
    }
    let actions = policy.actions(&observations)?;
    let rows: Vec<usize> = (0..observations.len() / width.max(1)).collect();
    let names: Vec<String> = (1..=policy.action()).map(|i| format!("a{i}")).collect();
    let outputs = Actions::new(policy.action() as i64);
    outputs.csv(&names, &rows, (&actions, Layout::default()), None)
}

/// Numbers of a row, and the rows.
fn read(path: &Path) -> Result<(usize, Vec<f64>)> {
    let has_arrays = ["npz", "safetensors"]
        .iter()
        .any(|ending| path.extension().is_some_and(|found| found == *ending));
    if !has_arrays {
        let points = read_points(path)?;
        return Ok((points.dimension(), points.values));
    }
    let mut file = Arrays::open(path)?;
    let (key, array) = file.expect(&["observations", "observation", "obs"])?;
    match *array.shape.as_slice() {
        [_, width] if width > 0 => Ok((width, array.values)),
        _ => {
            let message = format!("expected a matrix, found the shape {:?}", array.shape);
            Err(file.wrong(&key, &message))
        }
    }
}
