//! The keys of `train` that say how weights are updated.

use std::collections::BTreeSet;

use crate::support::Place;

/// `--set` for each of the assignments.
fn sets(assignments: &str) -> String {
    let sets = assignments
        .split(' ')
        .map(|set| format!("--set train.{set}"));
    sets.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_optimizer_learns_and_each_in_its_own_way() {
    let place = Place::new();
    let cases = [
        ("adam", "optimizer=adam"),
        ("adamw", "optimizer=adamw"),
        ("sgd", "optimizer=sgd lr=0.02"),
        ("nesterov", "optimizer=sgd lr=0.02 nesterov=true"),
        ("cosine", "schedule.kind=cosine schedule.warmup_steps=5"),
        (
            "step",
            "schedule.kind=step schedule.every=12 schedule.factor=0.3",
        ),
        ("clipped", "optimizer=sgd lr=0.02 clip_norm=0.05"),
    ];
    let mut losses = BTreeSet::new();
    for (name, assignments) in cases {
        place.train(name, &sets(assignments));
        let lines = place.text(&format!("{name}/metrics.jsonl"));
        let validation: Vec<f64> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|event| event["split"] == "validation")
            .map(|event| event["loss"].as_f64().unwrap())
            .collect();
        assert_eq!(validation.len(), 2, "{name}");
        assert!(validation[1] < validation[0], "{name} {validation:?}");
        losses.insert(validation[1].to_bits());
    }
    assert_eq!(losses.len(), cases.len(), "no key was without effect");
}

#[test]
fn a_run_that_is_not_finite_stops_with_its_own_exit_code_and_its_step() {
    let place = Place::new();
    let line = "train CONFIG --set train.epochs=3 --set train.log_every=1 --quiet --out";
    let finished = place.efy(&format!("{line} run {}", sets("optimizer=sgd lr=1e200")));
    let message = finished.failed(3);
    assert!(message.contains("diverged"), "{}", finished.told());
    assert!(message.contains("at step 2"), "{}", finished.told());
}
