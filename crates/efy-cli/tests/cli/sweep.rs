//! `efy sweep`: what it runs and writes, and that it goes on where it stopped.

use std::fs;

use serde_json::json;

use crate::support::{METRICS, Place, small_csv};

/// A folder with `s.yaml`, a sweep over a small data set.
pub(crate) fn place(parameters: &str) -> Place {
    let place = Place::new();
    place.write("small.csv", &small_csv(60, 1));
    let base = "task: multilabel\ndata: {path: small.csv, label_prefix: y}\nmodel: {kind: unary}\n\
                train: {epochs: 2, batch_size: 20, monitor: hamming_accuracy}\n";
    place.write("base.yaml", base);
    place.write("s.yaml", &format!("base: base.yaml\n{parameters}\n"));
    place
}

/// Four settings.
pub(crate) const FOUR: &str = "parameters: {train.lr: [0.01, 0.1], model.kind: [unary, pairwise]}";
/// Two settings, of which the first diverges.
const DIVERGES: &str = "parameters: {train.lr: [1.0e+300, 0.1]}";

fn lines(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().map(cells).collect()
}

/// The column of a table.
fn column(table: &[Vec<String>], name: &str) -> Vec<String> {
    let at = table[0].iter().position(|head| head == name).unwrap();
    table[1..].iter().map(|row| row[at].clone()).collect()
}

#[test]
fn trials_are_runs_and_the_best_is_chosen_on_the_validation_split() {
    let place = place(FOUR);
    let finished = place.efy("sweep s.yaml --jobs 2").ok();
    let line = finished.json();
    assert_eq!([&line["finished"], &line["failed"]], [4, 0]);
    assert_eq!(line["sweep"], "sweeps/s");
    for (done, line) in (1..=4).zip(finished.stderr.lines().skip(1)) {
        let begins = line.starts_with(&format!("{done}/4  trial 00"));
        let told = line.contains(": validation hamming_accuracy 0.");
        assert!(begins && told, "{}", finished.told());
    }

    let table = lines(&place.text("sweeps/s/results.csv"));
    assert_eq!(column(&table, "trial"), ["000", "001", "002", "003"]);
    assert_eq!(column(&table, "train.lr"), ["0.01", "0.01", "0.1", "0.1"]);
    let kinds = ["unary", "pairwise", "unary", "pairwise"];
    assert_eq!(column(&table, "model.kind"), kinds);
    let accuracies = column(&table, "validation.hamming_accuracy");
    let accuracies: Vec<f64> = accuracies
        .iter()
        .map(|cell| cell.parse().unwrap())
        .collect();
    let highest = accuracies.iter().copied().fold(0.0, f64::max);
    let first = accuracies
        .iter()
        .position(|&value| value == highest)
        .unwrap();
    assert_eq!(line["best"]["trial"], first);
    assert_eq!(line["best"]["settings"]["model.kind"], kinds[first]);
    for (trial, &accuracy) in accuracies.iter().enumerate() {
        let summary = place.json(&format!("sweeps/s/trials/00{trial}/summary.json"));
        assert_eq!(summary["validation"]["hamming_accuracy"], accuracy);
        for name in METRICS {
            let of_best = [
                &line["best"]["validation"][name],
                &line["best"]["test"][name],
            ];
            let own = [&summary["validation"][name], &summary["test"][name]];
            assert!(trial != first || of_best == own, "{name}");
        }
    }
    let numbers = place.json("sweeps/s/results.json");
    assert_eq!(numbers["best"], line["best"]);
    assert_eq!(numbers["trials"].as_array().unwrap().len(), 4);
    for name in ["train.lr", "model.kind"] {
        let svg = place.text(&format!("sweeps/s/figures/{name}.svg"));
        assert!(svg.contains("validation hamming accuracy") && svg.contains(name));
    }

    // The best setting, trained by hand, is that very run.
    let again = place.efy("train sweeps/s/best.yaml --quiet --out best --device cpu");
    assert_eq!(again.ok().json()["test"], line["best"]["test"]);
    let weights = |run: &str| place.bytes(&format!("{run}/weights.safetensors"));
    assert!(weights("best") == weights(&format!("sweeps/s/trials/00{first}")));
}

#[test]
fn what_is_finished_is_not_run_again() {
    let place = place(FOUR);
    let first = place.efy("sweep s.yaml --quiet --out out").ok();
    assert_eq!(first.stderr, "");
    let names = [
        "results.csv",
        "results.json",
        "table.md",
        "best.yaml",
        "sweep.yaml",
    ];
    let files = || names.map(|name| place.bytes(&format!("out/{name}")));
    let before = files();
    for trial in ["000", "001", "002", "003"] {
        place.write(&format!("out/trials/{trial}/marker"), "");
    }
    // A run that was killed: there is everything but its last file.
    fs::remove_file(place.path("out/trials/002/summary.json")).unwrap();
    // The copies in the directory say all that the sweep depends on.
    for name in ["s.yaml", "base.yaml"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let again = place.efy("sweep out/sweep.yaml --out out --jobs 1").ok();
    assert!(
        again.stderr.starts_with("s: 4 trials, 3 of them done;"),
        "{}",
        again.told()
    );
    assert_eq!(again.stdout, first.stdout);
    assert!(files() == before);
    let left: Vec<bool> = (0..4)
        .map(|trial| place.path(&format!("out/trials/00{trial}/marker")).exists())
        .collect();
    assert_eq!(left, [true, true, false, true]);
}

#[test]
fn a_trial_with_checkpoints_goes_on_from_them() {
    let place = place("parameters: {train.lr: [0.1, 0.01]}");
    place.efy("sweep s.yaml --quiet --out out").ok();
    let weights = place.bytes("out/trials/001/weights.safetensors");
    // The second trial as it is after a kill: a checkpoint and no summary.
    place
        .efy("train out/trials/001.yaml --quiet --force --out out/trials/001 --stop-after 1")
        .ok();
    assert!(!place.path("out/trials/001/weights.safetensors").exists());
    let again = place.efy("sweep s.yaml --out out").ok();
    let told = "trial 001 (train.lr 0.01) goes on from its last checkpoint";
    assert!(again.stderr.contains(told), "{}", again.told());
    assert!(!again.stderr.contains("begins again"), "{}", again.told());
    assert!(place.bytes("out/trials/001/weights.safetensors") == weights);
}

#[test]
fn tasks_of_an_array_job_make_the_same_tables() {
    let place = place(&format!("seeds: 2\n{DIVERGES}"));
    place.efy("sweep s.yaml --quiet --out whole").ok();
    for index in [2, 0, 3, 1] {
        let finished = place.efy(&format!("sweep s.yaml --out array --index {index}"));
        if index < 2 {
            let message = finished.failed(3);
            assert!(message.contains("failed: diverged"), "{message}");
            continue;
        }
        let line = finished.ok().json();
        assert_eq!(line["trial"], index);
        let run = line["run"].as_str().unwrap();
        assert_eq!(
            place.json(&format!("{run}/summary.json"))["test"],
            line["test"]
        );
        assert!(!place.path("array/results.csv").exists());
    }
    let collected = place.efy("sweep s.yaml --out array --collect").ok();
    let deviation = &collected.json()["best"]["deviation"]["test"]["loss"];
    assert!(deviation.is_f64());
    for name in [
        "results.csv",
        "results.json",
        "table.md",
        "best.yaml",
        "sweep.yaml",
    ] {
        let [whole, array] = ["whole", "array"].map(|out| place.bytes(&format!("{out}/{name}")));
        assert!(whole == array, "{name}");
    }
    let message = place.efy("sweep s.yaml --out array --index 4");
    assert!(message.failed(2).contains("s.yaml has the trials 0 to 3"));
}

#[test]
fn a_trial_that_fails_is_told_and_does_not_stop_the_others() {
    let place = place(DIVERGES);
    let finished = place.efy("sweep s.yaml --jobs 1 --out out").ok();
    let line = finished.json();
    assert_eq!([&line["finished"], &line["failed"]], [1, 1]);
    assert_eq!(line["best"]["trial"], 1);
    let told = "1/2  trial 000 (train.lr 1e+300): failed: diverged: the training loss is";
    assert!(finished.stderr.contains(told), "{}", finished.told());
    let table = place.text("out/table.md");
    assert!(
        table.contains("| trial 000 (train.lr 1e+300) | diverged: "),
        "{table}"
    );
    let failure = place.json("out/trials/000.failed.json");
    assert_eq!(failure["exit_code"], 3);

    // The same would diverge the same way; what failed for another reason is tried again.
    let again = place.efy("sweep s.yaml --out out").ok();
    assert!(
        again.stderr.starts_with("s: 2 trials, 2 of them done;"),
        "{}",
        again.told()
    );
    let killed = json!({"exit_code": null, "message": "it was ended by signal: 9"});
    place.write("out/trials/000.failed.json", &killed.to_string());
    let again = place.efy("sweep s.yaml --out out").ok();
    assert!(
        again.stderr.starts_with("s: 2 trials, 1 of them done;"),
        "{}",
        again.told()
    );
    assert_eq!(place.json("out/trials/000.failed.json"), failure);

    place.write(
        "all.yaml",
        "base: base.yaml\nparameters: {train.lr: [1.0e+300, 2.0e+300]}\n",
    );
    let message = place.efy("sweep all.yaml").failed(1).to_owned();
    assert!(message.contains("none of 2 trials has finished, 2 failed; the first one: diverged"));
    assert!(place.text("sweeps/all/table.md").contains("## Failures"));
}
