//! Frequencies of samples, and Markov chains against their transition matrices.

use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::joint::{
    BaseMeasure, Batch, Bernoulli, Draw, Enumeration, LikelihoodLoss, MarkovChains, PlackettLuce,
    swap_metropolis,
};
use efy_core::random::{Stream, Words};
use tch::{Kind, Tensor};

use crate::made_up::{Opaque, assert_frequencies, golden, normal, row, tensor, vector};
use efy_test::{device, everywhere};

const OPTIONS: fn() -> (Kind, tch::Device) = || (Kind::Double, device());

fn draw(samples: i64, rows: Option<i64>) -> Draw {
    Draw {
        samples,
        rows,
        first_row: 0,
        seed: 7,
        step: 3,
    }
}

/// How often each of `all` `[N, n]` is among `found` `[M, n]`.
fn counts(found: &Tensor, all: &Tensor) -> Vec<f64> {
    let norms = |t: &Tensor| {
        t.square()
            .sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>)
    };
    let distance = norms(found).unsqueeze(1) - found.matmul(&all.tr()) * 2.0 + norms(all);
    let hits = distance.abs().lt(1e-6).to_kind(Kind::Double);
    let total = vector(&hits.sum(Kind::Double))[0];
    assert_eq!(total, found.size()[0] as f64, "a sample that is no output");
    vector(&hits.sum_dim_intlist([0_i64].as_slice(), false, None::<Kind>))
}

#[everywhere(f64)]
fn frequencies_are_the_probabilities_of_the_base_measure() {
    for base in [
        BaseMeasure::uniform_sets(4).unwrap(),
        BaseMeasure::bernoulli_sets(vec![0.1, 0.5, 0.9]).unwrap(),
        BaseMeasure::subsets(5, 2).unwrap(),
        BaseMeasure::permutahedron(4).unwrap(),
        BaseMeasure::birkhoff(3).unwrap(),
    ] {
        let all = Enumeration::of(&base, OPTIONS()).unwrap();
        for rows in [None, Some(10)] {
            let samples = 20_000 / rows.unwrap_or(1);
            let found = base.sample(&draw(samples, rows), OPTIONS()).unwrap();
            let found = found.reshape([-1, base.outputs()]);
            let counts = counts(&found, &all.outputs);
            assert_frequencies(&format!("{base:?}"), &counts, &vector(&all.log_prior.exp()));
        }
    }
}

#[everywhere(f64)]
fn draws_are_a_function_of_seed_step_and_row() {
    let base = BaseMeasure::uniform_sets(20).unwrap();
    let whole = base.sample(&draw(16, Some(6)), OPTIONS()).unwrap();
    let later = Draw {
        first_row: 4,
        ..draw(16, Some(2))
    };
    assert_eq!(
        base.sample(&later, OPTIONS()).unwrap(),
        whole.narrow(0, 4, 2)
    );
    for other in [
        Draw {
            step: 4,
            ..draw(16, Some(6))
        },
        Draw {
            seed: 8,
            ..draw(16, Some(6))
        },
    ] {
        assert_ne!(base.sample(&other, OPTIONS()).unwrap(), whole);
    }
    let single = base
        .sample(&draw(16, Some(6)), (Kind::Float, device()))
        .unwrap();
    assert_eq!(single.to_kind(Kind::Double), whole);
}

#[everywhere(f64)]
fn learned_samplers_have_the_density_they_say() {
    let sets = Enumeration::of(&BaseMeasure::uniform_sets(3).unwrap(), OPTIONS()).unwrap();
    let bernoulli = Bernoulli::new(row(&serde_json::json!([1.0, -0.5, 0.2]))).unwrap();
    let found = bernoulli
        .sample(&draw(20_000, None))
        .unwrap()
        .squeeze_dim(0);
    let p = bernoulli.log_density(&sets.outputs).exp().squeeze();
    assert!((vector(&p.sum(Kind::Double))[0] - 1.0).abs() < 1e-12);
    assert_frequencies("Bernoulli", &counts(&found, &sets.outputs), &vector(&p));

    let base = BaseMeasure::permutahedron(4).unwrap();
    let all = Enumeration::of(&base, OPTIONS()).unwrap().outputs;
    let ranks = base.decode_ranks(&all).unwrap();
    let plackett = PlackettLuce::new(row(&serde_json::json!([1.0, -0.5, 0.2, 0.0]))).unwrap();
    let p = plackett
        .log_density(&ranks.unsqueeze(0))
        .unwrap()
        .exp()
        .squeeze();
    assert!((vector(&p.sum(Kind::Double))[0] - 1.0).abs() < 1e-12);
    let found = plackett.sample(&draw(20_000, None)).unwrap();
    let found = base
        .encode_ranks(&found.squeeze_dim(0), Kind::Double)
        .unwrap();
    assert_frequencies("Plackett-Luce", &counts(&found, &all), &vector(&p));
}

#[everywhere(f64)]
fn t23_a_gibbs_sweep_has_the_golden_transition_matrix() {
    let t = golden("T23");
    let pi = vector(&tensor(&golden("T03")["pi"]));
    let base = BaseMeasure::bernoulli_sets(pi).unwrap();
    let all = Enumeration::of(&base, OPTIONS()).unwrap().outputs;
    let rows = 20_000;
    let u = row(&golden("T02")["u"])
        .expand([rows, 3], false)
        .contiguous();
    let energy = Quadratic::new(u, Coupling::Dense(tensor(&golden("T02")["U"]))).unwrap();
    let start = Tensor::zeros([rows, 3], OPTIONS());
    for (sweeps, key) in [(1, "sweep_from_state0"), (5, "after_5_sweeps")] {
        let chains = MarkovChains::new(base.clone(), sweeps, 1).unwrap();
        for energy in [&energy as &dyn Energy, &Opaque(&energy)] {
            let found = chains.sample(&Batch::new(energy, &start, 0)).unwrap();
            assert_frequencies(key, &counts(&found, &all), &vector(&tensor(&t[key])));
        }
    }
}

/// The transition matrix of one proposal to swap two items, over the outputs of `all`.
fn swap_matrix(g: &[f64], ranks: &[Vec<i64>]) -> Vec<Vec<f64>> {
    let k = ranks[0].len();
    let pairs = (k * (k - 1) / 2) as f64;
    let mut matrix = vec![vec![0.0; g.len()]; g.len()];
    for (a, from) in ranks.iter().enumerate() {
        for i in 0..k {
            for j in i + 1..k {
                let mut to = from.clone();
                to.swap(i, j);
                let b = ranks.iter().position(|ranks| *ranks == to).unwrap();
                let accept = (g[b] - g[a]).exp().min(1.0);
                matrix[a][b] += accept / pairs;
                matrix[a][a] += (1.0 - accept) / pairs;
            }
        }
    }
    matrix
}

#[everywhere(f64)]
fn swap_metropolis_has_its_transition_matrix_which_keeps_the_model() {
    for base in [
        BaseMeasure::permutahedron(3).unwrap(),
        BaseMeasure::birkhoff(3).unwrap(),
        BaseMeasure::subsets(4, 2).unwrap(),
    ] {
        let all = Enumeration::of(&base, OPTIONS()).unwrap().outputs;
        let scores = normal(5, &[1, base.outputs()]);
        let g = vector(&all.matmul(&scores.tr()));
        let states: Vec<Vec<i64>> = (0..all.size()[0])
            .map(|i| {
                let output = all.get(i);
                let state = match base.is_permutations() {
                    true => base.decode_ranks(&output).unwrap(),
                    false => output.to_kind(Kind::Int64),
                };
                efy_core::device::read::to_vec(&state).unwrap()
            })
            .collect();
        let matrix = swap_matrix(&g, &states);
        // Exactly stationary.
        let total: f64 = g.iter().map(|g| g.exp()).sum();
        let p: Vec<f64> = g.iter().map(|g| g.exp() / total).collect();
        for b in 0..p.len() {
            let after: f64 = (0..p.len()).map(|a| p[a] * matrix[a][b]).sum();
            assert!((after - p[b]).abs() < 1e-14);
        }
        // And the sampler has this matrix: two steps from the first output.
        let rows = 20_000;
        let energy =
            Linear::new(scores.expand([rows, base.outputs()], false).contiguous()).unwrap();
        let start = all
            .get(0)
            .expand([rows, base.outputs()], false)
            .contiguous();
        let words = Words::new(1, Stream::Chains, 0);
        let two: Vec<f64> = (0..p.len())
            .map(|b| (0..p.len()).map(|a| matrix[0][a] * matrix[a][b]).sum())
            .collect();
        for energy in [&energy as &dyn Energy, &Opaque(&energy)] {
            let found = swap_metropolis(&base, energy, &start, 2, &words, 0).unwrap();
            assert_frequencies(&format!("{base:?}"), &counts(&found, &all), &two);
        }
    }
    let t = &golden("T23")["mh_swap"];
    let (theta, y) = (vector(&tensor(&t["theta"])), vector(&tensor(&t["y"])));
    let delta = (theta[0] - theta[3]) * (y[3] - y[0]);
    assert!((delta - t["delta"].as_f64().unwrap()).abs() < 1e-12);
    assert!((delta.exp().min(1.0) - t["accept"].as_f64().unwrap()).abs() < 1e-12);
}

#[everywhere(f64)]
fn chains_go_on_where_they_were() {
    let base = BaseMeasure::permutahedron(5).unwrap();
    let energy = Linear::new(normal(1, &[4, 5])).unwrap();
    let target = base
        .sample(&draw(1, Some(4)), OPTIONS())
        .unwrap()
        .squeeze_dim(1);
    let loss = MarkovChains::new(base, 3, 1).unwrap();
    let first = loss.mean_loss(&Batch::new(&energy, &target, 0)).unwrap();
    let chains = first.chains.unwrap();
    let batch = Batch::new(&energy, &target, 1);
    let persistent = loss.sample(&batch.with_chains(&chains)).unwrap();
    assert_ne!(persistent, loss.sample(&batch).unwrap());
    let value = (energy.value(&chains) - energy.value(&target)).mean(Kind::Double);
    assert_eq!(first.mean, value);
}
