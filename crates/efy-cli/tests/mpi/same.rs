//! Several processes train what one does.

use std::path::Path;

use tch::Tensor;

use crate::support::{Place, assert_close, skipped, workspace};
use crate::{SMALL, mpirun, run, said, small_place};

/// Every algorithm, and how it draws, solves or stores what processes have parts of.
const ALGORITHMS: [&str; 20] = [
    "",
    "--set model.kind=unary --set model.hidden=[8] --set model.dtype=f64 --set loss.regularizer=binary_entropy",
    "--set model.coupling=predicted --set model.rank=2 --set solver.kind=fista --set solver.warm_start=true",
    "--set model.kind=spen --set model.prior_hidden=[5]",
    "--set model.kind=picnn --set model.prior_hidden=[5] --set model.hidden=[4]",
    "--set loss.kind=perceptron --set train.monitor=hamming_accuracy",
    "--set loss.kind=log --set train.accumulate=2",
    "--set loss.kind=contrastive --set train.monitor=hamming_accuracy",
    "--set loss.kind=contrastive --set loss.negatives=langevin --set train.monitor=hamming_accuracy",
    "--set loss.kind=mse --set loss.differentiation=unrolled --set loss.unroll_steps=4",
    "--set train.replicas=2",
    "--set loss.kind=joint --set model.kind=unary --set model.hidden=[8]",
    "--set loss.kind=joint --set model.kind=network --set loss.base_measure=frequencies --set loss.chunk=40",
    "--set loss.kind=joint --set model.kind=unary --set model.log_partition.kind=table --set loss.shared=true",
    "--set loss.kind=exact_likelihood",
    "--set loss.kind=markov_chains --set solver.warm_start=true --set train.monitor=hamming_accuracy",
    "--set loss.kind=min_max --set model.kind=unary",
    "--set loss.kind=noise_contrastive",
    "--set train.refit=true",
    "--set data.resident=host",
];

/// Rankings and densities, by their configuration and what makes it short.
const OTHERS: [(&str, &str); 5] = [
    ("label_ranking/iris.yaml", "--set train.epochs=4"),
    ("label_ranking/iris-birkhoff.yaml", "--set train.epochs=4"),
    ("label_ranking/iris-joint.yaml", "--set train.epochs=4"),
    (
        "density/s2-bimodal.yaml",
        "--set train.epochs=30 --set data.samples=200 --set data.test_samples=100 --set train.eval_every=10",
    ),
    (
        "density/s2-bimodal.yaml",
        "--set train.epochs=30 --set data.samples=200 --set data.test_samples=100 --set train.eval_every=10 \
         --set flow.kind=kernel --set flow.start=base",
    ),
];

/// A policy that acts after every second epoch.
const POLICY: &str = "task: imitation
data: {expert: linear_plant, coupling: 0.8, episodes: 3, subsample: 4}
model: {kind: pairwise, hidden: [6], rank: 2}
loss: {regularizer: half_squared_norm, samples: 16}
rollout: {every: 2, episodes: 2, test_episodes: 3}
train: {epochs: 6, batch_size: 16, lr: 0.02, patience: 0, eval_every: 1, log_every: 7, monitor: return_normalized}
";

/// Losses of actions, and the expert of another environment.
const POLICIES: [&str; 7] = [
    "",
    "--set loss.kind=mse",
    "--set loss.kind=least_squares --set model.kind=unary",
    "--set loss.kind=info_nce",
    "--set loss.kind=energy",
    "--set model.coupling=network",
    "--set data.expert=pendulum --set data.coupling=null --set model.coupling=network --set model.rank=1",
];

/// The weights of a run by name, in one row.
fn weights(run: &Path) -> Vec<f64> {
    let mut tensors = Tensor::read_safetensors(run.join("weights.safetensors")).unwrap();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let rows = tensors.iter().map(|(_, tensor)| tensor.reshape([-1]));
    let rows = rows.map(|row| Vec::<f64>::try_from(row.to_kind(tch::Kind::Double)).unwrap());
    rows.flatten().collect()
}

/// Trains alone, and with 2 and 4 processes, once more with 2.
fn assert_same(place: &Place, line: &str) {
    let (single, replica) = ("alone", line.contains("replicas"));
    place.efy(&format!("{line} --out {single}")).ok();
    for (ranks, out) in [(2, "two"), (2, "again"), (4, "four")] {
        run(place, ranks, &format!("{line} --out {out}")).ok();
    }
    let folder = |out: &str| match replica {
        true => format!("{out}/replicas/seed-0"),
        false => out.to_owned(),
    };
    let expected = weights(&place.path(&folder(single)));
    for out in ["two", "four"] {
        let found = weights(&place.path(&folder(out)));
        assert_eq!(found.len(), expected.len());
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f64::max);
        assert!(worst <= 1e-6, "{line}: {out} is {worst:e} away");
        let test = |out: &str| place.json(&format!("{out}/summary.json"))["test"].clone();
        assert_close(line, &test(out), &test(single), 1e-4);
    }
    for file in ["weights.safetensors", "metrics.jsonl", "predictions.csv"] {
        let path = |out: &str| format!("{}/{file}", folder(out));
        if place.path(&path("two")).exists() {
            assert!(
                place.bytes(&path("two")) == place.bytes(&path("again")),
                "{line}: {file}"
            );
        }
    }
    for out in [single, "two", "again", "four"] {
        std::fs::remove_dir_all(place.path(out)).unwrap();
    }
}

#[test]
fn sets() {
    let place = small_place();
    for algorithm in ALGORITHMS {
        let line =
            format!("train CONFIG --quiet --device cpu {SMALL} --set train.epochs=5 {algorithm}");
        assert_same(&place, &line);
    }
}

#[test]
fn rankings_and_densities() {
    let place = Place::new();
    for (config, short) in OTHERS {
        let config = workspace().join("configs").join(config);
        let line = format!("train {} --quiet --device cpu {short}", config.display());
        assert_same(&place, &line);
    }
}

#[test]
fn policies() {
    let place = Place::new();
    place.write("policy.yaml", POLICY);
    for sets in POLICIES {
        let line = format!("train policy.yaml --quiet --device cpu {sets}");
        assert_same(&place, &line);
    }
}

/// The other half of what a test of the default build says: there, nothing of MPI is linked.
#[cfg(target_os = "linux")]
#[test]
fn this_build_is_linked_with_mpi() {
    let program = assert_cmd::cargo::cargo_bin!("efy");
    let output = std::process::Command::new("readelf")
        .arg("-d")
        .arg(program)
        .output();
    let Ok(output) = output else {
        return skipped("no readelf");
    };
    let libraries = String::from_utf8(output.stdout).unwrap();
    assert!(libraries.contains("[libmpi"), "{libraries}");
}

#[test]
fn another_number_of_processes_goes_on_and_says_so() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --set train.epochs=12");
    place.efy(&format!("{line} --out alone")).ok();
    run(&place, 4, &format!("{line} --out run --stop-after 13")).ok();
    let two = run(
        &place,
        2,
        "train --quiet --device cpu --resume run --stop-after 30",
    )
    .ok();
    let told = "trained by 4 processes so far, by 2 from here on";
    assert!(two.stderr.contains(told), "{}", two.told());
    place.efy("train --quiet --device cpu --resume run").ok();
    let [found, expected] = ["run", "alone"].map(|run| weights(&place.path(run)));
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() <= 1e-6, "{a} and {b}");
    }
}

#[test]
fn what_is_wrong_everywhere_is_said_once() {
    let place = small_place();
    let wrong = run(&place, 2, "train CONFIG --set train.epoch=3 --out run");
    assert_eq!(wrong.code, Some(2), "{}", wrong.told());
    assert_eq!(said(&wrong.stderr).len(), 1, "{}", wrong.told());
    assert!(!place.path("run").exists());
    // What one process alone has is said with its rank: here other data.
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --out run");
    let other = place.command(&line.replace("train.csv", "test.csv"));
    let mut command = mpirun(&place, 1, &line);
    command
        .args([":", "-n", "1"])
        .arg(other.get_program())
        .args(other.get_args());
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines = said(&stderr);
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(
        lines[0].contains("has another configuration, other data"),
        "{stderr}"
    );
}
