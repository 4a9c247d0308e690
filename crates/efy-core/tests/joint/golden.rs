//! Golden vectors of energies and their exact values in f64 at 1e-9, those of losses being in
//! `golden_losses`. T21 (metrics) belongs to `efy-tasks`, T25 (networks) to `efy-models`.

use efy_core::divergence::Divergence;
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::joint::{
    BaseMeasure, Batch, Enumeration, ExactLikelihood, Joint, LikelihoodLoss, Threshold,
    density_ratio, log_partition, mean_output, normalization, support, threshold,
};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::made_up::{Opaque, golden, number, row, tabular, tensor, vector};
use efy_test::{assert_close, device, everywhere};

pub(crate) const TOLERANCE: f64 = 1e-9;
pub(crate) const ALPHAS: [f64; 3] = [1.0, 1.5, 2.0];

pub(crate) fn close(context: &str, found: &Tensor, expected: &Value) {
    assert_close(context, found, &tensor(expected), TOLERANCE);
}

pub(crate) fn divergence(alpha: f64) -> Divergence {
    Divergence::tsallis(alpha).unwrap()
}

pub(crate) fn cube(k: i64) -> Tensor {
    let options = (Kind::Double, device());
    let base = BaseMeasure::uniform_sets(k).unwrap();
    Enumeration::of(&base, options).unwrap().outputs
}

/// Threshold, value, probabilities, support and all Fenchel-Young losses, for each alpha there is.
fn check_block(id: &str, json: &Value, g: &Tensor, q: &Tensor) {
    let mut seen = 0;
    for alpha in ALPHAS {
        let Some(expected) = json.get(format!("alpha={alpha}")) else {
            continue;
        };
        seen += 1;
        let (context, f) = (format!("{id} alpha {alpha}"), divergence(alpha));
        let leaf = g.copy().set_requires_grad(true);
        let found = Threshold::solve(f, &leaf, &q.log()).unwrap();
        close(&context, &found.tau, &expected["tau_star"]);
        close(&context, &found.value, &expected["value"]);
        close(&context, &found.probability.squeeze(), &expected["p"]);
        let gradient =
            Tensor::run_backward(&[found.value.sum(Kind::Double)], &[&leaf], false, false);
        close(&context, &gradient[0].squeeze(), &expected["p"]);
        let ratio = density_ratio(f, g, &found.tau);
        assert_close(&context, &ratio, &found.ratio, 1e-12);
        // The threshold of a point at the edge of the support is known to rounding only.
        let count = vector(&support(f, g, &(&found.tau + 1e-13)).sum(Kind::Double));
        assert_eq!(count[0], expected["support"].as_f64().unwrap(), "{context}");
        let total = q.sum(Kind::Double);
        let constant = q * f.value(&q.reciprocal()) + (total - q) * f.value(&number(0.0));
        let losses = found.value.detach() + constant - g.squeeze_dim(0);
        close(&context, &losses, &expected["FY_loss_per_y"]);
    }
    assert!(seen >= 2);
}

#[everywhere(f64)]
fn t01_unary_energy_and_its_closed_forms() {
    let t = golden("T01");
    let u = row(&t["u"]).set_requires_grad(true);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
    close("T01 Y", &all.outputs, &t["Y"]);
    close("T01 q", &all.log_prior.exp(), &t["q"]);
    let g = energy.values(&all.outputs);
    close("T01 g", &g.squeeze(), &t["g"]);
    check_block("T01", &t, &g.detach(), &tensor(&t["q"]));
    close(
        "T01 mean",
        &mean_output(&base, &energy).unwrap().squeeze(),
        &t["mean_closed_form"],
    );
    let y = all.outputs.get(t["y_index"].as_i64().unwrap()).unsqueeze(0);
    let loss = ExactLikelihood::new(base.clone());
    let mean = loss.mean_loss(&Batch::new(&energy, &y, 0)).unwrap().mean;
    close("T01 nll", &(&mean + base.log_count()), &t["nll"]);
    let gradient = Tensor::run_backward(&[mean], &[&u], false, false);
    close("T01 gradient", &gradient[0].squeeze(), &t["grad_u_nll"]);
    let tau = log_partition(&base, &energy).unwrap();
    let ratio = density_ratio(Divergence::KullbackLeibler, &g, &tau);
    let second = (ratio.square() * tensor(&t["q"])).sum(Kind::Double);
    close("T01 second moment", &second, &t["rel_second_moment_closed"]);
}

#[everywhere(f64)]
fn t02_and_t03_pairwise_energies_with_both_priors() {
    let t = golden("T02");
    let u = row(&t["u"]).set_requires_grad(true);
    let matrix = tensor(&t["U"]).set_requires_grad(true);
    let coupling = Coupling::Dense(matrix.shallow_clone());
    let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
    let y = cube(3);
    let g = energy.values(&y);
    close("T02 g", &g.squeeze(), &t["g"]);
    check_block("T02", &t, &g.detach(), &tensor(&t["q"]));
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let target = y.get(t["y_index"].as_i64().unwrap()).unsqueeze(0);
    let loss = ExactLikelihood::new(base.clone());
    let mean = loss
        .mean_loss(&Batch::new(&energy, &target, 0))
        .unwrap()
        .mean;
    close("T02 nll", &(&mean + base.log_count()), &t["nll"]);
    let gradients = Tensor::run_backward(&[mean], &[&u, &matrix], false, false);
    close("T02 u", &gradients[0].squeeze(), &t["grad_u_nll"]);
    close("T02 U", &gradients[1], &t["grad_U_nll_free_entries"]);
    assert_eq!(
        vector(&g.argmax(1, false)),
        [t["map_index"].as_f64().unwrap()]
    );

    let t = golden("T03");
    let base = BaseMeasure::bernoulli_sets(vector(&tensor(&t["pi"]))).unwrap();
    close("T03 q", &base.log_density(&y).exp(), &t["q"]);
    check_block("T03", &t, &row(&t["g"]), &tensor(&t["q"]));
    for alpha in ALPHAS {
        let expected = &t[format!("alpha={alpha}")];
        let found = threshold(&base, divergence(alpha), &energy).unwrap();
        close("T03 tau", &found.tau, &expected["tau_star"]);
    }
    let tau = log_partition(&base, &energy).unwrap();
    close("T03 log-partition", &tau, &t["alpha=1"]["tau_star"]);
    let best = (g + base.log_density(&y)).argmax(1, false);
    assert_eq!(
        vector(&best),
        [t["map_index_logq_plus_g"].as_f64().unwrap()]
    );
}

#[everywhere(f64)]
fn t05_t07_t16_and_t26_thresholds() {
    let t = golden("T05");
    check_block("T05", &t, &row(&t["g"]), &tensor(&t["q"]));
    let t = golden("T07");
    check_block("T07", &t, &row(&t["g"]), &tensor(&t["q"]));
    let q = tensor(&t["q"]).log();
    let found = Threshold::solve(Divergence::chi_square(), &row(&t["g"]), &q).unwrap();
    close("T07", &(found.tau - 1.0), &t["sparsemax_threshold_sorted"]);

    let (t, g) = (golden("T16"), row(&golden("T02")["g"]));
    let q = tensor(&golden("T02")["q"]).log();
    for alpha in ALPHAS {
        let expected = &t[format!("alpha={alpha}")];
        for (shift, key) in [(0.0, "tau"), (2.5, "tau_shift_2p5")] {
            let found = Threshold::solve(divergence(alpha), &(&g + shift), &q).unwrap();
            close("T16", &found.tau, &expected[key]);
        }
    }
    let t = golden("T26");
    let g = row(&t["g_samples"]);
    let q = Tensor::full([5], 0.2_f64.ln(), (Kind::Double, device()));
    for alpha in ALPHAS {
        let found = Threshold::solve(divergence(alpha), &g, &q).unwrap();
        close("T26", &found.tau, &t[format!("alpha={alpha}")]);
    }
}

#[everywhere(f64)]
fn t09_to_t12_permutations_and_subsets() {
    let t = golden("T09");
    let base = BaseMeasure::permutahedron_with(vec![1.0, 2.0, 3.0]).unwrap();
    let theta = row(&t["theta"]).set_requires_grad(true);
    let energy = Linear::new(theta.shallow_clone()).unwrap();
    let g = energy.values(&tensor(&t["rank_vectors"]));
    close("T09 g", &g.squeeze(), &t["g"]);
    check_block("T09", &t, &g.detach(), &tensor(&t["q"]));
    close(
        "T09",
        &log_partition(&base, &energy).unwrap(),
        &t["alpha=1"]["tau_star"],
    );
    close(
        "T09",
        &mean_output(&base, &energy).unwrap().squeeze(),
        &t["mean"],
    );
    let target = tensor(&t["rank_vectors"])
        .get(t["y_index"].as_i64().unwrap())
        .unsqueeze(0);
    let loss = ExactLikelihood::new(base.clone());
    let mean = loss
        .mean_loss(&Batch::new(&energy, &target, 0))
        .unwrap()
        .mean;
    let gradient = Tensor::run_backward(&[mean], &[&theta], false, false);
    close("T09", &gradient[0].squeeze(), &t["grad_theta_nll"]);
    let ranks = base.decode_ranks(&theta.detach()).unwrap() + 1;
    close("T09 decoding", &ranks.squeeze(), &t["map_by_argsort"]);
    let found = threshold(&base, Divergence::chi_square(), &energy).unwrap();
    close("T09 chi-square", &found.tau, &t["alpha=2"]["tau_star"]);

    let t = golden("T11");
    let base = BaseMeasure::permutahedron_with(vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let energy = Linear::new(row(&t["theta"])).unwrap();
    close(
        "T11",
        &log_partition(&base, &energy).unwrap(),
        &t["alpha=1"]["tau_star"],
    );
    close(
        "T11",
        &mean_output(&base, &energy).unwrap().squeeze(),
        &t["mean"],
    );
    let q = Tensor::full([24], 1.0 / 24.0, (Kind::Double, device()));
    check_block("T11", &t, &row(&t["g"]), &q);

    let t = golden("T10");
    let base = BaseMeasure::birkhoff(3).unwrap();
    let theta = row(&t["Theta"]).reshape([1, 9]).set_requires_grad(true);
    let energy = Linear::new(theta.shallow_clone()).unwrap();
    // The matrix of a golden permutation has its row i at column perm[i], as ours has its item at its rank.
    let perms = tensor(&t["perms"]).to_kind(Kind::Int64);
    let outputs = base.encode_ranks(&perms, Kind::Double).unwrap();
    let g = energy.values(&outputs);
    close("T10 g", &g.squeeze(), &t["g"]);
    check_block("T10", &t, &g.detach(), &tensor(&t["q"]));
    let tau = log_partition(&base, &energy).unwrap();
    close("T10", &tau, &t["alpha=1"]["tau_star"]);
    close("T10", &((tau + 6_f64.ln()).exp()), &t["permanent_expTheta"]);
    close(
        "T10",
        &mean_output(&base, &energy).unwrap().reshape([3, 3]),
        &t["mean"],
    );
    let target = outputs.get(t["y_index"].as_i64().unwrap()).unsqueeze(0);
    let loss = ExactLikelihood::new(base);
    let mean = loss
        .mean_loss(&Batch::new(&energy, &target, 0))
        .unwrap()
        .mean;
    let gradient = Tensor::run_backward(&[mean], &[&theta], false, false);
    close("T10", &gradient[0].reshape([3, 3]), &t["grad_Theta_nll"]);

    let t = golden("T12");
    let base = BaseMeasure::subsets(4, 2).unwrap();
    let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
    close("T12", &all.outputs, &t["Y"]);
    let energy = Linear::new(row(&t["u"])).unwrap();
    check_block("T12", &t, &row(&t["g"]), &all.log_prior.exp());
    close(
        "T12",
        &log_partition(&base, &energy).unwrap(),
        &t["alpha=1"]["tau_star"],
    );
    close(
        "T12",
        &mean_output(&base, &energy).unwrap().squeeze(),
        &t["mean"],
    );
}

#[everywhere(f64)]
fn t22_large_energies_do_not_overflow() {
    let t = golden("T22");
    let y = cube(2);
    let g = row(&t["g"]).set_requires_grad(true);
    let tau = number(t["tau"].as_f64().unwrap()).set_requires_grad(true);
    let base = BaseMeasure::uniform_sets(2).unwrap();
    let energy = tabular(&g, &y);
    let partition = log_partition(&base, &energy).unwrap();
    close("T22", &partition, &t["LSE"]);
    // A row whose target has g = 0.
    let target = y.narrow(0, 2, 1);
    let loss = Joint::new(base, Divergence::KullbackLeibler, 1, 0).unwrap();
    let value = loss
        .exact(&Batch::new(&energy, &target, 0).with_auxiliary(&tau))
        .unwrap();
    close("T22", &value, &t["J_no_data"]);
    let gradients = Tensor::run_backward(&[value], &[&g, &tau], false, false);
    let data = Tensor::from_slice(&[0.0, 0.0, 1.0, 0.0]).to_device(device());
    close("T22", &(gradients[0].squeeze() + data), &t["weights"]);
    close("T22", &gradients[1], &t["grad_tau"]);
    let mass = normalization(&partition, &tau);
    assert_close("T22", &(1.0 - mass), &tensor(&t["grad_tau"]), 1e-9);
}

#[everywhere(f64)]
fn t24_pairwise_values_and_their_maximum() {
    let t = golden("T24");
    let energy = Quadratic::new(row(&t["u"]), Coupling::Dense(tensor(&t["U"]))).unwrap();
    let y = cube(4);
    let g = energy.values(&y);
    close("T24", &g.squeeze(), &t["g"]);
    close(
        "T24",
        &y.index_select(0, &g.argmax(1, false)).squeeze(),
        &t["map_y"],
    );
    let base = BaseMeasure::uniform_sets(4).unwrap();
    close(
        "T24",
        &log_partition(&base, &energy).unwrap(),
        &t["tau_uniform"],
    );
    // Shared and one a row, dense and of low rank: points of all rows and of each.
    let matrix = tensor(&t["U"]);
    let factor = matrix.narrow(1, 0, 2).contiguous();
    let couplings = [
        Coupling::Dense(matrix.shallow_clone()),
        Coupling::Dense(matrix.unsqueeze(0)),
        Coupling::LowRank(factor.shallow_clone()),
        Coupling::LowRank(factor.unsqueeze(0)),
    ];
    for coupling in couplings {
        let energy = Quadratic::new(row(&t["u"]), coupling).unwrap();
        let expected = Opaque(&energy).values(&y);
        assert_close("shared", &energy.values(&y), &expected, 1e-12);
        assert_close("own", &energy.values(&y.unsqueeze(0)), &expected, 1e-12);
    }
}
