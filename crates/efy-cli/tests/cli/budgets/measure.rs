//! Measures a row: from the beginning of a step to that of the next, so that nothing is left out.

use std::fmt::Write as _;

use efy_stand_in::{Counts, Report, library};

use super::table::{EvaluationCounts, TrainingCounts};
use crate::cuda_stand_in::{Counted, on_stand_in};
use crate::support::Place;

/// Iterations of the solver in two runs whose difference is what iterations cost.
const ITERATIONS: [u64; 2] = [4, 6];
/// The same for evaluations, and one with a look at which rows are done, the first of which comes after 40.
const LOOKS: [u64; 3] = [4, 6, 41];

/// 60 training examples in batches of 10, 20 validation and 20 test examples; 3 features, 4 labels.
fn place() -> Place {
    let place = Place::new();
    for (name, rows, seed) in [("train.csv", 80, 1_u64), ("test.csv", 20, 2)] {
        let mut state = seed;
        let mut text = "x1,x2,x3,y1,y2,y3,y4\n".to_owned();
        for _ in 0..rows {
            let [x1, x2, x3] = [0; 3].map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0
            });
            let labels = [x1 > 0.0, x2 > 0.0, x1 + x3 > 0.0, x1 * x2 > 0.0].map(u8::from);
            let [y1, y2, y3, y4] = labels;
            writeln!(text, "{x1:.3},{x2:.3},{x3:.3},{y1},{y2},{y3},{y4}").unwrap();
        }
        place.write(name, &text);
    }
    place.write("run.yaml", CONFIG);
    place.write("policy.yaml", POLICY);
    place
}

/// Everything else has its default.
const CONFIG: &str = "task: multilabel
data: {path: train.csv, test_path: test.csv, label_prefix: y}
solver: {tolerance: 0, eval_tolerance: 0}
train: {epochs: 1, batch_size: 10, log_every: 1000000, tensorboard: false, monitor: hamming_accuracy}
";

/// The same for `task=imitation`: 80 pairs of 8 and 4 numbers.
const POLICY: &str = "task: imitation
data: {expert: linear_plant, coupling: 0.8, episodes: 4, subsample: 5}
loss: {regularizer: half_squared_norm}
solver: {tolerance: 0, eval_tolerance: 0}
rollout: {every: 0, episodes: 1, test_episodes: 1}
train: {epochs: 1, batch_size: 10, log_every: 1000000, tensorboard: false, monitor: action_error}
";

fn run(place: &Place, settings: &str, more: &str) -> Counted {
    let sets: String = settings
        .split_whitespace()
        .map(|set| format!(" --set {set}"))
        .collect();
    let config = match settings.starts_with("task=imitation") {
        true => "policy.yaml",
        false => "run.yaml",
    };
    let line = format!("train {config} --quiet --force --out run {more}{sets}");
    // Only called where there is one.
    on_stand_in(place, library().unwrap(), &line)
}

/// What one step costs, and what one iteration more of its solver; or what was not the same in every step.
pub(super) fn training(settings: &str) -> Result<TrainingCounts, String> {
    let place = place();
    let [few, many] = ITERATIONS.map(|iterations| {
        let more = format!("--stop-after 5 --set solver.max_iterations={iterations}");
        run(&place, settings, &more).steps
    });
    // From the beginning of a step to that of the next, two times in the steady state.
    let step = |steps: &[Report], what: &dyn Fn(&Report) -> u64| {
        let [third, fourth] = [2, 3].map(|at| what(&steps[at + 1]) - what(&steps[at]));
        match third == fourth {
            true => Ok(third),
            false => Err(format!("{third} in one step and {fourth} in the next")),
        }
    };
    let launches = |report: &Report| report.total.launches;
    let (of_few, of_many) = (step(&few, &launches)?, step(&many, &launches)?);
    let iteration = exactly(of_many - of_few, ITERATIONS[1] - ITERATIONS[0])?;
    let iterations = iteration * ITERATIONS[0];
    let phase = |name: &'static str| step(&few, &move |report| launches_of(report, name));
    Ok(TrainingCounts {
        launches: of_few - iterations,
        iteration,
        encode: phase("step/encode")?,
        solve: phase("step/solve")? - iterations,
        loss: phase("step")?,
        gradient: phase("step/gradient")?,
        update: phase("step/update")?,
        syncs: step(&many, &|report| report.total.syncs)?,
        h2d: step(&many, &|report| report.total.h2d + report.total.h2d_pinned)?,
    })
}

/// Launches in a phase but not in those inside of it.
fn launches_of(report: &Report, phase: &str) -> u64 {
    report
        .phases
        .get(phase)
        .map_or(0, |phase| phase.counts.launches)
}

/// What the evaluation of a batch and predictions for one cost, an iteration more of the solver, and a look of it.
pub(super) fn evaluation(settings: &str) -> Result<EvaluationCounts, String> {
    let place = place();
    let reports = LOOKS.map(|iterations| {
        let more =
            format!("--set solver.max_iterations=2 --set solver.eval_max_iterations={iterations}");
        run(&place, settings, &more).report
    });
    let [few, many, looking] = LOOKS;
    // What there is without iterations, for an iteration, and for a look.
    let each = |phase: &str, what: fn(&Counts) -> u64| -> Result<[u64; 3], String> {
        let in_all = |report: &Report| {
            let phase = report.within(phase);
            // One batch each time.
            exactly(what(&phase.counts), phase.entries)
        };
        let [a, b, c] = [&reports[0], &reports[1], &reports[2]].map(in_all);
        let (a, b, c) = (a?, b?, c?);
        let iteration = exactly(b - a, many - few)?;
        Ok([
            a - iteration * few,
            iteration,
            c - b - iteration * (looking - many),
        ])
    };
    let [launches, iteration, look] = each("evaluate", |counts| counts.launches)?;
    let [predict, predict_iteration, predict_look] = each("predict", |counts| counts.launches)?;
    let waits = |phase| -> Result<u64, String> {
        let [syncs, iteration, look] = each(phase, |counts| counts.syncs)?;
        match iteration + look {
            0 => Ok(syncs),
            _ => Err(format!("{iteration} waits an iteration, {look} a look")),
        }
    };
    let (syncs, predict_syncs) = (waits("evaluate")?, waits("predict")?);
    Ok(EvaluationCounts {
        launches,
        iteration,
        syncs,
        look,
        predict,
        predict_iteration,
        predict_syncs,
        predict_look,
    })
}

/// The quotient of counts that have to be the same every time.
fn exactly(sum: u64, parts: u64) -> Result<u64, String> {
    match sum.checked_rem(parts) {
        Some(0) => Ok(sum / parts),
        _ => Err(format!("{sum} in {parts} parts that are not alike")),
    }
}
