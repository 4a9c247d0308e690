//! What a training step, an evaluation and a prediction launch and wait for on CUDA: `benches/launches.csv` and
//! `benches/evaluations.csv` say it for every algorithm, and these tests hold the program to them, to the last launch.
//!
//! A row is an algorithm and its settings. To add one, write these two columns and run the tests with `EFY_BLESS=1`, which
//! measures the others.

mod measure;
mod table;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use self::measure::{evaluation, training};
use self::table::{Evaluation, Row, Training, page, read, write};
use crate::reference::{assert_is_committed, blessing};
use crate::support::workspace;

const TRAINING: &str = "benches/launches.csv";
const EVALUATIONS: &str = "benches/evaluations.csv";
const PAGE: &str = "docs/src/launches.md";

/// Algorithms that launch more than their model's goal.
const ABOVE_THE_GOAL: [&str; 4] = [
    "unary, two hidden layers",
    "SPEN, two layers",
    "input-concave, two layers",
    "partially input-convex",
];
/// Iterations of a solver in training, unless the configuration says something else.
const ITERATIONS: u64 = 50;

/// Measures all rows, two at a time, and compares or writes them. A difference is an error in either direction: the
/// file is always the truth.
fn check<T: Row>(name: &str, measure: impl Fn(&str) -> Result<T::Counts, String> + Sync) {
    if efy_stand_in::library_or_skip().is_none() {
        return;
    }
    // One file at a time, and two of its rows.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let committed: Vec<T> = read(name);
    let next = AtomicUsize::new(0);
    let measured: Vec<OnceLock<Result<T, String>>> =
        committed.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = committed.get(index) else {
                        break;
                    };
                    let counts = measure(row.settings()).map(|counts| row.with(counts));
                    let _ = measured[index]
                        .set(counts.map_err(|why| format!("  {}: {why}", row.algorithm())));
                }
            });
        }
    });
    let measured = measured.into_iter().filter_map(OnceLock::into_inner);
    let (found, failed): (Vec<_>, Vec<_>) = measured.partition(Result::is_ok);
    let failed: Vec<String> = failed.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{name}:\n{}", failed.join("\n"));
    let found: Vec<T> = found.into_iter().filter_map(Result::ok).collect();
    assert_eq!(found.len(), committed.len());
    if blessing() {
        write(name, &found);
        return assert_is_committed(PAGE, &page(&read(TRAINING), &read(EVALUATIONS)));
    }
    let differences: Vec<String> = committed
        .iter()
        .zip(&found)
        .filter(|(committed, found)| committed != found)
        .map(|(committed, found)| {
            format!(
                "  {}\n    {name}: {committed:?}\n    measured: {found:?}",
                found.algorithm()
            )
        })
        .collect();
    assert!(
        differences.is_empty(),
        "{name} is not what the program does. If that is meant, or is less than before, EFY_BLESS=1 writes it anew.\n{}",
        differences.join("\n")
    );
}

#[test]
fn a_training_step_launches_what_the_file_says() {
    check::<Training>(TRAINING, training);
}

#[test]
fn evaluations_and_predictions_launch_what_the_file_says() {
    check::<Evaluation>(EVALUATIONS, evaluation);
}

#[test]
fn the_page_shows_the_files() {
    if blessing() {
        // When they have been measured.
        return;
    }
    assert_is_committed(PAGE, &page(&read(TRAINING), &read(EVALUATIONS)));
}

#[test]
fn no_step_waits_or_copies() {
    let rows: Vec<Training> = read(TRAINING);
    let waiting = |row: &&Training| row.syncs > 0 || row.h2d > 0;
    let names: Vec<&str> = rows
        .iter()
        .filter(waiting)
        .map(|row| row.algorithm.as_str())
        .collect();
    assert!(names.is_empty(), "waiting in a step: {names:?}");
}

#[test]
fn an_evaluation_waits_once() {
    let rows: Vec<Evaluation> = read(EVALUATIONS);
    let names = |chosen: &dyn Fn(&Evaluation) -> bool| -> Vec<&str> {
        let rows = rows.iter().filter(|row| chosen(row));
        rows.map(|row| row.algorithm.as_str()).collect()
    };
    assert_eq!(
        names(&|row| row.syncs > 1 || row.predict_syncs > 0),
        [""; 0]
    );
}

#[test]
fn optimizers_launch_what_the_book_says() {
    let rows: Vec<Training> = read(TRAINING);
    let update = |name: &str| {
        let row = rows.iter().find(|row| row.algorithm == name);
        row.unwrap_or_else(|| panic!("no {name}")).update
    };
    for (name, more) in [
        ("SGD with momentum", 2),
        ("SGD with Nesterov's momentum", 3),
        ("unary", 5),
        ("Adam, clipping", 8),
        ("Adam, weight decay", 6),
        ("AdamW", 7),
    ] {
        assert_eq!(update(name), update("SGD") + more, "{name}");
    }
}

/// At most so many launches a step, and beside them an iteration of its solver, by the beginning of the settings.
const GOALS: [(&str, u64, u64); 5] = [
    ("model.kind=unary", 40, 0),
    ("model.kind=pairwise", 40, 8),
    ("model.kind=spen", 40, 14),
    ("model.kind=input_concave", 40, 14),
    ("model.kind=picnn", 40, 14),
];

#[test]
fn steps_with_the_defaults_are_within_the_goals_but_those_that_are_known_not_to_be() {
    let rows: Vec<Training> = read(TRAINING);
    let above = |row: &&Training| {
        // Other losses, solvers and optimizers do something else, and have no goal.
        let is_default = !["loss.kind", "solver.kind", "train."]
            .iter()
            .any(|key| row.settings.contains(key));
        let goal = GOALS
            .iter()
            .find(|(model, ..)| row.settings.starts_with(model));
        is_default
            && goal.is_some_and(|(_, step, iteration)| {
                row.launches + ITERATIONS * row.iteration > step + ITERATIONS * iteration
            })
    };
    let names: Vec<&str> = rows
        .iter()
        .filter(above)
        .map(|row| row.algorithm.as_str())
        .collect();
    assert_eq!(
        names, ABOVE_THE_GOAL,
        "above the goal; ABOVE_THE_GOAL lists what is known to be"
    );
}

/// Of two layers, whatever the energy and the log-partition network.
const JOINT_GOAL: u64 = 60;

#[test]
fn joint_steps_are_within_their_goal() {
    let rows: Vec<Training> = read(TRAINING);
    let joint = rows.iter().filter(|row| row.algorithm.starts_with("joint"));
    let launches: Vec<(u64, &str)> = joint
        .map(|row| (row.launches, row.algorithm.as_str()))
        .collect();
    assert!(launches.len() > 20, "{launches:?}");
    let above = launches
        .iter()
        .filter(|(launches, _)| *launches > JOINT_GOAL);
    assert_eq!(above.count(), 0, "{launches:?}");
}

#[test]
fn every_model_loss_regularizer_and_solver_of_cuda_has_a_row() {
    let rows: Vec<Training> = read(TRAINING);
    let schema = workspace().join("configs/schema.json");
    let schema: serde_json::Value =
        serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let defaults = [
        "pairwise",
        "shared",
        "fenchel_young",
        "gini",
        "auto",
        "adam",
        "f32",
        "hamming",
        "implicit",
        "gibbs",
        "stop",
        "low_rank",
        "mlp",
        "kullback_leibler",
    ];
    // Two refuse CUDA; flows have no batches and are counted with the stand-in (counts/flows.rs).
    let not_here = ["lbfgsb", "coordinate_newton", "shallow"];
    for (definition, keys) in [
        ("ModelKind", "model.kind"),
        ("CouplingKind", "model.coupling"),
        ("LossKind", "loss.kind"),
        ("RegularizerKind", "loss.regularizer"),
        ("CostKind", "loss.cost"),
        ("DifferentiationKind", "loss.differentiation"),
        ("NegativesKind", "loss.negatives"),
        ("SolverKind", "solver.kind"),
        ("MatrixKind", "model.matrix"),
        ("LogPartitionKind", "model.log_partition.kind"),
        ("DivergenceKind", "loss.divergence"),
        ("OptimizerKind", "train.optimizer"),
    ] {
        let values = &schema["$defs"][definition];
        let listed = values["enum"].as_array().into_iter().flatten().cloned();
        let described = values["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|value| value["const"].clone());
        let values: Vec<String> = listed
            .chain(described)
            .map(|value| value.as_str().unwrap().to_owned())
            .collect();
        assert!(values.len() > 1, "{definition}: {values:?}");
        for value in values {
            let setting = format!("{keys}={value}");
            let found = rows
                .iter()
                .any(|row| row.settings.split(' ').any(|word| word == setting));
            let expected =
                !defaults.contains(&value.as_str()) && !not_here.contains(&value.as_str());
            assert!(found || !expected, "{TRAINING} has no row with {setting}");
        }
    }
}
