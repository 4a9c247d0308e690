//! The CUDA path without a GPU, on a stand-in that is preloaded: operators run on the CPU, tensors are
//! tagged `cuda:0`, mixing devices fails, and launches and waits are counted.

use std::path::Path;

use assert_cmd::Command;
use efy_stand_in::{REPORT, Report, library_or_skip};
use serde_json::Value;

use crate::support::{Place, assert_close, run};

/// What a command printed last, and what the stand-in counted.
pub(crate) struct Counted {
    pub(crate) printed: Value,
    pub(crate) report: Report,
}

impl Counted {
    fn launches(&self) -> u64 {
        self.report.total.launches
    }

    /// Waits, and copies to and from the device.
    fn waits(&self) -> [u64; 4] {
        let total = &self.report.total;
        [total.syncs, total.h2d, total.h2d_pinned, total.d2h]
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
    let report = tempfile::NamedTempFile::new().unwrap();
    with_stand_in(&mut command, library).env(REPORT, report.path());
    let finished = run(&mut command, &line).ok();
    Counted {
        printed: finished.last_json(),
        report: Report::read(report.path()).unwrap(),
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
fn training_never_waits_for_the_device_inside_a_step() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    // Two runs of one epoch, one with twice the steps. Evaluations look at the device every few
    // iterations: a tolerance of 0 makes them run, and look, equally often.
    for more in [
        "",
        "--set model.kind=unary",
        "--set loss.regularizer=binary_entropy",
        "--set model.coupling=predicted --set model.rank=2",
    ] {
        let [few, many] = [100, 50].map(|batch| {
            let line = format!(
                "train CONFIG --quiet --force --out run --set train.epochs=1 \
                 --set train.log_every=1000000 --set train.eval_every=1000000 \
                 --set solver.eval_tolerance=0 --set solver.eval_max_iterations=40 \
                 --set train.batch_size={batch} {more}"
            );
            on_stand_in(&place, library, &line)
        });
        assert!(many.launches() > few.launches());
        assert_eq!(many.waits(), few.waits(), "{more}");
    }
}

#[test]
fn optimizers_launch_what_the_book_says() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let a_step = |more: &str| {
        let [few, many] = [100, 50].map(|batch| {
            let line = format!(
                "train CONFIG --quiet --force --out run --set train.epochs=1 \
                 --set train.log_every=1000000 --set solver.max_iterations=1 \
                 --set solver.eval_tolerance=0 --set solver.eval_max_iterations=1 \
                 --set train.weight_decay=0 --set train.batch_size={batch} {more}"
            );
            on_stand_in(&place, library, &line)
        });
        // 1125 examples: 12 and 23 steps.
        let launches = many.launches() - few.launches();
        assert_eq!(launches % 11, 0, "{more}: {launches}");
        assert_eq!(many.waits(), few.waits(), "{more}");
        launches / 11
    };
    let plain = a_step("--set train.optimizer=sgd --set train.momentum=0");
    for (more, launches) in [
        ("train.optimizer=sgd", 2),
        ("train.optimizer=sgd --set train.nesterov=true", 3),
        ("train.optimizer=adam", 6),
        ("train.optimizer=adam --set train.clip_norm=1", 9),
        ("train.optimizer=adam --set train.weight_decay=0.1", 7),
        ("train.optimizer=adamw --set train.weight_decay=0.1", 8),
        // Two for what must not stay of a step that is skipped: its loss and its warm starts.
        ("train.optimizer=adam --set train.on_nonfinite=skip", 8),
    ] {
        let more = format!("--set {more}");
        assert_eq!(a_step(&more) - plain, launches, "{more}");
    }
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
