//! A model's weights as views into one flat buffer.
//!
//! An optimizer step, a gradient norm or a check for finite values is then a handful of operations
//! whatever the number of layers, which is what counts on a GPU when networks are small.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Named weights that share one buffer.
#[derive(Debug)]
pub struct Parameters {
    flat: Tensor,
    named: Vec<(String, Tensor)>,
    decays: Tensor,
}

/// Collects initial values before the buffer is made.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    shape: Vec<i64>,
    values: Vec<f64>,
    decays: bool,
}

impl Builder {
    /// Adds a tensor and returns its place in [`Parameters::tensor`]. Names are those of PyTorch's
    /// `state_dict` (`unary.0.weight`); `decays` says whether weight decay applies, as it does to
    /// weights and not to biases.
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of values is not that of the shape; [`Error::Parameter`] for
    /// a name that is already taken.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        shape: &[i64],
        values: Vec<f64>,
        decays: bool,
    ) -> Result<usize> {
        let name = name.into();
        if shape.iter().product::<i64>() != values.len() as i64 {
            let found = vec![values.len() as i64];
            return Err(Error::Shape {
                what: "parameter",
                expected: format!("{shape:?}"),
                found,
            });
        }
        if self.entries.iter().any(|entry| entry.name == name) {
            let expected = "a name that is not taken";
            return Err(Error::Parameter {
                name: "parameter",
                expected,
                found: name,
            });
        }
        self.entries.push(Entry {
            name,
            shape: shape.to_vec(),
            values,
            decays,
        });
        Ok(self.entries.len() - 1)
    }

    /// Makes the buffer.
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for it.
    pub fn build(self, kind: Kind, device: Device) -> Result<Parameters> {
        let values: Vec<f64> = self
            .entries
            .iter()
            .flat_map(|e| e.values.iter().copied())
            .collect();
        let decays: Vec<f64> = self
            .entries
            .iter()
            .flat_map(|e| std::iter::repeat_n(if e.decays { 1.0 } else { 0.0 }, e.values.len()))
            .collect();
        let upload = |values: &[f64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?
                .f_to_kind(kind)?
                .f_to_device(device)?)
        };
        let flat = upload(&values)?;
        let mut named = Vec::with_capacity(self.entries.len());
        let mut offset = 0;
        for entry in self.entries {
            let length = entry.values.len() as i64;
            let view = flat
                .f_narrow(0, offset, length)?
                .f_view(entry.shape.as_slice())?;
            named.push((entry.name, view.detach().set_requires_grad(true)));
            offset += length;
        }
        Ok(Parameters {
            decays: upload(&decays)?,
            flat,
            named,
        })
    }
}

impl Parameters {
    /// All weights, `[P]`, without a graph. Writing to it changes the model.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// 1 where weight decay applies and 0 elsewhere, `[P]`.
    pub fn decays(&self) -> &Tensor {
        &self.decays
    }

    /// Names and tensors in the order in which they lie in the buffer.
    pub fn named(&self) -> &[(String, Tensor)] {
        &self.named
    }

    /// The tensor that [`Builder::add`] returned this place for; it requires a gradient.
    pub fn tensor(&self, place: usize) -> Tensor {
        self.named[place].1.shallow_clone()
    }

    /// $\nabla L$ over the flat buffer, `[P]`.
    ///
    /// # Errors
    /// [`Error::Torch`] when the loss does not depend on every parameter.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        let leaves: Vec<&Tensor> = self.named.iter().map(|(_, tensor)| tensor).collect();
        let gradients = Tensor::f_run_backward(&[loss], &leaves, false, false)?;
        let flat: Vec<Tensor> = gradients
            .iter()
            .map(|gradient| gradient.reshape([-1]))
            .collect();
        Ok(Tensor::f_cat(&flat, 0)?)
    }

    /// Overwrites all weights with a copy that was taken of [`flat`](Self::flat).
    ///
    /// # Errors
    /// [`Error::Shape`] when it is of another model.
    pub fn assign(&self, flat: &Tensor) -> Result<()> {
        if flat.size() != self.flat.size() {
            let expected = format!("{:?}", self.flat.size());
            return Err(Error::Shape {
                what: "parameters",
                expected,
                found: flat.size(),
            });
        }
        let _guard = tch::no_grad_guard();
        Ok(self.flat.shallow_clone().f_copy_(flat)?)
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere, kind, tensor, values};

    use super::*;

    #[everywhere]
    fn views_and_buffer_are_the_same_memory() {
        let mut builder = Builder::default();
        let w = builder
            .add("w", &[2, 2], vec![1.0, 2.0, 3.0, 4.0], true)
            .unwrap();
        let b = builder.add("b", &[2], vec![5.0, 6.0], false).unwrap();
        assert!(builder.add("b", &[1], vec![0.0], false).is_err());
        assert!(builder.add("c", &[2], vec![0.0], false).is_err());
        let parameters = builder.build(kind(), device()).unwrap();
        let loss =
            parameters.tensor(w).sum(None::<Kind>) + parameters.tensor(b).sum(None::<Kind>) * 2;
        let gradient = parameters.gradient(&loss).unwrap();
        assert_eq!(values(&gradient), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
        parameters.assign(&(parameters.flat() - gradient)).unwrap();
        assert_eq!(values(&parameters.tensor(b)), [3.0, 4.0]);
        assert_eq!(values(parameters.decays()), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert!(parameters.assign(&tensor(&[1.0])).is_err());
    }
}
