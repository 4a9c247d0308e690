//! A page about one run, finished or not.

use crate::Runs;
use crate::document::Document;

const CONFIG: &str =
    "name: yeast\ntask: multilabel\ndata:\n  name: genes\n  path: null\ntrain:\n  seed: 7\n";

/// What is asked of every page, so that it can be read by everybody.
pub(crate) fn assert_accessible(document: &Document) {
    let root = document.all("html").next().unwrap();
    assert_eq!(root.attribute("lang"), Some("en"));
    let mut level = 0;
    for element in &document.elements {
        let heading = element
            .name
            .strip_prefix('h')
            .and_then(|rest| rest.parse::<u8>().ok());
        if let Some(next) = heading {
            assert!(
                next <= level + 1,
                "h{next} after h{level}: {}",
                element.text
            );
            level = next;
        }
        match element.name.as_str() {
            "th" => assert!(element.attribute("scope").is_some(), "{element:?}"),
            "svg" if element.attribute("aria-hidden").is_none() => {
                assert_eq!(element.attribute("role"), Some("img"));
            }
            _ => {}
        }
    }
    assert_eq!(document.all("h1").count(), 1);
    let figures = document.all("figure").count();
    assert_eq!(
        document.all("title").count(),
        figures + 1,
        "a figure without a title"
    );
    assert_eq!(document.all("desc").count(), figures);
    let mut ids: Vec<_> = document
        .elements
        .iter()
        .filter_map(|e| e.attribute("id"))
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id twice");
}

#[test]
fn a_finished_run_is_told_whole() {
    let runs = Runs::new();
    runs.finished("run", CONFIG, 0.808_225_580_308_459_3);
    let document = runs.document(&["run"]);
    assert_accessible(&document);
    assert_eq!(document.texts("h1"), ["yeast"]);
    assert_eq!(
        document.texts("h2"),
        [
            "Test metrics",
            "Training curves",
            "Events",
            "Validation history",
            "Configuration",
            "Environment"
        ]
    );
    assert_eq!(
        document.texts("dd"),
        [
            "multilabel",
            "genes",
            "7",
            "40",
            "4",
            "30",
            "1 min 15 s",
            "Cpu",
            "2026-01-02 03:04:05 UTC",
            "run"
        ]
    );
    assert_eq!(document.row("Hamming accuracy"), ["0.8082", "0.9000"]);
    let exact = document
        .all("span")
        .any(|span| span.attribute("title") == Some("0.8082255803084593"));
    assert!(exact, "all digits");
    assert_eq!(document.texts("pre"), [CONFIG.trim_end()]);
    assert_eq!(document.row("command"), ["efy train a.yaml"]);
    assert_eq!(document.row("30 best"), ["3", "0.3333", "0.5000"]);
    assert_eq!(document.texts("summary"), ["4 evaluations"]);
    // One for the loss, one for the fractions.
    assert_eq!(document.all("figure").count(), 2);
    for event in [
        "Started, 2026-01-02 03:04:05 UTC",
        "Best validation loss, 0.3333: these weights were kept",
        "Test split evaluated with the weights of this step",
        "Training ended",
    ] {
        assert!(document.texts("td").contains(&event), "{event}");
    }
    let description = document.texts("desc")[0];
    assert!(
        description.contains("yeast, train loss: 1.0000 at step 10, 0.2500 at step 40."),
        "{description}"
    );
}

#[test]
fn a_run_without_a_summary_is_told_as_far_as_it_went() {
    let runs = Runs::new();
    runs.finished("run", CONFIG, 0.8);
    std::fs::remove_file(runs.path("run").join("summary.json")).unwrap();
    let text = std::fs::read_to_string(runs.path("run").join("metrics.jsonl")).unwrap();
    let cut = text.find("\"step\":30").unwrap() + 30;
    runs.write("run", "metrics.jsonl", &text[..cut]);
    let document = runs.document(&["run"]);
    assert_accessible(&document);
    let state = document.text();
    assert!(state.contains("not finished") && state.contains("ends at step 20"));
    assert!(state.contains("None yet: the test split is evaluated when training has ended."));
    assert_eq!(document.texts("summary"), ["2 evaluations"]);
    assert!(
        document
            .texts("td")
            .contains(&"Last values that were written")
    );
    assert!(!state.contains("Training ended"));
    assert_eq!(document.all("figure").count(), 2);
}

#[test]
fn one_file_is_enough() {
    for (file, text, told) in [
        ("config.yaml", CONFIG, "It has not written any metrics yet."),
        ("metrics.jsonl", "", "It has not written any metrics yet."),
        (
            "metrics.jsonl",
            "{\"step\":1,\"split\":\"train\",\"loss\":1}\n",
            "ends at step 1.",
        ),
        ("summary.json", "{\"test\": {\"loss\": 1.5}}", "1.5000"),
    ] {
        let runs = Runs::new();
        runs.write("run", file, text);
        let document = runs.document(&["run"]);
        assert_accessible(&document);
        assert!(
            document.text().contains(told),
            "{file}: {}",
            document.text()
        );
    }
}

#[test]
fn values_that_are_not_finite_are_said_to_be_so() {
    let runs = Runs::new();
    runs.finished("run", CONFIG, 0.8);
    runs.write(
        "run",
        "summary.json",
        r#"{"test": {"loss": null, "micro_f1": 1e999}}"#,
    );
    assert!(
        runs.error(&["run"])
            .starts_with("run/summary.json: number out of range")
    );
    runs.write(
        "run",
        "summary.json",
        r#"{"test": {"loss": null, "micro_f1": 0.5}}"#,
    );
    let metrics = "{\"step\":1,\"split\":\"train\",\"loss\":1}\n\
                   {\"step\":2,\"split\":\"train\",\"loss\":null}\n\
                   {\"step\":2,\"split\":\"validation\",\"loss\":null,\"micro_f1\":0.5}\n\
                   {\"step\":3,\"split\":\"validation\",\"loss\":null,\"micro_f1\":0.5}\n";
    runs.write("run", "metrics.jsonl", metrics);
    let document = runs.document(&["run"]);
    assert_eq!(document.row("Loss"), ["not finite"]);
    assert_eq!(document.row("Micro F1"), ["0.5000"]);
    let cells = document.texts("td");
    assert!(cells.contains(&"train loss is not finite"), "{cells:?}");
    assert!(
        cells.contains(&"validation loss is not finite from here on (2 times)"),
        "{cells:?}"
    );

    std::fs::remove_file(runs.path("run").join("summary.json")).unwrap();
    let document = runs.document(&["run"]);
    assert!(
        document
            .text()
            .contains("Its last training loss is not finite.")
    );
}

#[test]
fn a_long_history_is_thinned_out_but_keeps_its_best_and_last() {
    let runs = Runs::new();
    let mut metrics = String::new();
    for step in 1..=2203 {
        metrics +=
            &format!("{{\"step\":{step},\"epoch\":{step},\"split\":\"validation\",\"loss\":1}}\n");
    }
    runs.write("run", "metrics.jsonl", &metrics);
    runs.write(
        "run",
        "summary.json",
        r#"{"best": {"step": 1000, "monitor": "loss"}}"#,
    );
    let document = runs.document(&["run"]);
    assert_eq!(document.texts("summary"), ["2203 evaluations"]);
    assert!(document.text().contains("One evaluation in 5"));
    assert_eq!(document.row("1000 best"), ["1000", "1.0000"]);
    // The last step is in the events and in the history.
    let last = document.all("th").filter(|cell| cell.text == "2203");
    assert_eq!(last.count(), 2);
    assert!(document.all("tr").count() < 500);
}

#[test]
fn texts_in_the_metrics_file_are_events() {
    let runs = Runs::new();
    let metrics = "{\"step\":1,\"epoch\":1,\"split\":\"train\",\"loss\":1,\"note\":\"resumed\"}\n";
    runs.write("run", "metrics.jsonl", metrics);
    assert!(
        runs.document(&["run"])
            .texts("td")
            .contains(&"note: resumed")
    );
}
