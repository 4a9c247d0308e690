//! The exact log loss.

use crate::support::{self, Opaque};
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::{Boltzmann, LogLoss, Loss};
use efy_test::{assert_close, everywhere, place, tensor, uniform};
use tch::{Kind, Tensor};

use crate::made_up::{KINDS, fenchel_young, labels};

/// $\log Z$, $E[y]$ and $E[yy^\top]$ by the definition.
fn brute_force(energy: &dyn Energy) -> [Tensor; 3] {
    let (rows, k) = energy.size();
    let vertices = support::vertices(&Cube, k).unwrap();
    let values: Vec<Tensor> = (0..vertices.size()[0])
        .map(|i| energy.value(&vertices.get(i).expand([rows, k], false)))
        .collect();
    let values = Tensor::stack(&values, 1);
    let weights = values.softmax(-1, None::<Kind>);
    let outer = (vertices.unsqueeze(2) * vertices.unsqueeze(1)).reshape([-1, k * k]);
    [
        values.logsumexp([-1_i64].as_slice(), false),
        weights.matmul(&vertices),
        weights.matmul(&outer).reshape([rows, k, k]),
    ]
}

#[everywhere]
fn boltzmann_distribution_equals_brute_force() {
    for k in [1, 2, 5, 8] {
        let rows = 3;
        let u = uniform(&[rows, k], 2.0, 1);
        for kinds in KINDS.into_iter().filter(|_| k > 1) {
            let energy = kinds.energy(&u, &kinds.parameter(rows, k, 2));
            let found = Boltzmann::of(energy.as_ref()).unwrap();
            let [log_partition, marginals, second] = brute_force(energy.as_ref());
            assert_close("log Z", &found.log_partition, &log_partition, 1e-12);
            assert_close("marginals", &found.marginals, &marginals, 1e-12);
            assert_close("moments", &found.second_moments.unwrap(), &second, 1e-12);
            let general = Boltzmann::of(&Opaque(energy.as_ref())).unwrap();
            assert_close(
                "general log Z",
                &general.log_partition,
                &log_partition,
                1e-12,
            );
            assert_close("general marginals", &general.marginals, &marginals, 1e-12);
        }
        let energy = Linear::new(u.shallow_clone()).unwrap();
        let one = Quadratic::new(u, Coupling::Dense(Tensor::zeros([k, k], place()))).unwrap();
        let (found, with_zero) = (
            Boltzmann::of(&energy).unwrap(),
            Boltzmann::of(&one).unwrap(),
        );
        let [log_partition, marginals, _] = brute_force(&energy);
        for found in [found, with_zero] {
            assert_close("linear log Z", &found.log_partition, &log_partition, 1e-12);
            assert_close("linear marginals", &found.marginals, &marginals, 1e-12);
        }
    }
}

#[everywhere]
fn partition_function_of_twenty_outputs_and_of_huge_scores() {
    // A diagonal coupling on labels is a change of u: the outputs stay independent. More rows than
    // fit into one chunk.
    let (rows, k) = (6, 20);
    let u = uniform(&[rows, k], 1.0, 3);
    let diagonal = uniform(&[k], 1.0, 4);
    let energy = Quadratic::new(u.shallow_clone(), Coupling::Dense(diagonal.diag(0))).unwrap();
    let found = Boltzmann::of(&energy).unwrap();
    let shifted = Linear::new(u + diagonal * 0.5).unwrap();
    let expected = Boltzmann::of(&shifted).unwrap();
    assert_close(
        "log Z",
        &found.log_partition,
        &expected.log_partition,
        1e-12,
    );
    assert_close("marginals", &found.marginals, &expected.marginals, 1e-10);

    let u = tensor(&[900.0, -900.0, 3.0]).reshape([1, 3]);
    let zero = Tensor::zeros([3, 3], place());
    let quadratic = Quadratic::new(u.shallow_clone(), Coupling::Dense(zero)).unwrap();
    let linear = Linear::new(u).unwrap();
    let expected = tensor(&[900.0 + 3.0_f64.exp().ln_1p()]);
    for energy in [&linear as &dyn Energy, &quadratic] {
        let found = Boltzmann::of(energy).unwrap().log_partition;
        assert_close("huge", &found, &expected, 1e-6);
    }
}

#[everywhere]
fn too_many_outputs_are_refused_with_advice() {
    let coupling = || Coupling::Dense(Tensor::zeros([21, 21], place()));
    let energy = Quadratic::new(Tensor::zeros([1, 21], place()), coupling()).unwrap();
    let message = Boltzmann::of(&energy).unwrap_err().to_string();
    let expected = "solver enumeration cannot solve a quadratic energy over all labels with 21 \
                    outputs, more than 20; use the contrastive loss";
    assert_eq!(message, expected);
    let loss = LogLoss::new(fenchel_young(1));
    let y = labels(&[1, 21], 1);
    assert!(loss.loss(&Opaque(&energy), &y, None).is_err());
}

#[everywhere]
fn log_loss_of_a_linear_energy_is_the_logistic_loss() {
    let u = uniform(&[4, 3], 3.0, 5);
    let y = labels(&[4, 3], 6);
    let sign: Tensor = 1.0 - &y * 2.0;
    let logistic = (&u * sign)
        .exp()
        .log1p()
        .sum_dim_intlist(-1, false, None::<Kind>);
    let energy = Linear::new(u).unwrap();
    let loss = LogLoss::new(fenchel_young(1));
    let found = loss.loss(&energy, &y, None).unwrap().per_row;
    assert_close("logistic", &found, &logistic, 1e-12);
}
