//! `efy reproduce`: what it writes, that it goes on where it stopped, what it refuses.

use std::fs;

use serde_json::Value;

use crate::support::{Finished, Place, run};

/// One model, two points, two draws, two seeds, one epoch.
const TINY: &str = "comparisons=[{name: models, title: Models, paper: true, grid: {train.lr: [0.001, \
                    0.01]}, settings: [{name: unary, set: [model.kind=unary]}]}]";

/// A reproduction small enough for a test, with the words of `more` after it.
fn tiny(place: &Place, more: &str) -> Finished {
    let line = format!(
        "reproduce fy-multilabel --set only=[yeast] --set draws=2 --set seeds=2 \
         --set base.train.epochs=1 {more}"
    );
    run(place.command(&line).args(["--set", TINY]), &line)
}

/// The scores of the only cell of a tiny reproduction.
fn scores(place: &Place, out: &str) -> Value {
    let numbers = place.json(&format!("{out}/table.json"));
    let cell = &numbers["findings"]["cells"][0];
    serde_json::json!([cell["chosen"], cell["test"], cell["tried"][0]["validation"]])
}

fn trials(place: &Place, out: &str) -> Vec<Value> {
    let folder = fs::read_dir(place.path(&format!("{out}/trials"))).unwrap();
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    names.sort_unstable();
    let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    names.into_iter().map(read).collect()
}

#[test]
fn the_names_are_listed_and_a_wrong_one_is_refused_with_them() {
    let place = Place::new();
    let listed = place.efy("reproduce --list").ok().stdout;
    let wrong = place.efy("reproduce fy-multilable");
    let line = wrong.failed(2);
    for name in [
        "fy-multilabel",
        "fy-solvers",
        "fy-differentiation",
        "joint-ranking",
    ] {
        assert!(listed.contains(name) && line.contains(name), "{line}");
    }
    assert!(line.contains("did you mean fy-multilabel?"), "{line}");
    place.efy("reproduce").failed(2);
    assert!(place.names().is_empty());
}

#[test]
fn tables_figures_and_report_are_written() {
    let place = Place::new();
    let finished = tiny(&place, "").ok();
    assert_eq!(finished.stdout, "reproduce/fy-multilabel/report.md\n");
    let file = |name: &str| format!("reproduce/fy-multilabel/{name}");
    let table = place.text(&file("table.md"));
    for words in [
        "| unary |",
        "best constant per label | 76.7",
        "69.63",
        "80.19",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let report = place.text(&file("report.md"));
    let parts = [
        "# Multilabel",
        "models.svg",
        "protocol was changed",
        "## Deviations",
        "libtorch",
    ];
    for part in parts {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(report.contains(&table), "the tables are in the report");
    assert!(place.bytes(&file("models.png")).starts_with(b"\x89PNG"));
    assert!(place.text(&file("models.svg")).contains("Hamming accuracy"));
    assert!(
        place
            .text(&file("models.csv"))
            .starts_with("panel,row,mean,deviation\nyeast,unary,")
    );
    let numbers = place.json(&file("table.json"));
    assert_eq!(numbers["experiment"], "fy-multilabel");
    let accuracy = &numbers["findings"]["cells"][0]["test"]["hamming_accuracy"];
    assert_eq!(accuracy["seeds"].as_array().unwrap().len(), 2);
    assert_eq!(accuracy["summary"]["count"], 2);
}

#[test]
fn settings_are_chosen_without_a_look_at_the_test_split() {
    let place = Place::new();
    tiny(&place, "--out out --quiet").ok();
    let trials = trials(&place, "out");
    assert_eq!(trials.len(), 6, "two points twice, the chosen one twice");
    let mut sums = std::collections::BTreeMap::<String, f64>::new();
    for record in &trials {
        let (refit, result) = (&record["trial"]["refit"], &record["result"]);
        assert_eq!(result["test"].is_null(), refit.is_null(), "{record}");
        // An epoch and its scores.
        let curve = result["validation"].as_array().unwrap();
        if refit.is_null() {
            let lr = record["trial"]["config"]["train"]["lr"].to_string();
            *sums.entry(lr).or_default() += curve[0][1]["hamming_accuracy"].as_f64().unwrap();
        } else {
            assert!(curve.is_empty() && refit == 1, "{record}");
        }
    }
    let best = sums.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    assert_eq!(scores(&place, "out")[0][0], format!("train.lr={}", best.0));
}

#[test]
fn a_second_run_goes_on_where_the_first_stopped() {
    let place = Place::new();
    tiny(&place, "--out out").ok();
    let (first, table) = (trials(&place, "out"), place.text("out/table.md"));
    let second = tiny(&place, "--out out").ok();
    let idle = second.stderr.matches(" trials, 0 of them to run").count();
    assert_eq!(idle, 2, "nothing is run: {}", second.told());
    assert_eq!(trials(&place, "out"), first, "not even the times change");
    assert_eq!(place.text("out/table.md"), table);

    // As after an interruption: one trial is missing, and there is no report yet.
    let missing = fs::read_dir(place.path("out/trials"))
        .unwrap()
        .next()
        .unwrap();
    fs::remove_file(missing.unwrap().path()).unwrap();
    fs::remove_file(place.path("out/table.json")).unwrap();
    let third = tiny(&place, "--out out").ok();
    assert!(
        third.stderr.contains(" trials, 1 of them to run"),
        "{}",
        third.told()
    );
    assert_eq!(place.text("out/table.md"), table);
}

#[test]
fn the_number_of_jobs_changes_no_result() {
    let place = Place::new();
    tiny(&place, "--out one --jobs 1").ok();
    tiny(&place, "--out three --jobs 3").ok();
    assert_eq!(scores(&place, "one"), scores(&place, "three"));
    assert_eq!(place.text("one/table.md"), place.text("three/table.md"));
}

#[test]
fn data_that_is_not_there_is_named_or_left_out_of_a_quick_run() {
    let place = Place::new();
    let missing = tiny(&place, "--set only=[yeast,emotions,cal500]");
    let line = missing.failed(2);
    assert!(
        line.contains("efy data fetch emotions && efy data fetch cal500"),
        "{line}"
    );
    let line = "--quick --set only=[yeast,emotions] --set base.train.epochs=1 --out quick";
    let quick = tiny(&place, line).ok();
    assert!(quick.stderr.contains("Left out"), "{}", quick.told());
    let report = place.text("quick/report.md");
    assert!(
        report.contains("Left out: data set not fetched yet: emotions"),
        "{report}"
    );
    assert!(report.contains("**quick**"), "{report}");
}

#[test]
fn wrong_protocols_and_directories_are_refused() {
    let place = Place::new();
    let wrong = tiny(&place, "--set sedes=3");
    assert!(
        wrong.failed(2).contains("did you mean seeds?"),
        "{}",
        wrong.told()
    );
    let wrong = tiny(&place, "--set only=[yaest]");
    assert!(
        wrong.failed(2).contains("only: expected some of yeast"),
        "{}",
        wrong.told()
    );
    let wrong = tiny(&place, "--set base.train.lrr=3");
    assert!(
        wrong.failed(2).contains("did you mean lr?"),
        "{}",
        wrong.told()
    );
    let wrong = tiny(&place, "--jobs 0");
    wrong.failed(2);
    place.write("mine/notes.txt", "");
    let wrong = tiny(&place, "--out mine");
    assert!(
        wrong.failed(2).contains("mine: holds something else"),
        "{}",
        wrong.told()
    );
}

#[test]
fn solvers_are_drawn_over_time() {
    let place = Place::new();
    let line =
        "reproduce fy-solvers --out out --set rows=5 --set repeats=1 --set iterations=[1,64]";
    place.efy(line).ok();
    let numbers = place.json("out/table.json");
    let curves = numbers["findings"]["curves"].as_array().unwrap();
    let by = |regularizer: &str, solver: &str| {
        let found = curves.iter().find(|curve| {
            curve["problem"]["regularizer"] == regularizer && curve["solver"] == solver
        });
        found.unwrap().clone()
    };
    let ascent = by("gini", "coordinate_ascent");
    let residuals = ascent["points"].as_array().unwrap();
    assert!(residuals[1]["residual"].as_f64() < residuals[0]["residual"].as_f64());
    assert!(
        residuals[1]["residual"].as_f64().unwrap() < 1e-9,
        "{ascent}"
    );
    assert!(!by("gini", "coordinate_newton")["unsupported"].is_null());
    for name in ["residual-1.svg", "certified-gap-4.png", "report.md"] {
        assert!(!place.bytes(&format!("out/{name}")).is_empty());
    }
}

#[test]
fn gradients_are_measured_in_processes_of_their_own() {
    let place = Place::new();
    let line = "reproduce fy-differentiation --out out --set k=[4,512] --set repeats=1";
    place.efy(line).ok();
    let rows = place.json("out/table.json")["findings"]["rows"].clone();
    let bytes = |name: &str| {
        let rows = rows.as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["method"]["name"] == name);
        rows.next().unwrap()["costs"][1]["bytes"].as_u64().unwrap()
    };
    // An iterate of 32 x 512 numbers has 64 KiB, and unrolling keeps several for each iteration.
    assert!(bytes("unrolled, T = 100") > 90 * 64 * 1024, "{rows}");
    assert!(
        bytes("FY, T = 100") < bytes("unrolled, T = 100") / 4,
        "{rows}"
    );
    assert!(place.text("out/table.md").contains("| FY, T = 10 |"));
}

/// One setting of two losses, two points, one epoch.
const JOINT: &str = "comparisons=[{name: losses, title: Losses, margin: 1, curves: 5, grid: {loss.samples: [3, 5]}, \
                     settings: [{name: min-min, paper: {yeast: 65.04}}, {name: exact, set: \
                     [loss.kind=exact_likelihood], grid: {loss.samples: [1]}}]}]";

#[test]
fn joint_losses_are_chosen_on_each_split_and_shown_beside_the_paper() {
    let place = Place::new();
    let line = "reproduce joint-multilabel --set only=[yeast] --set seeds=2 --set base.train.epochs=1 --quiet --out out";
    run(place.command(line).args(["--set", JOINT]), line).ok();
    let numbers = place.json("out/table.json");
    let cells = numbers["findings"]["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2);
    let splits = cells[0]["splits"].as_array().unwrap();
    assert_eq!(splits.len(), 2);
    for split in splits {
        assert_eq!(split["tried"].as_array().unwrap().len(), 2);
        assert!(split["test"]["micro_f1"].as_f64().unwrap() > 0.1);
    }
    assert_ne!(splits[0]["test"], splits[1]["test"], "two test splits");
    // 2 splits with 2 points and 1, and the chosen ones again.
    assert_eq!(trials(&place, "out").len(), 2 * 3 + 2 * 2);
    let report = place.text("out/report.md");
    assert!(report.contains("65.04") && report.contains("below the paper on"));
    let drawn = place.text("out/losses-yeast-min-min.csv");
    assert!(drawn.lines().count() > 10, "{drawn}");
}

#[test]
fn convergence_is_drawn_for_each_number_of_samples() {
    let place = Place::new();
    let line = "reproduce joint-convergence --set data=yeast --set samples=[2,0] --set steps=6 --set every=3 --quiet \
                --out out";
    place.efy(line).ok();
    let numbers = place.json("out/table.json");
    let curves = numbers["findings"]["curves"].as_array().unwrap();
    for curve in curves {
        let points = curve["points"].as_array().unwrap();
        let loss = |index: usize| points[index]["loss"].as_f64().unwrap();
        assert_eq!(points.len(), 3);
        assert!((loss(0) - 14.0 * 2.0_f64.ln()).abs() < 1e-4, "at the prior");
        assert!(loss(2) < loss(0));
    }
    assert_eq!(curves.len(), 2);
    assert!(place.text("out/report.md").contains("micro-F1"));
}

/// A protocol of the third paper, small enough for a test.
fn tiny_dual(place: &Place, name: &str, more: &str) -> Finished {
    let sets = "--set seeds=[0,1] --set base.n=60 --set base.iterations=4 --set base.every=2 --set base.nodes=8 \
                --set base.test=40";
    place.efy(&format!(
        "reproduce {name} --out {name} --quiet {sets} {more}"
    ))
}

#[test]
fn curves_of_descent_ascent_are_drawn_with_bands_beside_those_of_the_paper() {
    let place = Place::new();
    let first = tiny_dual(&place, "dual-s2-bimodal", "--jobs 1").ok();
    assert_eq!(first.stdout, "dual-s2-bimodal/report.md\n");
    let csv = place.text("dual-s2-bimodal/n10000-kl.csv");
    assert!(csv.starts_with("line,x,y,low,high\n"), "{csv}");
    for line in [
        "\nnever,1,",
        "\nnever,4,",
        "\n\"never, paper\",2000,0.00057,,",
    ] {
        assert!(csv.contains(line), "{line}: {csv}");
    }
    let report = place.text("dual-s2-bimodal/report.md");
    for part in [
        "n10000/never: KL divergence floor",
        "**not** as expected",
        "was not looked at in this run",
        "| never, paper | 0.621 |",
        "n10000-total-variation.svg",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    // Trials do not depend on how many run at a time, and those that there are are not run again.
    let trials = |name: &str| -> Vec<Value> {
        trials(&place, name)
            .into_iter()
            .map(|mut trial| trial["result"].take())
            .collect()
    };
    let before = trials("dual-s2-bimodal");
    assert_eq!(before.len(), 12);
    tiny_dual(&place, "dual-s2-bimodal", "--jobs 2").ok();
    assert_eq!(before, trials("dual-s2-bimodal"));
    fs::remove_dir_all(place.path("dual-s2-bimodal/trials")).unwrap();
    tiny_dual(&place, "dual-s2-bimodal", "--jobs 2").ok();
    assert_eq!(before, trials("dual-s2-bimodal"));
}

#[test]
fn every_protocol_of_the_third_paper_can_be_run() {
    let place = Place::new();
    let snapshot = "--set base.snapshots=[3]";
    for (name, more, file) in [
        ("dual-s2-monomodal", "", "monomodal-kl.png"),
        ("dual-s14", "", "bimodal-fisher.svg"),
        ("dual-timescales", snapshot, "s2-density-1.svg"),
        ("dual-lazy", "", "dimension.svg"),
    ] {
        tiny_dual(&place, name, more).ok();
        assert!(!place.bytes(&format!("{name}/{file}")).is_empty(), "{name}");
    }
    let table = place.text("dual-timescales/table.md");
    assert!(table.contains("iterations to KL 0.01"), "{table}");
    let refused = tiny_dual(&place, "dual-s14", "--set base.neurns=3");
    let line = refused.failed(2);
    assert!(
        line.contains("bimodal/never") && line.contains("neurns"),
        "{line}"
    );
}
