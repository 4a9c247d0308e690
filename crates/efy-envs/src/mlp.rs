//! Policies that are small networks.

use crate::{Error, Policy, Result, Spec};

/// A layer: `weights` `[inputs, outputs]` row by row, as numpy has them, and `bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Weights, `[inputs, outputs]` row by row.
    pub weights: Vec<f64>,
    /// Bias, `[outputs]`.
    pub bias: Vec<f64>,
}

/// a = h W + b with h = tanh(... tanh(((o - mean) / scale) W_0 + b_0) ...): a multilayer perceptron whose last layer is linear; the environment clips.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    mean: Vec<f64>,
    scale: Vec<f64>,
    layers: Vec<Layer>,
}

impl Mlp {
    /// From what observations are normalized by, `[d]` each, and the layers, the first one first.
    ///
    /// # Errors
    /// Where a length does not fit the environment or the layer before, or a number makes no sense.
    pub fn new(spec: &Spec, mean: Vec<f64>, scale: Vec<f64>, layers: Vec<Layer>) -> Result<Mlp> {
        let d = spec.observation;
        length("mean", d, &mean)?;
        length("scale", d, &scale)?;
        if let Some(at) = scale.iter().position(|&scale| scale <= 0.0) {
            return Err(Error::Invalid(format!(
                "scale: number {at} is {}, expected a positive one",
                scale[at]
            )));
        }
        let mut width = d;
        for (index, Layer { weights, bias }) in layers.iter().enumerate() {
            length(
                &format!("weights of layer {index}"),
                width * bias.len(),
                weights,
            )?;
            width = bias.len();
            length(&format!("bias of layer {index}"), width, bias)?;
        }
        if width != spec.action() {
            return Err(Error::Invalid(format!(
                "the last layer: expected {} outputs, as many as {} has actions, found {width}",
                spec.action(),
                spec.name
            )));
        }
        Ok(Mlp {
            mean,
            scale,
            layers,
        })
    }
}

/// So many numbers, all of them finite.
fn length(what: &str, expected: usize, numbers: &[f64]) -> Result<()> {
    if numbers.len() != expected {
        let found = numbers.len();
        return Err(Error::Invalid(format!(
            "{what}: expected {expected} numbers, found {found}"
        )));
    }
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(Error::Invalid(format!(
            "{what}: number {at} is {}, expected a finite one",
            numbers[at]
        ))),
        None => Ok(()),
    }
}

impl Policy for Mlp {
    fn act(&mut self, _count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()> {
        let d = self.mean.len();
        let k = self.layers.last().map_or(d, |layer| layer.bias.len());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (observation, action) in observations
            .chunks_exact(d)
            .zip(actions.chunks_exact_mut(k))
        {
            inputs.clear();
            let normalized = observation.iter().zip(&self.mean).zip(&self.scale);
            inputs.extend(normalized.map(|((o, mean), scale)| (o - mean) / scale));
            for (index, Layer { weights, bias }) in self.layers.iter().enumerate() {
                outputs.clone_from(bias);
                for (input, row) in inputs.iter().zip(weights.chunks_exact(bias.len())) {
                    for (output, weight) in outputs.iter_mut().zip(row) {
                        *output += input * weight;
                    }
                }
                if index + 1 < self.layers.len() {
                    outputs
                        .iter_mut()
                        .for_each(|output| *output = output.tanh());
                }
                std::mem::swap(&mut inputs, &mut outputs);
            }
            action.copy_from_slice(&inputs);
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec {
            name: "test".into(),
            observation: 2,
            low: vec![-1.0],
            high: vec![1.0],
            max_steps: 1,
        }
    }

    fn layer(weights: &[f64], bias: &[f64]) -> Layer {
        Layer {
            weights: weights.to_vec(),
            bias: bias.to_vec(),
        }
    }

    #[test]
    fn the_network_is_the_formula() {
        let layers = vec![
            layer(&[1.0, 0.0, 2.0, 0.5, -1.0, 3.0], &[0.1, 0.2, 0.3]),
            layer(&[1.0, 2.0, -1.0], &[0.5]),
        ];
        let mut policy = Mlp::new(&spec(), vec![1.0, 0.0], vec![2.0, 1.0], layers).unwrap();
        let mut actions = [0.0; 2];
        policy.act(2, &[3.0, 0.5, 1.0, 0.0], &mut actions).unwrap();
        let hidden = |a: f64, b: f64, c: f64| a.tanh() + 2.0 * b.tanh() - c.tanh() + 0.5;
        assert!((actions[0] - hidden(1.35, -0.3, 3.8)).abs() < 1e-15);
        assert!((actions[1] - hidden(0.1, 0.2, 0.3)).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let made = |layers| Mlp::new(&spec(), vec![0.0; 2], vec![1.0; 2], layers);
        let message = |layers| made(layers).unwrap_err().to_string();
        assert_eq!(
            message(vec![layer(&[1.0; 5], &[0.0; 3])]),
            "weights of layer 0: expected 6 numbers, found 5"
        );
        assert_eq!(
            message(vec![layer(&[1.0; 4], &[0.0; 2])]),
            "the last layer: expected 1 outputs, as many as test has actions, found 2"
        );
        assert_eq!(
            message(vec![layer(&[1.0, f64::NAN], &[0.0])]),
            "weights of layer 0: number 1 is NaN, expected a finite one"
        );
    }
}
