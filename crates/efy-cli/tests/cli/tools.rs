//! `efy doctor`, `bench`, `completions`, `man` and `--help`.

use std::fs;

use std::process::Command;

use crate::support::{Place, run, skipped};

#[test]
fn doctor_says_why_cuda_is_not_usable() {
    let place = Place::new();
    let line = "doctor --json";
    let off = run(place.command(line).env("EFY_CUDA_LIB", "none"), line).ok();
    let cuda = &off.json()["cuda"];
    assert_eq!(cuda["usable"], false);
    assert_eq!(cuda["state"], "disabled");
    assert_eq!(cuda["next"], "unset EFY_CUDA_LIB");
    assert_eq!(cuda["libtorch_cuda"], "13.0");
    assert!(
        cuda["explanation"]
            .as_str()
            .unwrap()
            .contains("EFY_CUDA_LIB=none")
    );

    let off = run(
        place.command(line).env("EFY_CUDA_LIB", "libnowhere.so"),
        line,
    )
    .ok();
    let cuda = &off.json()["cuda"];
    assert_eq!(cuda["state"], "not_installed");
    assert!(
        cuda["explanation"]
            .as_str()
            .unwrap()
            .contains("libnowhere.so")
    );
}

/// MPI is a feature; see `docs/src/scale.md`.
#[cfg(target_os = "linux")]
#[test]
fn the_program_is_linked_with_mpi_by_its_feature_alone() {
    let program = assert_cmd::cargo::cargo_bin!("efy");
    let Ok(output) = Command::new("readelf").arg("-d").arg(program).output() else {
        return skipped("no readelf");
    };
    let libraries = String::from_utf8(output.stdout).unwrap();
    assert!(libraries.contains("(NEEDED)"), "{libraries}");
    let mpi = |line: &str| line.contains("(NEEDED)") && line.contains("[libmpi");
    assert_eq!(
        libraries.lines().any(mpi),
        cfg!(feature = "mpi"),
        "{libraries}"
    );
}

#[test]
fn doctor_tells_versions_places_and_data() {
    let place = Place::new();
    let report = place.efy("doctor --json").ok().json();
    let cuda = &report["cuda"];
    assert!(cuda["usable"].is_boolean());
    assert!(!cuda["explanation"].as_str().unwrap().is_empty());
    let libtorch = report["libtorch"]["place"].as_str().unwrap();
    assert!(
        fs::exists(format!("{libtorch}/libtorch_cpu.so")).unwrap(),
        "{libtorch}"
    );
    assert_eq!(
        report["data"]["cache"],
        place.path("cache").to_str().unwrap()
    );
    let text = place.efy("doctor").ok().stdout;
    for word in [
        env!("CARGO_PKG_VERSION"),
        report["libtorch"]["version"].as_str().unwrap(),
        cuda["explanation"].as_str().unwrap(),
        libtorch,
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn bench_counts_steps_a_second() {
    let place = Place::new();
    let shape = "--set d=20 --set k=5 --set n=200 --set batch=40 --set rank=2";
    for more in [
        "",
        "--set model=unary",
        "--set hidden=[8]",
        "--set regularizer=binary_entropy",
        "--set dtype=f64",
    ] {
        let line = format!("bench fy --device cpu --json --set steps=20 {shape} {more}");
        let result = place.efy(&line).ok().json();
        assert!(result["steps_per_second"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(result["steps"], 20, "{line}");
        assert!(result["loss"].as_f64().unwrap() > 0.0, "{line}");
    }
    let timed = place
        .efy(&format!("bench fy --device cpu --seconds 0.2 {shape}"))
        .ok();
    assert!(timed.stdout.contains("steps/s") && timed.stdout.contains("k 5"));
    let shape = "--set d=6 --set k=4 --set n=40 --set batch=8 --set m=12 --set hidden=5";
    for more in [
        "",
        "--set coupling=pairwise --set tau=icnn",
        "--set coupling=pairwise_shared --set shared=true",
        "--set coupling=pairwise_low_rank --set rank=2 --set tau=constant",
        "--set coupling=permutahedron --set divergence=chi_square",
        "--set coupling=birkhoff --set tau=linear --set on_logits=true",
        "--set coupling=mlp --set part=8",
        "--set coupling=feature_mlp --set tau=free --set dtype=f64",
    ] {
        let line = format!("bench joint --device cpu --json --set steps=3 {shape} {more}");
        let result = place.efy(&line).ok().json();
        assert!(result["steps_per_second"].as_f64().unwrap() > 0.0, "{line}");
        assert!(result["loss"].as_f64().unwrap().is_finite(), "{line}");
    }
    let wrong = place.efy("bench joint --set m=0");
    assert!(wrong.failed(2).contains("m: expected a positive integer"));
    for domain in [
        "cube",
        "simplex",
        "knapsack",
        "permutahedron",
        "birkhoff",
        "order_simplex",
    ] {
        let shape = format!("--set steps=3 --set k=16 --set batch=8 --set domain={domain}");
        let result = place
            .efy(&format!("bench project --device cpu --json {shape}"))
            .ok()
            .json();
        assert!(result["steps_per_second"].as_f64().unwrap() > 0.0);
        assert!(result["largest"].as_f64().unwrap() > 0.0, "{domain}");
    }
    assert!(place.names().is_empty(), "a bench writes nothing");
}

#[test]
fn bench_counts_iterations_of_descent_ascent_of_any_shape() {
    let place = Place::new();
    for more in [
        "",
        "--set d=15 --set neurons=5",
        "--set particles=301 --set restart=true",
        "--set tensors=true --set dtype=f64",
        "--set power=2",
    ] {
        let line = format!("bench gda --device cpu --json --set steps=3 --set n=100 {more}");
        let result = place.efy(&line).ok().json();
        assert_eq!(result["steps"], 3, "{line}");
        assert!(result["steps_per_second"].as_f64().unwrap() > 0.0, "{line}");
        assert!(result["discrepancy"].as_f64().unwrap() > 0.0, "{line}");
    }
    // 3 particles' and 2 data points' products of 7 neurons with 4 coordinates.
    let line = "bench gda --device cpu --json --set steps=1 --set d=4 --set n=2 --set particles=3 --set neurons=7";
    let result = place.efy(line).ok().json();
    assert_eq!(
        result["settings"]["operations_per_step"],
        (2 * 4 * 7 * (4 * 3 + 2 * 2)) as f64
    );
    let timed = place
        .efy("bench gda --device cpu --seconds 0.1 --set n=50")
        .ok();
    assert!(timed.stdout.contains("100 particles") && timed.stdout.contains("matrix product"));
    for wrong in ["d=0", "n=0", "neurons=0", "particles=0"] {
        let refused = place.efy(&format!("bench gda --device cpu --set {wrong}"));
        let told = refused.failed(2);
        assert!(
            told.contains("expected a positive integer, found 0"),
            "{told}"
        );
    }
}

#[test]
fn completions_are_there_for_every_shell() {
    let place = Place::new();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef efy"),
        ("fish", "complete -c efy"),
        ("elvish", "efy"),
        ("powershell", "efy"),
    ] {
        let script = place.efy(&format!("completions {shell}")).ok().stdout;
        assert!(script.contains(word), "{shell}");
        for name in ["train", "predict", "device"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    let unknown = place.efy("completions tcsh");
    unknown.failed(2);
    assert!(unknown.stderr.contains("tcsh"), "{}", unknown.told());
}

/// The shell itself reads its script, where there is one.
#[test]
fn completions_are_scripts_that_their_shells_can_read() {
    let place = Place::new();
    for (shell, check) in [
        ("bash", ["-n"].as_slice()),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        let script = place.efy(&format!("completions {shell}")).ok().stdout;
        place.write(shell, &script);
        let checked = std::process::Command::new(shell)
            .args(check)
            .arg(place.path(shell))
            .output();
        match checked {
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(
                    output.status.success() && told.is_empty(),
                    "{shell}: {told}"
                );
            }
            Err(_) => skipped(&format!("no {shell} here")),
        }
    }
}

#[test]
fn man_writes_a_page_for_every_command() {
    let place = Place::new();
    place.efy("man pages/man1").ok();
    for name in COMMANDS.map(|(name, _)| name) {
        let file = format!("pages/man1/efy-{}.1", name.replace(' ', "-"));
        let page = place.text(&file);
        assert!(page.contains(".TH") && page.contains(".SH NAME"), "{file}");
    }
    let root = place.text("pages/man1/efy.1");
    assert!(
        root.contains(".TH efy 1") && root.contains("train"),
        "{root}"
    );
    assert!(
        !place.path("pages/man1/efy-reference.1").exists(),
        "it is hidden"
    );
}

/// Commands and the arguments that their help has to mention.
const COMMANDS: [(&str, &[&str]); 19] = [
    (
        "train",
        &[
            "CONFIG", "--set", "--device", "--out", "--seed", "--force", "--quiet",
        ],
    ),
    (
        "eval",
        &["RUN", "--split", "--json", "--device", "validation"],
    ),
    ("predict", &["RUN", "--input", "--output", "--device"]),
    (
        "sample",
        &[
            "RUN",
            "--n",
            "--output",
            "--method",
            "--steps",
            "--uncorrected",
            "--seed",
            "--device",
        ],
    ),
    (
        "plot",
        &[
            "RUNS", "--format", "--out", "--group", "--width", "--dpi", "svg", "pdf", "png",
        ],
    ),
    (
        "table",
        &[
            "RUNS",
            "--metric",
            "--split",
            "--group",
            "--format",
            "--out",
            "--caption",
            "--label",
        ],
    ),
    ("report", &["RUNS", "--out", "report.html"]),
    ("export", &["RUN", "--output"]),
    ("replay", &["RUN", "--device"]),
    (
        "sweep",
        &["FILE", "--out", "--jobs", "--index", "--device", "--quiet"],
    ),
    ("data list", &["--json"]),
    ("data info", &["NAME", "--json"]),
    ("data fetch", &["NAME"]),
    (
        "data import",
        &[
            "NAME",
            "--train",
            "--test",
            "--xml",
            "--labels",
            "--label-prefix",
            "--force",
        ],
    ),
    ("solve", &["FILE", "--device", "standard input"]),
    (
        "bench",
        &["--set", "--seconds", "--json", "--device", "steps"],
    ),
    ("doctor", &["--json"]),
    ("completions", &["SHELL", "bash", "fish"]),
    ("man", &["DIR"]),
];

#[test]
fn the_help_of_every_command_mentions_its_arguments() {
    let place = Place::new();
    let root = place.efy("--help").ok().stdout;
    for (name, words) in COMMANDS {
        let command = name.split(' ').next().unwrap();
        assert!(
            root.contains(&format!("\n  {command} ")),
            "{command} in {root}"
        );
        let help = place.efy(&format!("{name} --help")).ok().stdout;
        for word in words {
            assert!(help.contains(word), "{word} in {help}");
        }
        let wide = help.lines().find(|line| line.chars().count() > 100);
        assert_eq!(wide, None, "{name}");
    }
    let version = place.efy("--version").ok().stdout;
    assert_eq!(version.trim(), concat!("efy ", env!("CARGO_PKG_VERSION")));
}
