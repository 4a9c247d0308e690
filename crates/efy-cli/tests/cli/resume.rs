//! A run that was stopped goes on to the last bit, and one seed gives one run.

use std::fs;
use std::path::{Path, PathBuf};

use efy_stand_in::library_or_skip;

use crate::cuda_stand_in::with_stand_in;
use crate::support::{Finished, Place, below, run, small_csv};

/// Four steps an epoch; more than 200 in all.
pub(crate) const SMALL: &str = "--set data.path=train.csv --set data.test_path=test.csv --set data.label_prefix=y \
                     --set train.batch_size=20 --set train.epochs=52 --set train.patience=0 \
                     --set train.lr=0.01 --set train.log_every=7 --set checkpoint.every=200 \
                     --set solver.max_iterations=7";

pub(crate) fn small_place() -> Place {
    let place = Place::new();
    place.write("train.csv", &small_csv(107, 1));
    place.write("test.csv", &small_csv(30, 2));
    place
}

/// Every algorithm that there is.
const ALGORITHMS: [&str; 29] = [
    "",
    "--set model.layers=bf16 --set model.hidden=[8]",
    "--set model.layers=bf16 --set model.kind=picnn --set model.prior_hidden=[5] --set model.hidden=[4]",
    "--set model.kind=unary --set model.hidden=[8]",
    "--set model.dtype=f64 --set loss.regularizer=binary_entropy --set model.hidden=[8]",
    "--set model.coupling=predicted --set model.rank=2 --set solver.kind=fista",
    "--set model.kind=spen --set model.prior_hidden=[5]",
    "--set model.kind=input_concave --set model.prior_hidden=[5]",
    "--set model.kind=picnn --set model.prior_hidden=[5] --set model.hidden=[4]",
    "--set loss.kind=perceptron --set train.monitor=hamming_accuracy",
    "--set loss.kind=regularized_margin",
    "--set loss.kind=log",
    "--set loss.kind=contrastive --set train.monitor=hamming_accuracy",
    "--set loss.kind=contrastive --set loss.negatives=langevin --set train.monitor=hamming_accuracy",
    "--set loss.kind=cross_entropy --set loss.regularizer=binary_entropy",
    "--set loss.kind=mse --set loss.differentiation=unrolled --set loss.unroll_steps=4",
    "--set train.accumulate=3 --set train.weight_decay=0.01",
    "--set train.replicas=2",
    "--set train.optimizer=sgd --set train.schedule.kind=cosine --set train.schedule.warmup_steps=90",
    "--set train.optimizer=adamw --set train.weight_decay=0.1 --set train.clip_norm=0.01",
    "--set loss.kind=joint --set model.kind=unary --set model.hidden=[8]",
    "--set loss.kind=joint --set model.matrix=full --set model.coupling=predicted --set loss.divergence=chi_square \
     --set model.log_partition.kind=icnn --set model.log_partition.input=logits --set train.accumulate=2",
    "--set loss.kind=joint --set model.kind=network --set loss.base_measure=frequencies --set loss.chunk=40",
    "--set loss.kind=joint --set model.kind=unary --set model.log_partition.kind=table --set loss.shared=true",
    "--set loss.kind=exact_likelihood",
    "--set loss.kind=markov_chains --set train.monitor=hamming_accuracy",
    "--set loss.kind=min_max --set model.kind=unary",
    "--set loss.kind=noise_contrastive",
    // The stop is in the second training.
    "--set train.refit=true --set train.epochs=15 --set train.lr=0.003 --set checkpoint.every=50",
];

/// Every file of a run that has to be the same again, with its content.
fn content(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = below(run).into_iter().filter(|path| path.is_file());
    let mut files: Vec<(PathBuf, Vec<u8>)> = names
        .map(|path| {
            (
                path.strip_prefix(run).unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .filter(|(name, _)| {
            let last = name.file_name().unwrap_or_default().to_string_lossy();
            let differs = |file: &str| last.starts_with(file);
            // They hold times, and the command line.
            let timed = [
                "env.json",
                "summary.json",
                "events.out.tfevents",
                "report.html",
            ];
            !timed.iter().any(|file| differs(file)) && name.extension().is_none_or(|e| e != "png")
        })
        .collect();
    files.sort();
    files
}

pub(crate) fn assert_same_runs(what: &str, found: &Path, expected: &Path) {
    let (found, expected) = (content(found), content(expected));
    let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&found), names(&expected), "{what}");
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        assert!(found == expected, "{what}: {} differs", name.display());
    }
}

/// Trains straight, and with a stop after 77 steps; compares the runs.
fn assert_resumes(place: &Place, more: &str, efy: &dyn Fn(&str) -> Finished) {
    for run in ["straight", "stopped"] {
        let _ = fs::remove_dir_all(place.path(run));
    }
    let line = format!("train CONFIG --quiet {SMALL} {more} --out");
    efy(&format!("{line} straight")).ok();
    let stopped = efy(&format!("{line} stopped --stop-after 77"))
        .ok()
        .last_json();
    assert_eq!(stopped["stopped"], 77, "{more}");
    assert!(!place.path("stopped/summary.json").exists(), "{more}");
    efy("train --quiet --resume stopped").ok();
    let checkpoints = fs::read_dir(place.path("straight/checkpoints")).unwrap();
    assert!(checkpoints.count() > 1, "{more}: nothing to compare");
    // The checkpoint of the stop is one that the straight run has not.
    let extra = place.path("stopped/checkpoints/step-000000077");
    fs::remove_dir_all(extra).unwrap();
    assert_same_runs(more, &place.path("stopped"), &place.path("straight"));
}

#[test]
fn every_algorithm_goes_on_bit_for_bit_in_another_process() {
    let place = small_place();
    for more in ALGORITHMS {
        assert_resumes(&place, more, &|line| {
            place.efy(&format!("{line} --device cpu"))
        });
    }
}

/// Every third algorithm on the stand-in, from the one with this number on: three tests run side by side.
fn assert_every_third_resumes_on_the_stand_in(first: usize) {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = small_place();
    let efy = |line: &str| {
        let line = format!("{line} --device cuda");
        run(with_stand_in(&mut place.command(&line), library), &line)
    };
    for more in ALGORITHMS.iter().skip(first).step_by(3) {
        // Evaluations look at the device every few iterations, and there are many of them.
        let more = format!("{more} --set solver.eval_max_iterations=30 --set train.eval_every=13");
        assert_resumes(&place, &more, &efy);
    }
}

#[test]
fn algorithms_go_on_bit_for_bit_on_the_stand_in_first_third() {
    assert_every_third_resumes_on_the_stand_in(0);
}

#[test]
fn algorithms_go_on_bit_for_bit_on_the_stand_in_second_third() {
    assert_every_third_resumes_on_the_stand_in(1);
}

#[test]
fn algorithms_go_on_bit_for_bit_on_the_stand_in_last_third() {
    assert_every_third_resumes_on_the_stand_in(2);
}

#[test]
fn a_run_that_has_finished_says_so_again_and_a_broken_one_falls_back() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --set checkpoint.every=50");
    let trained = place
        .efy(&format!("{line} --out straight"))
        .ok()
        .last_json();
    let again = place
        .efy("train --quiet --resume straight")
        .ok()
        .last_json();
    assert_eq!(again, trained);

    place
        .efy(&format!("{line} --out run --stop-after 120"))
        .ok();
    let newest = place.path("run/checkpoints/step-000000120/state.safetensors");
    let mut bytes = fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest, bytes).unwrap();
    let resumed = place.efy("train --device cpu --resume run").ok();
    assert!(
        resumed
            .stderr
            .contains("step-000000120/state.safetensors: damaged"),
        "{}",
        resumed.told()
    );
    let weights = |run: &str| place.bytes(&format!("{run}/weights.safetensors"));
    assert_eq!(weights("run"), weights("straight"));
    assert_eq!(
        place.text("run/metrics.jsonl"),
        place.text("straight/metrics.jsonl")
    );
}

#[test]
fn one_seed_gives_the_same_bytes_and_looking_at_validation_changes_no_weight() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --out");
    place.efy(&format!("{line} a")).ok();
    place.efy(&format!("{line} b")).ok();
    assert_same_runs("again", &place.path("a"), &place.path("b"));
    place
        .efy(&format!("{line} blind --set train.eval_every=1000"))
        .ok();
    let weights = |run: &str| {
        place.bytes(&format!(
            "{run}/checkpoints/step-000000200/weights.safetensors"
        ))
    };
    assert_eq!(weights("blind"), weights("a"));
    place.efy(&format!("{line} other --seed 1")).ok();
    assert_ne!(weights("other"), weights("a"), "the control");
}
