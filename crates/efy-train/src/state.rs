//! What has to be stored for something to go on later as if it had never stopped.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::Tensor;

use crate::{Error, Result};

/// Named tensors and named values: moments and counters of an optimizer, warm starts of a solver,
/// particles, chains.
///
/// Random generators have no state: what is random is a function of (seed, stream, step).
#[derive(Debug, Default)]
pub struct State {
    tensors: Vec<(String, Tensor)>,
    values: Map<String, Value>,
}

impl State {
    /// Adds a tensor. It is not copied: it is to be written before it changes.
    pub fn put_tensor(&mut self, name: impl Into<String>, tensor: &Tensor) {
        self.tensors
            .push((name.into(), tensor.detach().shallow_clone()));
    }

    /// Adds or replaces a value.
    ///
    /// # Errors
    /// [`Error::State`] for what JSON cannot hold.
    pub fn put(&mut self, name: impl Into<String>, value: &impl Serialize) -> Result<()> {
        let name = name.into();
        let value = serde_json::to_value(value)
            .map_err(|error| Error::State(format!("{name}: {error}")))?;
        self.values.insert(name, value);
        Ok(())
    }

    /// Adds all of another state under `prefix.`.
    pub fn nest(&mut self, prefix: &str, inner: State) {
        let inside = |name: String| format!("{prefix}.{name}");
        self.tensors.extend(
            inner
                .tensors
                .into_iter()
                .map(|(name, tensor)| (inside(name), tensor)),
        );
        self.values.extend(
            inner
                .values
                .into_iter()
                .map(|(name, value)| (inside(name), value)),
        );
    }

    /// What was put under `prefix.`.
    pub fn inner(&self, prefix: &str) -> State {
        let strip = |name: &str| {
            name.strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('.'))
                .map(str::to_owned)
        };
        State {
            tensors: (self.tensors.iter())
                .filter_map(|(name, tensor)| Some((strip(name)?, tensor.shallow_clone())))
                .collect(),
            values: (self.values.iter())
                .filter_map(|(name, value)| Some((strip(name)?, value.clone())))
                .collect(),
        }
    }

    /// A tensor by its name, on the device of `like`.
    ///
    /// # Errors
    /// [`Error::State`] when it is missing or differs from `like` in shape or kind.
    pub fn tensor(&self, name: &str, like: &Tensor) -> Result<Tensor> {
        let found = self
            .find(name)
            .ok_or_else(|| Error::State(format!("{name}: missing")))?;
        if (found.size(), found.kind()) != (like.size(), like.kind()) {
            return Err(Error::State(format!(
                "{name}: expected {:?} of {:?}, found {:?} of {:?}",
                like.size(),
                like.kind(),
                found.size(),
                found.kind()
            )));
        }
        Ok(found
            .f_to_device(like.device())
            .map_err(efy_core::Error::from)?)
    }

    /// A tensor by its name, whatever it is.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, tensor)| tensor)
    }

    /// A value by its name.
    ///
    /// # Errors
    /// [`Error::State`] when it is missing or of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self
            .values
            .get(name)
            .ok_or_else(|| Error::State(format!("{name}: missing")))?;
        T::deserialize(value).map_err(|error| Error::State(format!("{name}: {error}")))
    }

    /// Names and tensors in the order in which they were put.
    pub fn tensors(&self) -> &[(String, Tensor)] {
        &self.tensors
    }

    /// Names and values in the order in which they were put.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// From what [`tensors`](Self::tensors) and [`values`](Self::values) gave.
    pub fn from_parts(tensors: Vec<(String, Tensor)>, values: Map<String, Value>) -> Self {
        State { tensors, values }
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{assert_close, everywhere, kind, tensor};

    use super::*;

    #[everywhere]
    fn what_was_put_comes_back_and_what_does_not_fit_is_named() {
        let mut moments = State::default();
        let first = tensor(&[1.0, 2.0]);
        moments.put_tensor("first", &first);
        moments.put("steps", &7_u64).unwrap();
        let mut state = State::default();
        state.nest("optimizer", moments);
        state.put("optimizers", &1).unwrap();
        let moments = state.inner("optimizer");
        assert_close(
            "first",
            &moments.tensor("first", &first).unwrap(),
            &first,
            0.0,
        );
        // From a file it comes on the CPU.
        let mut stored = State::default();
        stored.put_tensor("first", &first.to_device(tch::Device::Cpu));
        assert_close(
            "stored",
            &stored.tensor("first", &first).unwrap(),
            &first,
            0.0,
        );
        assert_eq!(moments.get::<u64>("steps").unwrap(), 7);
        assert_eq!(moments.values().len(), 1, "optimizers is another name");
        let message = |result: Result<Tensor>| result.unwrap_err().to_string();
        assert_eq!(message(moments.tensor("second", &first)), "second: missing");
        assert_eq!(
            message(moments.tensor("first", &tensor(&[1.0]))),
            format!("first: expected [1] of {0:?}, found [2] of {0:?}", kind())
        );
        assert!(moments.get::<String>("steps").is_err());
    }
}
