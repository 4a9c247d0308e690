//! `efy sweep`: what it runs and writes, that it goes on where it stopped, what it refuses.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Finished, METRICS, Place, below, run, skipped, small_csv, workspace};

/// A folder with `s.yaml`, a sweep over a small data set.
fn place(parameters: &str) -> Place {
    let place = Place::new();
    place.write("small.csv", &small_csv(60, 1));
    let base = "task: multilabel\ndata: {path: small.csv, label_prefix: y}\nmodel: {kind: unary}\n\
                train: {epochs: 2, batch_size: 20, monitor: hamming_accuracy}\n";
    place.write("base.yaml", base);
    place.write("s.yaml", &format!("base: base.yaml\n{parameters}\n"));
    place
}

/// Four settings.
const FOUR: &str = "parameters: {train.lr: [0.01, 0.1], model.kind: [unary, pairwise]}";
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
    for trial in 0..4 {
        let summary = place.json(&format!("sweeps/s/trials/00{trial}/summary.json"));
        assert_eq!(summary["validation"]["hamming_accuracy"], accuracies[trial]);
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
    fs::remove_file(place.path("out/trials/001/summary.json")).unwrap();
    fs::create_dir_all(place.path("out/trials/001/checkpoints/step-000001")).unwrap();
    let again = place.efy("sweep s.yaml --out out").ok();
    let told = "trial 001 (train.lr 0.01) goes on from its last checkpoint";
    assert!(again.stderr.contains(told), "{}", again.told());
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
    assert_eq!(
        collected.json()["best"]["deviation"]["test"]["loss"].is_f64(),
        true
    );
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
    let sweeps: [(&str, &str); 6] = [
        (
            "base: nowhere.yaml\nparameters: {train.lr: [1]}",
            "nowhere.yaml: cannot read: ",
        ),
        (
            "base: base.yaml\nparameters: {train.lr: [0.1, fast]}",
            "s.yaml: parameters.train.lr: invalid type: string \"fast\", expected f64",
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
            "s.yaml: methods: unknown key, did you mean method?",
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
fn the_slurm_script_is_a_script() {
    let place = place(FOUR);
    let line = place.efy("sweep s.yaml --out out --sbatch").ok().json();
    assert_eq!(
        line,
        json!({"sweep": "out", "trials": 4, "sbatch": "out/submit.sbatch"})
    );
    assert!(!place.path("out/trials/000").exists());
    let script = place.text("out/submit.sbatch");
    assert!(script.contains("#SBATCH --array=0-3%16\n"), "{script}");
    for (checker, arguments) in [("bash", &["-n"][..]), ("shellcheck", &[])] {
        let path = place.path("out/submit.sbatch");
        match Command::new(checker).args(arguments).arg(path).output() {
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{checker}: {told}"
                );
            }
            Err(_) => skipped(&format!("no {checker}")),
        }
    }
    // A task of the array, as Slurm would start it, with srun as a command that just runs the others.
    place.write("bin/srun", "#!/bin/sh\nexec \"$@\"\n");
    make_executable(&place.path("bin/srun"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .arg(place.path("out/submit.sbatch"))
        .env("PATH", format!("{}:{path}", place.path("bin").display()))
        .env("SLURM_ARRAY_TASK_ID", "2")
        .current_dir("/")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["trial"], 2);
    assert!(place.path("out/trials/002/summary.json").is_file());
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
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
    use std::os::unix::process::CommandExt;
    let child = Command::new(assert_cmd::cargo::cargo_bin!("efy"))
        .args([
            "sweep", "s.yaml", "--out", "out", "--jobs", "2", "--device", "cpu",
        ])
        .current_dir(place.path(""))
        .env("OMP_WAIT_POLICY", "passive")
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let has_begun = |name: &str| fs::metadata(place.path(name)).is_ok_and(|file| file.len() > 0);
    let metrics = ["000", "001"].map(|trial| format!("out/trials/{trial}/metrics.jsonl"));
    for _ in 0..6000 {
        if metrics.iter().all(|name| has_begun(name)) {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the trials do not begin");
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
