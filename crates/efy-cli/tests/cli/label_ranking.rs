//! Label ranking from a file to predictions, as a user runs it.

use std::collections::HashMap;
use std::fmt::Write as _;

use efy_stand_in::library_or_skip;
use serde_json::Value;

use crate::cuda_stand_in::on_stand_in;
use crate::resume::assert_same_runs;
use crate::support::{Finished, Place, workspace};

const METRICS: [&str; 7] = [
    "loss",
    "kendall_tau",
    "spearman",
    "top1_accuracy",
    "pairwise_accuracy",
    "exact_accuracy",
    "unconverged",
];

/// A small network and some seconds less than the configuration that comes along.
const SMALL: &str = "--device cpu --quiet --set train.epochs=30 --set model.hidden=[16] \
                     --set train.lr=0.02 --set train.patience=0";

fn iris(place: &Place, more: &str) -> Finished {
    let config = workspace().join("configs/label_ranking/iris.yaml");
    place.efy(&format!("train {} {SMALL} {more}", config.display()))
}

/// Rows whose labels are ordered by the features x1, x2 and x3: as columns of ranks, as texts in a column, and
/// with their counts first.
fn files(rows: usize) -> [String; 3] {
    let mut state = 7_u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let names = "x1,x2,x3";
    let mut ranks = format!("{names},La,Lb,Lc\n");
    let mut texts = format!("{names},order\n");
    let mut counted = format!("{rows},3,3,{names},La,Lb,Lc\n");
    for _ in 0..rows {
        let x = [uniform(), uniform(), uniform()];
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| x[b].total_cmp(&x[a]));
        let rank = |label: usize| 1 + order.iter().position(|&other| other == label).unwrap();
        let cells = format!("{:.4},{:.4},{:.4}", x[0], x[1], x[2]);
        let row = format!("{cells},{},{},{}", rank(0), rank(1), rank(2));
        writeln!(ranks, "{row}").unwrap();
        writeln!(counted, "{row}").unwrap();
        let text = order.map(|label| ["La", "Lb", "Lc"][label]).join(">");
        writeln!(texts, "{cells},{text}").unwrap();
    }
    [ranks, texts, counted]
}

fn columns(text: &str) -> HashMap<String, Vec<String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let header: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<Vec<String>> = lines.map(Iterator::collect).collect();
    let column = |at: usize| rows.iter().map(|row| row[at].clone()).collect();
    let names = header.iter().enumerate();
    names.map(|(at, name)| (name.clone(), column(at))).collect()
}

fn value(metrics: &Value, name: &str) -> f64 {
    metrics[name].as_f64().unwrap()
}

#[test]
fn iris_is_learned_evaluated_and_predicted_on_both_polytopes() {
    let place = Place::new();
    for polytope in ["permutahedron", "birkhoff"] {
        let out = format!("--out {polytope} --set model.polytope={polytope}");
        let test = iris(&place, &out).ok().last_json()["test"].clone();
        let names: Vec<&String> = test.as_object().unwrap().keys().collect();
        assert_eq!(names, METRICS);
        assert!(value(&test, "kendall_tau") > 0.8, "{test}");
        assert!(value(&test, "top1_accuracy") > 0.8, "{test}");
        let pairs = (1.0 + value(&test, "kendall_tau")) / 2.0;
        assert!((value(&test, "pairwise_accuracy") - pairs).abs() < 1e-9);

        let again = place
            .efy(&format!("eval {polytope} --device cpu --json"))
            .ok()
            .json();
        assert_eq!(again, test);
        let summary = place.json(&format!("{polytope}/summary.json"));
        assert_eq!(summary["task"], "label_ranking");
        assert_eq!(summary["best"]["monitor"], "kendall_tau");
        for file in [
            "weights.safetensors",
            "report.html",
            "plots/kendall_tau.svg",
        ] {
            assert!(place.path(polytope).join(file).is_file(), "{file}");
        }
        let rows = columns(&place.text(&format!("{polytope}/predictions.csv")));
        assert_eq!(rows["row"].len(), 30, "a fifth of 150 rows");
        let right = rows["ranking"].iter().zip(&rows["ranking:true"]);
        let right = right.filter(|(found, expected)| found == expected).count() as f64 / 30.0;
        assert!((right - value(&test, "exact_accuracy")).abs() < 1e-9);
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bits() {
    let place = Place::new();
    for polytope in ["permutahedron", "birkhoff"] {
        let saving = "--set checkpoint.every=20 --set checkpoint.keep=1 --set train.refit=true";
        let sets = format!("--set model.polytope={polytope} {saving}");
        let (whole, parts) = (format!("{polytope}-whole"), format!("{polytope}-parts"));
        iris(&place, &format!("--out {whole} {sets}")).ok();
        iris(&place, &format!("--out {parts} {sets} --stop-after 41")).ok();
        assert!(!place.path(&parts).join("summary.json").exists());
        place
            .efy(&format!("train --resume {parts} --device cpu --quiet"))
            .ok();
        assert_same_runs(polytope, &place.path(&parts), &place.path(&whole));
    }
}

#[test]
fn own_rankings_are_trained_on_in_every_form_and_new_rows_are_ranked() {
    let place = Place::new();
    let [ranks, texts, counted] = files(120);
    place.write("ranks.csv", &ranks);
    place.write("texts.csv", &texts);
    place.write("counted.csv", &counted);
    let own = |out: &str, data: &str| {
        let more = format!("--out {out} {data} --set train.epochs=60");
        iris(&place, &more).ok().last_json()["test"].clone()
    };
    let expected = own("a", "--set data.path=ranks.csv --set data.label_prefix=L");
    assert!(value(&expected, "kendall_tau") > 0.85, "{expected}");
    let texts = "--set data.path=texts.csv --set data.ranking_column=order";
    assert_eq!(own("b", texts), expected);
    assert_eq!(own("c", "--set data.path=counted.csv"), expected);

    for (name, source, said) in [
        ("one", "ranks.csv --rankings --label-prefix L", "rankings"),
        ("two", "texts.csv --ranking-column order", "rankings"),
        ("three", "counted.csv --rankings", "rankings"),
    ] {
        place
            .efy(&format!("data import {name} --train {source}"))
            .ok();
        let info = place.efy(&format!("data info {name} --json")).ok().json();
        assert_eq!(info["targets"], said);
        assert_eq!(own(name, &format!("--set data.name={name}")), expected);
    }

    // New rows, without rankings and in another order of columns.
    place.write("new.csv", "x3,x1,x2\n0.1,0.9,0.5\n0.9,0.1,0.5\n");
    let printed = place
        .efy("predict a --input new.csv --device cpu")
        .ok()
        .stdout;
    let rows = columns(&printed);
    assert_eq!(rows["ranking"], ["La>Lb>Lc", "Lc>Lb>La"]);
    assert_eq!(rows["La"], ["1", "3"]);
    let scores = |label: &str| -> Vec<f64> {
        let column = &rows[&format!("{label}:score")];
        column.iter().map(|score| score.parse().unwrap()).collect()
    };
    let (a, b, c) = (scores("La"), scores("Lb"), scores("Lc"));
    assert!(
        a[0] > b[0] && b[0] > c[0] && c[1] > b[1] && b[1] > a[1],
        "{printed}"
    );
    assert!((a[0] + b[0] + c[0]).abs() < 1e-5, "place values sum to 0");
    place
        .efy("predict a --input new.csv --device cpu --output p.csv")
        .ok();
    assert_eq!(place.text("p.csv"), printed);
}

#[test]
fn a_fold_is_another_test_split() {
    let place = Place::new();
    let fold = |fold: usize| {
        let out =
            format!("--out {fold} --set train.epochs=1 --set data.folds=10 --set data.fold={fold}");
        iris(&place, &out).ok();
        columns(&place.text(&format!("{fold}/predictions.csv")))["row"].clone()
    };
    let (first, last) = (fold(0), fold(9));
    assert_eq!((first.len(), last.len()), (15, 15));
    assert!(first.iter().all(|row| !last.contains(row)));
}

#[test]
fn known_rankings_are_listed_with_their_state() {
    let place = Place::new();
    let info = place.efy("data info iris --json").ok().json();
    assert_eq!(
        (&info["state"], &info["targets"]),
        (&"embedded".into(), &"rankings".into())
    );
    assert_eq!(info["files"], serde_json::json!([]));
    let told = place.efy("data fetch iris").ok();
    assert!(told.stderr.contains("nothing to fetch"), "{}", told.told());
    let vowel = place.efy("data info vowel --json").ok().json();
    assert_eq!(
        (&vowel["rows"], &vowel["labels"]),
        (&528.into(), &11.into())
    );
    let address = vowel["files"][0].as_str().unwrap();
    assert!(address.starts_with("https://") && address.ends_with("/ranks/vowel.csv"));
    let message = iris(&place, "--out run --set data.name=vowel");
    assert!(message.failed(2).contains("efy data fetch vowel"));
    assert!(place.names().is_empty());
}

#[test]
fn what_makes_no_ranking_task_is_refused_in_one_line() {
    let place = Place::new();
    place.write("tie.csv", "x,La,Lb\n1,1,2\n2,1,1\n");
    place.write("plain.csv", "x,La,Lb\n1,1,2\n2,2,1\n");
    let cases = [
        (
            "data.name=yeast",
            "data set yeast: task label_ranking learns rankings, found sets of labels",
        ),
        (
            "model.kind=pairwise",
            "model.kind: expected unary for task label_ranking, found pairwise",
        ),
        (
            "loss.kind=log",
            "loss.kind: expected fenchel_young, perceptron, joint, exact_likelihood, markov_chains, min_max or noise_contrastive for task label_ranking, found log",
        ),
        (
            "loss.regularizer=gini",
            "loss.regularizer: expected half_squared_norm for task label_ranking, found gini",
        ),
        (
            "train.monitor=micro_f1",
            "train.monitor: expected one of loss, kendall_tau",
        ),
        ("data.folds=1", "data.folds: expected a whole number from 2"),
        ("data.fold=1", "data.fold: expected 0 without data.folds"),
        (
            "data.folds=1000000",
            "150 rows are too few for 1000000 folds",
        ),
        ("model.polytope=cube", "model.polytope"),
        ("data.path=plain.csv", "which columns are ranks?"),
        ("data.path=plain.arff", "rankings are read from CSV files"),
        (
            "data.path=tie.csv --set data.label_prefix=L",
            "tie.csv:3: label \"Lb\": rank 1 is taken; ties are not supported",
        ),
        (
            "data.ranking_column=a --set data.label_prefix=L",
            "data.ranking_column: expected nothing beside",
        ),
        (
            "task=multilabel --set data.ranking_column=a --set train.monitor=loss",
            "data.ranking_column: expected nothing",
        ),
        (
            "task=multilabel --set train.monitor=loss",
            "task multilabel learns sets of labels, found rankings",
        ),
    ];
    let before = place.names();
    for (set, word) in cases {
        let finished = iris(&place, &format!("--out run --set {set}"));
        assert!(
            finished.failed(2).contains(word),
            "{word}: {}",
            finished.told()
        );
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
        assert_eq!(place.names(), before);
    }
    let import = place.efy("data import x --train plain.arff --rankings");
    assert!(
        import
            .failed(2)
            .contains("rankings are imported from a CSV file")
    );
}

#[test]
fn the_cross_validation_that_comes_along_is_a_sweep() {
    let place = Place::new();
    let sweep = workspace().join("configs/sweeps/iris-cross-validation.yaml");
    let more = "--index 37 --device cpu --quiet --out sweep";
    place.efy(&format!("sweep {} {more}", sweep.display())).ok();
    let configs = place.names();
    let config = configs
        .iter()
        .find(|path| path.ends_with("config.yaml"))
        .unwrap();
    let config = std::fs::read_to_string(config).unwrap();
    assert!(
        config.contains("folds: 10") && config.contains("fold: 7"),
        "{config}"
    );
    assert!(config.contains("seed: 2"), "{config}");
}

#[test]
fn a_step_does_not_wait_for_the_device() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    for name in ["iris", "iris-birkhoff"] {
        let config = workspace().join(format!("configs/label_ranking/{name}.yaml"));
        let waits = |epochs: u64| {
            let line = format!(
                "train {} --quiet --force --out run --set train.epochs={epochs} \
                 --set train.log_every=100000",
                config.display()
            );
            let step = on_stand_in(&place, library, &line).report.within("step");
            assert!(step.counts.launches > 0);
            [step.counts.syncs, step.counts.h2d, step.counts.d2h]
        };
        // What does not change is brought to the device once.
        assert_eq!(waits(1), waits(3), "{name}");
    }
}
