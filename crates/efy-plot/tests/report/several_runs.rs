//! A page that compares runs.

use crate::Runs;
use crate::one_run::assert_accessible;

#[test]
fn runs_are_compared_and_then_told_one_by_one() {
    let runs = Runs::new();
    runs.finished("a", "name: wide\nmodel:\n  hidden: [256]\n  rank: 8\n", 0.8);
    runs.finished(
        "b",
        "name: narrow\nmodel:\n  hidden: [64]\n  rank: 8\n",
        0.7,
    );
    let document = runs.document(&["a", "b"]);
    assert_accessible(&document);
    assert_eq!(document.texts("h1"), ["Comparison of 2 runs"]);
    assert_eq!(
        document.texts("h2"),
        [
            "Test metrics",
            "Configuration differences",
            "Training curves",
            "wide",
            "narrow"
        ]
    );
    assert_eq!(document.texts("h3").len(), 12);
    // The losses are the same: none is the best.
    assert_eq!(document.row("wide"), ["0.2500", "★best: 0.8000"]);
    assert_eq!(document.row("narrow"), ["0.2500", "0.7000"]);
    let keys: Vec<_> = document
        .all("code")
        .map(|code| code.text.as_str())
        .filter(|text| text.starts_with("model."))
        .collect();
    assert_eq!(keys, ["model.hidden"]);
    assert_eq!(document.row("model.hidden"), ["[256]", "[64]"]);
    for link in document.all("a") {
        let id = link.attribute("href").unwrap().strip_prefix('#').unwrap();
        assert!(
            document
                .elements
                .iter()
                .any(|element| element.attribute("id") == Some(id))
        );
    }
    assert_eq!(document.all("a").count(), 2);
}

#[test]
fn seeds_have_a_mean_and_a_deviation() {
    let runs = Runs::new();
    for (seed, accuracy) in [0.8, 0.7, 0.9].into_iter().enumerate() {
        let config = format!("name: yeast\ntrain:\n  seed: {seed}\n");
        runs.finished(&seed.to_string(), &config, accuracy);
    }
    let document = runs.document(&["0", "1", "2"]);
    assert_eq!(
        document.row("Mean ± deviation"),
        ["0.2500 ± 0", "0.8000 ± 0.1000"]
    );
    assert_eq!(document.row("yeast (2)"), ["0.2500", "★best: 0.9000"]);
    assert_eq!(document.row("train.seed"), ["0", "1", "2"]);
}

#[test]
fn nothing_is_best_on_different_data() {
    let runs = Runs::new();
    runs.finished("a", "name: a\ndata:\n  name: yeast\n", 0.8);
    runs.finished("b", "name: b\ndata:\n  name: scene\n", 0.7);
    let document = runs.document(&["a", "b"]);
    assert_eq!(
        document
            .all("td")
            .filter(|cell| cell.has_class("best"))
            .count(),
        0
    );
    assert!(
        document
            .text()
            .contains("The runs are not on the same data")
    );
}

#[test]
fn runs_that_have_not_finished_stand_beside_those_that_have() {
    let runs = Runs::new();
    runs.finished("a", "name: a\nloss:\n  kind: energy\n", 0.8);
    runs.write("b", "metrics.jsonl", "");
    runs.finished("c", "name: c\nloss:\n  kind: margin\n", 0.9);
    let document = runs.document(&["a", "b", "c"]);
    assert_accessible(&document);
    let text = document.text();
    assert!(text.contains("1 not finished") && text.contains("1 run without config.yaml"));
    assert!(text.contains("their losses cannot be compared"));
    assert_eq!(document.row("b"), ["–none", "–none"]);
    assert_eq!(document.row("c"), ["0.2500", "★best: 0.9000"]);
    assert_eq!(document.row("loss.kind"), ["energy", "–none", "margin"]);
}

#[test]
fn runs_of_the_same_configuration_are_said_to_be_so() {
    let runs = Runs::new();
    runs.finished("a", "name: a\nx: 1\n", 0.8);
    runs.finished("b", "name: b\nx: 1\n", 0.8);
    let document = runs.document(&["a", "b"]);
    assert!(
        document
            .text()
            .contains("The configurations are the same but for the names.")
    );
    assert_eq!(
        document
            .all("td")
            .filter(|cell| cell.has_class("best"))
            .count(),
        0
    );
}
