//! `efy train`: the same again, and never over something else.

use serde_json::Value;

use crate::support::Place;

fn weights(place: &Place, run: &str) -> Vec<u8> {
    place.bytes(&format!("{run}/weights.safetensors"))
}

#[test]
fn the_config_of_a_run_reproduces_the_run() {
    let place = Place::new();
    let changes = "--set model.rank=3 --set loss.gamma=0.7 --set train.lr=3e-3 --seed 5";
    let test = place.train("first", changes);
    let again = place
        .efy("train first/config.yaml --device cpu --quiet --out second")
        .ok();
    assert_eq!(again.json()["test"], test);
    for name in [
        "config.yaml",
        "metrics.jsonl",
        "predictions.csv",
        "schema.json",
        "weights.safetensors",
    ] {
        let [first, second] = ["first", "second"].map(|run| place.bytes(&format!("{run}/{name}")));
        assert!(first == second, "{name} differs");
    }
}

#[test]
fn one_seed_makes_one_run_to_the_last_byte() {
    let place = Place::new();
    for variant in ["", "--set model.kind=unary --set model.hidden=[16]"] {
        let of = |out: &str, more: &str| -> (Value, Vec<u8>, Vec<u8>) {
            let test = place.train(out, &format!("--force {variant} {more}"));
            let metrics = place.bytes(&format!("{out}/metrics.jsonl"));
            (test, metrics, weights(&place, out))
        };
        let default = of("a", "");
        let zero = of("b", "--seed 0");
        let by_key = of("c", "--set train.seed=7");
        let by_flag = of("d", "--set train.seed=3 --seed 7");
        assert!(default == zero, "{variant}");
        assert!(by_key == by_flag, "{variant}");
        assert!(default.0 != by_key.0 && default.2 != by_key.2, "{variant}");
    }
}

#[test]
fn a_run_is_not_overwritten_unless_forced() {
    let place = Place::new();
    place.train("run", "");
    let (before, kept) = (place.names(), weights(&place, "run"));
    let line = "train CONFIG --quiet --set train.epochs=1 --seed 1 --out run";
    let refused = place.efy(line);
    let message = refused.failed(2);
    assert!(message.contains("--force"), "{message}");
    assert_eq!(refused.stderr.lines().count(), 1);
    assert_eq!(place.names(), before);
    assert!(weights(&place, "run") == kept);

    place.efy(&format!("{line} --force")).ok();
    assert_eq!(place.json("run/summary.json")["epochs"], 1);
    assert!(weights(&place, "run") != kept);
}

#[test]
fn the_last_setting_of_a_key_counts_and_values_are_yaml() {
    let place = Place::new();
    let line = "train CONFIG --quiet --out run --set train.epochs=1 --set train.lr=1";
    let mut command = place.command(line);
    command.args([
        "--set",
        "train.lr=1e-2",
        "--set",
        "model={kind: unary, hidden: [4]}",
    ]);
    command.assert().success();
    let config = place.text("run/config.yaml");
    assert!(config.contains("lr: 0.01"), "{config}");
    assert!(
        config.contains("kind: unary") && config.contains("- 4"),
        "{config}"
    );
}
