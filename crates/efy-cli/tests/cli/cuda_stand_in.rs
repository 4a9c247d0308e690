//! The CUDA path without a GPU, on a stand-in that is preloaded: operators run on the CPU, tensors are
//! tagged `cuda:0`, mixing devices fails, and launches and waits are counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::OnceLock;
use std::time::SystemTime;

use assert_cmd::Command;
use serde_json::Value;

use crate::support::{Place, assert_close, run, shared, skipped, workspace};

/// The stand-in, built once, where its source, libtorch and a compiler are there.
pub(crate) fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let source = shared("tools/fakecuda/fakecuda.cpp")?;
        let libtorch = workspace().join(".libtorch").canonicalize();
        let Ok(libtorch) = libtorch else {
            skipped("no .libtorch in the workspace");
            return None;
        };
        if Program::new("g++").arg("--version").output().is_err() {
            skipped("no C++ compiler");
            return None;
        }
        Some(build(&source, &libtorch))
    });
    if library.is_none() {
        skipped("no CUDA stand-in");
    }
    library.as_deref()
}

/// Builds with the script beside the source, unless what was built last time is newer.
fn build(source: &Path, libtorch: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join("libfakecuda.so");
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    let newest = [source.to_owned(), libtorch.join("lib/libtorch_cpu.so")]
        .iter()
        .map(|path| changed(path).unwrap())
        .max();
    if changed(&library).ok().max(newest) != newest {
        return library;
    }
    let built = tempfile::tempdir_in(folder).unwrap();
    let mut script = Program::new("sh");
    script.arg(source.with_file_name("build.sh")).arg(libtorch);
    let output = script.arg(built.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    fs::rename(built.path().join("libfakecuda.so"), &library).unwrap();
    // The time of the build, whatever the clock of the compiler.
    let file = fs::File::options().append(true).open(&library).unwrap();
    file.set_modified(SystemTime::now()).unwrap();
    library
}

/// What a command printed last, and what the stand-in counted.
struct Counted {
    printed: Value,
    counts: Value,
}

impl Counted {
    fn count(&self, name: &str) -> i64 {
        self.counts[name].as_i64().unwrap()
    }
}

/// Lets a command see the stand-in as its GPU.
pub(crate) fn with_stand_in<'a>(command: &'a mut Command, library: &Path) -> &'a mut Command {
    command
        .env("LD_PRELOAD", library)
        .env("EFY_CUDA_LIB", "none")
}

/// Runs `efy LINE --device cuda` on the stand-in.
fn on_stand_in(place: &Place, library: &Path, line: &str) -> Counted {
    let line = format!("{line} --device cuda");
    let mut command = place.command(&line);
    with_stand_in(&mut command, library).env("FAKECUDA_REPORT", place.path("report.json"));
    let finished = run(&mut command, &line).ok();
    Counted {
        printed: finished.last_json(),
        counts: place.json("report.json"),
    }
}

/// Trains the default configuration on both devices and compares the metrics.
fn assert_cpu_and_cuda_agree(more: &str, tolerance: f64) {
    let Some(library) = library() else { return };
    let place = Place::new();
    let line = format!("train CONFIG --quiet {more} --out");
    let counted = on_stand_in(&place, library, &format!("{line} cuda"));
    let cpu = place.efy(&format!("{line} cpu --device cpu")).ok().json();
    assert!(counted.count("launches") > 100, "{}", counted.counts);
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
    let Some(library) = library() else { return };
    let place = Place::new();
    let test = place.train("run", "");
    let counted = on_stand_in(&place, library, "eval run --json");
    assert_close("eval", &counted.printed, &test, 1e-5);
}

#[test]
fn training_never_waits_for_the_device_inside_a_step() {
    let Some(library) = library() else { return };
    let place = Place::new();
    // Two runs of one epoch, one with twice the steps. Evaluations look at the device every few
    // iterations: a tolerance of 0 makes them run, and look, equally often.
    for more in [
        "",
        "--set model.kind=unary",
        "--set loss.regularizer=binary_entropy",
        "--set model.coupling=predicted --set model.rank=2",
        "--set model.kind=spen --set model.prior_hidden=[6,4] --set model.hidden=[16]",
        "--set model.kind=picnn --set loss.regularizer=binary_entropy --set model.hidden=[16]",
        "--set loss.kind=contrastive --set loss.negative_steps=1 --set model.hidden=[16]",
        "--set loss.kind=contrastive --set loss.negatives=langevin --set model.hidden=[16]",
        "--set model.layers=bf16 --set model.dtype=f32",
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
        assert!(many.count("launches") > few.count("launches"));
        for name in ["syncs", "h2d", "d2h"] {
            assert_eq!(many.count(name), few.count(name), "{more}: {name}");
        }
    }
}

#[test]
fn optimizers_launch_what_the_book_says() {
    let Some(library) = library() else { return };
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
        let launches = many.count("launches") - few.count("launches");
        assert_eq!(launches % 11, 0, "{more}: {launches}");
        for name in ["syncs", "h2d", "d2h"] {
            assert_eq!(many.count(name), few.count(name), "{more}: {name}");
        }
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
    let Some(library) = library() else { return };
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
        assert_eq!(many.count("syncs"), few.count("syncs"), "{more}");
        let launches = (many.count("launches") - few.count("launches")) as f64 / 20.0;
        println!("bench fy {more}: {launches} launches a step");
        // 100 iterations of the solver at three operators each, and the rest of the step.
        assert!(launches > 1.0 && launches < 1000.0, "{more}: {launches}");
    }
}

#[test]
fn the_stand_in_has_one_device() {
    let Some(library) = library() else { return };
    let place = Place::new();
    let mut command = place.command("doctor --json");
    command
        .env("LD_PRELOAD", library)
        .env("EFY_CUDA_LIB", "none");
    let cuda = run(&mut command, "doctor").ok().json()["cuda"].clone();
    assert_eq!(cuda["usable"], true);
    assert_eq!(cuda["devices"][0]["index"], 0);

    let line = "train CONFIG --out run --device cuda:1";
    let mut command = place.command(line);
    command
        .env("LD_PRELOAD", library)
        .env("EFY_CUDA_LIB", "none");
    let finished = run(&mut command, line);
    assert!(finished.failed(2).contains("cuda:1: no such device"));
    assert!(!place.path("run").exists());
}
