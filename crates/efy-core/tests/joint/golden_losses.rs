//! Golden vectors of the joint objective, its baselines and their limits, in f64 at 1e-9.

use efy_core::divergence::Divergence;
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::joint::{
    BaseMeasure, Batch, Bernoulli, Enumeration, Joint, LikelihoodLoss, MinMax, NoiseContrastive,
    Samples, log_partition, objective_gap,
};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::solver::{Auto, Options, ProjectedGradient};
use tch::{Kind, Tensor};

use crate::golden::{ALPHAS, close, cube, divergence};
use crate::made_up::{Opaque, golden, number, row, tabular, tensor, vector};
use efy_test::{assert_close, device, everywhere};

#[everywhere(f64)]
fn t04_joint_objective_away_from_the_optimum() {
    let t = golden("T04");
    let pi = vector(&tensor(&golden("T03")["pi"]));
    let y = cube(3);
    for case in t["rows"].as_array().unwrap() {
        let alpha = case["alpha"].as_f64().unwrap();
        let base = match case["q"].as_str().unwrap() {
            "uniform" => BaseMeasure::uniform_sets(3).unwrap(),
            _ => BaseMeasure::bernoulli_sets(pi.clone()).unwrap(),
        };
        let g = row(&t["g"]).set_requires_grad(true);
        let tau = number(case["tau"].as_f64().unwrap()).set_requires_grad(true);
        let energy = tabular(&g, &y);
        let target = y.get(case["y_index"].as_i64().unwrap()).unsqueeze(0);
        let batch = Batch::new(&energy, &target, 0).with_auxiliary(&tau);
        let loss = Joint::new(base.clone(), divergence(alpha), 1, 0).unwrap();
        let value = loss.exact(&batch).unwrap();
        close("T04 value", &value, &case["value"]);
        let gradients = Tensor::run_backward(&[value], &[&g, &tau], false, false);
        close("T04 g", &gradients[0].squeeze(), &case["grad_g"]);
        close("T04 tau", &gradients[1], &case["grad_tau"]);
        if alpha == 1.0 {
            let log_partition = log_partition(&base, &energy).unwrap();
            close(
                "T04 gap",
                &objective_gap(&log_partition, &tau),
                &case["gap"],
            );
        }
        // The average over all outputs, each with its probability as importance weight, is J as well.
        let all = Enumeration::of(&base, (Kind::Double, device())).unwrap();
        let samples = Samples {
            log_weights: Some(all.log_prior + 8_f64.ln()),
            outputs: all.outputs,
        };
        let sampled = loss.mean_loss_at(&batch, &samples).unwrap().mean;
        close("T04 sampled", &sampled, &case["value"]);
    }
}

#[everywhere(f64)]
fn t13_estimate_and_gradients_at_given_samples_on_every_path() {
    let t = golden("T13");
    let (x, y, samples) = (tensor(&t["X"]), tensor(&t["Y"]), tensor(&t["Yprior"]));
    let base = BaseMeasure::uniform_sets(3).unwrap();
    for alpha in ALPHAS {
        let expected = &t[format!("alpha={alpha}")];
        for path in ["native", "tensors", "autograd"] {
            let leaf = |key: &str| tensor(&t[key]).set_requires_grad(true);
            let (w, c, v, d) = (leaf("W"), leaf("c"), leaf("v"), leaf("d"));
            let tau = x.mv(&v) + &d;
            let energy = Linear::new(x.matmul(&w.tr()) + &c).unwrap();
            let opaque = Opaque(&energy);
            let energy: &dyn Energy = if path == "autograd" { &opaque } else { &energy };
            let given = Samples {
                outputs: samples.shallow_clone(),
                // Weights of 1 keep the native pass away.
                log_weights: (path == "tensors").then(|| samples.select(2, 0).zeros_like()),
            };
            let loss = Joint::new(base.clone(), divergence(alpha), 4, 0).unwrap();
            let batch = Batch::new(energy, &y, 0).with_auxiliary(&tau);
            let mean = loss.mean_loss_at(&batch, &given).unwrap().mean;
            let context = format!("T13 {alpha} {path}");
            assert_close(&context, &mean, &tensor(&expected["value"]), 1e-13);
            let gradients = Tensor::run_backward(&[mean], &[&w, &c, &v, &d], false, false);
            for (gradient, key) in gradients
                .iter()
                .zip(["grad_W", "grad_c", "grad_v", "grad_d"])
            {
                assert_close(&context, gradient, &tensor(&expected[key]), 1e-13);
            }
        }
    }
}

#[everywhere(f64)]
fn t17_and_t18_optimum_over_all_functions_and_noise_contrastive_limit() {
    let t = golden("T17");
    let (rho, q) = (tensor(&t["rho"]), tensor(&t["q"]));
    for alpha in ALPHAS {
        let (f, expected) = (divergence(alpha), &t[format!("alpha={alpha}")]);
        let ratio = &rho / &q;
        close("T17 T", &f.derivative(&ratio), &expected["T_star"]);
        close(
            "T17 D",
            &(&q * f.value(&ratio)).sum(Kind::Double),
            &expected["D_f"],
        );
        let best = f.derivative(&ratio);
        let value = (&q * f.conjugate(&best) - &rho * &best).sum(Kind::Double);
        close("T17 J", &value, &expected["J_star"]);
        close("T17 p", &(&q * f.slope(&best)), &expected["p"]);
    }

    // Data with probabilities rho: a batch of all four outputs, weighted by hand.
    let t = golden("T18");
    let (rho, y) = (vector(&tensor(&t["rho"])), cube(2));
    let g = row(&t["T"]);
    let tau = number(0.0);
    let base = BaseMeasure::uniform_sets(2).unwrap();
    let all = |copies: i64| Samples::given(y.repeat([copies, 1]).unsqueeze(0));
    let energy = tabular(&g, &y);
    let expectation = |loss: &dyn Fn(&Batch<'_>) -> Tensor| -> Tensor {
        let terms = (0..4).map(|i| {
            let target = y.get(i).unsqueeze(0);
            loss(&Batch::new(&energy, &target, 0).with_auxiliary(&tau)) * rho[i as usize]
        });
        terms.reduce(|a, b| a + b).unwrap()
    };
    let joint = Joint::new(base.clone(), Divergence::KullbackLeibler, 4, 0).unwrap();
    let value = expectation(&|batch| joint.mean_loss_at(batch, &all(1)).unwrap().mean);
    close("T18 J", &value, &t["J"]);
    let noise_contrastive = NoiseContrastive::new(base, 4, 0).unwrap();
    // The golden values have the expectation over noise: here all four outputs, equally often.
    let value = expectation(&|batch| {
        noise_contrastive
            .mean_loss_at(batch, &all(250))
            .unwrap()
            .mean
    });
    close("T18 NCE", &value, &t["NCE_by_nu"]["1000"]);
    let limit = t["NCE_limit"].as_f64().unwrap();
    assert!((vector(&value)[0] - limit).abs() < 2e-3);
}

#[everywhere(f64)]
fn t19_value_of_the_min_max_game() {
    let t = golden("T19");
    let y = cube(3);
    let p = row(&t["bernoulli"]);
    let logits: Tensor = (&p / p.neg().f_add_scalar(1.0).unwrap()).log();
    let sampler = Bernoulli::new(logits.shallow_clone()).unwrap();
    let base = BaseMeasure::uniform_sets(3).unwrap();
    let log_density = sampler.log_density(&y);
    let divergence = sampler.divergence_from(&base).unwrap();
    let value = (log_density.exp() * row(&t["g"])).sum(Kind::Double) - &divergence;
    close("T19", &value, &t["inner_value"]);
    let energy = tabular(&row(&t["g"]), &y);
    let tau = log_partition(&base, &energy).unwrap();
    close("T19", &tau, &t["LSE"]);
    close("T19", &(tau - value), &t["gap_KL_p_pg"]);
    // The game's value by sampling is the same minus g(y).
    let target = y.narrow(0, 0, 1);
    let expected = t["inner_value"].as_f64().unwrap() - vector(&energy.value(&target))[0];
    let draws: Vec<f64> = (0..40)
        .map(|step| {
            let game = MinMax::new(base.clone(), 500, 3).unwrap();
            let batch = Batch::new(&energy, &target, step).with_auxiliary(&logits);
            vector(&game.mean_loss(&batch).unwrap().mean)[0]
        })
        .collect();
    crate::made_up::assert_mean("T19", &draws, expected);
}

#[everywhere(f64)]
fn t20_generalized_fenchel_young_loss() {
    let t = golden("T20");
    let y = row(&t["y"]);
    let u = row(&t["u"]).set_requires_grad(true);
    let loss = FenchelYoung::new(HalfSquaredNorm::new(1.0).unwrap(), Cube, Auto::default());
    let unary = Linear::new(u.shallow_clone()).unwrap();
    let value = loss.loss(&unary, &y, None).unwrap();
    close("T20", &value.solution.argmax.squeeze(), &t["unary_argmax"]);
    close("T20", &value.per_row, &t["unary_loss"]);
    let options = Options {
        tolerance: 1e-13,
        max_iterations: 10_000,
        ..Options::default()
    };
    let solver = ProjectedGradient {
        options,
        ..ProjectedGradient::default()
    };
    let loss = FenchelYoung::new(HalfSquaredNorm::new(1.0).unwrap(), Cube, solver);
    let pair = Quadratic::new(u.shallow_clone(), Coupling::Dense(tensor(&t["U"]))).unwrap();
    let value = loss.loss(&pair, &y, None).unwrap();
    // The reference is an iterative solver's, to a gradient of 1e-13 in a problem of modulus 0.3.
    assert_close(
        "T20",
        &value.solution.argmax.squeeze(),
        &tensor(&t["pair_argmax"]),
        1e-7,
    );
    close("T20", &value.per_row, &t["pair_loss"]);
}
