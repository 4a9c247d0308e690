//! What stops a run, and what keeps it from going on: kills, signals, full disks, damage.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::resume::{SMALL, assert_same_runs, small_place};
use crate::support::Place;

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

#[cfg(unix)]
#[test]
fn when_the_disk_is_full_the_last_good_checkpoint_survives() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set model.hidden=[64] --set checkpoint.every=10 --out"
    );
    place.efy(&format!("{line} straight")).ok();
    place.efy(&format!("{line} run --stop-after 75")).ok();
    let full = place.efy_with_room(1, "train --device cpu --resume run");
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
