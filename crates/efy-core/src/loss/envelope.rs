//! The mean Fenchel-Young loss and its envelope gradient as tensor operations without a graph: what
//! [`crate::native::compare`] is on the CPU for energies without a network.

use tch::{Kind, Reduction, Tensor};

use crate::device::{constant, constants};
use crate::energy::{Coupling, Energy, Form, minus_times};
use crate::regularizer::Regularizer;

/// The mean loss and its gradients in the energy's parameters.
pub(super) struct Envelope {
    /// $\frac1B \sum_i L(v_i, y_i)$, a scalar; `None` where it was not asked for.
    pub(super) mean: Option<Tensor>,
    /// $(\hat y - y) / B$, `[B, k]`.
    pub(super) u: Tensor,
    /// As [`MeanGradient::shared`](super::MeanGradient::shared).
    pub(super) shared: Vec<Tensor>,
}

/// Whether [`compare`] knows the energy: linear, or with a low-rank coupling or a network shared by all rows.
pub(super) fn comparable(energy: &dyn Energy) -> bool {
    match energy.form() {
        Form::Linear { .. } => true,
        Form::Quadratic { coupling, .. } => {
            matches!(coupling, Coupling::LowRank(_)) && coupling.shared()
        }
        Form::Network { prior, .. } => prior.is_shared(),
        _ => false,
    }
}

/// Compares predictions `argmax` with `target`, both `[B, k]`, for a [`comparable`] energy; `None` for any
/// other.
///
/// With $d = \hat y - y$ and $m = \frac12(\hat y + y)$ the loss is
/// $\langle d, u - A A^\top m - \bar\nabla\Omega \rangle$, and
/// $\hat y \hat y^\top - y y^\top = d m^\top + m d^\top$, so that $A^\top m$ serves for both. With a network it
/// is $\langle d, u - \bar\nabla\Omega \rangle - \Psi(\hat y) + \Psi(y)$, $\Psi$ of both being one pass over 2B
/// points; the difference is exact to the rounding of $\Psi$, which near 0 may leave a loss below it.
pub(super) fn compare(
    energy: &dyn Energy,
    regularizer: &dyn Regularizer,
    argmax: &Tensor,
    target: &Tensor,
    with_mean: bool,
) -> Option<Envelope> {
    let _guard = tch::no_grad_guard();
    let rows = argmax.size()[0].max(1) as f64;
    // (p - y) / B in one launch: this is 2 s (p - y) / (B k) with s = k / 2.
    let (kind, device) = (argmax.kind(), argmax.device());
    let half = constant(0.5 * argmax.size()[1] as f64, (kind, device)).ok()?;
    let difference = argmax.mse_loss_backward(&half, target, Reduction::Mean);
    let (slope, rest, shared) = match energy.form() {
        Form::Linear { u } => (u.detach(), None, Vec::new()),
        Form::Quadratic {
            u,
            coupling: Coupling::LowRank(a),
        } => {
            let a = a.detach();
            let middle = argmax.lerp(target, 0.5);
            let inner = middle.matmul(&a);
            let slope = minus_times(&u.detach(), &inner, &a.tr());
            let other = middle.tr().matmul(&difference.matmul(&a)).neg();
            let factor = minus_times(&other, &difference.tr(), &inner);
            (slope, None, vec![factor])
        }
        Form::Network { u, prior } => {
            let points = Tensor::cat(&[argmax, target], 0);
            let each = argmax.size()[0] as usize;
            let signs = [vec![-1.0 / rows; each], vec![1.0 / rows; each]].concat();
            let signs = constants(&signs, (points.kind(), points.device()));
            let (rest, shared) = prior.weighted_sum(&points, &signs);
            (u.detach(), Some(rest), shared)
        }
        _ => return None,
    };
    let along = |slope: Tensor| difference.reshape([-1]).dot(&slope.reshape([-1]));
    let mean = with_mean.then(|| {
        let mean = match regularizer.discrete_gradient(argmax, target) {
            Some(omega) => along(slope - omega),
            None => {
                let omega = regularizer.value(argmax) - regularizer.value(target);
                along(slope) - omega.mean(None::<Kind>)
            }
        };
        match rest {
            Some(rest) => mean + rest,
            None => mean,
        }
    });
    Some(Envelope {
        mean,
        u: difference,
        shared,
    })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::device::read;
    use crate::domain::Cube;
    use crate::energy::{Linear, Quadratic};
    use crate::loss::FenchelYoung;
    use crate::regularizer::{BinaryEntropy, Gini};
    use crate::solver::Auto;

    // On the CPU alone, where there is a native pass.
    #[test]
    fn value_and_gradients_are_those_of_the_native_pass() {
        let options = (Kind::Double, Device::Cpu);
        tch::manual_seed(5);
        let (u, a) = (
            Tensor::randn([9, 5], options),
            Tensor::randn([5, 2], options),
        );
        let target = Tensor::randn([9, 5], options).gt(0.0).to_kind(Kind::Double);
        let energies: [Box<dyn Energy>; 2] = [
            Box::new(Linear::new(u.shallow_clone()).unwrap()),
            Box::new(Quadratic::new(u, Coupling::LowRank(a)).unwrap()),
        ];
        let regularizers: [fn() -> Box<dyn Regularizer>; 2] = [
            || Box::new(Gini::new(1.3).unwrap()),
            || Box::new(BinaryEntropy::new(0.7).unwrap()),
        ];
        for energy in &energies {
            for regularizer in regularizers {
                let loss = FenchelYoung::from_parts(
                    regularizer(),
                    Box::new(Cube),
                    Box::new(Auto::default()),
                );
                let solution = loss.predict(energy.as_ref(), None).unwrap();
                let (omega, argmax) = (regularizer(), &solution.argmax);
                let ours = compare(energy.as_ref(), omega.as_ref(), argmax, &target, true);
                let ours = ours.unwrap();
                let native =
                    crate::native::compare(&loss.problem(energy.as_ref()), argmax, &target)
                        .unwrap();
                let close = |a: &Tensor, b: &Tensor| {
                    let difference = read::scalar(&(a - b).abs().max()).unwrap();
                    assert!(difference < 1e-12, "{}: {difference}", omega.name());
                };
                assert!(comparable(energy.as_ref()));
                close(&ours.mean.unwrap(), &Tensor::from(native.mean));
                close(&ours.u, &native.u);
                assert_eq!(ours.shared.len(), native.factor.iter().len());
                for (ours, native) in ours.shared.iter().zip(&native.factor) {
                    close(ours, native);
                }
            }
        }
    }
}
