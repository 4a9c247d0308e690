//! Whatever a run is called, the page stays a page.

use crate::Runs;
use crate::document::Document;

/// Everything that could end a text, an attribute, a title, a figure, a style or a comment.
const HOSTILE: &str = r#"</title></svg></style></pre>--><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;&lt;"#;

fn hostile(runs: &Runs, run: &str) {
    runs.finished(run, "", 0.8);
    let yaml = serde_json::to_string(HOSTILE).unwrap();
    let config = format!("name: {yaml}\ntask: {yaml}\ndata:\n  name: {yaml}\n{yaml}: {yaml}\n");
    runs.write(run, "config.yaml", &config);
    runs.write(
        run,
        "env.json",
        &format!("{{{yaml}: {yaml}, \"started\": {yaml}, \"device\": {yaml}}}"),
    );
    let metrics = format!(
        "{{\"step\":1,\"split\":\"train\",\"loss\":1,{yaml}:null,\"note\":{yaml}}}\n\
         {{\"step\":1,\"split\":\"validation\",{yaml}:2,\"loss\":1}}\n\
         {{\"step\":2,\"split\":\"validation\",{yaml}:null,\"loss\":1}}\n"
    );
    runs.write(run, "metrics.jsonl", &metrics);
    let summary = format!(
        "{{\"best\": {{\"step\": 1, \"monitor\": {yaml}}}, \"validation\": {{{yaml}: 2}}, \"test\": {{{yaml}: 2}}}}"
    );
    runs.write(run, "summary.json", &summary);
}

fn assert_harmless(document: &Document) {
    for element in &document.elements {
        assert!(
            !matches!(
                element.name.as_str(),
                "script" | "img" | "iframe" | "object"
            ),
            "{element:?}"
        );
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on"), "{element:?}");
            let fetches = matches!(name.as_str(), "src" | "href" | "srcset" | "action");
            let inside = value.starts_with('#') || value.starts_with("data:");
            assert!(!fetches || inside, "{element:?}");
        }
    }
}

#[test]
fn texts_of_a_run_are_shown_and_not_obeyed() {
    let runs = Runs::new();
    let directory = "<script>alert(3)<&>'\"";
    hostile(&runs, directory);
    let document = runs.document(&[directory]);
    assert_harmless(&document);
    assert_eq!(document.texts("h1"), [HOSTILE]);
    assert_eq!(document.all("title").next().unwrap().text, HOSTILE);
    for (what, text) in [
        ("data", "dd"),
        ("configuration", "pre"),
        ("figure", "title"),
        ("environment", "code"),
        ("event", "td"),
        ("metric", "th"),
    ] {
        // Metrics are written out: without underscores, with a capital letter; this one has neither.
        let found = document
            .all(text)
            .any(|element| element.text.contains("</title></svg>"));
        assert!(found, "{what}");
    }
    assert!(document.texts("dd").contains(&directory));
    // The figures hold it as text, too, cut in its middle.
    let found = document
        .all("text")
        .any(|element| element.text.contains("</title>"));
    assert!(found, "figure");
}

#[test]
fn several_hostile_runs_are_harmless() {
    let runs = Runs::new();
    for name in ["a\"><script>", "b'&"] {
        hostile(&runs, name);
    }
    let document = runs.document(&["a\"><script>", "b'&"]);
    assert_harmless(&document);
    let names: Vec<_> = document.texts("h2");
    for directory in ["a\"><script>", "b'&"] {
        let name = format!("{HOSTILE} ({directory})");
        assert!(names.contains(&name.as_str()), "{names:?}");
    }
}

#[test]
fn characters_that_html_forbids_do_not_reach_the_page() {
    let runs = Runs::new();
    runs.finished("a", "name: \"a\\0b\\x1b[31m\\uFFFF\"\n", 0.8);
    let document = runs.document(&["a"]);
    assert_eq!(document.texts("h1"), ["a\u{fffd}b\u{fffd}[31m\u{fffd}"]);
}

#[test]
fn nothing_is_fetched_and_nothing_may_run() {
    let runs = Runs::new();
    runs.finished("a", "name: a\n", 0.8);
    runs.finished("b", "name: b\n", 0.8);
    let page = runs.report(&["a", "b"]);
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"));
    let document = Document::parse(&page);
    assert_harmless(&document);
    let policy = document
        .all("meta")
        .find(|meta| meta.attribute("http-equiv") == Some("Content-Security-Policy"));
    let policy = policy.unwrap().attribute("content").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
}
