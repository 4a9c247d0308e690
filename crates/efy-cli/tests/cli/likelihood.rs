//! Distributions over sets and rankings (`loss.kind: joint` and what it is compared with), as a user trains them.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Place, small_csv, workspace};

const LOG_PARTITION: [&str; 6] = [
    "log_partition_mae",
    "log_partition_rmse",
    "log_partition_bias",
    "log_partition_correlation",
    "normalization",
    "log_partition_gap",
];

fn columns(text: &str) -> HashMap<String, Vec<f64>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let header: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<Vec<String>> = lines.map(Iterator::collect).collect();
    let number = |text: &String| text.parse().unwrap_or(f64::NAN);
    let column = |at: usize| rows.iter().map(|row| number(&row[at])).collect();
    let names = header.iter().enumerate();
    names.map(|(at, name)| (name.clone(), column(at))).collect()
}

/// 80 and 30 rows of two labels, trained on for some epochs.
fn small(place: &Place, out: &str, more: &str) -> Value {
    place.write("train.csv", &small_csv(80, 1));
    place.write("test.csv", &small_csv(30, 2));
    let data = "--set data.path=train.csv --set data.test_path=test.csv --set data.label_prefix=y";
    let line = format!(
        "train CONFIG --device cpu --quiet --out {out} {data} --set model.kind=unary \
         --set model.hidden=[] --set train.lr=0.03 --set train.epochs=20 --set train.batch_size=16 {more}"
    );
    place.efy(&line).ok().last_json()["test"].clone()
}

/// The log-probabilities of decisions of independent labels, from those of the labels.
fn independent(rows: &HashMap<String, Vec<f64>>) -> Vec<f64> {
    let log_probability = |row: usize| {
        let of = |label: &str| {
            let p = rows[&format!("{label}:p")][row];
            if rows[label][row] == 1.0 { p } else { 1.0 - p }
        };
        of("y1").ln() + of("y2").ln()
    };
    (0..rows["row"].len()).map(log_probability).collect()
}

#[test]
fn the_exact_log_probability_of_a_set_is_the_product_of_its_labels() {
    let place = Place::new();
    for measure in ["uniform", "frequencies", "bernoulli"] {
        let sets = format!(
            "--force --set loss.kind=exact_likelihood --set loss.base_measure={measure} \
             --set loss.probability=0.3"
        );
        let test = small(&place, "run", &sets);
        let rows = columns(&place.text("run/predictions.csv"));
        for (found, expected) in rows["log_probability"].iter().zip(independent(&rows)) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
        // The loss is the mean of -log p of what is true.
        let truth = |row: usize| {
            let of = |label: &str| {
                let p = rows[&format!("{label}:p")][row];
                if rows[&format!("{label}:true")][row] == 1.0 {
                    p
                } else {
                    1.0 - p
                }
            };
            -(of("y1").ln() + of("y2").ln())
        };
        let mean = (0..30).map(truth).sum::<f64>() / 30.0;
        let loss = test["loss"].as_f64().unwrap();
        assert!((loss - mean).abs() < 1e-4, "{loss} {mean}");
        assert!(test.get("normalization").is_none(), "nothing is estimated");
        assert!(!place.path("run/log_partitions.csv").exists());
    }
}

#[test]
fn a_joint_model_says_how_probable_its_sets_are_and_how_well_it_knows() {
    let place = Place::new();
    let test = small(
        &place,
        "run",
        "--set loss.kind=joint --set model.log_partition.hidden=[16]",
    );
    let of = |name: &str| {
        test[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {test}"))
    };
    for name in LOG_PARTITION {
        of(name);
    }
    assert!(of("log_partition_correlation") > 0.5, "{test}");
    let again = place.efy("eval run --device cpu --json").ok().json();
    assert_eq!(again, test);
    let rows = columns(&place.text("run/predictions.csv"));
    // What the estimate is off, exact less learned, is what the log-partition is.
    let compared = columns(&place.text("run/log_partitions.csv"));
    assert_eq!(compared["row"], rows["row"]);
    let off = compared["exact"].iter().zip(&compared["estimated"]);
    let off: Vec<f64> = off.map(|(exact, estimated)| exact - estimated).collect();
    let found = rows["log_probability"].iter().zip(independent(&rows));
    for ((found, exact), off) in found.zip(off) {
        assert!((found - exact - off).abs() < 1e-4, "{found} {exact} {off}");
    }
    for file in ["plots/log_partition.svg", "plots/log_partition.csv"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
    // New rows are told the same.
    let printed = place
        .efy("predict run --input test.csv --device cpu")
        .ok()
        .stdout;
    let printed = columns(&printed);
    let pairs = printed["log_probability"]
        .iter()
        .zip(&rows["log_probability"]);
    pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
}

#[test]
fn rankings_have_log_probabilities_on_both_polytopes() {
    for name in ["iris-joint", "iris-joint-birkhoff"] {
        let place = Place::new();
        let config = workspace().join(format!("configs/label_ranking/{name}.yaml"));
        let more = "--device cpu --quiet --set train.epochs=80 --set train.lr=0.01 --set train.patience=0 --out run";
        let line = format!("train {} {more}", config.display());
        let test = place.efy(&line).ok().last_json()["test"].clone();
        assert!(
            test["kendall_tau"].as_f64().unwrap() > 0.7,
            "{name}: {test}"
        );
        assert!(
            test["log_partition_mae"].as_f64().unwrap() < 3.0,
            "{name}: {test}"
        );
        let rows = columns(&place.text("run/predictions.csv"));
        assert!(rows["log_probability"].iter().all(|p| p.is_finite()));
        // Scores are means over the six orders, and so within those of the best.
        assert!(rows["setosa:score"].iter().all(|score| score.abs() <= 1.0));
    }
}

/// 60 rows with 6 features and this many labels.
fn wide(labels: usize) -> String {
    let mut state = 5_u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut text = (0..6).map(|i| format!("x{i},")).collect::<String>();
    text += &(0..labels)
        .map(|i| format!("y{i}"))
        .collect::<Vec<_>>()
        .join(",");
    text.push('\n');
    for _ in 0..60 {
        (0..6).for_each(|_| write!(text, "{:.3},", uniform()).unwrap());
        let row: Vec<String> = (0..labels)
            .map(|_| u8::from(uniform() < 0.02).to_string())
            .collect();
        writeln!(text, "{}", row.join(",")).unwrap();
    }
    text
}

#[test]
fn a_thousand_labels_are_trained_on_in_parts_of_the_samples() {
    let place = Place::new();
    place.write("wide.csv", &wide(1000));
    for model in [
        "--set model.kind=unary --set loss.samples=1000",
        "--set model.kind=unary --set loss.divergence=chi_square",
        "--set model.kind=pairwise --set model.rank=2 --set loss.chunk=16 --set loss.base_measure=frequencies",
    ] {
        let line = format!(
            "train CONFIG --device cpu --quiet --force --out run --set data.path=wide.csv \
             --set data.label_prefix=y --set loss.kind=joint --set model.hidden=[16] \
             --set train.epochs=2 --set train.batch_size=20 --set model.dtype=f32 {model}"
        );
        let test = place.efy(&line).ok().last_json()["test"].clone();
        assert!(
            test["loss"].as_f64().is_some_and(f64::is_finite),
            "{model}: {test}"
        );
    }
}

#[test]
fn what_makes_no_sense_together_is_said_in_a_line() {
    let place = Place::new();
    place.write("wide.csv", &wide(30));
    let iris = workspace().join("configs/label_ranking/iris-joint.yaml");
    let iris = iris.display().to_string();
    let wide = "CONFIG --set data.path=wide.csv --set data.label_prefix=y --set model.hidden=[]";
    let joint = "--set loss.kind=joint";
    for (line, words) in [
        (
            format!("CONFIG {joint} --set model.kind=spen"),
            "model.kind: expected unary, pairwise or network",
        ),
        (
            "CONFIG --set model.kind=network".to_owned(),
            "model.kind: expected unary, pairwise, spen",
        ),
        (
            "CONFIG --set model.matrix=full".to_owned(),
            "model.matrix: expected low_rank",
        ),
        (
            format!("CONFIG {joint} --set train.replicas=2"),
            "train.replicas: expected 1",
        ),
        (
            format!("CONFIG {joint} --set model.layers=bf16"),
            "model.layers: expected dtype",
        ),
        (
            format!("CONFIG {joint} --set loss.samples=0"),
            "loss.samples: expected a whole number",
        ),
        (
            "CONFIG --set loss.kind=markov_chains --set loss.chunk=8".to_owned(),
            "loss.chunk: expected none with loss.kind: markov_chains, found 8",
        ),
        (
            format!("CONFIG {joint} --set loss.chunk=0"),
            "loss.chunk: expected a whole number",
        ),
        (
            format!("CONFIG {joint} --set loss.cap=-1"),
            "loss.cap: expected a positive number",
        ),
        (
            format!("CONFIG {joint} --set loss.divergence=squared_hellinger --set loss.cap=1"),
            "loss.cap: expected a positive number below 1",
        ),
        (
            format!("CONFIG {joint} --set loss.alpha=0.5"),
            "loss.alpha: expected a number >= 1",
        ),
        (
            format!("CONFIG {joint} --set loss.probability=1"),
            "loss.probability",
        ),
        (
            "CONFIG --set loss.kind=min_max --set loss.samples=1".to_owned(),
            "loss.samples: expected at least 2",
        ),
        (
            format!("CONFIG {joint} --set loss.divergence=kl"),
            "loss.divergence",
        ),
        (
            format!("CONFIG {joint} --set model.log_partition.hidden=[]"),
            "model.log_partition.hidden: expected at least one width",
        ),
        (
            format!(
                "CONFIG {joint} --set model.kind=network --set model.hidden=[] --set model.log_partition.input=logits"
            ),
            "model.log_partition.input: expected x",
        ),
        (
            format!("{iris} --set loss.base_measure=frequencies"),
            "loss.base_measure: expected uniform",
        ),
        (
            format!("{iris} --set loss.proposal=bernoulli"),
            "loss.proposal: expected uniform",
        ),
        (
            format!("{iris} --set model.kind=pairwise"),
            "model.kind: expected unary or network",
        ),
        (
            format!("{wide} {joint} --set model.log_partition.kind=table"),
            "model.log_partition.kind: expected a network",
        ),
        (
            format!("{wide} --set loss.kind=exact_likelihood"),
            "the exact log-partition",
        ),
    ] {
        let finished = place.efy(&format!("train {line} --device cpu --quiet --out run"));
        let message = finished.failed(2);
        assert!(message.contains(words), "{words:?} in {}", finished.told());
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
        assert!(!place.path("run").exists(), "{}", finished.told());
    }
}
