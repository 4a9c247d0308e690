//! Densities from the command line: teachers and points of one's own, runs that go on, samples, figures.

use std::fmt::Write as _;
use std::fs;

use efy_stand_in::library_or_skip;
use serde_json::Value;

use crate::cuda_stand_in::with_stand_in;
use crate::resume::assert_same_runs;
use crate::support::{Finished, Place, assert_close, run, workspace};

/// Few points and few iterations; what varies comes with `--set`.
const TEACHER: &str = "task: density
name: teacher
data: {teacher: bimodal_s2, samples: 400, test_samples: 600}
model: {kind: shallow, neurons: 24, charges: negative}
flow: {neuron_step: 0.08, weight_step: 0.08, cap: null}
train: {epochs: 600, log_every: 50, eval_every: 100, patience: 0, monitor: log_likelihood}
";
/// The same with points in files, of which two spaces are tried.
const POINTS: &str = "task: density
name: points
data: {path: points.csv, test: 0.2, validation: 0.25}
model: {kind: shallow, neurons: 16, space: euclidean}
flow: {particle_step: 0.01}
train: {epochs: 104, log_every: 7, eval_every: 13, patience: 0, monitor: log_likelihood}
checkpoint: {every: 100}
";

/// Two clouds in the unit square, with a header.
fn clouds(n: usize) -> String {
    let mut text = "east,north\n".to_owned();
    for i in 0..n {
        let (a, b) = (
            (i * 7919 % 1000) as f64 / 1000.0,
            (i * 104_729 % 997) as f64 / 997.0,
        );
        let centre = if i % 2 == 0 { 0.25 } else { 0.7 };
        writeln!(
            text,
            "{},{}",
            centre + 0.2 * (a - 0.5),
            centre + 0.25 * (b - 0.5)
        )
        .unwrap();
    }
    text
}

fn place() -> Place {
    let place = Place::new();
    place.write("teacher.yaml", TEACHER);
    place.write("points.yaml", POINTS);
    place.write("points.csv", &clouds(201));
    place
}

/// The columns of a CSV file with a header: means and their standard errors.
fn means(text: &str) -> Vec<(f64, f64)> {
    let rows: Vec<Vec<f64>> = (text.lines().skip(1))
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let n = rows.len() as f64;
    (0..rows[0].len())
        .map(|column| {
            let mean = rows.iter().map(|row| row[column]).sum::<f64>() / n;
            let square = rows
                .iter()
                .map(|row| (row[column] - mean).powi(2))
                .sum::<f64>();
            (mean, (square / (n - 1.0) / n).sqrt())
        })
        .collect()
}

#[test]
fn a_teacher_is_learned_scored_sampled_and_drawn() {
    let place = place();
    let trained = place
        .efy("train teacher.yaml --quiet --device cpu --out run")
        .ok();
    let test = trained.last_json()["test"].clone();
    // 0.63 at the beginning.
    let kl = test["kl"].as_f64().unwrap();
    assert!((0.0..0.06).contains(&kl), "{test}");
    let live: Vec<Value> = (place.text("run/metrics.jsonl").lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["split"] == "train")
        .collect();
    assert_eq!(live.len(), 12);
    let falls = |name: &str| {
        live.iter()
            .map(|event| event[name].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    for name in ["kl", "fisher"] {
        let values = falls(name);
        assert!(values[0] > 4.0 * values[11], "{name}: {values:?}");
    }
    assert!(falls("tv").is_sorted() && falls("loss").iter().all(|gap| *gap >= 0.0));

    let scored = place.efy("eval run --json --device cpu").ok().json();
    assert_close("eval", &scored, &test, 1e-12);
    assert_ne!(
        place
            .efy("eval run --json --split validation --device cpu")
            .ok()
            .json(),
        test
    );

    // Both samplers draw from the same density, and each seed gives the same points.
    let sample = |more: &str| {
        place
            .efy(&format!("sample run -n 3000 --device cpu {more}"))
            .ok()
            .stdout
    };
    let (chains, exact) = (sample("--steps 300"), sample("--method rejection"));
    assert_eq!(
        (chains.lines().count(), chains.lines().next()),
        (3001, Some("x1,x2,x3"))
    );
    for ((mean, error), (other, its)) in means(&chains).into_iter().zip(means(&exact)) {
        assert!(
            (mean - other).abs() < 4.0 * error.hypot(its),
            "{mean} {other}"
        );
    }
    assert_eq!(sample("--method rejection"), exact);
    assert_ne!(sample("--method rejection --seed 1"), exact);
    place
        .efy("sample run -n 50 --method rejection --device cpu --output points.npy")
        .ok();
    let npy = place.bytes("points.npy");
    assert_eq!(
        (&npy[..6], npy.len()),
        (&b"\x93NUMPY"[..], 128 + 50 * 3 * 4)
    );

    for figure in ["density", "particles", "kl", "fisher", "loss"] {
        assert!(
            place.path(&format!("run/plots/{figure}.svg")).exists(),
            "{figure}"
        );
        assert!(
            place.path(&format!("run/plots/{figure}.csv")).exists(),
            "{figure}"
        );
    }
    let picture = place.json("run/density.json");
    let steps: Vec<u64> = (picture["frames"].as_array().unwrap().iter())
        .map(|frame| frame["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]);
    // Per steradian: the mean over the sphere is 1/(4 pi), rows weighted by their areas.
    for which in ["model", "teacher"] {
        let rows = picture[which].as_array().unwrap();
        let (mut sum, mut areas) = (0.0, 0.0);
        for (i, row) in rows.iter().enumerate() {
            let latitude = 90.0 - 180.0 * (i as f64 + 0.5) / rows.len() as f64;
            let area = latitude.to_radians().cos();
            let row = row.as_array().unwrap();
            sum += area * row.iter().map(|value| value.as_f64().unwrap()).sum::<f64>()
                / row.len() as f64;
            areas += area;
        }
        let mean = 4.0 * std::f64::consts::PI * sum / areas;
        assert!((mean - 1.0).abs() < 2e-3, "{which}: {mean}");
    }

    let refused = place.efy("predict run --input points.csv");
    assert!(refused.failed(2).contains("`efy sample run` draws points"));
    assert!(
        place
            .efy("replay run")
            .failed(2)
            .contains("no step to replay")
    );
}

/// Flows, spaces and restarts.
const VARIANTS: [&str; 6] = [
    "",
    "--set flow.restart=every --set flow.restart_every=9 --set model.dtype=f64 --set flow.cap=3",
    "--set flow.restart=bernoulli --set flow.start=base --set flow.antithetic=false --set flow.particles=75",
    "--set model.space=torus --set flow.langevin_steps=2 --set flow.particle_step=0.001",
    "--set flow.kind=kernel --set flow.beta=30",
    "--set data.standardize=false --set model.activation=softplus --set flow.neuron_step=0",
];

/// Trains straight, and with a stop after 77 steps; compares the runs.
fn assert_resumes(place: &Place, more: &str, efy: &dyn Fn(&str) -> Finished) {
    for run in ["straight", "stopped"] {
        let _ = fs::remove_dir_all(place.path(run));
    }
    let line = format!("train points.yaml --quiet {more} --out");
    let straight = efy(&format!("{line} straight")).ok().last_json();
    assert!(
        straight["test"]["log_likelihood"].is_f64(),
        "{more}: {straight}"
    );
    let stopped = efy(&format!("{line} stopped --stop-after 77"))
        .ok()
        .last_json();
    assert_eq!(stopped["stopped"], 77, "{more}");
    efy("train --quiet --resume stopped").ok();
    fs::remove_dir_all(place.path("stopped/checkpoints/step-000000077")).unwrap();
    assert_same_runs(more, &place.path("stopped"), &place.path("straight"));
}

#[test]
fn every_flow_goes_on_bit_for_bit_in_another_process() {
    let place = place();
    for more in VARIANTS {
        assert_resumes(&place, more, &|line| {
            place.efy(&format!("{line} --device cpu"))
        });
    }
}

#[test]
fn flows_go_on_bit_for_bit_on_the_stand_in() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = place();
    let efy = |line: &str| {
        let line = format!("{line} --device cuda");
        run(with_stand_in(&mut place.command(&line), library), &line)
    };
    for more in ["--set flow.restart=every", "--set flow.kind=kernel"] {
        assert_resumes(&place, more, &efy);
    }
}

/// The density of one's own points is better than the base measure, in the units of the points, from CSV as from npy.
#[test]
fn points_of_ones_own_are_learned_in_their_units() {
    let place = place();
    let line =
        "train points.yaml --quiet --device cpu --set train.epochs=600 --set train.log_every=100";
    let better = |run: &str, more: &str| -> Value {
        let steps = "--set flow.neuron_step=0.3 --set flow.weight_step=0.3 --set flow.cap=60";
        let test = place
            .efy(&format!("{line} {steps} {more} --out {run}"))
            .ok()
            .last_json()["test"]
            .clone();
        let still = "--set flow.neuron_step=0 --set flow.weight_step=0 --set train.eval_every=600";
        let base = place
            .efy(&format!("{line} {still} {more} --out base-{run}"))
            .ok()
            .last_json();
        let (found, base) = (&test["log_likelihood"], &base["test"]["log_likelihood"]);
        assert!(
            found.as_f64().unwrap() > base.as_f64().unwrap() + 0.3,
            "{run}: {found} {base}"
        );
        test
    };
    let test = better("plane", "");
    assert!(test.get("kl").is_none());
    // Half the units: a density four times as high.
    let halved: String = (clouds(201).lines().skip(1))
        .map(|line| {
            let cells: Vec<String> = line
                .split(',')
                .map(|c| (c.parse::<f64>().unwrap() / 2.0).to_string())
                .collect();
            format!("{}\n", cells.join(","))
        })
        .collect();
    place.write("halved.csv", &halved);
    let half = better("halved", "--set data.path=halved.csv");
    let difference =
        half["log_likelihood"].as_f64().unwrap() - test["log_likelihood"].as_f64().unwrap();
    assert!((difference - 4.0_f64.ln()).abs() < 0.05, "{difference}");
    let sampled = place
        .efy("sample plane -n 2000 --steps 200 --device cpu")
        .ok()
        .stdout;
    assert_eq!(sampled.lines().next(), Some("east,north"));
    for ((mean, error), (data, its)) in means(&sampled)
        .into_iter()
        .zip(means(&place.text("points.csv")))
    {
        assert!(
            (mean - data).abs() < 5.0 * error.hypot(its),
            "{mean} {data}"
        );
    }
    let refused = place.efy("sample plane -n 5 --method rejection --device cpu");
    assert!(
        refused.failed(2).contains("where a network is bounded"),
        "{}",
        refused.told()
    );
    assert!(place.path("plane/plots/density.svg").exists());
    assert!(place.path("plane/plots/particles-000500.svg").exists());

    place
        .efy("sample plane -n 201 --device cpu --output own.npy")
        .ok();
    place
        .efy(&format!(
            "{line} --set data.path=own.npy --set train.epochs=20 --out npy"
        ))
        .ok();
    better(
        "torus",
        "--set model.space=torus --set flow.particle_step=0.0005",
    );
}

#[test]
fn bad_configurations_of_densities_are_refused_in_one_line() {
    let place = place();
    place.write("far.csv", "0.6,0.8\n1.0,0.5\n0,1\n");
    place.write("few.csv", "0.6,0.8\n0,1\n");
    let own = "--set data.teacher=null --set data.path";
    let cases = [
        (
            "--set train.monitor=loss",
            "train.monitor: expected one of log_likelihood",
        ),
        (
            "--set model.kind=pairwise",
            "model.kind: expected shallow for task density",
        ),
        (
            "--set data.teacher=null",
            "data.teacher: expected a teacher, or points in data.path",
        ),
        (
            "--set data.path=points.csv",
            "data.teacher: expected nothing beside data.path",
        ),
        (
            "--set data.teacher=neurons",
            "data.teacher_neurons: expected a list of vectors",
        ),
        (
            "--set model.space=torus",
            "model.space: expected sphere with data.teacher, found torus",
        ),
        (
            "--set train.replicas=2",
            "train.replicas: expected 1 for task density",
        ),
        (
            "--set train.refit=true",
            "train.refit: expected false for task density",
        ),
        (
            "--set flow.particles=7",
            "flow.particles: expected an even number",
        ),
        (
            "--set flow.particle_step=0",
            "flow.particle_step: expected a positive number, found 0",
        ),
        (
            "--set flow.kind=kernel --set model.power=4",
            "model.activation: expected relu of a power of at most 3",
        ),
        ("--set flow.restart=sometimes", "flow.restart"),
        (
            &format!("{own}=far.csv --set data.teacher=null"),
            "far.csv: point 2 (from 1): expected a vector of length 1",
        ),
        (
            &format!("{own}=few.csv --set model.space=euclidean"),
            "split would have",
        ),
        (&format!("{own}=none.csv"), "none.csv: cannot read"),
    ];
    for (more, expected) in cases {
        let finished = place.efy(&format!(
            "train teacher.yaml --quiet --device cpu --out run {more}"
        ));
        let last = finished.failed(2);
        assert!(last.contains(expected), "{more}: {last}");
        assert!(!place.path("run").exists(), "{more}");
    }
    let refused = place.efy("train CONFIG --set model.kind=shallow --out run");
    assert!(
        refused
            .failed(2)
            .contains("model.kind: expected another kind for task multilabel")
    );
    place.train("labels", "");
    assert!(
        place
            .efy("sample labels -n 5")
            .failed(2)
            .contains("expected a run of task density, found multilabel")
    );
}

/// A step so large that numbers overflow ends with exit code 3, on the CPU at once and on a GPU at the next log point.
#[test]
fn a_flow_that_diverges_ends_as_other_trainings_do() {
    let place = place();
    let line = "train points.yaml --quiet --set flow.weight_step=1e38 --set flow.cap=null --out";
    let cpu = place.efy(&format!("{line} cpu --device cpu"));
    assert_eq!(cpu.code, Some(3), "{}", cpu.told());
    let Some(library) = library_or_skip() else {
        return;
    };
    let line = format!("{line} cuda --device cuda");
    let cuda = run(with_stand_in(&mut place.command(&line), library), &line);
    assert_eq!(cuda.code, Some(3), "{}", cuda.told());
}

/// The committed points are those that the script beside them makes.
#[test]
fn the_points_of_the_example_are_those_of_its_script() {
    let folder = workspace().join("examples/density");
    let place = Place::new();
    let python = std::process::Command::new("python3")
        .arg(folder.join("two-moons.py"))
        .current_dir(place.path("."))
        .status();
    match python {
        Ok(status) if status.success() => {
            let committed = fs::read_to_string(folder.join("two-moons.csv")).unwrap();
            assert!(place.text("two-moons.csv") == committed);
        }
        _ => crate::support::skipped("no python3"),
    }
}
