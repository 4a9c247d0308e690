//! Network energies off the CPU: a step that needs no search, and gradients in few launches.

use tch::Tensor;

use crate::Result;
use crate::energy::{Coupling, Layer, Prior, add_times, times};
use crate::regularizer::{softplus, softplus_backward};

/// An upper bound on $\lambda_{\max}(\nabla^2\Psi(p))$ for all p, a scalar or `[B, 1]` for `rows` rows, from
/// $0 \le \mathrm{sp}'' \le \frac14$.
///
/// One layer shared by all rows, or by blocks of them: $\frac14 W^\top \mathrm{diag}(\max(w, 0)) W$ is such a bound, and its largest
/// eigenvalue that of a [`Coupling`]. Else $|\nabla^2\Psi| \le T$ elementwise, T being the same product with
/// absolute values of all weights and slopes of 1, and $\lambda_{\max} \le \max_i (T x)_i / x_i$ for every
/// positive x (Collatz and Wielandt), here $x = T 1$.
pub(super) fn curvature_bound(prior: &Prior, rows: i64) -> Result<Tensor> {
    if let Some((layer, output)) = shallow(prior) {
        let root = output.clamp_min(0.0).sqrt() * 0.5;
        let factor = transposed(&layer.input.detach()) * root.unsqueeze(-2);
        return Ok(Coupling::LowRank(factor).curvature_bound(rows));
    }
    let absolute = Absolute::new(prior);
    let like = absolute.ones(prior.blocks().map_or(1, |_| rows));
    let x = absolute
        .product(&like)
        .clamp_min(f64::from(f32::MIN_POSITIVE));
    Ok((absolute.product(&x) / x).amax([-1].as_slice(), true))
}

/// The only layer and w, `[m]` or those of blocks `[G, m]`, where all rows or those of a block share them.
fn shallow(prior: &Prior) -> Option<(&Layer, Tensor)> {
    let [layer] = prior.layers() else {
        return None;
    };
    let output = match prior.output_of_blocks() {
        Some(output) => output,
        None if prior.output().dim() == 1 => prior.output(),
        None => return None,
    };
    layer.input_gate.is_none().then(|| (layer, output.detach()))
}

/// The absolute values of a network, and of what curvature reaches each layer at most.
struct Absolute {
    layers: Vec<Layer>,
    /// A quarter of the largest $|\partial\Psi / \partial z_l|$ of every layer, `[m]` or `[B, m]`.
    bends: Vec<Tensor>,
}

impl Absolute {
    fn new(prior: &Prior) -> Self {
        let absolute = |t: &Tensor| t.detach().abs();
        let option = |t: &Option<Tensor>| t.as_ref().map(absolute);
        let layers: Vec<Layer> = prior
            .layers()
            .iter()
            .map(|layer| Layer {
                input: absolute(&layer.input),
                input_gate: option(&layer.input_gate),
                hidden: option(&layer.hidden),
                hidden_gate: option(&layer.hidden_gate),
                bias: layer.bias.detach(),
            })
            .collect();
        let mut bends = Vec::with_capacity(layers.len());
        // Units of the last layer with a negative weight only bend the other way.
        let mut bend = prior.output().detach().clamp_min(0.0) * 0.25;
        let mut y = absolute(prior.output()) * 0.25;
        for layer in layers.iter().rev() {
            let before = match layer.hidden {
                // A row of its own where the output has none.
                Some(_) if y.dim() == 1 => layer.to_hidden(&y.unsqueeze(0)),
                _ => layer.to_hidden(&y),
            };
            bends.push(bend);
            y = before.unwrap_or(y);
            bend = y.shallow_clone();
        }
        bends.reverse();
        Absolute { layers, bends }
    }

    /// $1$, `[rows, k]`.
    fn ones(&self, rows: i64) -> Tensor {
        let input = &self.layers[0].input;
        let k = input.size()[input.dim() - 1];
        Tensor::ones([rows, k], (input.kind(), input.device()))
    }

    /// $T x$, `[B, k]`.
    fn product(&self, x: &Tensor) -> Tensor {
        let mut tangents: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let own = times(&gated(x, &layer.input_gate), &transposed(&layer.input));
            tangents.push(match (&layer.hidden, tangents.last()) {
                (Some(hidden), Some(z)) => {
                    own + times(&gated(z, &layer.hidden_gate), &transposed(hidden))
                }
                _ => own,
            });
        }
        let mut product: Option<Tensor> = None;
        let mut passed: Option<Tensor> = None;
        for ((layer, tangent), bend) in self.layers.iter().zip(&tangents).zip(&self.bends).rev() {
            let mut v = tangent * bend;
            if let Some(passed) = passed {
                v += passed;
            }
            let here = layer.to_input(&v);
            product = Some(match product {
                Some(product) => product + here,
                None => here,
            });
            passed = layer.to_hidden(&v);
        }
        product.unwrap_or_else(|| x.zeros_like())
    }
}

/// $c\,\nabla\Psi(p)$ for a factor c, a number or one a row, which scales w: the gradient is linear in it.
pub(super) enum Slope {
    /// One layer, the same for all rows or for those of a block: $\sigma(W p + b)\, B$ with $B = \mathrm{diag}(c w) W$; three launches.
    Shallow {
        bias: Tensor,
        forward: Tensor,
        back: Tensor,
    },
    /// Any other.
    Deep { layers: Vec<Layer>, output: Tensor },
}

impl Slope {
    /// `factor` is a scalar or `[B, 1]`.
    pub(super) fn new(prior: &Prior, factor: &Tensor) -> Self {
        if let Some((layer, output)) = shallow(prior) {
            let input = layer.input.detach();
            let factor = match (input.dim(), factor.dim()) {
                // The same for all rows of a block.
                (3, 2) => factor.reshape([input.size()[0], -1]).narrow(1, 0, 1),
                _ => factor.shallow_clone(),
            };
            let scaled = &output * factor;
            if scaled.dim() == output.dim() {
                return Slope::Shallow {
                    bias: layer.bias.detach(),
                    forward: transposed(&input),
                    back: input * scaled.unsqueeze(-1),
                };
            }
        }
        let constant = |t: &Option<Tensor>| t.as_ref().map(Tensor::detach);
        let layer = |layer: &Layer| Layer {
            input: layer.input.detach(),
            input_gate: constant(&layer.input_gate),
            hidden: constant(&layer.hidden),
            hidden_gate: constant(&layer.hidden_gate),
            bias: layer.bias.detach(),
        };
        Slope::Deep {
            layers: prior.layers().iter().map(layer).collect(),
            output: prior.output().detach() * factor,
        }
    }

    /// `base` $+ c\,\nabla\Psi(p)$, `[B, k]`.
    pub(super) fn add_to(&self, base: &Tensor, p: &Tensor) -> Tensor {
        match self {
            Slope::Shallow {
                bias,
                forward,
                back,
            } => add_times(base, &add_times(bias, p, forward).sigmoid(), back),
            Slope::Deep { layers, output } => deep(layers, output, base, p),
        }
    }
}

fn deep(layers: &[Layer], output: &Tensor, base: &Tensor, p: &Tensor) -> Tensor {
    let mut inputs: Vec<Tensor> = Vec::with_capacity(layers.len());
    for layer in layers {
        let z = inputs.last().map(softplus);
        inputs.push(layer.affine(p, z.as_ref()));
    }
    let mut y = output.shallow_clone();
    let mut sum = base.shallow_clone();
    for (layer, a) in layers.iter().zip(&inputs).rev() {
        let v = softplus_backward(&y, a);
        sum = layer.add_to_input(&sum, &v);
        y = layer.to_hidden(&v).unwrap_or(v);
    }
    sum
}

fn transposed(matrix: &Tensor) -> Tensor {
    matrix.transpose(-1, -2)
}

fn gated(t: &Tensor, gate: &Option<Tensor>) -> Tensor {
    gate.as_ref()
        .map_or_else(|| t.shallow_clone(), |gate| t * gate)
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, number, place, tolerance, uniform, values};

    use super::*;
    use crate::domain::Cube;
    use crate::energy::{Energy, Spen};
    use crate::regularizer::{BinaryEntropy, Gini, Regularizer};
    use crate::solver::{
        CoordinateNewton, Mirror, Momentum, Options, Problem, ProjectedGradient, Solver, Step,
    };

    /// Networks of one and two layers, with and without gates, over 4 outputs for 6 rows.
    fn priors() -> Vec<Prior> {
        let seed = std::cell::Cell::new(11);
        let drawn = |size: &[i64]| uniform(size, 2.0, seed.replace(seed.get() + 1));
        let first = || Layer::first(drawn(&[5, 4]), drawn(&[5]));
        let second = || Layer::next(drawn(&[3, 5]), drawn(&[3, 4]), drawn(&[6, 3]));
        let gated = || {
            second()
                .gate_input(drawn(&[6, 4]))
                .gate_hidden(drawn(&[6, 5]))
        };
        let prior = |layers, output: Tensor| Prior::new(layers, output).unwrap();
        vec![
            prior(vec![first()], drawn(&[5])),
            prior(vec![first()], drawn(&[6, 5])),
            prior(vec![first().gate_input(drawn(&[6, 4]))], drawn(&[5])),
            prior(vec![first(), second()], drawn(&[3])),
            prior(
                vec![first().gate_input(drawn(&[6, 4])), gated()],
                drawn(&[6, 3]),
            ),
        ]
    }

    #[everywhere]
    fn a_scaled_slope_is_the_gradient() {
        for (index, prior) in priors().iter().enumerate() {
            let p = uniform(&[6, 4], 1.0, 1);
            for factor in [uniform(&[], 0.3, 2), uniform(&[6, 1], 1.0, 3)] {
                let expected = &p * 2.0 + prior.gradient(&p) * &factor;
                let found = Slope::new(prior, &factor).add_to(&(&p * 2.0), &p);
                let difference = number(&(found - expected).abs().max());
                assert!(difference < tolerance(1e-12), "{index}: {difference}");
            }
        }
    }

    /// A concave energy with a gate in each of two layers.
    fn concave() -> Spen {
        let seed = std::cell::Cell::new(40);
        let drawn = |size: &[i64]| uniform(size, 2.0, seed.replace(seed.get() + 1));
        let first = Layer::first(drawn(&[5, 4]), drawn(&[5])).gate_input(drawn(&[6, 4]));
        let second = Layer::next(drawn(&[3, 5]).abs(), drawn(&[3, 4]), drawn(&[6, 3]))
            .gate_hidden(drawn(&[6, 5]).abs());
        let prior = Prior::new(vec![first, second], drawn(&[3]).abs()).unwrap();
        Spen::new(drawn(&[6, 4]), prior).unwrap()
    }

    /// Against a native solver, which refuses other devices.
    #[everywhere(cpu, f64)]
    fn steps_by_curvature_lead_where_a_native_sweep_does() {
        let energy = concave();
        let options = Options {
            tolerance: 1e-10,
            max_iterations: 20_000,
            certify: false,
            ..Options::default()
        };
        let (gini, entropy) = (Gini::new(1.0).unwrap(), BinaryEntropy::new(1.0).unwrap());
        let accelerated = ProjectedGradient {
            step: Step::Curvature,
            momentum: Momentum::Nesterov { restart: true },
            options,
        };
        let mirror = Mirror {
            step: Step::Curvature,
            options,
            ..Mirror::default()
        };
        let methods: [(&dyn Regularizer, &dyn Solver); 2] =
            [(&gini, &accelerated), (&entropy, &mirror)];
        for (regularizer, solver) in methods {
            let problem = Problem {
                energy: &energy,
                regularizer,
                domain: &Cube,
            };
            let found = solver.solve(&problem, None).unwrap();
            let native = CoordinateNewton { options }.solve(&problem, None).unwrap();
            let unconverged = number(&found.report.unconverged(1));
            let off = number(&(found.argmax - native.argmax).abs().max());
            assert!(unconverged == 0.0 && off < 1e-8, "{}: {off}", solver.name());
        }
    }

    #[everywhere]
    fn no_hessian_bends_more_than_the_bound() {
        for (index, prior) in priors().into_iter().enumerate() {
            let bound = curvature_bound(&prior, 6).unwrap().expand([6, 1], true);
            let bound = values(&bound.contiguous());
            let energy = Spen::new(Tensor::zeros([6, 4], place()), prior);
            let energy = energy.unwrap();
            let mut largest = f64::NEG_INFINITY;
            for seed in 0..50 {
                let p = uniform(&[6, 4], 2.0, 100 + seed);
                let column = |i: i64| {
                    let unit = p.zeros_like();
                    let _ = unit.select(1, i).fill_(1.0);
                    energy.hessian_product(&p, &unit).neg()
                };
                let hessian = Tensor::stack(&(0..4).map(column).collect::<Vec<_>>(), 2);
                let bends = values(&hessian.linalg_eigvalsh("L").amax([-1].as_slice(), false));
                for (bend, bound) in bends.into_iter().zip(&bound) {
                    assert!(
                        bend <= bound * (1.0 + tolerance(1e-12)),
                        "{index}: {bend} > {bound}"
                    );
                    largest = largest.max(bend / bound);
                }
            }
            // A bound that is never near would make steps that go nowhere. Of signs, those of the last layer
            // alone are known to it.
            assert!(largest > 0.01, "{index}: {largest}");
        }
    }
}
