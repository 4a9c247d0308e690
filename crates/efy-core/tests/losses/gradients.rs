//! Gradients of every loss against central differences of the loss computed anew.

use crate::support::{Opaque, on_host};
use efy_core::domain::{Cube, Simplex};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::{
    Cost, Criterion, Differentiation, EnergyLoss, FenchelYoung, LogLoss, Loss, Margin,
    ThroughArgmax,
};
use efy_test::{assert_close, by_device, everywhere, number, place, tensor, uniform};
use tch::{Kind, Tensor};

use crate::made_up::{
    KINDS, Soft, central_differences, fenchel_young, labels, margin, perceptron, precise,
    regularizer, total,
};

fn through(index: usize, criterion: Criterion, differentiation: Differentiation) -> ThroughArgmax {
    ThroughArgmax::new(fenchel_young(index), criterion, differentiation).unwrap()
}

/// A step that is given: autograd does not see how one that is chosen depends on the curvature.
const UNROLLED: Differentiation = Differentiation::Unrolled {
    iterations: 7,
    step: Some(0.2),
};

/// Losses that are smooth at a random point, with their names in messages.
fn losses() -> Vec<(String, Box<dyn Loss>)> {
    let mut all: Vec<(String, Box<dyn Loss>)> = vec![
        ("energy".into(), Box::new(EnergyLoss::new(fenchel_young(0)))),
        ("perceptron".into(), Box::new(perceptron())),
        ("margin".into(), Box::new(margin())),
        ("log".into(), Box::new(LogLoss::new(fenchel_young(0)))),
    ];
    for index in 0..by_device(4, 2) {
        let hamming = Margin::regularized(Cost::Hamming, fenchel_young(index));
        all.push((format!("regularized_margin {index}"), Box::new(hamming)));
        let implicit = through(index, Criterion::SquaredError, Differentiation::Implicit);
        all.push((format!("mse implicit {index}"), Box::new(implicit)));
        let unrolled = through(index, Criterion::SquaredError, UNROLLED);
        all.push((format!("mse unrolled {index}"), Box::new(unrolled)));
    }
    for differentiation in [Differentiation::Implicit, UNROLLED] {
        let entropy = through(2, Criterion::CrossEntropy, differentiation);
        all.push((
            format!("cross_entropy {differentiation:?}"),
            Box::new(entropy),
        ));
    }
    all
}

/// Compares the gradients in two parameters of the sum over rows and of the mean.
fn check(
    context: &str,
    loss: &dyn Loss,
    parameters: [&Tensor; 2],
    y: &Tensor,
    build: &dyn Fn(&Tensor, &Tensor) -> Box<dyn Energy>,
) {
    let leaves = parameters.map(|p| p.detach().set_requires_grad(true));
    let energy = build(&leaves[0], &leaves[1]);
    let value = loss.loss(energy.as_ref(), y, None).unwrap();
    let mean = loss.mean_loss(energy.as_ref(), y, None).unwrap().mean;
    assert_close(context, &mean, &value.per_row.mean(None::<Kind>), 1e-12);
    let rows = y.size()[0] as f64;
    let (fixed, host_y) = (parameters.map(on_host), on_host(y));
    let at = |first: &Tensor, second: &Tensor| {
        let energy = build(first, second);
        total(&loss.loss(energy.as_ref(), &host_y, None).unwrap().per_row)
    };
    let expected = [
        central_differences(parameters[0], |first| at(first, &fixed[1])),
        central_differences(parameters[1], |second| at(&fixed[0], second)),
    ];
    for scalar in [value.per_row.sum(None::<Kind>), mean * rows] {
        let gradients = Tensor::run_backward(&[scalar], &leaves, true, false);
        for (gradient, expected) in gradients.iter().zip(&expected) {
            assert_close(context, gradient, expected, 2e-7);
        }
    }
}

#[everywhere(f64)]
fn gradients_in_u_and_coupling_equal_central_differences_of_the_resolved_loss() {
    let (rows, k) = (2, 4);
    let y = labels(&[rows, k], 7);
    let u = uniform(&[rows, k], 1.2, 8);
    for (name, loss) in losses() {
        for kinds in KINDS.into_iter().step_by(by_device(1, 3)) {
            let parameter = kinds.parameter(rows, k, 9);
            let context = format!("{name} {kinds:?}");
            check(
                &context,
                loss.as_ref(),
                [&u, &parameter],
                &y,
                &|u, parameter| kinds.energy(u, parameter),
            );
        }
    }
}

#[everywhere(f64)]
fn gradients_in_a_small_network_equal_central_differences_of_the_resolved_loss() {
    let (rows, k) = (2, 3);
    let y = labels(&[rows, k], 17);
    let u = uniform(&[rows, k], 1.5, 18);
    let w = uniform(&[2, k], 1.0, 19);
    for (name, loss) in losses() {
        check(&name, loss.as_ref(), [&u, &w], &y, &|u, w| {
            Box::new(Soft::new(u, w))
        });
    }
}

#[everywhere(f64)]
fn implicit_gradients_on_the_simplex_equal_central_differences() {
    let (rows, k) = (2, 4);
    let y = uniform(&[rows, k], 1.0, 27).softmax(-1, None::<Kind>);
    let u = uniform(&[rows, k], 0.4, 28);
    for index in [0, 1] {
        let predictor = || {
            let simplex = Box::new(Simplex::default());
            FenchelYoung::from_parts(regularizer(index), simplex, Box::new(precise()))
        };
        let criterion = Criterion::SquaredError;
        let loss = ThroughArgmax::new(predictor(), criterion, Differentiation::Implicit).unwrap();
        for kinds in KINDS {
            let parameter = kinds.parameter(rows, k, 29);
            let context = format!("simplex {index} {kinds:?}");
            let build = |u: &Tensor, parameter: &Tensor| kinds.energy(u, parameter);
            check(&context, &loss, [&u, &parameter], &y, &build);
        }
        let w = uniform(&[2, k], 1.0, 30);
        check("simplex network", &loss, [&u, &w], &y, &|u, w| {
            Box::new(Soft::new(u, w))
        });
        check("simplex linear", &loss, [&u, &w], &y, &|u, w| {
            Box::new(Linear::new(u + w.sum(None::<Kind>) * 0.0).unwrap())
        });
        let loss = ThroughArgmax::new(predictor(), criterion, UNROLLED).unwrap();
        check("simplex unrolled", &loss, [&u, &w], &y, &|u, w| {
            Box::new(Soft::new(u, w))
        });
    }
}

/// Conjugate gradients, elimination and the Woodbury identity are three ways to one gradient.
#[everywhere]
fn implicit_gradients_do_not_depend_on_how_the_system_is_solved() {
    let (rows, k) = (4, 5);
    let y = labels(&[rows, k], 37);
    let u = uniform(&[rows, k], 1.2, 38);
    let a = uniform(&[k, 2], 0.8, 39);
    for index in 0..4 {
        let loss = through(index, Criterion::SquaredError, Differentiation::Implicit);
        let gradient = |build: &dyn Fn(&Tensor) -> Quadratic, hide: bool| {
            let u = u.detach().set_requires_grad(true);
            let energy = build(&u);
            let hidden = Opaque(&energy);
            let energy: &dyn Energy = if hide { &hidden } else { &energy };
            let value = loss.loss(energy, &y, None).unwrap().per_row;
            value.sum(None::<Kind>).backward();
            u.grad()
        };
        let low_rank = |u: &Tensor| {
            Quadratic::new(u.shallow_clone(), Coupling::LowRank(a.shallow_clone())).unwrap()
        };
        let dense = |u: &Tensor| {
            let matrix = a.matmul(&a.tr()).neg();
            Quadratic::new(u.shallow_clone(), Coupling::Dense(matrix)).unwrap()
        };
        let woodbury = gradient(&low_rank, false);
        assert_close("elimination", &gradient(&dense, false), &woodbury, 1e-10);
        assert_close(
            "conjugate gradients",
            &gradient(&low_rank, true),
            &woodbury,
            1e-10,
        );
    }
}

#[everywhere]
fn implicit_gradient_survives_predictions_at_the_ends() {
    // Scores so large that the sigmoid is 0 or 1 to the last bit, in both kinds.
    let u = tensor(&[-800.0, 800.0, 0.3, -40.0]).reshape([1, 4]);
    let u = u.set_requires_grad(true);
    let y = tensor(&[1.0, 0.0, 1.0, 1.0]).reshape([1, 4]);
    for coupling in [false, true] {
        let loss = through(2, Criterion::CrossEntropy, Differentiation::Implicit);
        let a = Tensor::full([4, 1], 0.1, place());
        let energy: Box<dyn Energy> = if coupling {
            let coupling = Coupling::LowRank(a);
            Box::new(Quadratic::new(u.shallow_clone(), coupling).unwrap())
        } else {
            Box::new(Linear::new(u.shallow_clone()).unwrap())
        };
        let value = loss.loss(energy.as_ref(), &y, None).unwrap().per_row;
        let gradient = Tensor::run_backward(&[value.sum(None::<Kind>)], &[&u], false, false);
        let finite = gradient[0].isfinite().all();
        assert!(number(&finite) == 1.0, "{:?}", gradient[0]);
    }
}

#[everywhere(f64)]
fn squared_cost_gradient_where_the_augmented_problem_is_concave() {
    // U <= -I: a unique maximum, so that central differences may be taken.
    let (rows, k) = (3, 4);
    let y = uniform(&[rows, k], 0.5, 47) + 0.5;
    let u = uniform(&[rows, k], 1.2, 48);
    let build = |u: &Tensor, a: &Tensor| -> Box<dyn Energy> {
        let matrix = a.matmul(&a.tr()).neg() - Tensor::eye(k, (u.kind(), u.device())) * 1.2;
        Box::new(Quadratic::new(u.shallow_clone(), Coupling::Dense(matrix)).unwrap())
    };
    let a = uniform(&[k, 2], 0.8, 49);
    let loss = Margin::new(Cost::Squared, Cube, precise());
    check("squared", &loss, [&u, &a], &y, &build);
}
