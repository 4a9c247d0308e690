//! Derivatives in p of energies that do not write them out.

use tch::{Kind, Tensor};

use super::Energy;

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
