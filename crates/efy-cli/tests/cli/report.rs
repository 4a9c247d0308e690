//! `efy report`, and the page that `efy train` leaves.

use crate::support::Place;

/// The text between the first `from` and the next `to`.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn training_leaves_the_page_that_report_writes() {
    let place = Place::new();
    let test = place.train("run", "--set name=a&b");
    let page = place.text("run/report.html");
    assert_eq!(between(&page, "<h1>", "</h1>"), "a&amp;b");
    for (name, value) in test.as_object().unwrap() {
        assert!(
            page.contains(&format!("title=\"{value}\"")) || *value == 0.0,
            "{name} {value}"
        );
    }
    let config = place.text("run/config.yaml").replace('&', "&amp;");
    assert_eq!(between(&page, "<pre><code>", "</code>"), config.trim_end());

    let again = place.efy("report run --out pages/again.html").ok();
    assert_eq!(again.stdout, "pages/again.html\n");
    assert_eq!(
        place.text("pages/again.html"),
        page,
        "the same run, the same bytes"
    );
    std::fs::remove_file(place.path("run/report.html")).unwrap();
    assert_eq!(place.efy("report run").ok().stdout, "run/report.html\n");
    assert_eq!(place.text("run/report.html"), page);
}

#[test]
fn several_runs_are_compared_in_one_page() {
    let place = Place::new();
    place.train("a", "--seed 0");
    place.train("b", "--seed 1");
    let missing = place.efy("report a b");
    assert_eq!(missing.failed(2), "efy: --out: needed for several runs");
    place.efy("report a b --out both.html").ok();
    let page = place.text("both.html");
    assert_eq!(between(&page, "<h1>", "</h1>"), "Comparison of 2 runs");
    assert!(page.contains("<code>train.seed</code>") && page.contains("Mean ± deviation"));
    assert!(
        !page.contains("<code>train.lr</code>"),
        "it is the same in both"
    );
}

#[test]
fn what_is_not_a_run_is_one_line_and_writes_nothing() {
    let place = Place::new();
    place.write("empty/notes.txt", "");
    place.write("broken/config.yaml", "a: [");
    for (line, message) in [
        (
            "report nowhere",
            "efy: nowhere: no such directory, expected that of a run",
        ),
        (
            "report empty",
            "efy: empty: not a run: no config.yaml, metrics.jsonl or summary.json in it",
        ),
        ("report broken", "efy: broken/config.yaml: "),
        (
            "report empty --out empty",
            "efy: --out empty: is a directory, expected a file",
        ),
    ] {
        let finished = place.efy(line);
        assert!(
            finished.failed(2).starts_with(message),
            "{}",
            finished.told()
        );
    }
    assert_eq!(place.names().len(), 4, "{:?}", place.names());
}

#[test]
fn a_run_that_was_killed_has_a_page() {
    let place = Place::new();
    place.train("run", "");
    let metrics = place.text("run/metrics.jsonl");
    std::fs::remove_file(place.path("run/summary.json")).unwrap();
    place.write("run/metrics.jsonl", &metrics[..metrics.len() / 2]);
    place.efy("report run").ok();
    assert!(place.text("run/report.html").contains("not finished"));
}
