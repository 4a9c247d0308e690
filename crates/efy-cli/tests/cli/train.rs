//! `efy train`: what it prints and what it writes.

use std::fs;

use serde_json::Value;

use crate::support::{METRICS, Place};

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[test]
fn stdout_is_one_json_line_with_the_run_and_its_test_metrics() {
    let place = Place::new();
    let finished = place
        .efy("train CONFIG --set train.epochs=2 --out a/run")
        .ok();
    assert_eq!(finished.stdout.lines().count(), 1, "{}", finished.told());
    let line = finished.json();
    assert_eq!(keys(&line), ["run", "test"]);
    assert_eq!(line["run"], "a/run");
    assert_eq!(keys(&line["test"]), METRICS);
    assert!(finished.stderr.contains("yeast"), "{}", finished.told());
}

#[test]
fn the_run_directory_holds_everything_of_the_run() {
    let place = Place::new();
    let test = place.train("run", "");
    let config = place.text("run/config.yaml");
    assert!(config.contains("epochs: 2") && config.contains("standardize: true"));
    let environment = place.json("run/env.json");
    assert_eq!(environment["device"], "Cpu");
    assert_eq!(environment["command"][1], "train");
    assert_eq!(place.json("run/schema.json")["labels"][13], "Class14");
    let summary = place.json("run/summary.json");
    assert_eq!(summary["test"], test);
    assert_eq!(summary["epochs"], 2);
    assert_eq!(keys(&summary["validation"]), METRICS);
    // Eight bytes of length, then JSON that names the tensors.
    let weights = place.bytes("run/weights.safetensors");
    let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&weights[8..8 + length]).unwrap();
    assert_eq!(header["input.mean"]["shape"][0], 103);
    for name in ["loss", "metrics"] {
        let svg = place.text(&format!("run/plots/{name}.svg"));
        assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"));
        let png = place.bytes(&format!("run/plots/{name}.png"));
        assert!(png.starts_with(b"\x89PNG"));
    }
    let left = place.names();
    let temporary = |name: &str| name.starts_with(".tmp");
    assert!(
        !left
            .iter()
            .any(|path| temporary(&path.file_name().unwrap().to_string_lossy())),
        "{left:?}"
    );
}

#[test]
fn predictions_csv_has_decisions_outputs_and_truth_of_every_test_row() {
    let place = Place::new();
    let test = place.train("run", "");
    let text = place.text("run/predictions.csv");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let expected: Vec<String> = ["", ":p", ":true"]
        .iter()
        .flat_map(|suffix| (1..=14).map(move |label| format!("Class{label}{suffix}")))
        .collect();
    assert_eq!(header[0], "row");
    assert_eq!(header[1..], expected);
    let (mut rows, mut right) = (0, 0);
    for line in lines {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        for label in 1..=14 {
            assert_eq!(cells[label], f64::from(cells[label + 14] > 0.5), "{line}");
            right += usize::from(cells[label] == cells[label + 28]);
        }
        rows += 1;
    }
    assert_eq!(rows, 917);
    let accuracy = right as f64 / (rows * 14) as f64;
    assert!((accuracy - test["hamming_accuracy"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn metrics_jsonl_is_one_object_an_event() {
    let place = Place::new();
    let test = place.train("run", "--set train.epochs=3 --set train.log_every=5");
    let text = place.text("run/metrics.jsonl");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |split: &str| -> Vec<&Value> {
        let events = events.iter();
        events.filter(|event| event["split"] == split).collect()
    };
    // 12 steps an epoch; the training loss is read every 5 steps and at the end.
    let steps = |split| -> Vec<u64> {
        let events = of(split).into_iter();
        events
            .map(|event| event["step"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(steps("train"), [5, 10, 15, 20, 25, 30, 35, 36]);
    assert_eq!(steps("validation"), [12, 24, 36]);
    assert_eq!(of("test").len(), 1);
    assert_eq!(events.len(), 12);
    for event in &events {
        assert_eq!(event["epoch"], event["step"].as_u64().unwrap().div_ceil(12));
        assert!(event["loss"].is_f64() && event["unconverged"].is_f64());
    }
    for name in METRICS {
        assert_eq!(of("test")[0][name], test[name], "{name}");
    }
}

#[test]
fn every_model_and_loss_trains() {
    let place = Place::new();
    let variants = [
        "--set model.dtype=f64",
        "--set model.kind=unary",
        "--set model.kind=unary --set model.hidden=[32,16]",
        "--set model.coupling=predicted --set model.rank=2",
        "--set loss.regularizer=binary_entropy",
        "--set loss.regularizer=half_squared_norm --set loss.gamma=2",
        "--set loss.regularizer=one_sided_shannon",
        "--set solver.kind=fista --set solver.warm_start=false",
    ];
    for (index, variant) in variants.iter().enumerate() {
        let out = format!("run{index}");
        let line = format!("{variant} --set train.lr=0.01 --set train.epochs=6");
        let test = place.train(&out, &line);
        assert_eq!(keys(&test), METRICS, "{variant}");
        for name in METRICS {
            let value = test[name].as_f64().unwrap();
            assert!(value >= 0.0, "{variant}: {name} {value}");
            assert!(value <= 1.0 || name == "loss", "{variant}: {name} {value}");
        }
        // Six epochs at this rate are enough to do better than saying no to everything.
        let accuracy = test["hamming_accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.7, "{variant}: {accuracy}");
        assert_eq!(test["unconverged"], 0.0, "{variant}");
    }
    let header = place.bytes("run0/weights.safetensors");
    assert!(String::from_utf8_lossy(&header).contains("\"F64\""));
}

#[test]
fn rows_with_strong_couplings_converge_in_single_precision() {
    let place = Place::new();
    let model = "--set model.coupling=predicted --set model.rank=2 --set model.hidden=[16]";
    let test = place.train("run", &format!("{model} --set train.epochs=8"));
    assert_eq!(test["unconverged"], 0.0);
}

#[test]
fn quiet_leaves_stderr_empty() {
    let place = Place::new();
    for flag in ["--quiet", "-q"] {
        let line = format!("train CONFIG --set train.epochs=1 --out run{flag} {flag}");
        let finished = place.efy(&line).ok();
        assert_eq!(finished.stderr, "", "{}", finished.told());
        assert_eq!(finished.stdout.lines().count(), 1);
    }
}

#[test]
fn a_run_can_be_made_in_any_directory_and_lands_in_runs() {
    let place = Place::new();
    place.write("configs/own.yaml", "task: multilabel\nname: my run/1\n");
    fs::create_dir(place.path("elsewhere")).unwrap();
    let mut command = place.command("train ../configs/own.yaml --set train.epochs=1 --quiet");
    let output = command.current_dir(place.path("elsewhere")).unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = line["run"].as_str().unwrap();
    assert!(run.starts_with("runs/my-run-1-2"), "{run}");
    assert!(
        place
            .path("elsewhere")
            .join(run)
            .join("summary.json")
            .is_file()
    );
}
