//! `efy eval` and `efy plot`: a finished run, opened again.

use std::fs;

use serde_json::Value;

use crate::support::{METRICS, Place, assert_close, small_csv};

#[test]
fn eval_gives_the_metrics_of_the_summary() {
    let place = Place::new();
    let variants = [
        "",
        "--set model.dtype=f64 --set model.coupling=predicted",
        "--set model.kind=unary --set model.hidden=[8] --set loss.regularizer=binary_entropy",
        "--set train.seed=3 --set data.standardize=false --set data.validation=0.1",
    ];
    for variant in variants {
        place.train("run", &format!("--force {variant}"));
        let summary = place.json("run/summary.json");
        for (split, key) in [("", "test"), ("--split validation", "validation")] {
            let line = format!("eval run --device cpu --json {split}");
            let found = place.efy(&line).ok().json();
            assert_close(&format!("{variant} {key}"), &found, &summary[key], 1e-9);
        }
    }
}

#[test]
fn a_refit_trains_on_and_is_what_eval_opens() {
    let place = Place::new();
    let plain = place.train("plain", "");
    let refit = place.train("run", "--set train.refit=true");
    assert_ne!(plain, refit, "more examples make other weights");
    let found = place.efy("eval run --device cpu --json").ok().json();
    assert_close("test", &found, &refit, 1e-9);
    let (plain, refit) = (
        place.json("plain/summary.json"),
        place.json("run/summary.json"),
    );
    assert_eq!(
        plain["validation"], refit["validation"],
        "of the first training"
    );
    assert!(refit["steps"].as_u64() > plain["steps"].as_u64());
}

#[test]
fn eval_prints_a_line_a_metric() {
    let place = Place::new();
    let test = place.train("run", "");
    let finished = place.efy("eval run --split test").ok();
    assert_eq!(finished.stderr, "");
    let lines: Vec<(&str, f64)> = finished
        .stdout
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, value)| (name, value.trim().parse().unwrap()))
        .collect();
    assert!(lines.iter().map(|(name, _)| *name).eq(METRICS));
    for (name, value) in lines {
        assert!(
            (value - test[name].as_f64().unwrap()).abs() < 1e-6,
            "{name}"
        );
    }
}

#[test]
fn eval_of_the_training_split_is_better_than_of_the_others_after_training() {
    let place = Place::new();
    place.train("run", "--set train.lr=0.01 --set train.epochs=30");
    let loss = |split: &str| {
        let found = place.efy(&format!("eval run --json --split {split}"));
        found.ok().json()["loss"].as_f64().unwrap()
    };
    let (train, validation, test) = (loss("train"), loss("validation"), loss("test"));
    assert!(
        train < validation && train < test,
        "{train} {validation} {test}"
    );
}

#[test]
fn eval_refuses_what_is_no_run() {
    let place = Place::new();
    place.write("folder/file", "");
    for (line, word) in [
        ("eval folder", "config.yaml"),
        ("eval nowhere", "nowhere"),
        ("eval folder --split tset", "tset"),
    ] {
        let finished = place.efy(line);
        finished.failed(2);
        assert!(finished.stderr.contains(word), "{}", finished.told());
    }
}

#[test]
fn eval_refuses_weights_that_do_not_fit_the_config() {
    let place = Place::new();
    place.train("run", "");
    let config = place.text("run/config.yaml");
    place.write("run/config.yaml", &config.replace("rank: 8", "rank: 4"));
    let finished = place.efy("eval run");
    assert!(finished.code != Some(0), "{}", finished.told());
    let wrong = finished.stderr.contains("weights.safetensors");
    assert!(
        wrong && finished.stderr.lines().count() == 1,
        "{}",
        finished.told()
    );
}

#[test]
fn a_run_on_a_file_can_be_evaluated_from_any_directory() {
    let place = Place::new();
    place.write("data/small.csv", &small_csv(60, 1));
    let test = place.train(
        "run",
        "--set data.path=data/small.csv --set data.label_columns=[y1,y2]",
    );
    fs::create_dir(place.path("elsewhere")).unwrap();
    let mut command = place.command("eval ../run --json");
    let output = command
        .current_dir(place.path("elsewhere"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_close("eval", &found, &test, 1e-9);
}

#[test]
fn plot_draws_runs_alone_or_together() {
    let place = Place::new();
    place.train("a", "");
    place.train("b", "--seed 1");
    let finished = place.efy("plot a b --format svg --out both").ok();
    let files: Vec<&str> = finished.stdout.lines().collect();
    assert!(!files.is_empty());
    for file in &files {
        assert!(file.starts_with("both/"), "{file}");
        assert!(place.path(file).is_file(), "{file}");
    }
    fs::remove_dir_all(place.path("a/plots")).unwrap();
    place.efy("plot a").ok();
    assert!(place.path("a/plots/loss.svg").is_file() && place.path("a/plots/loss.png").is_file());

    let message = place.efy("plot a b").failed(2).to_owned();
    assert!(message.contains("--out"), "{message}");
    let message = place.efy("plot a --format gif").failed(2).to_owned();
    assert!(message.contains("gif"), "{message}");
}

#[test]
fn seeds_are_drawn_and_tabulated_as_one() {
    let place = Place::new();
    place.train("a", "");
    place.train("b", "--seed 1");
    place.train("c", "--set name=wide --set train.lr=0.01");
    let line = "plot a b c --format svg,pdf,png --width 120mm --dpi 72 --out figures";
    place.efy(line).ok();
    let svg = place.text("figures/loss.svg");
    assert!(svg.starts_with("<svg width=\"120mm\""), "{}", &svg[..60]);
    assert!(svg.contains("s.d., 2 seeds"));
    assert!(place.bytes("figures/loss.pdf").starts_with(b"%PDF-"));
    assert!(
        place
            .text("figures/loss.csv")
            .starts_with("run,split,metric,step,value,deviation,runs\n")
    );
    assert!(
        place.path("figures/test.svg").is_file(),
        "test metrics as bars"
    );
    place
        .efy("plot a b --group none --format svg --out alone")
        .ok();
    assert!(!place.text("alone/loss.svg").contains("seeds"));

    let table = place.efy("table a b c --metric micro_f1,loss").ok().stdout;
    assert!(table.starts_with("| run | micro F1 | loss |\n"), "{table}");
    assert!(
        table.contains("| yeast-pairwise (n = 2) |") && table.contains("| wide |"),
        "{table}"
    );
    let finished = place.efy("table a b c --format tex,csv --out tables").ok();
    assert_eq!(finished.stdout, "tables/results.tex\ntables/results.csv\n");
    assert!(place.text("tables/results.tex").contains("\\toprule"));

    for (line, word) in [
        ("plot a --width 3mm", "3mm: unknown width"),
        ("table a --metric tau", "tau: no run has this metric"),
        ("table a --format html", "html: unknown format"),
        ("table a --format tex,md", "--out"),
        ("table nowhere", "metrics.jsonl"),
    ] {
        let message = place.efy(line).failed(2).to_owned();
        assert!(message.contains(word), "{message}");
    }
}
