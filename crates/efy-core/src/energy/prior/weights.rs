//! The gradient in the weights of a network that all rows share, written out.

use tch::Tensor;

use super::Prior;
use crate::regularizer::{softplus, softplus_backward};

impl Prior {
    /// Whether all weights are the same for all rows, without gates.
    pub(crate) fn is_shared(&self) -> bool {
        let plain = |layer: &super::Layer| {
            layer.bias.dim() == 1 && layer.input_gate.is_none() && layer.hidden_gate.is_none()
        };
        self.output.dim() == 1 && self.layers.iter().all(plain)
    }

    /// $f = \sum_i c_i \Psi(p_i)$ at points `p` `[n, k]` with factors `c` `[n]`, a scalar, and its gradients in W, $W^z$
    /// and b of each layer and in w, in this order, for a network that [is shared](Self::is_shared).
    pub(crate) fn weighted_sum(&self, p: &Tensor, c: &Tensor) -> (Tensor, Vec<Tensor>) {
        let _guard = tch::no_grad_guard();
        let inputs = self.preactivations(p);
        let units: Vec<Tensor> = inputs.iter().map(softplus).collect();
        // f is linear in w.
        let output = units
            .last()
            .map_or_else(|| c.zeros_like(), |last| last.tr().mv(c));
        let sum = output.dot(&self.output);
        let mut gradients = vec![output];
        let mut y = c.outer(&self.output);
        for (index, (layer, a)) in self.layers.iter().zip(&inputs).enumerate().rev() {
            let v = softplus_backward(&y, a);
            gradients.push(v.sum_dim_intlist(0, false, None));
            if let (Some(_), Some(before)) = (&layer.hidden, index.checked_sub(1)) {
                gradients.push(v.tr().mm(&units[before]));
            }
            gradients.push(v.tr().mm(p));
            y = layer.to_hidden(&v).unwrap_or(v);
        }
        gradients.reverse();
        (sum, gradients)
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, number, tolerance, uniform};

    use super::*;
    use crate::energy::Layer;

    #[everywhere]
    fn weighted_sums_and_their_gradients_are_those_of_autograd() {
        for widths in [&[5_i64][..], &[5, 3], &[4, 3, 2]] {
            let mut weights: Vec<Tensor> = Vec::new();
            let mut weight = |size: &[i64]| {
                let seed = 7 + weights.len() as u64;
                let own = uniform(size, 1.0, seed).set_requires_grad(true);
                weights.push(own.shallow_clone());
                own
            };
            let mut layers = Vec::new();
            let mut before = None;
            for &m in widths {
                let input = weight(&[m, 4]);
                let hidden = before.map(|n| weight(&[m, n]));
                let bias = weight(&[m]);
                layers.push(match hidden {
                    Some(hidden) => Layer::next(hidden, input, bias),
                    None => Layer::first(input, bias),
                });
                before = Some(m);
            }
            let output = weight(&[before.unwrap()]);
            let prior = Prior::new(layers, output).unwrap();
            let (p, c) = (uniform(&[6, 4], 1.0, 1), uniform(&[6], 1.0, 2));
            assert!(prior.is_shared());
            let (sum, gradients) = prior.weighted_sum(&p, &c);
            let expected = prior.value(&p).dot(&c);
            expected.backward();
            let close = |a: &Tensor, b: &Tensor| {
                let difference = number(&(a - b).abs().max());
                assert!(difference < tolerance(1e-13), "{widths:?}: {difference}");
            };
            close(&sum, &expected.detach());
            assert_eq!(gradients.len(), weights.len());
            for (ours, weight) in gradients.iter().zip(&weights) {
                assert_eq!(ours.size(), weight.size());
                close(ours, &weight.grad());
            }
        }
    }
}
