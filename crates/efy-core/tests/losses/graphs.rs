//! What a loss keeps for the backward pass.

use efy_core::domain::Cube;
use efy_core::loss::{Criterion, Differentiation, FenchelYoung, Loss, ThroughArgmax};
use efy_core::regularizer::Gini;
use efy_core::solver::{Options, ProjectedGradient};
use efy_test::{everywhere, uniform};
use tch::Tensor;

use crate::made_up::{Soft, labels};

/// A solver that makes exactly `iterations`.
fn predictor(iterations: usize) -> FenchelYoung {
    let options = Options {
        tolerance: 0.0,
        max_iterations: iterations,
        check_every: 0,
        certify: false,
    };
    let solver = ProjectedGradient {
        options,
        ..ProjectedGradient::fista()
    };
    FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, solver)
}

/// How often the energy's gradient got a graph in one loss, and whether the point found has one.
fn graphs(loss: &dyn Loss) -> (usize, bool) {
    let leaf = |t: Tensor| t.set_requires_grad(true);
    let energy = Soft::new(
        &leaf(uniform(&[5, 4], 1.0, 1)),
        &leaf(uniform(&[3, 4], 1.0, 2)),
    );
    let value = loss.loss(&energy, &labels(&[5, 4], 3), None).unwrap();
    assert!(value.per_row.requires_grad());
    let point = value.solution.point().unwrap();
    (energy.with_graph.get(), point.requires_grad())
}

#[everywhere]
fn only_unrolling_keeps_a_graph_that_grows_with_the_iterations() {
    let through = |iterations, differentiation| {
        let criterion = Criterion::SquaredError;
        ThroughArgmax::new(predictor(iterations), criterion, differentiation).unwrap()
    };
    for iterations in [3, 30] {
        assert_eq!(graphs(&predictor(iterations)), (0, false));
        // One gradient for the vector-Jacobian product, and those inside of Hessian products.
        let (count, point) = graphs(&through(iterations, Differentiation::Implicit));
        assert!((1..=1 + 2 * 4).contains(&count) && !point, "{count}");
        let step = Some(0.1);
        let unrolled = Differentiation::Unrolled { iterations, step };
        assert_eq!(graphs(&through(1, unrolled)), (iterations, false));
    }
}

#[everywhere]
fn without_gradients_nothing_is_differentiated() {
    let _guard = tch::no_grad_guard();
    let energy = Soft::new(&uniform(&[5, 4], 1.0, 1), &uniform(&[3, 4], 1.0, 2));
    let implicit = Differentiation::Implicit;
    let loss = ThroughArgmax::new(predictor(30), Criterion::SquaredError, implicit).unwrap();
    let value = loss.loss(&energy, &labels(&[5, 4], 3), None).unwrap();
    assert!(!value.per_row.requires_grad() && energy.with_graph.get() == 0);
}
