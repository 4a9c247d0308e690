//! A model's weights as views into one flat buffer.
//!
//! An optimizer step, a gradient norm or a check for finite values is then a handful of operations
//! whatever the number of layers, which is what counts on a GPU when networks are small.
//!
//! Several replicas of a model lie side by side in the same way: the buffer is that of one after that of
//! the other, and every tensor has a leading dimension.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Named weights that share one buffer.
#[derive(Debug)]
pub struct Parameters {
    flat: Tensor,
    named: Vec<(String, Tensor)>,
    decays: Tensor,
    replicas: i64,
    /// Where the tensor of each place is among the named ones.
    positions: Vec<usize>,
}

/// Collects initial values before the buffer is made.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<Entry>,
    /// Places of those that come first in the buffer.
    leading: Vec<usize>,
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

    /// How many numbers the tensor of this place has.
    pub fn numbers(&self, place: usize) -> i64 {
        self.entries[place].values.len() as i64
    }

    /// Puts the tensors of these places first in the buffer, in this order; the others follow in theirs.
    pub fn lead(&mut self, places: &[usize]) {
        self.leading = places.to_vec();
    }

    /// Places in the order of the buffer.
    fn order(&self) -> Vec<usize> {
        let others = (0..self.entries.len()).filter(|place| !self.leading.contains(place));
        self.leading.iter().copied().chain(others).collect()
    }

    /// Makes the buffer.
    ///
    /// # Errors
    /// [`Error::Torch`] when there is no room for it.
    pub fn build(self, kind: Kind, device: Device) -> Result<Parameters> {
        Self::build_replicas(vec![self], kind, device)
    }

    /// Makes the buffer of R models with the same names and shapes: `[R P]`, and `[R, ...]` for a tensor
    /// of shape `[...]`, a view with the stride P. One model is [`build`](Self::build).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no model or they differ; [`Error::Torch`] when there is no room.
    pub fn build_replicas(models: Vec<Self>, kind: Kind, device: Device) -> Result<Parameters> {
        let (replicas, layout) = match models.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other.has_layout_of(first)) => {
                (models.len() as i64, first)
            }
            _ => {
                return Err(Error::Parameter {
                    name: "replicas",
                    expected: "at least one model, all with the same tensors",
                    found: format!("{} models", models.len()),
                });
            }
        };
        let order = layout.order();
        let entries = || {
            let models = models.iter();
            models.flat_map(|model| order.iter().map(|&place| &model.entries[place]))
        };
        let upload = |values: Vec<f64>| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(&values)?
                .f_to_kind(kind)?
                .f_to_device(device)?)
        };
        let flat = upload(entries().flat_map(|entry| &entry.values).copied().collect())?;
        let decays = entries().flat_map(|entry| {
            let decay = if entry.decays { 1.0 } else { 0.0 };
            std::iter::repeat_n(decay, entry.values.len())
        });
        let decays = upload(decays.collect())?;
        let side_by_side = flat.f_view([replicas, -1])?;
        let mut named = Vec::with_capacity(layout.entries.len());
        let mut offset = 0;
        let mut positions = vec![0; order.len()];
        for (position, &place) in order.iter().enumerate() {
            let entry = &layout.entries[place];
            positions[place] = position;
            let length = entry.values.len() as i64;
            let columns = side_by_side.f_narrow(1, offset, length)?;
            let view = match replicas {
                1 => columns.f_view(entry.shape.as_slice())?,
                _ => columns.f_view([&[replicas], entry.shape.as_slice()].concat().as_slice())?,
            };
            named.push((entry.name.clone(), view.detach().set_requires_grad(true)));
            offset += length;
        }
        Ok(Parameters {
            flat,
            named,
            decays,
            replicas,
            positions,
        })
    }

    fn has_layout_of(&self, other: &Self) -> bool {
        let layout = |model: &Self| -> Vec<(String, Vec<i64>)> {
            let entries = model.entries.iter();
            entries
                .map(|entry| (entry.name.clone(), entry.shape.clone()))
                .collect()
        };
        layout(self) == layout(other) && self.leading == other.leading
    }
}

impl Parameters {
    /// All weights, `[P]`, or `[R P]` of R replicas, without a graph. Writing to it changes the model.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// How many models lie side by side, R.
    pub fn replicas(&self) -> i64 {
        self.replicas
    }

    /// The weights of one of them, `[P]`, a view into [`flat`](Self::flat).
    pub fn replica(&self, index: i64) -> Tensor {
        self.flat.view([self.replicas, -1]).get(index)
    }

    /// 1 where weight decay applies and 0 elsewhere, of the shape of [`flat`](Self::flat).
    pub fn decays(&self) -> &Tensor {
        &self.decays
    }

    /// Names and tensors in the order in which they lie in the buffer.
    pub fn named(&self) -> &[(String, Tensor)] {
        &self.named
    }

    /// The tensor that [`Builder::add`] returned this place for; it requires a gradient.
    pub fn tensor(&self, place: usize) -> Tensor {
        self.named[self.positions[place]].1.shallow_clone()
    }

    /// Where the tensor of this place is among the [`named`](Self::named) ones.
    pub fn position(&self, place: usize) -> usize {
        self.positions[place]
    }

    /// How many numbers of a model lie before the tensor of this place in the buffer.
    pub fn offset(&self, place: usize) -> usize {
        let before = &self.named[..self.positions[place]];
        let numbers = before.iter().map(|(_, tensor)| tensor.numel());
        numbers.sum::<usize>() / self.replicas as usize
    }

    /// $\nabla L$ over the flat buffer, `[P]`. Of replicas, L is the sum of their losses, of which none
    /// depends on the weights of another.
    ///
    /// # Errors
    /// [`Error::Torch`] when the loss does not depend on every parameter; [`Error::Parameter`] when it has no graph.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        // libtorch would follow a graph that is not there.
        if !loss.requires_grad() {
            return Err(Error::Parameter {
                name: "loss",
                expected: "a tensor with a graph to the weights",
                found: "one without".to_owned(),
            });
        }
        let leaves: Vec<&Tensor> = self.named.iter().map(|(_, tensor)| tensor).collect();
        self.gather(&Tensor::f_run_backward(&[loss], &leaves, false, false)?)
    }

    /// Tensors of the shapes and in the order of [`named`](Self::named), as they lie in the buffer.
    ///
    /// # Errors
    /// [`Error::Torch`] when they have not a part for each replica.
    pub fn gather(&self, tensors: &[Tensor]) -> Result<Tensor> {
        let flat: Vec<Tensor> = tensors
            .iter()
            .map(|tensor| tensor.f_reshape([self.replicas, -1]))
            .collect::<std::result::Result<_, _>>()?;
        Ok(Tensor::f_cat(&flat, 1)?.f_view([-1])?)
    }

    /// The reverse: tensors of the shapes and in the order of [`named`](Self::named) from a buffer like
    /// [`flat`](Self::flat), views where they can be.
    ///
    /// # Errors
    /// [`Error::Torch`] when it is of another model.
    pub fn scatter(&self, flat: &Tensor) -> Result<Vec<Tensor>> {
        let side_by_side = flat.f_view([self.replicas, -1])?;
        let mut offset = 0;
        let part = |(_, like): &(String, Tensor)| {
            let length = like.numel() as i64 / self.replicas;
            let columns = side_by_side.f_narrow(1, offset, length)?;
            offset += length;
            Ok(columns.f_reshape(like.size())?)
        };
        self.named.iter().map(part).collect()
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

    /// Overwrites the weights of one replica with its part of a copy that was taken of
    /// [`flat`](Self::flat).
    ///
    /// # Errors
    /// [`Error::Torch`] when it is of another model.
    pub fn assign_replica(&self, index: i64, flat: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let part = flat.f_view([self.replicas, -1])?.f_get(index)?;
        Ok(self.replica(index).f_copy_(&part)?)
    }

    /// Overwrites one replica's part of such a copy with its weights as they are now.
    ///
    /// # Errors
    /// As [`assign_replica`](Self::assign_replica).
    pub fn copy_replica(&self, index: i64, flat: &Tensor) -> Result<()> {
        let mut part = flat.f_view([self.replicas, -1])?.f_get(index)?;
        Ok(part.f_copy_(&self.replica(index))?)
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{device, everywhere, kind, place, tensor, values};

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

    #[everywhere]
    fn tensors_that_lead_come_first_and_keep_their_places() {
        let mut builder = Builder::default();
        let add = |builder: &mut Builder, name: &str, values: Vec<f64>| {
            builder.add(name, &[values.len() as i64], values, name != "b")
        };
        let a = add(&mut builder, "a", vec![1.0]).unwrap();
        let b = add(&mut builder, "b", vec![2.0, 3.0]).unwrap();
        let c = add(&mut builder, "c", vec![4.0]).unwrap();
        builder.lead(&[c, b]);
        let parameters = builder.build(kind(), device()).unwrap();
        assert_eq!(values(parameters.flat()), [4.0, 2.0, 3.0, 1.0]);
        assert_eq!(values(parameters.decays()), [1.0, 0.0, 0.0, 1.0]);
        let names: Vec<&str> = parameters
            .named()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert_eq!([a, b, c].map(|place| parameters.position(place)), [2, 1, 0]);
        assert_eq!(values(&parameters.tensor(b)), [2.0, 3.0]);
    }

    #[everywhere]
    fn replicas_lie_side_by_side_and_have_gradients_of_their_own() {
        let model = |w: [f64; 2], b: f64| {
            let mut builder = Builder::default();
            builder.add("w", &[1, 2], w.to_vec(), true).unwrap();
            builder.add("b", &[1], vec![b], false).unwrap();
            builder
        };
        let models = vec![model([1.0, 2.0], 3.0), model([4.0, 5.0], 6.0)];
        let (kind, device) = place();
        let parameters = Builder::build_replicas(models, kind, device).unwrap();
        assert_eq!(parameters.replicas(), 2);
        let expected: Vec<f64> = (1..=6).map(f64::from).collect();
        assert_eq!(parameters.flat(), &tensor(&expected));
        assert_eq!(parameters.replica(1), tensor(&[4.0, 5.0, 6.0]));
        let (w, b) = (parameters.tensor(0), parameters.tensor(1));
        assert_eq!((w.size(), b.size()), (vec![2, 1, 2], vec![2, 1]));
        let loss = (w
            .square()
            .sum_dim_intlist([1_i64, 2].as_slice(), false, kind)
            * b.squeeze_dim(1))
        .sum(kind);
        // w^2 b of each: 2 w b and the sum of w^2.
        assert_eq!(
            parameters.gradient(&loss).unwrap(),
            tensor(&[6.0, 12.0, 5.0, 48.0, 60.0, 41.0])
        );
        let mut other = Builder::default();
        other.add("w", &[3], vec![0.0; 3], true).unwrap();
        let unequal = vec![model([0.0; 2], 0.0), other];
        assert!(Builder::build_replicas(unequal, kind, device).is_err());
        assert!(Builder::build_replicas(Vec::new(), kind, device).is_err());
    }
}
