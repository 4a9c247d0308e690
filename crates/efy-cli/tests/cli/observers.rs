//! What `efy train` tells, where, and what it does when there is no room to write it.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use efy_train::observer::{Event, MetricsFile, Observer, Observers, TensorBoard};
use efy_train::{Metrics, Split};
use serde_json::Value;

use crate::support::{Finished, Place, python_with, run, small_csv, workspace};

/// A few rows of data and a small model: everything but the metrics stays small.
const SMALL: &str = "train CONFIG --device cpu --set data.path=small.csv --set data.label_prefix=y \
     --set data.validation=0.2 --set train.batch_size=10 --set train.log_every=1 \
     --set model.hidden=[4] --set train.patience=0";

fn small() -> Place {
    let place = Place::new();
    place.write("small.csv", &small_csv(80, 3));
    place
}

fn events(text: &str) -> Vec<Value> {
    let events = text.lines().map(serde_json::from_str);
    events.collect::<Result<_, _>>().unwrap()
}

/// The event files of a run, by name.
fn event_files(place: &Place, run: &str) -> Vec<String> {
    let names = place.names().into_iter();
    let names = names.map(|path| {
        path.strip_prefix(place.path(run))
            .map(|p| p.display().to_string())
    });
    let names = names.filter_map(Result::ok);
    names
        .filter(|name| name.starts_with("events.out.tfevents."))
        .collect()
}

fn python() -> Option<String> {
    python_with("tensorboard", "scripts/tensorboard.sh installs it")
}

fn check(python: &str, place: &Place, of: &str) -> Finished {
    let mut command = assert_cmd::Command::new(python);
    command
        .arg(workspace().join("scripts/check_tensorboard.py"))
        .arg(place.path(of));
    run(&mut command, of)
}

#[test]
fn tensorboard_reads_the_numbers_of_metrics_jsonl() {
    let place = small();
    place
        .efy(&format!(
            "{SMALL} --quiet --set train.epochs=3 --set train.refit=true --out run"
        ))
        .ok();
    assert_eq!(event_files(&place, "run").len(), 1);
    let Some(python) = python() else { return };
    let same = check(&python, &place, "run").ok();
    let lines = place.text("run/metrics.jsonl").lines().count();
    let numbers: usize = same.stdout.split(' ').next().unwrap().parse().unwrap();
    assert!(numbers >= 3 * lines, "{}", same.told());

    // The check can fail: a digit that f32 holds, and a line that is missing.
    let metrics = place.text("run/metrics.jsonl");
    let (head, tail) = metrics.split_once("\"loss\":").unwrap();
    place.write("run/metrics.jsonl", &format!("{head}\"loss\":1{tail}"));
    assert!(
        check(&python, &place, "run")
            .failed(1)
            .contains("loss: expected")
    );
    place.write("run/metrics.jsonl", metrics.split_once('\n').unwrap().1);
    check(&python, &place, "run").failed(1);
}

/// Tells of a loss at each step that depends on the try.
fn tell(observers: &mut Observers<'_>, steps: std::ops::RangeInclusive<u64>, from: u64, this: u64) {
    let started = Event::Started { steps: 9, from };
    observers.tell(&started).unwrap();
    for step in steps {
        let metrics =
            Metrics::from_iter([("loss", ((step + this) as f64).sqrt()), ("kl", f64::NAN)]);
        let event = Event::Metrics {
            step,
            epoch: 1,
            split: Split::Train,
            metrics: &metrics,
        };
        observers.tell(&event).unwrap();
    }
}

#[test]
fn tensorboard_forgets_what_came_after_the_checkpoint_that_a_run_goes_on_from() {
    let Some(python) = python() else { return };
    let place = Place::new();
    place.write("run/config.yaml", "");
    let (run, path) = (place.path("run"), place.path("run/metrics.jsonl"));
    let observers = |metrics: MetricsFile, board: TensorBoard| {
        let both: Vec<Box<dyn Observer>> = vec![Box::new(metrics), Box::new(board)];
        Observers::from(both)
    };
    let mut killed = observers(
        MetricsFile::create(&path).unwrap(),
        TensorBoard::create(&run).unwrap(),
    );
    tell(&mut killed, 1..=4, 0, 0);
    let state = killed.state().unwrap();
    tell(&mut killed, 5..=7, 4, 0);
    drop(killed);
    // Cut off in the middle of a record.
    let first = place.path(&format!("run/{}", event_files(&place, "run")[0]));
    append(&first, b"\x18\0\0\0\0\0\0\0\xa3\x7f");
    append(&path, b"{\"step\":8,");
    for again in 1..3 {
        let bytes = state.get("metrics.bytes").unwrap();
        let mut resumed = observers(
            MetricsFile::resume(&path, bytes).unwrap(),
            TensorBoard::resume(&run).unwrap(),
        );
        resumed.restore(&state).unwrap();
        tell(&mut resumed, 5..=9, 4, again);
        assert_eq!(event_files(&place, "run").len() as u64, 1 + again);
        let same = check(&python, &place, "run").ok();
        let expected = "18 values under 2 tags are the same\n";
        assert_eq!(same.stdout, expected, "{}", same.told());
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn tensorboard_files_are_written_unless_switched_off_and_replaced_by_force() {
    let place = small();
    let line = format!("{SMALL} --quiet --set train.epochs=1 --force --out run");
    place
        .efy(&format!("{line} --set train.tensorboard=false"))
        .ok();
    assert!(event_files(&place, "run").is_empty());
    place.efy(&line).ok();
    let first = event_files(&place, "run");
    place.efy(&line).ok();
    let second = event_files(&place, "run");
    assert_eq!((first.len(), second.len()), (1, 1));
    // Metrics are the same with and without.
    let with = place.bytes("run/metrics.jsonl");
    place
        .efy(&format!(
            "{SMALL} --quiet --set train.epochs=1 --set train.tensorboard=false --out b"
        ))
        .ok();
    assert!(place.bytes("b/metrics.jsonl") == with);
}

#[test]
fn the_json_log_is_one_object_a_line_with_the_numbers_of_metrics_jsonl() {
    let place = small();
    let finished = place
        .efy(&format!(
            "{SMALL} --log json --set train.epochs=2 --out run"
        ))
        .ok();
    let log = events(&finished.stderr);
    let names: Vec<&str> = log
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names[..3],
        ["run", "started", "metrics"],
        "{}",
        finished.told()
    );
    assert_eq!(names[names.len() - 3..], ["finished", "metrics", "figures"]);
    assert!(
        log.iter()
            .all(|event| event["time"].as_str().unwrap().ends_with('Z'))
    );
    assert_eq!(
        (&log[0]["data"]["rows"], &log[0]["run"]),
        (&80.into(), &"run".into())
    );
    assert_eq!((&log[1]["steps"], &log[1]["from"]), (&12.into(), &0.into()));
    let flat: Vec<Value> = (log.into_iter().filter(|event| event["event"] == "metrics"))
        .map(|mut event| {
            let object = event.as_object_mut().unwrap();
            let metrics = object.shift_remove("metrics").unwrap();
            object.retain(|key, _| key != "time" && key != "event");
            object.extend(metrics.as_object().unwrap().clone());
            event
        })
        .collect();
    assert_eq!(flat, events(&place.text("run/metrics.jsonl")));

    let line = format!("{SMALL} --set train.epochs=1 --out by-environment");
    let by_environment = run(place.command(&line).env("EFY_LOG", "json"), &line).ok();
    assert_eq!(events(&by_environment.stderr)[0]["event"], "run");
    let quiet = place
        .efy(&format!(
            "{SMALL} --quiet --log json --set train.epochs=1 --out quiet"
        ))
        .ok();
    assert_eq!(quiet.stderr, "");
    let wrong = place.efy(&format!("{SMALL} --log xml --out wrong"));
    assert!(
        wrong.failed(2).contains("[possible values: text, json]"),
        "{}",
        wrong.told()
    );
}

#[test]
fn progress_off_a_terminal_is_a_line_in_five_seconds() {
    let place = small();
    let began = Instant::now();
    let finished = place
        .efy(&format!("{SMALL} --set train.epochs=2 --out run"))
        .ok();
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let steps: Vec<&&str> = lines
        .iter()
        .filter(|line| line.starts_with("step "))
        .collect();
    // The first one at once, which is all on a machine that does twelve steps in less.
    let at_most = 1 + began.elapsed().as_secs() / 5;
    assert!(
        (1..=at_most).contains(&(steps.len() as u64)),
        "{}",
        finished.told()
    );
    for part in ["step 1/12  loss ", " iterations  ", " steps/s  eta 00:00:"] {
        assert!(steps[0].contains(part), "{}", finished.told());
    }
}

#[test]
fn iterations_are_the_mean_of_the_last_step_of_the_training_split() {
    let place = small();
    let iterations = |more: &str| -> Vec<f64> {
        place
            .efy(&format!(
                "{SMALL} --quiet --force --set train.epochs=3 {more} --out run"
            ))
            .ok();
        let events = events(&place.text("run/metrics.jsonl")).into_iter();
        let (train, other): (Vec<_>, Vec<_>) = events.partition(|event| event["split"] == "train");
        assert!(other.iter().all(|event| event.get("iterations").is_none()));
        train
            .iter()
            .map(|event| event["iterations"].as_f64().unwrap())
            .collect()
    };
    // A coupling takes a few sweeps, from the last solution fewer; what has a closed form takes none.
    let warm = iterations("");
    assert!(warm.iter().all(|n| (1.0..=100.0).contains(n)), "{warm:?}");
    let capped = iterations("--set solver.max_iterations=1");
    assert!(capped.iter().all(|n| *n <= 1.0), "{capped:?}");
}

#[test]
fn on_a_full_disk_metrics_are_lost_and_training_goes_on() {
    let place = small();
    let line = |out: &str| {
        format!("{SMALL} --quiet --set train.epochs=300 --set train.eval_every=100 --out {out}")
    };
    let finished = place.efy_with_room(64, &line("full")).ok();
    let warnings: Vec<&str> = finished.stderr.lines().collect();
    let [metrics, board, report] = warnings[..] else {
        panic!("{}", finished.told())
    };
    for (warning, file) in [
        (metrics, "full/metrics.jsonl"),
        (board, "full/events.out.tfevents."),
        (report, "full/report.html"),
    ] {
        assert!(
            warning.starts_with(&format!("warning: {file}")),
            "{warning}"
        );
        assert!(
            warning.contains(": cannot write: File too large"),
            "{warning}"
        );
    }
    // Whole lines, each of which would have been written with more room, too.
    place.efy(&line("roomy")).ok();
    let (full, roomy) = (
        place.text("full/metrics.jsonl"),
        place.text("roomy/metrics.jsonl"),
    );
    assert!(60_000 < full.len() && full.len() <= 65_536 && roomy.len() > 65_536);
    assert!(full.ends_with('\n'));
    let mut all = roomy.lines();
    assert!(full.lines().all(|line| all.any(|other| other == line)));
    // Whole records: eight bytes of length, four of checksum, content, four of checksum.
    let board = place.bytes(&format!("full/{}", event_files(&place, "full")[0]));
    let mut rest = &board[..];
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        rest = &rest[16 + length..];
    }
    assert!(60_000 < board.len() && board.len() <= 65_536);
    // Everything else is whole and the same.
    for name in ["weights.safetensors", "predictions.csv", "schema.json"] {
        let [full, roomy] = ["full", "roomy"].map(|run| place.bytes(&format!("{run}/{name}")));
        assert!(full == roomy, "{name}");
    }
    assert_eq!(
        place.json("full/summary.json")["test"],
        place.json("roomy/summary.json")["test"]
    );
    assert!(
        place
            .text("full/plots/loss.svg")
            .trim_end()
            .ends_with("</svg>")
    );
}

#[test]
fn export_writes_a_row_for_each_event() {
    let place = small();
    place
        .efy(&format!("{SMALL} --quiet --set train.epochs=2 --out run"))
        .ok();
    let table = place.efy("export run").ok().stdout;
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(
        header[..6],
        [
            "step",
            "epoch",
            "split",
            "loss",
            "unconverged",
            "iterations"
        ]
    );
    let events = events(&place.text("run/metrics.jsonl"));
    assert_eq!(lines.clone().count(), events.len());
    for (line, event) in lines.zip(&events) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        for (name, cell) in header.iter().zip(cells) {
            let expected = match event.get(*name) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            assert_eq!(cell, expected, "{name} of {event}");
        }
    }
    assert_eq!(place.efy("export run --output tables.csv").ok().stdout, "");
    assert_eq!(place.text("tables.csv"), table);
    let missing = place.efy("export nowhere");
    assert!(
        missing.failed(2).contains("nowhere/metrics.jsonl"),
        "{}",
        missing.told()
    );
}
