//! Both polytopes and both losses learn rankings that a linear model can tell.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod support;

use efy_tasks::config::{Config, Dtype, LossKind, PolytopeKind};
use efy_tasks::supervised::Supervised;
use efy_test::{device, everywhere, number, values};
use efy_train::{Metrics, Objective, Split};
use support::{K, objective, trained};
use tch::{Kind, Tensor};

fn config(polytope: PolytopeKind, loss: LossKind, dtype: Dtype) -> Config {
    let text =
        "{task: label_ranking, model: {kind: unary}, loss: {regularizer: half_squared_norm}}";
    let mut config = Config::from_text("test", text, &[]).unwrap();
    config.model.polytope = polytope;
    config.model.dtype = dtype;
    config.loss.kind = loss;
    config.train.epochs = 20;
    config.train.batch_size = 10;
    config.train.lr = 0.02;
    config.train.monitor = "kendall_tau".to_owned();
    config
}

#[everywhere(f32)]
fn rankings_are_learned_on_both_polytopes_with_both_losses() {
    for polytope in [PolytopeKind::Permutahedron, PolytopeKind::Birkhoff] {
        for loss in [LossKind::FenchelYoung, LossKind::Perceptron] {
            let untrained = objective(&config(polytope, loss, Dtype::F32))
                .evaluate(Split::Test)
                .unwrap();
            let (_, metrics) = trained(&config(polytope, loss, Dtype::F32));
            let tau = |metrics: &Metrics| metrics.get("kendall_tau").unwrap();
            assert!(tau(&metrics) > 0.9, "{polytope:?} {loss:?}: {metrics:?}");
            assert!(
                tau(&metrics) > tau(&untrained) + 0.3,
                "{polytope:?} {loss:?}"
            );
            assert_eq!(metrics.get("unconverged"), Some(0.0));
            assert!(metrics.get("loss").unwrap() >= 0.0);
        }
    }
}

#[everywhere(f64)]
fn metrics_are_means_over_rows_whatever_the_rows_that_are_evaluated_at_once() {
    let (objective, metrics) = trained(&config(
        PolytopeKind::Permutahedron,
        LossKind::FenchelYoung,
        Dtype::F64,
    ));
    let test = objective.splits().get(Split::Test);
    let k = K as i64;
    let predicted = objective.predict(&test.x).unwrap().narrow(1, 0, k);
    let predicted = values(&predicted);
    let actual = values(&((k + 1) as f64 / 2.0 - &test.y));
    let (mut tau, mut first, mut exact) = (0.0, 0.0, 0.0);
    for (p, y) in predicted.chunks(K).zip(actual.chunks(K)) {
        for i in 0..K {
            for j in 0..i {
                tau += ((p[i] - p[j]) * (y[i] - y[j])).signum() / 6.0;
            }
            first += f64::from(u8::from(p[i] == 1.0 && y[i] == 1.0));
        }
        exact += f64::from(u8::from(p == y));
    }
    let rows = test.rows.len() as f64;
    for (name, sum) in [
        ("kendall_tau", tau),
        ("top1_accuracy", first),
        ("exact_accuracy", exact),
    ] {
        let found = metrics.get(name).unwrap();
        assert!((found - sum / rows).abs() < 1e-12, "{name}: {found}");
    }
    assert_eq!(test.rows.len(), 100);
}

#[everywhere(f64)]
fn the_loss_of_a_linear_energy_has_the_gradient_of_its_envelope() {
    // dL/dtheta = projection(theta) - y; the loss is nonnegative and the mean over the batch.
    for polytope in [PolytopeKind::Permutahedron, PolytopeKind::Birkhoff] {
        let config = config(polytope, LossKind::FenchelYoung, Dtype::F64);
        let mut objective = objective(&config);
        let rows = Tensor::arange(8, (Kind::Int64, device()));
        let loss = objective.step(&rows).unwrap();
        let gradient = match loss.gradient {
            Some(gradient) => gradient,
            None => objective.parameters().gradient(&loss.loss).unwrap(),
        };
        let gradient = values(&gradient);
        let at = |objective: &mut Supervised| -> f64 {
            number(&objective.step(&rows).unwrap().loss.detach())
        };
        let (flat, step) = (objective.parameters().flat().detach(), 1e-6);
        for (index, expected) in gradient.iter().enumerate() {
            let move_by = |by: f64| {
                let _guard = tch::no_grad_guard();
                let mut weight = flat.narrow(0, index as i64, 1);
                let _ = weight.g_add_scalar_(by);
            };
            move_by(step);
            let above = at(&mut objective);
            move_by(-2.0 * step);
            let below = at(&mut objective);
            move_by(step);
            let found = (above - below) / (2.0 * step);
            assert!(
                (found - expected).abs() < 1e-5,
                "{polytope:?} {index}: {found} {expected}"
            );
        }
    }
}
