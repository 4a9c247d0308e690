//! `efy predict`: new rows get the decisions that test rows got.

use std::collections::HashMap;
use std::fs;

use crate::support::{Place, shared, small_arff, small_csv};

/// The columns of a CSV text that has no quotes in it.
fn columns(text: &str) -> HashMap<String, Vec<String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let header: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<Vec<String>> = lines.map(Iterator::collect).collect();
    let column = |at: usize| rows.iter().map(|row| row[at].clone()).collect();
    header
        .iter()
        .enumerate()
        .map(|(at, name)| (name.clone(), column(at)))
        .collect()
}

/// Decisions and outputs of `predictions` are those of `predictions.csv` in the run directory.
fn assert_same_predictions(place: &Place, predictions: &str, labels: &[String]) {
    let (found, expected) = (
        columns(predictions),
        columns(&place.text("run/predictions.csv")),
    );
    let rows = expected["row"].len();
    let counted: Vec<String> = (0..rows).map(|row| row.to_string()).collect();
    assert_eq!(found["row"], counted);
    assert_eq!(found.len(), 1 + 2 * labels.len());
    for label in labels {
        assert_eq!(found[label], expected[label], "{label}");
        let p = format!("{label}:p");
        for (found, expected) in found[&p].iter().zip(&expected[&p]) {
            let [found, expected] = [found, expected].map(|p| p.parse::<f64>().unwrap());
            assert!((found - expected).abs() < 1e-5, "{p}: {found} {expected}");
        }
    }
}

/// A place with a run on the rows of `train.csv` and `test.csv`.
fn small_run() -> Place {
    let place = Place::new();
    place.write("train.csv", &small_csv(80, 1));
    place.write("test.csv", &small_csv(30, 2));
    place.train(
        "run",
        "--set data.path=train.csv --set data.test_path=test.csv --set data.label_prefix=y \
         --set train.lr=0.1 --set train.epochs=20 --set train.batch_size=16",
    );
    place
}

#[test]
fn test_rows_as_new_rows_get_the_same_decisions() {
    let place = small_run();
    let labels = ["y1", "y2"].map(str::to_owned);
    let printed = place.efy("predict run --input test.csv").ok();
    assert_same_predictions(&place, &printed.stdout, &labels);
    place
        .efy("predict run --input test.csv --output p.csv")
        .ok();
    assert_eq!(place.text("p.csv"), printed.stdout);

    // Columns are found by name: another order, others among them, no labels.
    let mut text = String::new();
    for line in small_csv(30, 2).lines() {
        let cells: Vec<&str> = line.split(',').collect();
        text += &format!("{},note,{},{}\n", cells[2], cells[0], cells[1]);
    }
    place.write("shuffled.csv", &text);
    let shuffled = place.efy("predict run --input shuffled.csv").ok();
    assert_eq!(shuffled.stdout, printed.stdout);

    place.write("test.arff", &small_arff(30, 2));
    let arff = place.efy("predict run --input test.arff").ok();
    assert_eq!(arff.stdout, printed.stdout);
}

#[test]
fn the_published_yeast_test_rows_get_the_decisions_of_the_embedded_ones() {
    let Some(path) = shared("data/multilabel/yeast/yeast-test.arff") else {
        return;
    };
    let place = Place::new();
    place.train("run", "--set train.lr=0.01 --set train.epochs=5");
    let arff = fs::read_to_string(path).unwrap();
    place.write("yeast.arff", &arff);
    let names: Vec<&str> = arff
        .lines()
        .filter_map(|line| line.strip_prefix("@attribute "))
        .map(|attribute| attribute.split(' ').next().unwrap())
        .collect();
    let (labels, features): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| name.starts_with("Class"));
    let mut csv = features.join(",") + "\n";
    let (_, data) = arff.split_once("@data").unwrap();
    for row in data.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split(',').take(features.len()).collect();
        csv += &(cells.join(",") + "\n");
    }
    place.write("yeast.csv", &csv);
    let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    assert_eq!((features.len(), labels.len()), (103, 14));
    for input in ["yeast.csv", "yeast.arff"] {
        let printed = place.efy(&format!("predict run --input {input}")).ok();
        assert_same_predictions(&place, &printed.stdout, &labels);
    }
}

#[test]
fn rows_that_do_not_fit_the_model_are_refused_by_name() {
    let place = small_run();
    let cases = [
        ("lacks.csv", "x1,place\n0.5,sea\n", "x2"),
        ("new.csv", "x1,place,x2\n0.5,swamp,1\n", "swamp"),
        ("empty.csv", "x1,place,x2\n0.5,sea,\n", "x2"),
        ("text.csv", "x1,place,x2\nfar,sea,1\n", "far"),
        (
            "ragged.csv",
            "x1,place,x2\n0.5,sea\n",
            "expected 3 values, found 2",
        ),
        ("none.csv", "x1,place,x2\n", "no rows"),
        ("rows.txt", "x1,place,x2\n1,sea,1\n", ".csv"),
    ];
    for (name, text, word) in cases {
        place.write(name, text);
        let finished = place.efy(&format!("predict run --input {name} --output p.csv"));
        let message = finished.failed(2);
        assert!(
            message.contains(name) && message.contains(word),
            "{message}"
        );
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
        assert!(!place.path("p.csv").exists());
    }
}
