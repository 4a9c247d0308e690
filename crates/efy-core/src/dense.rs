//! Rectifier networks on the CPU in native passes, forward and back.
//!
//! A step of small networks as tensor operations is mostly dispatch; and half of the products of its way back are with the
//! zeros of a rectifier.

use tch::{Device, Kind, Tensor};

use crate::device::read;
use crate::error::positive_integer;
use crate::native::dense::{Tape, add_gradients, forward};
use crate::native::gda::{DOUBLE, SINGLE};
use crate::{Error, Result};

/// Below this many multiplications an operation of libtorch is over before a second thread has woken up. Waking it
/// still costs, and on a machine that does other work as well the wait for it costs much more.
pub const WORTH_THREADS: usize = 4_000_000;

/// $W x + b$: where its weight `[outputs, inputs]` and its bias `[outputs]` begin in the buffer of all weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The first number of W, row by row.
    pub weight: usize,
    /// The first number of b.
    pub bias: usize,
    /// Columns of W.
    pub inputs: usize,
    /// Rows of W.
    pub outputs: usize,
}

impl Layer {
    /// Weight and bias.
    pub(crate) fn of<'a, T>(&self, weights: &'a [T]) -> (&'a [T], &'a [T]) {
        (
            &weights[self.weight..][..self.outputs * self.inputs],
            &weights[self.bias..][..self.outputs],
        )
    }

    /// Where its numbers end in the buffer.
    fn end(&self) -> usize {
        let weight = self.weight + self.outputs * self.inputs;
        weight.max(self.bias + self.outputs)
    }
}

/// Networks $W_L\,\mathrm{relu}(\dots \mathrm{relu}(W_1 x + b_1)) + b_L$ that see the same input, with their weights in one
/// buffer.
///
/// In f32 and f64. What a row gets does not depend on the others, to the last bit.
///
/// ```
/// use efy_core::dense::{DenseNetworks, Layer};
/// use tch::Tensor;
///
/// # fn main() -> efy_core::Result<()> {
/// // y = 2 relu(x) + 1, with the weights [1, 0, 2, 1].
/// let layer = |weight, bias| Layer { weight, bias, inputs: 1, outputs: 1 };
/// let networks = DenseNetworks::new(vec![vec![layer(0, 1), layer(2, 3)]])?;
/// let weights = Tensor::from_slice(&[1.0, 0.0, 2.0, 1.0]);
/// let (outputs, tape) = networks.pass(&weights, &Tensor::from_slice(&[-1.0, 3.0]).view([2, 1]))?;
/// assert_eq!(outputs[0], Tensor::from_slice(&[1.0, 7.0]).view([2, 1]));
///
/// let ones = outputs[0].ones_like();
/// let gradient = networks.gradient(&tape, &[ones])?;
/// assert_eq!(gradient, Tensor::from_slice(&[6.0, 2.0, 3.0, 2.0]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DenseNetworks {
    networks: Vec<Vec<Layer>>,
    inputs: usize,
    /// Weights and biases of all layers.
    numbers: usize,
    end: usize,
}

/// What [`DenseNetworks::gradient`] needs of a pass.
#[derive(Debug)]
pub struct DenseTape {
    tape: Precision,
    /// P.
    numbers: usize,
    /// B.
    rows: usize,
}

#[derive(Debug)]
enum Precision {
    Single(Tape<f32, SINGLE>),
    Double(Tape<f64, DOUBLE>),
}

impl DenseNetworks {
    /// Networks of at least one layer each.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a network without layers, a width of 0, and layers that do not fit each other or the input
    /// of the first network.
    pub fn new(networks: Vec<Vec<Layer>>) -> Result<Self> {
        let inputs = networks.iter().flatten().next().map_or(0, |l| l.inputs);
        for layers in &networks {
            let mut width = inputs;
            for layer in layers {
                positive_integer("layer.inputs", layer.inputs as i64)?;
                positive_integer("layer.outputs", layer.outputs as i64)?;
                if layer.inputs != width {
                    return Err(Error::Parameter {
                        name: "layer.inputs",
                        expected: "the width of what comes before",
                        found: format!("{} for {width}", layer.inputs),
                    });
                }
                width = layer.outputs;
            }
            positive_integer("layers", layers.len() as i64)?;
        }
        let layers = networks.iter().flatten();
        let numbers = layers
            .clone()
            .map(|layer| layer.outputs * (layer.inputs + 1));
        Ok(DenseNetworks {
            inputs,
            numbers: numbers.sum(),
            end: layers.map(Layer::end).max().unwrap_or(0),
            networks,
        })
    }

    /// Whether a pass is worth while: on the CPU, in f32 or f64, and for batches so small that libtorch would not use its threads.
    pub fn serves(&self, x: &Tensor) -> bool {
        let rows = x.size().first().map_or(0, |&rows| rows as usize);
        x.device() == Device::Cpu
            && matches!(x.kind(), Kind::Float | Kind::Double)
            && rows * self.numbers < WORTH_THREADS
    }

    /// Outputs `[B, n]` of each network for inputs `[B, d]`, without a graph, and what the way back needs; `weights` is the
    /// buffer, `[P]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for inputs of another width and a buffer that is too short; [`Error::Parameter`] for element types
    /// other than f32 and f64.
    pub fn pass(&self, weights: &Tensor, x: &Tensor) -> Result<(Vec<Tensor>, DenseTape)> {
        let rows = match x.size().as_slice() {
            &[rows, inputs] if inputs as usize == self.inputs => rows as usize,
            found => {
                return Err(Error::Shape {
                    what: "x",
                    expected: format!("[B, {}]", self.inputs),
                    found: found.to_vec(),
                });
            }
        };
        if weights.numel() < self.end {
            return Err(Error::Shape {
                what: "weights",
                expected: format!("at least {} numbers", self.end),
                found: weights.size(),
            });
        }
        macro_rules! run {
            ($type:ty, $precision:ident) => {{
                let weights: Vec<$type> = read::to_vec(weights)?;
                let numbers = weights.len();
                let x: Vec<$type> = read::to_vec(x)?;
                let (outputs, tape) = forward(&self.networks, weights, &x, rows);
                let tensor = |values: Vec<$type>| -> Result<Tensor> {
                    Ok(Tensor::f_from_slice(&values)?.f_view([rows as i64, -1])?)
                };
                let outputs = outputs.into_iter().map(tensor).collect::<Result<_>>()?;
                let tape = DenseTape {
                    tape: Precision::$precision(tape),
                    numbers,
                    rows,
                };
                Ok((outputs, tape))
            }};
        }
        match x.kind() {
            Kind::Float => run!(f32, Single),
            Kind::Double => run!(f64, Double),
            kind => Err(Error::Parameter {
                name: "x",
                expected: "f32 or f64",
                found: format!("{kind:?}"),
            }),
        }
    }

    /// The gradient in the buffer, `[P]`, from those in the outputs, `[B, n]` each; 0 where no layer has its weights.
    ///
    /// # Errors
    /// [`Error::Shape`] when gradients are not of the outputs of that pass.
    pub fn gradient(&self, tape: &DenseTape, outputs: &[Tensor]) -> Result<Tensor> {
        let DenseTape {
            tape,
            numbers,
            rows,
        } = tape;
        let fit = |(output, layers): (&Tensor, &Vec<Layer>)| {
            output.numel() == rows * layers.last().map_or(0, |layer| layer.outputs)
        };
        if outputs.len() != self.networks.len() || !outputs.iter().zip(&self.networks).all(fit) {
            return Err(Error::Shape {
                what: "gradients in the outputs",
                expected: format!("those of {} networks for {rows} rows", self.networks.len()),
                found: outputs.iter().map(|output| output.numel() as i64).collect(),
            });
        }
        macro_rules! run {
            ($type:ty, $tape:expr) => {{
                let outputs =
                    (outputs.iter().map(read::to_vec)).collect::<Result<Vec<Vec<$type>>>>()?;
                let mut flat = vec![0.0; *numbers];
                add_gradients(&self.networks, $tape, &outputs, &mut flat);
                Ok(Tensor::f_from_slice(&flat)?)
            }};
        }
        match tape {
            Precision::Single(tape) => run!(f32, tape),
            Precision::Double(tape) => run!(f64, tape),
        }
    }
}
