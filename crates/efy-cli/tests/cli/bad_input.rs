//! What is wrong with a request is said in one line, with exit code 2, before anything is made.

use crate::support::{Place, SMALL_XML, small_arff, small_csv};

/// The command prints one line that holds all of `words`, exits with 2 and leaves nothing behind.
fn refused(place: &Place, line: &str, words: &[&str]) {
    let before = place.names();
    let finished = place.efy(line);
    let message = finished.failed(2);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
    for word in words {
        assert!(message.contains(word), "{word:?} in {}", finished.told());
    }
    // The sentence of the operating system is there once.
    let cause = "No such file or directory";
    assert!(message.matches(cause).count() <= 1, "{}", finished.told());
    assert_eq!(place.names(), before, "{}", finished.told());
}

fn train_refused(place: &Place, more: &str, words: &[&str]) {
    let line = format!("train CONFIG --set train.epochs=1 --out run {more}");
    refused(place, &line, words);
}

#[test]
fn keys_and_values_that_cannot_be() {
    let place = Place::new();
    let cases: [(&str, &[&str]); 17] = [
        ("train.lrr=1", &["train.lrr", "did you mean lr?"]),
        ("modle.rank=1", &["modle", "did you mean model?"]),
        ("train.epochs=many", &["train.epochs", "many"]),
        ("train.epochs=-1", &["train.epochs", "-1"]),
        ("train.epochs=0", &["train.epochs", "positive", "0"]),
        ("train.lr=-0.1", &["train.lr", "a positive number", "-0.1"]),
        ("train.lr=.nan", &["train.lr"]),
        (
            "train.optimizer=adan",
            &["train.optimizer", "did you mean adam?"],
        ),
        ("train.momentum=1", &["train.momentum", "[0, 1)", "found 1"]),
        (
            "train.clip_norm=-1",
            &["train.clip_norm", "a number >= 0", "-1"],
        ),
        (
            "train.schedule.kind=cosin",
            &["train.schedule.kind", "did you mean cosine?"],
        ),
        (
            "train.schedule.final=1.5",
            &["--set train.schedule.final=1.5", "[0, 1]", "found 1.5"],
        ),
        (
            "model.kind=pairwize",
            &["model.kind", "did you mean pairwise?"],
        ),
        ("loss.gamma=0", &["loss.gamma", "a positive number"]),
        (
            "solver.eval_starts=0",
            &["solver.eval_starts", "from 1 to 1000", "0"],
        ),
        ("data.validation=1.5", &["data.validation", "1.5"]),
        (
            "train.monitor=micro_f2",
            &["train.monitor", "did you mean micro_f1?"],
        ),
    ];
    for (set, words) in cases {
        train_refused(&place, &format!("--set {set}"), words);
    }
}

#[test]
fn a_value_out_of_range_is_put_down_to_where_it_was_set() {
    let place = Place::new();
    train_refused(&place, "--set train.lr=-1", &["--set train.lr=-1"]);
    place.write("c.yaml", "task: multilabel\ntrain:\n  lr: -1\n");
    refused(&place, "train c.yaml --out run", &["c.yaml:3:3: train.lr"]);
}

#[test]
fn settings_that_are_no_assignments() {
    let place = Place::new();
    train_refused(&place, "--set train.lr", &["--set train.lr", "="]);
    train_refused(&place, "--set =1", &["--set =1"]);
    train_refused(&place, "--set train..lr=1", &["train..lr"]);
    train_refused(&place, "--set train.lr=[1", &["--set train.lr=[1"]);
    train_refused(&place, "--set task.name=x", &["task", "name"]);
}

#[test]
fn configurations_that_cannot_be_read() {
    let place = Place::new();
    let long = format!("task: {}", "[".repeat(100) + &"]".repeat(100));
    let files: [(&str, &str, &[&str]); 6] = [
        ("syntax.yaml", "train: [", &["syntax.yaml:", "not YAML"]),
        (
            "tab.yaml",
            "train:\n\tlr: 1\n",
            &["tab.yaml:2:", "not YAML"],
        ),
        ("empty.yaml", "", &["empty.yaml"]),
        ("list.yaml", "- 1\n", &["list.yaml"]),
        (
            "task.yaml",
            "task: multilable\n",
            &["did you mean multilabel?"],
        ),
        ("deep.yaml", &long, &["deep.yaml"]),
    ];
    for (name, text, words) in files {
        place.write(name, text);
        refused(&place, &format!("train {name} --out run"), words);
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let place = Place::new();
    for (line, name) in [
        ("solve nowhere.json", "nowhere.json"),
        ("train nowhere.yaml --out run", "nowhere.yaml"),
        ("eval nowhere", "nowhere/config.yaml"),
    ] {
        refused(&place, line, &[name, "No such file or directory"]);
    }
}

#[test]
fn data_files_that_are_not_there_are_named() {
    let place = Place::new();
    place.write("own.csv", &small_csv(30, 1));
    place.train("run", "--set data.path=own.csv --set data.label_prefix=y");
    for line in [
        "train CONFIG --set data.path=no.csv --set data.label_prefix=y --out new",
        "train CONFIG --set data.path=no.arff --set data.labels_path=no.xml --out new",
        "data import new --train no.csv --labels y1",
        "data import new --train own.csv --labels y1,y2 --test no.csv",
        "predict run --input no.csv",
    ] {
        refused(&place, line, &["no.", "No such file or directory"]);
    }
}

#[test]
fn devices_that_are_not_there() {
    let place = Place::new();
    train_refused(&place, "--device cuda:9", &["cuda:9"]);
}

#[test]
fn devices_that_are_none() {
    let place = Place::new();
    for device in ["gpu", "cuda:", "cuda:-1"] {
        let more = format!("--device {device}");
        train_refused(&place, &more, &[device, "auto, cpu, cuda or cuda:N"]);
    }
}

#[test]
fn an_out_that_cannot_be_written() {
    let place = Place::new();
    place.write("file", "");
    refused(
        &place,
        "train CONFIG --set train.epochs=1 --quiet --out file/run",
        &["file/run"],
    );
}

#[test]
fn data_sets_that_are_not_there() {
    let place = Place::new();
    train_refused(
        &place,
        "--set data.name=yaest",
        &["yaest", "did you mean \"yeast\"?"],
    );
    train_refused(&place, "--set data.name=scene", &["efy data fetch scene"]);
    train_refused(&place, "--set data.name=../yeast", &["../yeast"]);
}

#[test]
fn files_that_make_no_data_set() {
    let place = Place::new();
    let arff = small_arff(30, 1);
    let last = arff.lines().last().unwrap();
    let lines = arff.lines().count();
    let at = |name: &str| format!("{name}.arff:{lines}");
    let (label, _) = last.rsplit_once(',').unwrap();
    for (name, text, xml) in [
        (
            "ragged",
            arff.replace(last, &format!("{last},1")),
            SMALL_XML,
        ),
        ("two", arff.replace(last, &format!("{label},2")), SMALL_XML),
        ("other", arff.clone(), &SMALL_XML.replace("y2", "y3")),
        ("broken", arff.clone(), "<labels><label"),
    ] {
        place.write(&format!("{name}.arff"), &text);
        place.write(&format!("{name}.xml"), xml);
    }
    place.write("alone.arff", &arff);
    place.write("half.csv", &small_csv(30, 1).replace(",1\n", ",0.5\n"));
    let cases: [(&str, &[&str]); 8] = [
        ("ragged.arff", &[&at("ragged"), "6"]),
        ("two.arff", &[&at("two"), "y2"]),
        ("other.arff", &["y3", "other.xml"]),
        ("broken.arff", &["broken.xml:1"]),
        ("alone.arff", &["alone.xml"]),
        (
            "half.csv --set data.label_prefix=y",
            &["half.csv:", "y2", "0.5"],
        ),
        ("half.csv --set data.label_prefix=z", &["half.csv", "z"]),
        ("half.csv", &["half.csv", "label"]),
    ];
    for (path, words) in cases {
        train_refused(&place, &format!("--set data.path={path}"), words);
    }
}

#[test]
fn runs_that_turn_out_impossible_leave_no_directory() {
    let place = Place::new();
    let solver = "--quiet --set solver.kind=closed_form";
    train_refused(&place, solver, &["closed_form", "solver auto"]);
    place.write("two.csv", "x,y1,y2\n1,0,1\n2,1,0\n");
    let few = "--quiet --set data.path=two.csv --set data.label_prefix=y";
    train_refused(&place, few, &["two", "too few"]);
}

#[test]
fn commands_that_are_none() {
    let place = Place::new();
    for line in [
        "",
        "trian CONFIG",
        "train",
        "train CONFIG --epochs 3",
        "bench nothing",
    ] {
        let finished = place.efy(line);
        assert_eq!(finished.code, Some(2), "{}", finished.told());
        assert_eq!(finished.stdout, "", "{}", finished.told());
    }
    let finished = place.efy("trian CONFIG");
    assert!(finished.stderr.contains("'train'"), "{}", finished.told());
    refused(&place, "bench fy --set kk=3", &["kk", "did you mean k?"]);
    refused(&place, "bench fy --set batch=0", &["batch", "positive"]);
}
