//! `efy sweep`: what keeps it apart from other processes, runs and mistakes; signals.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Finished, Place, below, run, workspace};
use crate::sweep::{FOUR, place};

#[test]
fn a_trial_that_another_process_runs_is_left_to_it() {
    let place = place("parameters: {train.lr: [0.1, 0.01]}");
    place.write("out/sweep.yaml", "");
    place.write("out/trials/000.log", "");
    let log = File::options()
        .append(true)
        .open(place.path("out/trials/000.log"))
        .unwrap();
    log.lock().unwrap();
    let message = place
        .efy("sweep s.yaml --quiet --out out --index 0")
        .failed(1)
        .to_owned();
    assert!(
        message.contains("trial 000 is being run by another process"),
        "{message}"
    );
    let finished = place.efy("sweep s.yaml --out out").ok();
    assert!(
        finished.stderr.contains("1 trials are being run"),
        "{}",
        finished.told()
    );
    assert!(!place.path("out/trials/000").exists());
    assert_eq!(finished.json()["finished"], 1);
    drop(log);
    assert_eq!(
        place.efy("sweep s.yaml -q --out out").ok().json()["finished"],
        2
    );
}

#[test]
fn nothing_is_run_over() {
    let place = place("parameters: {train.lr: [0.1, 0.01]}");
    place.efy("sweep s.yaml -q --out out").ok();
    place.write(
        "s.yaml",
        "base: base.yaml\nparameters: {train.lr: [0.1, 0.02]}\n",
    );
    let before = place.names();
    for more in ["", "--collect", "--index 1"] {
        let refused = place.efy(&format!("sweep s.yaml --out out {more}"));
        let message = refused.failed(2);
        let words =
            "out/trials/001: holds a run of another configuration than trial 001 (train.lr 0.02)";
        assert!(
            message.contains(words) && message.contains("--force"),
            "{message}"
        );
    }
    assert_eq!(place.names(), before);
    place.write("out/trials/000/marker", "");
    let forced = place.efy("sweep s.yaml --out out --force").ok();
    assert!(
        forced.stderr.starts_with("s: 2 trials, 1 of them done;"),
        "{}",
        forced.told()
    );
    assert!(place.path("out/trials/000/marker").exists());
    assert!(
        place
            .text("out/trials/001/config.yaml")
            .contains("lr: 0.02")
    );

    place.write("else/notes.txt", "");
    let message = place.efy("sweep s.yaml --out else").failed(2).to_owned();
    assert!(
        message.contains("else: holds something else than a sweep"),
        "{message}"
    );
}

#[test]
fn bad_input_is_refused_before_anything_runs() {
    let place = place(FOUR);
    let sweeps: [(&str, &str); 7] = [
        (
            "base: nowhere.yaml\nparameters: {train.lr: [1]}",
            "nowhere.yaml: cannot read: ",
        ),
        (
            "base: base.yaml\nparameters: {train.lr: [0.1, fast]}",
            "s.yaml: parameters.train.lr: expected a number, found \"fast\"",
        ),
        (
            "base: base.yaml\nparameters: {trian.lr: [0.1]}",
            "s.yaml: parameters.trian.lr: trian: unknown key, did you mean train?",
        ),
        (
            "base: base.yaml\nparameters: {data: [{name: yeast}, {name: birds}]}",
            "data set birds is not fetched yet",
        ),
        (
            "base: base.yaml\nparameters: {data.path: [small.csv, large.csv]}",
            "large.csv",
        ),
        (
            "base: base.yaml\nmethods: grid",
            "s.yaml:2:1: methods: unknown key, did you mean method?",
        ),
        (
            "base: base.yaml\nparameters: {train.lr: [1]}\nslurm:\n  time: 01:00",
            "s.yaml:4:3: slurm.time: expected minutes, HH:MM:SS or D-HH:MM:SS, found \"01:00\"",
        ),
    ];
    for (text, words) in sweeps {
        place.write("s.yaml", text);
        let before = place.names();
        let refused = place.efy("sweep s.yaml");
        let message = refused.failed(2);
        assert!(message.contains(words), "{words:?} in {}", refused.told());
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.told());
        assert_eq!(place.names(), before);
    }
    for line in [
        "sweep nowhere.yaml",
        "sweep s.yaml --jobs 0",
        "sweep s.yaml --index 0 --collect",
    ] {
        place.efy(line).failed(2);
    }
    place.write("s.yaml", &format!("base: base.yaml\n{FOUR}"));
    let message = place
        .efy("sweep s.yaml --device cpu,cuda:999")
        .failed(2)
        .to_owned();
    assert!(message.contains("device cuda:999"), "{message}");
}

#[test]
fn every_sweep_that_comes_along_is_valid() {
    let place = Place::new();
    let files = below(&workspace().join("configs/sweeps"));
    assert!(!files.is_empty());
    for (index, file) in files.iter().enumerate() {
        let line = format!("sweep --sbatch --quiet --out out{index}");
        let finished: Finished = run(place.command(&line).arg(file), &line).ok();
        assert!(finished.json()["trials"].as_u64().unwrap() > 1);
    }
}

/// A sweep of two trials that train for very long, from the moment at which both do.
fn endless(place: &Place) -> std::process::Child {
    endless_trials(place, "--jobs 2", &["000", "001"])
}

/// A sweep from the moment at which all of `trials` train.
fn endless_trials(place: &Place, more: &str, trials: &[&str]) -> std::process::Child {
    use std::os::unix::process::CommandExt;
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("efy"))
        .args(["sweep", "s.yaml", "--out", "out", "--device", "cpu"])
        .args(more.split_whitespace())
        .current_dir(place.path(""))
        .env("OMP_WAIT_POLICY", "passive")
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let has_begun = |name: &str| fs::metadata(place.path(name)).is_ok_and(|file| file.len() > 0);
    let metrics = trials
        .iter()
        .map(|trial| format!("out/trials/{trial}/metrics.jsonl"));
    let metrics: Vec<String> = metrics.collect();
    for _ in 0..6000 {
        if metrics.iter().all(|name| has_begun(name)) {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let _ = child.kill();
    panic!("the trials do not begin: {:?}", child.wait());
}

#[test]
fn signals_stop_the_trials_and_the_sweep_goes_on_later() {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let place = place("parameters: {train.lr: [0.1, 0.01]}");
    let base = place.text("base.yaml");
    let endless_base = base.replace("epochs: 2", "epochs: 100000000, patience: 0");
    for signal in [Signal::INT, Signal::TERM] {
        place.write("base.yaml", &endless_base);
        let child = endless(&place);
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        // A terminal tells the whole group, `kill` the sweep alone.
        let code = if signal == Signal::INT {
            kill_process_group(id, signal).unwrap();
            130
        } else {
            kill_process(id, signal).unwrap();
            143
        };
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        let last = told.lines().last().unwrap();
        assert!(
            last.starts_with("efy: interrupted; 0 of 2 trials have ended; the same"),
            "{told}"
        );
        for trial in ["000", "001"] {
            let log: PathBuf = place.path(&format!("out/trials/{trial}.log"));
            File::open(log)
                .unwrap()
                .try_lock()
                .expect("the trial has ended");
            assert!(
                !place
                    .path(&format!("out/trials/{trial}.failed.json"))
                    .exists()
            );
            assert!(
                !place
                    .path(&format!("out/trials/{trial}/summary.json"))
                    .exists()
            );
        }
        // The same trials, made short enough to end.
        place.write("base.yaml", &base);
        let again = place.efy("sweep s.yaml --out out --force -q").ok();
        assert_eq!(again.json()["finished"], 2);
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

#[test]
fn the_status_is_what_the_files_tell() {
    let place = place("parameters: {train.lr: [0.1, 0.01, 0.001]}");
    let status = |place: &Place| {
        let found = place.efy("sweep s.yaml --out out --status").ok().json();
        ["trials", "finished", "failed", "begun", "waiting"]
            .map(|name| found[name].as_u64().unwrap())
    };
    assert_eq!(status(&place), [3, 0, 0, 0, 3]);
    place.efy("sweep s.yaml -q --out out --index 1").ok();
    place.write(
        "out/trials/002.failed.json",
        r#"{"exit_code": 3, "message": "diverged"}"#,
    );
    assert_eq!(status(&place), [3, 1, 1, 0, 1]);
    assert!(!place.path("out/results.csv").exists());
}

#[test]
fn a_trial_that_two_jobs_take_is_run_by_the_first() {
    use rustix::process::{Pid, Signal, kill_process_group};
    let place = place("parameters: {train.epochs: [100000000, 2]}");
    let base = place.text("base.yaml");
    place.write("base.yaml", &base.replace("epochs: 2", "patience: 0"));
    let first = endless_trials(&place, "--index 0", &["000"]);
    let second = place.efy("sweep s.yaml --out out --index 0 -q");
    let message = second.failed(1);
    assert!(
        message.contains("trial 000 is being run by another process"),
        "{message}"
    );
    // A sweep of all of them does the other one.
    let rest = place.efy("sweep s.yaml --out out -q").ok().json();
    assert_eq!([&rest["finished"], &rest["failed"]], [1, 0]);
    let id = Pid::from_raw(i32::try_from(first.id()).unwrap()).unwrap();
    kill_process_group(id, Signal::TERM).unwrap();
    let told = first.wait_with_output().unwrap();
    assert_eq!(told.status.code(), Some(143), "{told:?}");
    let status = place.efy("sweep s.yaml --out out --status").ok().json();
    let counts = ["finished", "failed", "begun", "waiting"].map(|name| status[name].clone());
    assert_eq!(counts, [1, 0, 1, 0]);
}
