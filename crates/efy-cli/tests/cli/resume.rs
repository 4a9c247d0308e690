//! A run that is stopped goes on to the last bit, whatever stopped it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cuda_stand_in::{library, with_stand_in};
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
const ALGORITHMS: [&str; 18] = [
    "",
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
    "--set train.optimizer=sgd --set train.schedule.kind=cosine --set train.schedule.warmup_steps=90",
    "--set train.optimizer=adamw --set train.weight_decay=0.1 --set train.clip_norm=0.01",
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
            let differs = |file: &str| name.to_string_lossy().starts_with(file);
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

fn assert_same_runs(what: &str, found: &Path, expected: &Path) {
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
    let Some(library) = library() else { return };
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

/// A command that is running, with its output thrown away.
fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn std_command(place: &Place, line: &str) -> Command {
    let from = place.command(line);
    let mut command = Command::new(from.get_program());
    command.args(from.get_args()).current_dir(place.path("."));
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "no {}",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run that takes some seconds, with a checkpoint every 20 steps.
const LONG: &str = "--set train.epochs=1000 --set checkpoint.every=20 --set train.eval_every=50";

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_same_bits() {
    let kills: u64 = std::env::var("EFY_KILLS").map_or(12, |text| text.parse().unwrap());
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} {LONG} --out");
    place.efy(&format!("{line} straight")).ok();
    let mut rounds = 0;
    let mut killed = 0;
    let mut random = 12345_u64;
    while killed < kills {
        rounds += 1;
        let name = format!("killed{rounds}");
        let mut child = start(&mut std_command(&place, &format!("{line} {name}")));
        wait_for(&place.path(&format!("{name}/config.yaml")));
        loop {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            std::thread::sleep(Duration::from_millis((random >> 33) % 700));
            let finished = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            if finished || killed == kills {
                break;
            }
            killed += 1;
            let line = format!("train --quiet --device cpu --resume {name}");
            child = start(&mut std_command(&place, &line));
        }
        place
            .efy(&format!("train --quiet --device cpu --resume {name}"))
            .ok();
        assert_same_runs(&name, &place.path(&name), &place.path("straight"));
        fs::remove_dir_all(place.path(&name)).unwrap();
    }
    println!("{killed} kills in {rounds} runs");
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[test]
fn signals_save_and_stop() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set train.epochs=20000 --set checkpoint.every=0 --out"
    );
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let _ = fs::remove_dir_all(place.path("run"));
        let mut child = start(&mut std_command(&place, &format!("{line} run")));
        wait_for(&place.path("run/metrics.jsonl"));
        // A checkpoint is written and training goes on.
        signal(&child, "-USR1");
        wait_for(&place.path("run/checkpoints/latest"));
        assert!(child.try_wait().unwrap().is_none(), "USR1 does not stop it");
        // Nobody else may train the run meanwhile.
        let other = place.efy("train --quiet --device cpu --resume run");
        assert!(
            other.failed(2).contains("run: another process is training"),
            "{}",
            other.told()
        );
        signal(&child, name);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(code));
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert!(said.contains("`efy train --resume run` goes on"), "{said}");
        let steps = |place: &Place| place.text("run/checkpoints/latest");
        let before = steps(&place);
        let more: u64 = before
            .trim()
            .strip_prefix("step-")
            .unwrap()
            .parse()
            .unwrap();
        place
            .efy(&format!(
                "train --quiet --device cpu --resume run --stop-after {}",
                more + 5
            ))
            .ok();
        assert_eq!(steps(&place), format!("step-{:09}\n", more + 5));
    }
}

#[cfg(unix)]
#[test]
fn the_second_signal_ends_a_run_inside_of_a_step() {
    let place = small_place();
    // Steps that take minutes.
    let slow = "--set loss.kind=contrastive --set loss.negative_steps=1000000 --set train.monitor=hamming_accuracy";
    let line = format!("train CONFIG --quiet --device cpu {SMALL} {slow} --out slow");
    let mut child = start(&mut std_command(&place, &line));
    wait_for(&place.path("slow/metrics.jsonl"));
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "-TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it finishes its step");
    signal(&child, "-INT");
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(10), "at once");
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
fn what_cannot_be_resumed_is_refused_with_code_4() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --set checkpoint.every=50");
    place.efy(&format!("{line} --out run --stop-after 60")).ok();
    let config = place.text("run/config.yaml");
    place.write("run/config.yaml", &config.replace("lr: 0.01", "lr: 0.02"));
    let changed = place.efy("train --quiet --device cpu --resume run");
    assert!(
        changed
            .failed(4)
            .contains("another config.yaml or other data"),
        "{}",
        changed.told()
    );
    place.write("run/config.yaml", &config);
    for checkpoint in fs::read_dir(place.path("run/checkpoints")).unwrap() {
        let manifest = checkpoint.unwrap().path().join("manifest.json");
        if manifest.exists() {
            fs::write(manifest, "{}").unwrap();
        }
    }
    let broken = place.efy("train --quiet --device cpu --resume run");
    assert!(
        broken.failed(4).contains("manifest.json: missing field"),
        "{}",
        broken.told()
    );
    let none = place.efy("train --quiet --resume nothing");
    assert!(
        none.failed(2).contains("nothing/config.yaml: cannot read"),
        "{}",
        none.told()
    );
}

#[test]
fn a_step_that_is_not_finite_is_kept_and_replayed() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} --set train.lr=1e300 --out run");
    let diverged = place.efy(&line);
    let told = diverged.failed(3);
    assert!(
        told.contains("diverged: ") && told.contains("`efy replay run` shows"),
        "{told}"
    );
    let replayed = place.efy("replay run --device cpu");
    assert_eq!(replayed.code, Some(3), "{}", replayed.told());
    assert!(
        replayed.stderr.contains("as it was when the run stopped"),
        "{}",
        replayed.told()
    );
    let found: Value = replayed.json();
    assert_eq!(found["reproduced"], true);
    assert_eq!(found["fault"], place.json("run/faults/fault.json"));
    assert!(!found["fault"]["examples"].as_array().unwrap().is_empty());

    place.train("good", "");
    let good = place.efy("replay good --device cpu");
    assert!(
        good.failed(2)
            .contains("good: no step of it was not finite"),
        "{}",
        good.told()
    );
}

/// A run under a limit on the size of files, as if the disk were full.
#[cfg(unix)]
fn on_a_full_disk(place: &Place, line: &str) -> Finished {
    let efy = std_command(place, line);
    let mut command = Command::new("sh");
    // Without a signal, a write beyond the limit is an error like that of a full disk.
    command.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"]);
    command
        .arg(efy.get_program())
        .args(efy.get_args())
        .current_dir(place.path("."));
    for (name, value) in efy
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
    {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    Finished {
        line: line.to_owned(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(unix)]
#[test]
fn when_the_disk_is_full_the_last_good_checkpoint_survives() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set model.hidden=[64] --set checkpoint.every=10 --out"
    );
    place.efy(&format!("{line} straight")).ok();
    place.efy(&format!("{line} run --stop-after 75")).ok();
    let full = on_a_full_disk(&place, "train --device cpu --resume run");
    let told = full.failed(1);
    assert!(
        told.contains("step-000000100: cannot write: File too large"),
        "{}",
        full.told()
    );
    assert!(
        told.contains("the last good checkpoint is as it was"),
        "{}",
        full.told()
    );
    place.efy("train --quiet --device cpu --resume run").ok();
    for file in ["weights.safetensors", "metrics.jsonl", "predictions.csv"] {
        let [found, expected] =
            ["run", "straight"].map(|run| place.bytes(&format!("{run}/{file}")));
        assert!(found == expected, "{file}");
    }
}

#[test]
fn checkpoints_that_cannot_be_read_are_code_4_and_no_place_for_a_run_is_code_2() {
    let place = small_place();
    let line =
        format!("train CONFIG --quiet --device cpu {SMALL} --set checkpoint.every=10 --out run");
    place.efy(&format!("{line} --stop-after 5")).ok();
    fs::rename(place.path("run/checkpoints"), place.path("aside")).unwrap();
    place.write("run/checkpoints", "not a folder");
    let refused = place.efy("train --quiet --device cpu --resume run");
    assert!(
        refused.failed(4).contains("run/checkpoints: cannot read"),
        "{}",
        refused.told()
    );
    fs::remove_file(place.path("run/checkpoints")).unwrap();
    fs::rename(place.path("aside"), place.path("run/checkpoints")).unwrap();
    place.efy("train --quiet --device cpu --resume run").ok();
    // A file where the folder should be, or a file system that cannot be written to, is found before any
    // work is done.
    if Path::new("/proc/self").exists() {
        let nowhere = place.efy("train CONFIG --out /proc/run");
        let told = nowhere.failed(2);
        assert!(
            told.contains("/proc/run: cannot create the run directory"),
            "{}",
            nowhere.told()
        );
    }
    place.write("file", "");
    let nowhere = place.efy("train CONFIG --out file/run");
    assert!(
        nowhere
            .failed(2)
            .contains("cannot create the run directory"),
        "{}",
        nowhere.told()
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
