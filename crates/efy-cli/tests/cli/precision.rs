//! bf16 layers and TF32.

use efy_stand_in::library_or_skip;

use crate::cuda_stand_in::with_stand_in;
use crate::support::{Place, assert_close, run};

/// The variable that libtorch reads.
const VARIABLE: &str = "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE";

const BF16: &str = "--set model.layers=bf16 --set model.dtype=f32 --set model.hidden=[16]";

#[test]
fn bf16_layers_make_one_run_to_the_last_byte_and_nearly_that_of_f32() {
    let place = Place::new();
    let first = place.train("first", BF16);
    assert_eq!(place.train("again", BF16), first);
    for name in ["metrics.jsonl", "weights.safetensors", "predictions.csv"] {
        let [a, b] = ["first", "again"].map(|run| place.bytes(&format!("{run}/{name}")));
        assert!(a == b, "{name} differs");
    }
    let exact = place.train("exact", &BF16.replace("bf16", "dtype"));
    assert_ne!(exact, first);
    assert_close("f32 and bf16", &exact, &first, 0.03);
    // The weights themselves are those of an f32 run.
    let size = |run: &str| place.bytes(&format!("{run}/weights.safetensors")).len();
    assert_eq!(size("first"), size("exact"));
    let scored = place.efy("eval first --json --device cpu").ok().json();
    assert_close("eval", &scored, &first, 1e-6);
}

#[test]
fn bf16_layers_agree_with_the_cpu_on_the_stand_in() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let cpu = place.train("cpu", BF16);
    let line = format!("train CONFIG --device cuda --quiet --out cuda --set train.epochs=2 {BF16}");
    let mut command = place.command(&line);
    let cuda = run(with_stand_in(&mut command, library), &line).ok();
    assert_close("bf16", &cuda.last_json()["test"], &cpu, 0.01);
}

#[test]
fn tf32_is_what_the_configuration_says_whatever_the_environment() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    for (device, wanted, set, expected) in [
        ("cuda", true, None, true),
        ("cuda", false, Some("1"), false),
        ("cuda", true, Some("0"), true),
        ("cuda", false, None, false),
        ("cpu", true, None, false),
    ] {
        let line = format!(
            "train CONFIG --device {device} --quiet --force --out run --set train.epochs=1 \
             --set model.dtype=f32 --set solver.max_iterations=2 --set train.tf32={wanted}"
        );
        let mut command = place.command(&line);
        with_stand_in(&mut command, library).env_remove(VARIABLE);
        if let Some(value) = set {
            command.env(VARIABLE, value);
        }
        run(&mut command, &line).ok();
        let found = place.json("run/env.json")["tf32"].clone();
        assert_eq!(found, expected, "{device} {wanted} {set:?}");
    }
}

#[test]
fn precision_that_would_say_nothing_is_refused() {
    let place = Place::new();
    for (sets, expected) in [
        (
            "--set train.tf32=true --set model.dtype=f64",
            "train.tf32: expected false with model.dtype: f64, found true",
        ),
        ("--set model.layers=f16", "model.layers"),
    ] {
        let line = format!("train CONFIG --device cpu --quiet --out run {sets}");
        let finished = place.efy(&line);
        assert!(finished.failed(2).contains(expected), "{}", finished.stderr);
        assert!(!place.path("run").exists());
    }
}
