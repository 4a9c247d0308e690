//! Measures a row: differences of whole runs, so that nothing of a step is left out.

use std::fmt::Write as _;

use efy_stand_in::{Counts, Report, library};

use super::table::{EvaluationCounts, TrainingCounts};
use crate::cuda_stand_in::on_stand_in;
use crate::support::Place;

/// Iterations of the solver in two runs whose difference is what iterations cost.
const ITERATIONS: [u64; 2] = [4, 6];
/// The same for evaluations, which look at the device every ten iterations.
const LOOKS: [u64; 2] = [20, 40];
/// Steps after which two runs stop, in the steady state and within one epoch.
const STEPS: [u64; 2] = [2, 5];

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
    place
}

fn run(place: &Place, settings: &str, more: &str) -> Report {
    let sets: String = settings
        .split_whitespace()
        .map(|set| format!(" --set {set}"))
        .collect();
    let line = format!(
        "train CONFIG --quiet --force --out run --set data.path=train.csv --set data.test_path=test.csv \
         --set data.label_prefix=y --set train.epochs=1 --set train.batch_size=10 --set train.log_every=1000000 \
         --set train.tensorboard=false --set train.monitor=hamming_accuracy --set solver.tolerance=0 \
         --set solver.eval_tolerance=0 {more}{sets}"
    );
    // Only called where there is one.
    on_stand_in(place, library().unwrap(), &line).report
}

/// What one step costs, and what one iteration more of its solver; or what was not the same in every step.
pub(super) fn training(settings: &str) -> Result<TrainingCounts, String> {
    let place = place();
    let stopped = |steps: u64, iterations: u64| {
        let more = format!("--stop-after {steps} --set solver.max_iterations={iterations}");
        run(&place, settings, &more)
    };
    let [few, many] = ITERATIONS;
    let [short, long] = STEPS;
    let reports = [stopped(short, few), stopped(long, few), stopped(long, many)];
    // Of everything between two steps, whether it is in the phase of steps or not.
    let step = |what: &dyn Fn(&Report) -> u64| {
        exactly(what(&reports[1]) - what(&reports[0]), long - short)
    };
    // Solvers also work on a first example, before the first step.
    let in_steps = |report: &Report| report.within("step").counts.launches;
    let more = in_steps(&reports[2]) - in_steps(&reports[1]);
    let iteration = exactly(more, long * (many - few))?;
    let phase = |name: &'static str| step(&move |report| launches_of(report, name));
    let solve = phase("step/solve")?;
    Ok(TrainingCounts {
        launches: step(&|report| report.total.launches)? - iteration * few,
        iteration,
        encode: phase("step/encode")?,
        solve: solve - iteration * few,
        loss: phase("step")?,
        gradient: phase("step/gradient")?,
        update: phase("step/update")?,
        syncs: step(&|report| report.total.syncs)?,
        h2d: step(&|report| report.total.h2d + report.total.h2d_pinned)?,
    })
}

/// Launches in a phase but not in those inside of it.
fn launches_of(report: &Report, phase: &str) -> u64 {
    report
        .phases
        .get(phase)
        .map_or(0, |phase| phase.counts.launches)
}

/// What the evaluation of a batch and predictions for one cost, and what ten iterations of the solver add.
pub(super) fn evaluation(settings: &str) -> Result<EvaluationCounts, String> {
    let place = place();
    let [few, many] = LOOKS;
    let reports = LOOKS.map(|iterations| {
        let more =
            format!("--set solver.max_iterations=2 --set solver.eval_max_iterations={iterations}");
        run(&place, settings, &more)
    });
    let each = |phase: &str, what: fn(&Counts) -> u64| -> Result<(u64, u64), String> {
        let in_all = |report: &Report| {
            let phase = report.within(phase);
            // One batch each time.
            exactly(what(&phase.counts), phase.entries)
        };
        let (few_in_all, many_in_all) = (in_all(&reports[0])?, in_all(&reports[1])?);
        let ten = exactly(many_in_all - few_in_all, (many - few) / 10)?;
        Ok((few_in_all - ten * few / 10, ten))
    };
    let (launches, ten_launches) = each("evaluate", |counts| counts.launches)?;
    let (syncs, ten_syncs) = each("evaluate", |counts| counts.syncs)?;
    let (predict, ten_predict) = each("predict", |counts| counts.launches)?;
    let (predict_syncs, _) = each("predict", |counts| counts.syncs)?;
    Ok(EvaluationCounts {
        launches,
        ten_launches,
        syncs,
        ten_syncs,
        predict,
        ten_predict,
        predict_syncs,
    })
}

/// The quotient of counts that have to be the same every time.
fn exactly(sum: u64, parts: u64) -> Result<u64, String> {
    match sum.checked_rem(parts) {
        Some(0) => Ok(sum / parts),
        _ => Err(format!("{sum} in {parts} parts that are not alike")),
    }
}
