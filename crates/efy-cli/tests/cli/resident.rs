//! Examples in host memory train the same model, to the last bit, as examples on the device.

use efy_stand_in::library_or_skip;
use serde_json::Value;

use crate::cuda_stand_in::{on_stand_in, with_stand_in};
use crate::resume::{SMALL, small_place};
use crate::support::{Finished, Place, run};

/// What uses the examples in its own way.
const ALGORITHMS: [&str; 5] = [
    "",
    "--set solver.warm_start=false --set train.on_nonfinite=skip",
    "--set train.accumulate=3 --set loss.regularizer=binary_entropy",
    "--set model.kind=input_concave --set model.prior_hidden=[5] --set model.dtype=f64",
    // The stop is in the second training, which has other examples.
    "--set train.refit=true --set train.epochs=2",
];

/// What a run has learned, has said and predicts.
fn results(place: &Place, run: &str) -> [Vec<u8>; 3] {
    ["weights.safetensors", "metrics.jsonl", "predictions.csv"]
        .map(|file| place.bytes(&format!("{run}/{file}")))
}

/// Trains with examples on the device, in host memory, and in host memory with a stop within an epoch.
fn assert_the_same(place: &Place, more: &str, efy: &dyn Fn(&str) -> Finished) {
    let train = |run: &str, more: &str| {
        let line =
            format!("train CONFIG --quiet --force {SMALL} --set train.epochs=4 {more} --out {run}");
        efy(&line).ok().last_json()
    };
    train("device", &format!("{more} --set data.resident=device"));
    let host = format!("{more} --set data.resident=host");
    train("host", &host);
    // Four steps an epoch: one is left of the third.
    let stopped = train("stopped", &format!("{host} --stop-after 11"));
    assert_eq!(stopped["stopped"], 11, "{more}");
    efy("train --quiet --resume stopped").ok();
    let expected = results(place, "device");
    for run in ["host", "stopped"] {
        let same = results(place, run) == expected;
        assert!(same, "{more}: {run} is not what the device gives");
    }
}

#[test]
fn on_the_cpu() {
    let place = small_place();
    for more in ALGORITHMS {
        assert_the_same(&place, more, &|line| {
            place.efy(&format!("{line} --device cpu"))
        });
    }
}

#[test]
fn on_the_stand_in() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = small_place();
    for more in &ALGORITHMS[..3] {
        assert_the_same(&place, more, &|line| {
            let line = format!("{line} --device cuda");
            run(with_stand_in(&mut place.command(&line), library), &line)
        });
    }
}

#[test]
fn a_run_is_scored_and_predicted_alike_from_host_memory() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = small_place();
    let efy = |line: &str| {
        let line = format!("{line} --device cuda");
        run(with_stand_in(&mut place.command(&line), library), &line).ok()
    };
    let scores: Vec<Value> = ["host", "device"]
        .into_iter()
        .map(|resident| {
            let line =
                format!("train CONFIG --quiet {SMALL} --set train.epochs=2 --out {resident}");
            efy(&format!("{line} --set data.resident={resident}"));
            efy(&format!("eval {resident} --json")).json()
        })
        .collect();
    assert_eq!(scores[0], scores[1]);
}

#[test]
fn the_log_says_where_the_examples_live() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = small_place();
    for (resident, expected) in [("host", "in host memory"), ("auto", "on cuda:0")] {
        let line = line_of(resident);
        let told = run(with_stand_in(&mut place.command(&line), library), &line).ok();
        let line = told
            .stderr
            .lines()
            .find(|line| line.starts_with("examples"));
        assert!(line.unwrap().contains(expected), "{}", told.stderr);
        let line = format!("{} --log json --force", line_of(resident));
        let told = run(with_stand_in(&mut place.command(&line), library), &line).ok();
        let first: Value = serde_json::from_str(told.stderr.lines().next().unwrap()).unwrap();
        let on = if resident == "host" { "host" } else { "device" };
        assert_eq!(first["resident"]["on"], on, "{first}");
        assert!(first["resident"]["bytes"].as_u64().unwrap() > 107 * 4 * 6);
    }
}

fn line_of(resident: &str) -> String {
    format!(
        "train CONFIG --device cuda {SMALL} --set train.epochs=1 --set data.resident={resident} --out {resident}"
    )
}

#[test]
fn a_step_does_not_wait_for_its_examples() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    // One epoch, with twice the steps: waits and reads are those of evaluations, which are the same.
    let [few, many] = [100, 50].map(|batch| {
        let line = format!(
            "train CONFIG --quiet --force --out run --set data.resident=host \
             --set train.epochs=1 --set train.log_every=1000000 --set solver.eval_tolerance=0 \
             --set solver.eval_max_iterations=40 --set train.batch_size={batch}"
        );
        on_stand_in(&place, library, &line).report.total
    });
    assert_eq!(many.syncs, few.syncs);
    assert_eq!(many.d2h, few.d2h);
    assert_eq!(many.h2d, few.h2d, "copies that the host waits for");
    // 12 and 23 steps: indices, inputs and labels of each.
    assert_eq!(many.h2d_pinned - few.h2d_pinned, 3 * 11);
}

#[test]
fn a_place_that_is_none_is_refused() {
    let place = Place::new();
    let finished = place.efy("train CONFIG --out run --set data.resident=disk");
    let told = finished.failed(2);
    assert!(
        told.contains("data.resident") && told.contains("auto") && told.contains("host"),
        "{told}"
    );
}
