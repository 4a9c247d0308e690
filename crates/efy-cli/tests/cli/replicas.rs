//! Models that are trained side by side are those that their seeds give alone.

use efy_stand_in::library_or_skip;
use serde_json::Value;

use crate::cuda_stand_in::on_stand_in;
use crate::resume::{SMALL, small_place};
use crate::support::{Place, assert_close};

/// Everything whose inner problem or gradient takes another path.
const MODELS: [&str; 7] = [
    "",
    "--set model.kind=unary --set model.hidden=[8] --set train.clip_norm=0.05",
    "--set model.coupling=predicted --set model.rank=2 --set loss.regularizer=binary_entropy",
    "--set model.kind=input_concave --set model.prior_hidden=[5,4]",
    "--set model.kind=picnn --set model.prior_hidden=[5] --set model.hidden=[4]",
    "--set loss.kind=perceptron --set train.monitor=hamming_accuracy",
    "--set loss.kind=log --set train.optimizer=sgd --set train.accumulate=2",
];

/// The lines of `metrics.jsonl`.
fn metrics(place: &Place, run: &str) -> Vec<Value> {
    let text = place.text(&format!("{run}/metrics.jsonl"));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Trains seeds 4 and 5 together and each alone, and compares all that they leave.
fn assert_same_as_alone(model: &str, epochs: u64, train: impl Fn(&Place, &str)) {
    let place = small_place();
    // Seeds of which one stops before the other.
    let line = format!(
        "train CONFIG --quiet {SMALL} --set train.epochs={epochs} --set train.patience=2 \
         --set model.dtype=f64 --set solver.tolerance=1e-8 --set solver.max_iterations=50 \
         --set solver.eval_tolerance=1e-8 {model}"
    );
    train(
        &place,
        &format!("{line} --set train.seed=4 --set train.replicas=2 --out both"),
    );
    let summary = place.json("both/summary.json");
    for (index, seed) in [4, 5].into_iter().enumerate() {
        train(&place, &format!("{line} --seed {seed} --out alone --force"));
        let one = format!("both/replicas/seed-{seed}");
        let context = format!("{model} seed {seed}");
        let [found, expected] = [one.as_str(), "alone"].map(|run| metrics(&place, run));
        assert_eq!(found.len(), expected.len(), "{context}");
        for (found, expected) in found.iter().zip(&expected) {
            let [mut found, mut expected] = [found.clone(), expected.clone()];
            assert_eq!(found["split"].take(), expected["split"].take(), "{context}");
            (found["split"], expected["split"]) = (0.into(), 0.into());
            assert_close(&context, &found, &expected, 1e-5);
        }
        let [mut found, mut expected] = [one.as_str(), "alone"].map(|run| {
            let mut summary = place.json(&format!("{run}/summary.json"));
            summary["seconds"].take();
            summary
        });
        for part in ["validation", "test"] {
            assert_close(&context, &found[part].take(), &expected[part].take(), 1e-5);
        }
        assert_eq!(found, expected, "{context}");
        assert_eq!(
            place.text(&format!("{one}/config.yaml")),
            place.text("alone/config.yaml")
        );
        assert_eq!(summary["replicas"][index]["seed"], seed);
        let names = |run: &str| {
            let mut names: Vec<String> = std::fs::read_dir(place.path(run))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| !name.starts_with("events.") && name != "checkpoints")
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(&one), names("alone"), "{context}");
    }
}

#[test]
fn each_of_two_seeds_at_once_ends_as_it_does_alone() {
    for model in MODELS {
        assert_same_as_alone(model, 14, |place, line| {
            place.efy(&format!("{line} --device cpu")).ok();
        });
    }
}

#[test]
fn so_does_each_on_the_stand_in() {
    let Some(library) = library_or_skip() else {
        return;
    };
    for model in ["", MODELS[3]] {
        assert_same_as_alone(model, 4, |place, line| {
            on_stand_in(place, library, line);
        });
    }
}

#[test]
fn eight_seeds_at_once_cost_less_than_three_times_the_launches_of_one() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = small_place();
    for model in ["", "--set model.kind=spen --set model.prior_hidden=[5]"] {
        let launches = |replicas: u64| {
            let line = format!(
                "train CONFIG --quiet --force --out run {SMALL} --set train.epochs=3 \
                 --set train.replicas={replicas} {model}"
            );
            on_stand_in(&place, library, &line).launches() as f64
        };
        let ratio = launches(8) / launches(1);
        println!("{model}: {ratio:.2} times the launches");
        assert!(ratio < 3.0, "{model}: {ratio}");
    }
}

#[test]
fn a_run_of_several_models_says_which_of_them_can_be_used() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set train.epochs=1 --set train.replicas=2 \
         --out both"
    );
    let printed = place.efy(&line).ok().last_json();
    assert_close(
        "mean",
        &printed["test"],
        &place.json("both/summary.json")["test"],
        0.0,
    );
    for command in ["eval", "replay"] {
        let message = place.efy(&format!("{command} both --device cpu"));
        let message = message.failed(2);
        assert!(message.contains("a run of 2 models"), "{message}");
        assert!(message.contains("both/replicas/seed-0"), "{message}");
    }
    place.efy("eval both/replicas/seed-1 --device cpu").ok();
    place
        .efy("report both/replicas/seed-0 both/replicas/seed-1 --out page.html")
        .ok();
    assert!(place.path("both/plots").is_dir() && place.path("both/report.html").is_file());
}

#[test]
fn what_replicas_cannot_share_is_refused() {
    let place = small_place();
    for (set, expected) in [
        (
            "train.replicas=0",
            "train.replicas: expected a positive integer, found 0",
        ),
        (
            "train.replicas=1025",
            "train.replicas: expected at most 1024, found 1025",
        ),
        (
            "train.replicas=2 --set train.refit=true",
            "train.replicas: expected 1 where train.refit is true",
        ),
        (
            "train.replicas=2 --set loss.kind=contrastive",
            "train.replicas: expected 1 with loss.kind: contrastive",
        ),
    ] {
        let line = format!("train CONFIG --out run --set {set}");
        let finished = place.efy(&line);
        let message = finished.failed(2);
        assert!(message.contains(expected), "{message}");
    }
}
