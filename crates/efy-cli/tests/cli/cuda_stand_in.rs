//! The CUDA path without a GPU, on a stand-in that is preloaded: operators run on the CPU, tensors are
//! tagged `cuda:0`, mixing devices fails, and launches and waits are counted.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use efy_stand_in::{REPORT, Report, STEPS, library_or_skip};
use serde_json::Value;

use crate::support::{Place, assert_close, run, workspace};

/// What a command printed last, and what the stand-in counted.
pub(crate) struct Counted {
    pub(crate) printed: Value,
    pub(crate) report: Report,
    /// The same at the beginning of each training step.
    pub(crate) steps: Vec<Report>,
}

impl Counted {
    pub(crate) fn launches(&self) -> u64 {
        self.report.total.launches
    }
}

/// Lets a command see the stand-in as its GPU.
pub(crate) fn with_stand_in<'a>(command: &'a mut Command, library: &Path) -> &'a mut Command {
    command.envs(efy_stand_in::environment(library))
}

/// Runs `efy LINE --device cuda` on the stand-in.
pub(crate) fn on_stand_in(place: &Place, library: &Path, line: &str) -> Counted {
    let line = format!("{line} --device cuda");
    let mut command = place.command(&line);
    let [report, steps] = [0; 2].map(|_| tempfile::NamedTempFile::new().unwrap());
    with_stand_in(&mut command, library)
        .env(REPORT, report.path())
        .env(STEPS, steps.path());
    let finished = run(&mut command, &line).ok();
    Counted {
        printed: finished.last_json(),
        report: Report::read(report.path()).unwrap(),
        steps: Report::read_steps(steps.path()).unwrap(),
    }
}

/// Trains the default configuration on both devices and compares the metrics.
fn assert_cpu_and_cuda_agree(more: &str, tolerance: f64) {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let line = format!("train CONFIG --quiet {more} --out");
    let counted = on_stand_in(&place, library, &format!("{line} cuda"));
    let cpu = place.efy(&format!("{line} cpu --device cpu")).ok().json();
    assert!(counted.launches() > 100, "{}", counted.launches());
    assert_eq!(place.json("cuda/env.json")["device"], "Cuda(0)");
    assert_close(more, &counted.printed["test"], &cpu["test"], tolerance);
    let [cuda, cpu] = ["cuda", "cpu"].map(|run| place.json(&format!("{run}/summary.json")));
    assert_close(more, &cuda["validation"], &cpu["validation"], tolerance);
}

#[test]
fn the_default_run_agrees_with_the_cpu() {
    assert_cpu_and_cuda_agree("", 1e-4);
}

#[test]
fn the_first_epochs_in_single_precision_agree_with_the_cpu() {
    assert_cpu_and_cuda_agree("--set model.dtype=f32 --set train.epochs=5", 1e-4);
}

#[test]
fn the_unary_run_agrees_with_the_cpu() {
    assert_cpu_and_cuda_agree("--set model.kind=unary", 1e-4);
}

#[test]
fn the_run_with_binary_entropy_agrees_with_the_cpu() {
    assert_cpu_and_cuda_agree(
        "--set loss.regularizer=binary_entropy --set train.epochs=5",
        1e-4,
    );
}

#[test]
fn the_run_with_predicted_couplings_in_double_precision_agrees_with_the_cpu() {
    let model = "--set model.coupling=predicted --set model.rank=2 --set model.hidden=[16]";
    let line = format!("{model} --set model.dtype=f64 --set train.epochs=5");
    assert_cpu_and_cuda_agree(&line, 1e-4);
}

/// The configurations that come along.
fn configurations() -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let folders = below(&workspace().join("configs")).into_iter();
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("sweeps"));
    let mut files: Vec<PathBuf> = folders.flat_map(|folder| below(&folder)).collect();
    files.sort();
    files
}

#[test]
fn every_configuration_makes_twenty_steps_as_on_the_cpu() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let files = configurations();
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        let place = Place::new();
        // Paths in configurations are relative to where the command runs.
        let points = "examples/density/two-moons.csv";
        place.write(
            points,
            &fs::read_to_string(workspace().join(points)).unwrap(),
        );
        let line = format!(
            "train {} --quiet --set train.log_every=1 --stop-after 20 --out",
            file.display()
        );
        on_stand_in(&place, library, &format!("{line} cuda"));
        place.efy(&format!("{line} cpu --device cpu")).ok();
        let [cuda, cpu] = ["cuda", "cpu"].map(|run| {
            let text = place.text(&format!("{run}/metrics.jsonl"));
            let lines = text.lines().map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                // Methods differ, and with them how many iterations they need.
                let fields = line.as_object_mut().unwrap();
                for name in ["split", "iterations", "unconverged"] {
                    fields.remove(name);
                }
                line
            });
            Value::Array(lines.collect())
        });
        assert!(cuda.as_array().unwrap().len() >= 20);
        assert_close(&file.display().to_string(), &cuda, &cpu, 1e-4);
    }
}

#[test]
fn a_run_made_on_the_cpu_is_scored_alike_on_cuda() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let test = place.train("run", "");
    let counted = on_stand_in(&place, library, "eval run --json");
    assert_close("eval", &counted.printed, &test, 1e-5);
}

#[test]
fn bench_waits_equally_often_for_any_number_of_steps() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    for more in [
        "",
        "--set model=unary",
        "--set regularizer=binary_entropy",
        "--set hidden=[128,64]",
    ] {
        let [few, many] = [20, 40].map(|steps| {
            let line = format!("bench fy --json --set steps={steps} {more}");
            on_stand_in(&place, library, &line)
        });
        let waits = |counted: &Counted| counted.report.within("step").counts.waits;
        assert!(waits(&many).is_empty(), "{more}: {:?}", waits(&many));
        // Each epoch copies its order.
        let rest = |counted: &Counted| {
            counted.report.total.syncs - counted.report.within("data").counts.syncs
        };
        assert_eq!(rest(&many), rest(&few), "{more}");
        let launches = (many.launches() - few.launches()) as f64 / 20.0;
        println!("bench fy {more}: {launches} launches a step");
        // 100 iterations of the solver at three operators each, and the rest of the step.
        assert!(launches > 1.0 && launches < 1000.0, "{more}: {launches}");
    }
}

#[test]
fn the_devices_are_those_that_there_are() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let cuda = |line: &str, devices: u32| {
        let mut command = place.command(line);
        with_stand_in(&mut command, library).env(efy_stand_in::DEVICES, devices.to_string());
        run(&mut command, line)
    };
    let doctor = cuda("doctor --json", 1).ok().json()["cuda"].clone();
    assert_eq!(doctor["usable"], true);
    assert_eq!(doctor["devices"].as_array().unwrap().len(), 1);
    assert_eq!(doctor["devices"][0]["index"], 0);

    let line = "train CONFIG --quiet --set train.epochs=1 --out run --device cuda:1";
    let finished = cuda(line, 1);
    assert!(finished.failed(2).contains("cuda:1: no such device"));
    assert!(!place.path("run").exists());
    // All of a run is on the device that it was given, or it would mix two.
    cuda(line, 2).ok();
    assert_eq!(place.json("run/env.json")["device"], "Cuda(1)");
}
