//! The mean Fenchel-Young loss and its envelope gradient as tensor operations without a graph: what
//! [`crate::native::compare`] is on the CPU.

use tch::{Kind, Tensor};

use crate::energy::{Coupling, Energy, Form, minus_times};
use crate::regularizer::Regularizer;

/// The mean loss and its gradients in the energy's parameters.
pub(super) struct Envelope {
    /// $\frac1B \sum_i L(v_i, y_i)$, a scalar.
    pub(super) mean: Tensor,
    /// $(\hat y - y) / B$, `[B, k]`.
    pub(super) u: Tensor,
    /// $-\frac1B \sum_i (\hat y_i \hat y_i^\top - y_i y_i^\top) A$, `[k, m]`, for a low-rank coupling.
    pub(super) factor: Option<Tensor>,
}

/// Whether [`compare`] knows the energy: linear, or with a low-rank coupling shared by all rows.
pub(super) fn comparable(energy: &dyn Energy) -> bool {
    match energy.form() {
        Form::Linear { .. } => true,
        Form::Quadratic { coupling, .. } => {
            matches!(coupling, Coupling::LowRank(_)) && coupling.shared()
        }
        _ => false,
    }
}

/// Compares predictions `argmax` with `target`, both `[B, k]`, for a [`comparable`] energy; `None` for any
/// other.
///
/// With $d = \hat y - y$ and $m = \frac12(\hat y + y)$ the loss is
/// $\langle d, u - A A^\top m - \bar\nabla\Omega \rangle$, and
/// $\hat y \hat y^\top - y y^\top = d m^\top + m d^\top$, so that $A^\top m$ serves for both.
pub(super) fn compare(
    energy: &dyn Energy,
    regularizer: &dyn Regularizer,
    argmax: &Tensor,
    target: &Tensor,
) -> Option<Envelope> {
    let _guard = tch::no_grad_guard();
    let rows = argmax.size()[0].max(1) as f64;
    let difference = (argmax - target) / rows;
    let (slope, factor) = match energy.form() {
        Form::Linear { u } => (u.detach(), None),
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
            (slope, Some(factor))
        }
        _ => return None,
    };
    let along = |slope: Tensor| difference.reshape([-1]).dot(&slope.reshape([-1]));
    let mean = match regularizer.discrete_gradient(argmax, target) {
        Some(omega) => along(slope - omega),
        None => {
            let omega = regularizer.value(argmax) - regularizer.value(target);
            along(slope) - omega.mean(None::<Kind>)
        }
    };
    Some(Envelope {
        mean,
        u: difference,
        factor,
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
                let ours = compare(energy.as_ref(), omega.as_ref(), argmax, &target);
                let ours = ours.unwrap();
                let native =
                    crate::native::compare(&loss.problem(energy.as_ref()), argmax, &target)
                        .unwrap();
                let close = |a: &Tensor, b: &Tensor| {
                    let difference = read::scalar(&(a - b).abs().max()).unwrap();
                    assert!(difference < 1e-12, "{}: {difference}", omega.name());
                };
                assert!(comparable(energy.as_ref()));
                close(&ours.mean, &Tensor::from(native.mean));
                close(&ours.u, &native.u);
                assert_eq!(ours.factor.is_some(), native.factor.is_some());
                if let (Some(ours), Some(native)) = (&ours.factor, &native.factor) {
                    close(ours, native);
                }
            }
        }
    }
}
