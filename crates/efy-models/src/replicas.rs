//! Models side by side: the same layers once for each seed, in one buffer and one launch.

use efy_core::Result;
use efy_core::parameters::{Builder, Parameters};
use efy_core::random::{Stream, generator};
use rand::Rng;
use tch::{Device, Kind, Tensor};

/// The seeds of the models that lie side by side: one for a model, R for R replicas of it.
///
/// Inputs of R replicas are `[B, d]` with the B/R rows of the first one before those of the second, and
/// so are outputs. Each has the weights that a model of its seed alone has.
///
/// ```
/// use efy_models::{Model, Seeds, Unary};
/// use tch::{Device, Kind, Tensor};
///
/// let options = (Kind::Double, Device::Cpu);
/// let both = Unary::new((3, 2), &[], Seeds::from(vec![4, 7]), options)?;
/// let one = Unary::new((3, 2), &[], 7, options)?;
/// assert_eq!(&both.parameters().replica(1), one.parameters().flat());
/// let x = Tensor::randn([6, 3], options);
/// assert_eq!(both.energy(&x)?.size(), (6, 2));
/// # Ok::<(), efy_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(Vec<u64>);

impl From<u64> for Seeds {
    fn from(seed: u64) -> Self {
        Seeds(vec![seed])
    }
}

impl From<Vec<u64>> for Seeds {
    fn from(seeds: Vec<u64>) -> Self {
        Seeds(seeds)
    }
}

impl Seeds {
    /// Lets `add` describe the tensors of a model for each seed, and makes the buffer of all of them.
    pub(crate) fn lay_out<P, R: Rng>(
        &self,
        (kind, device): (Kind, Device),
        make: impl Fn(u64) -> R,
        add: impl Fn(&mut Builder, &mut R) -> Result<P>,
    ) -> Result<(Parameters, P)> {
        let mut models = Vec::with_capacity(self.0.len());
        let mut places = None;
        for &seed in &self.0 {
            let mut builder = Builder::default();
            let added = add(&mut builder, &mut make(seed))?;
            places.get_or_insert(added);
            models.push(builder);
        }
        let parameters = Builder::build_replicas(models, kind, device)?;
        let places = places.ok_or(efy_core::Error::Parameter {
            name: "seeds",
            expected: "at least one",
            found: "none".to_owned(),
        })?;
        Ok((parameters, places))
    }
}

/// The generator that initial weights are drawn from.
pub(crate) fn of_weights(seed: u64) -> impl Rng {
    generator(seed, Stream::Weights, 0)
}

/// Rows `[B, n]` as those of the replicas that a tensor `[R, ...]` belongs to, `[R, B/R, n]`.
pub(crate) fn apart(rows: &Tensor, replicas: i64) -> Result<Tensor> {
    let (count, width) = (rows.size()[0], rows.size()[1]);
    if count % replicas != 0 {
        return Err(efy_core::Error::Shape {
            what: "x",
            expected: format!("[B, {width}] with B a multiple of {replicas}"),
            found: rows.size(),
        });
    }
    Ok(rows.f_view([replicas, count / replicas, width])?)
}

/// The reverse.
pub(crate) fn together(replicas: &Tensor) -> Result<Tensor> {
    let width = replicas.size()[2];
    Ok(replicas.f_reshape([-1, width])?)
}
