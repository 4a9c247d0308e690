//! A run at one moment.

use std::path::Path;

use efy_core::parameters::Parameters;
use serde_json::{Map, Value};
use tch::Tensor;

use super::manifest::Manifest;
use crate::trainer::session::Session;
use crate::{Error, Result, State, tensor_file, weights};

const WEIGHTS: &str = "weights.safetensors";
pub(super) const BEST: &str = "best.safetensors";
const TENSORS: &str = "state.safetensors";
const VALUES: &str = "state.json";

/// Everything that a run needs to go on from one of its steps.
#[derive(Debug)]
pub struct Snapshot {
    /// Steps that were made.
    pub step: u64,
    weights: State,
    best: Option<State>,
    /// Everything else.
    pub state: State,
}

impl Snapshot {
    /// The run with these weights, the best ones so far, flat, and the state of everything else.
    ///
    /// # Errors
    /// [`Error::State`] when `best` is of another model.
    pub fn new(
        step: u64,
        parameters: &Parameters,
        best: Option<&Tensor>,
        state: State,
    ) -> Result<Self> {
        Ok(Snapshot {
            step,
            weights: named(parameters, parameters.flat())?,
            best: best.map(|flat| named(parameters, flat)).transpose()?,
            state,
        })
    }

    /// Puts the weights back; returns the best ones so far, flat.
    ///
    /// # Errors
    /// [`Error::State`] naming the tensor that does not fit.
    pub fn restore(&self, parameters: &Parameters) -> Result<Option<Tensor>> {
        let best = match &self.best {
            Some(best) => {
                weights::restore(best, parameters, &[])?;
                Some(parameters.flat().copy())
            }
            None => None,
        };
        weights::restore(&self.weights, parameters, &[])?;
        Ok(best)
    }

    /// Whether it was taken while a run was trained once more; see [`TrainConfig::refit`](crate::TrainConfig).
    ///
    /// # Errors
    /// [`Error::State`] when it does not say.
    pub fn is_refit(&self) -> Result<bool> {
        Ok(Session::earlier_of(&self.state)?.is_some())
    }

    /// Names and contents of the files.
    pub(crate) fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let encode = |state: &State| {
            let tensors = state.tensors().iter();
            tensor_file::encode(tensors.map(|(name, tensor)| (name.as_str(), tensor)))
        };
        let values = serde_json::to_vec_pretty(self.state.values())
            .map_err(|error| Error::State(error.to_string()))?;
        let mut files = vec![(WEIGHTS, encode(&self.weights)?)];
        if let Some(best) = &self.best {
            files.push((BEST, encode(best)?));
        }
        files.extend([(TENSORS, encode(&self.state)?), (VALUES, values)]);
        Ok(files)
    }

    /// Reads and checks all files of a checkpoint.
    pub(super) fn read(directory: &Path, manifest: &Manifest) -> Result<Self> {
        let tensors = |name: &str| {
            tensor_file::decode(&manifest.file(directory, name)?).map_err(inside(directory, name))
        };
        let state =
            |name: &str| -> Result<State> { Ok(State::from_parts(tensors(name)?, Map::new())) };
        let values = manifest.file(directory, VALUES)?;
        let values: Map<String, Value> = serde_json::from_slice(&values)
            .map_err(|error| Error::checkpoint(&directory.join(VALUES), error.to_string()))?;
        let best = manifest.files.contains_key(BEST);
        Ok(Snapshot {
            step: manifest.step,
            weights: state(WEIGHTS)?,
            best: best.then(|| state(BEST)).transpose()?,
            state: State::from_parts(tensors(TENSORS)?, values),
        })
    }
}

/// Flat weights under their names.
fn named(parameters: &Parameters, flat: &Tensor) -> Result<State> {
    let mut state = State::default();
    let parts = parameters.scatter(flat)?;
    for ((name, _), part) in parameters.named().iter().zip(&parts) {
        state.put_tensor(name.as_str(), part);
    }
    Ok(state)
}

fn inside(directory: &Path, name: &str) -> impl FnOnce(Error) -> Error {
    let path = directory.join(name);
    move |error| Error::checkpoint(&path, error.to_string())
}
