//! Derivatives in p of energies that do not write them out.

use tch::{Kind, Tensor};

use super::Energy;

/// $\nabla_p \Phi(v, p)$, `[B, k]`, with its graph to p and to the weights when gradients are on.
pub(super) fn gradient<E: Energy + ?Sized>(energy: &E, p: &Tensor) -> Tensor {
    // Asked of a tensor that autograd made, not of a global that tch does not show.
    let keep = (p.detach().set_requires_grad(true) * 1.0).requires_grad();
    let p = if keep && p.requires_grad() {
        p.shallow_clone()
    } else {
        p.detach().set_requires_grad(true)
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller's no_grad_guard restores the state after a panic"
    )]
    // An energy that does not depend on p would have no way back to it.
    let sum =
        tch::with_grad(|| (energy.value(&p) + (&p * 0.0).sum(None::<Kind>)).sum(None::<Kind>));
    Tensor::run_backward(&[sum], &[&p], keep, keep).swap_remove(0)
}

/// $\nabla^2_{pp} \Phi(v, p)\, q$: the gradient of $\langle \nabla_p\Phi(v, p), q \rangle$, the Hessian
/// being symmetric.
pub(super) fn hessian_product<E: Energy + ?Sized>(energy: &E, p: &Tensor, q: &Tensor) -> Tensor {
    let p = p.detach().set_requires_grad(true);
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller's no_grad_guard restores the state after a panic"
    )]
    let inner = tch::with_grad(|| {
        // A gradient that does not depend on p would have no way back to it.
        let slope = energy.gradient(&p) + &p * 0.0;
        (slope * q.detach()).sum(None::<Kind>)
    });
    Tensor::run_backward(&[inner], &[&p], false, false).swap_remove(0)
}
