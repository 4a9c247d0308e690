//! Policies from the command line: demonstrations, runs that go on, actions, returns.

use std::fs;

use efy_stand_in::library_or_skip;

use crate::cuda_stand_in::with_stand_in;
use crate::resume::assert_same_runs;
use crate::support::{Finished, Place, assert_close, run};

const PLANT: &str = "task: imitation
name: plant
data: {expert: linear_plant, coupling: 0.8, episodes: 4, subsample: 5}
model: {kind: pairwise, hidden: [], rank: 2}
loss: {regularizer: half_squared_norm}
rollout: {every: 2, episodes: 2, test_episodes: 3}
train: {epochs: 40, batch_size: 15, lr: 0.03, patience: 0, eval_every: 3, log_every: 7, monitor: return_normalized}
checkpoint: {every: 100}
";

fn place() -> Place {
    let place = Place::new();
    place.write("plant.yaml", PLANT);
    place
}

#[test]
fn a_policy_is_trained_judged_drawn_and_acts() {
    let place = place();
    let trained = place.efy("train plant.yaml --device cpu --out run").ok();
    assert!(
        trained.told().contains("return of the expert"),
        "{}",
        trained.told()
    );
    let test = trained.last_json()["test"].clone();
    assert!(test["return_normalized"].as_f64().unwrap() > 0.5, "{test}");
    assert_eq!(test["episode_steps"], 100.0);
    for file in [
        "plots/loss.svg",
        "plots/return.svg",
        "report.html",
        "weights.safetensors",
    ] {
        assert!(place.path(&format!("run/{file}")).exists(), "{file}");
    }
    let schema = place.json("run/schema.json");
    assert_eq!(schema["environment"], "linear_plant");
    assert!(schema["expert_return"].as_f64().unwrap() > schema["random_return"].as_f64().unwrap());

    let scored = place.efy("eval run --json --device cpu").ok().json();
    assert_close("eval", &scored, &test, 1e-12);
    let validation = place
        .efy("eval run --json --split validation --device cpu")
        .ok()
        .json();
    assert!(
        validation["action_error"].as_f64().unwrap() < 0.8,
        "{validation}"
    );

    place.write("states.csv", "2,0,0,0,0,0,0,0\n-2,1,1,1,0,0,0,0\n");
    let actions = place
        .efy("predict run --input states.csv --device cpu")
        .ok()
        .stdout;
    let lines: Vec<&str> = actions.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "row,a1,a2,a3,a4"));
    let first: Vec<f64> = lines[1]
        .split(',')
        .skip(1)
        .map(|cell| cell.parse().unwrap())
        .collect();
    assert!(
        first[0] < -0.5 && first.iter().all(|a| a.abs() <= 1.0),
        "{first:?}"
    );
    place.write("narrow.csv", "1,2\n");
    let refused = place.efy("predict run --input narrow.csv --device cpu");
    assert!(
        refused
            .failed(2)
            .contains("expected observations of 8 numbers")
    );
}

#[test]
fn a_policy_that_was_stopped_goes_on_bit_for_bit() {
    let place = place();
    for more in [
        "",
        "--set loss.kind=info_nce",
        "--set model.coupling=network --set model.hidden=[8]",
    ] {
        for run in ["straight", "stopped"] {
            let _ = fs::remove_dir_all(place.path(run));
        }
        let line = format!("train plant.yaml --quiet --device cpu {more} --out");
        place.efy(&format!("{line} straight")).ok();
        place.efy(&format!("{line} stopped --stop-after 77")).ok();
        assert!(!place.path("stopped/summary.json").exists());
        place
            .efy("train --quiet --device cpu --resume stopped")
            .ok();
        fs::remove_dir_all(place.path("stopped/checkpoints/step-000000077")).unwrap();
        assert_same_runs(more, &place.path("stopped"), &place.path("straight"));
    }
}

#[test]
fn a_policy_on_the_stand_in_acts_as_on_the_cpu() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = place();
    let line = "train plant.yaml --quiet --set model.dtype=f64 --set train.epochs=4 --out";
    let cpu = place
        .efy(&format!("{line} cpu --device cpu"))
        .ok()
        .last_json();
    let cuda = format!("{line} cuda --device cuda");
    let cuda: Finished = run(with_stand_in(&mut place.command(&cuda), library), &cuda).ok();
    let reached = |printed: &serde_json::Value| printed["test"]["return_normalized"].clone();
    assert_close("returns", &reached(&cuda.last_json()), &reached(&cpu), 1e-4);
}

#[test]
fn the_solve_of_a_policy_is_timed_without_its_network() {
    let place = Place::new();
    for more in [
        "",
        "--set rank=0",
        "--set own=true --set regularizer=binary_entropy",
    ] {
        let timed = place
            .efy(&format!(
                "bench act --json --device cpu --set steps=3 {more}"
            ))
            .ok()
            .json();
        assert_eq!(
            (&timed["steps"], &timed["settings"]["states"]),
            (&3.into(), &64.into())
        );
        let largest = timed["largest"].as_f64().unwrap();
        assert!(largest > 0.5 && largest <= 1.0, "{more}: {largest}");
    }
    let refused = place.efy("bench act --device cpu --set k=0");
    assert!(refused.failed(2).contains("bench: k"));
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing_behind() {
    let place = place();
    for (set, said) in [
        ("data.expert=nobody", "nobody"),
        ("data.environment=nowhere", "nowhere"),
        ("data.environment=pendulum", "pendulum"),
        ("data.subsample=0", "data.subsample"),
        ("loss.regularizer=gini", "loss.regularizer"),
    ] {
        let refused = place.efy(&format!(
            "train plant.yaml --device cpu --set {set} --out run"
        ));
        let line = refused.failed(2);
        assert!(line.contains(said), "{set}: {line}");
        assert!(!place.path("run").exists(), "{set}");
    }
}
