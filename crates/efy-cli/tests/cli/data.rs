//! `efy data`: what there is, and data sets of one's own.

use serde_json::Value;

use crate::support::{Place, SMALL_XML, small_arff, small_csv};

/// Settings with which the small data sets are learned in a moment.
const SMALL: &str =
    "--set train.lr=0.1 --set train.epochs=20 --set train.batch_size=16 --set model.rank=2";

/// A place with `small.csv`, and with `small-train.arff`, `small-test.arff` and `small.xml`.
fn with_files() -> Place {
    let place = Place::new();
    place.write("small.csv", &small_csv(150, 1));
    place.write("small-train.arff", &small_arff(120, 1));
    place.write("small-test.arff", &small_arff(30, 2));
    place.write("small.xml", SMALL_XML);
    place
}

fn state(place: &Place, name: &str) -> Value {
    let list = place.efy("data list --json").ok().json();
    let mut sets = list.as_array().unwrap().iter();
    let found = sets.find(|set| set["name"] == name);
    found.map_or(Value::Null, |set| set["state"].clone())
}

#[test]
fn list_names_every_data_set_and_its_state() {
    let place = Place::new();
    let list = place.efy("data list --json").ok().json();
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"yeast") && names.contains(&"scene") && names.contains(&"bibtex"));
    assert_eq!(state(&place, "yeast"), "embedded");
    assert_eq!(state(&place, "scene"), "not fetched");
    let text = place.efy("data list").ok().stdout;
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    assert!(text.lines().map(first).eq(names.iter().copied()), "{text}");
    assert!(place.names().is_empty(), "a list makes no cache");
}

#[test]
fn info_tells_shape_source_and_licence() {
    let place = Place::new();
    let info = place.efy("data info yeast --json").ok().json();
    for (key, expected) in [
        ("rows", 2417),
        ("train", 1500),
        ("features", 103),
        ("labels", 14),
    ] {
        assert_eq!(info[key], expected, "{key}");
    }
    assert!(info["files"][0].as_str().unwrap().starts_with("https://"));
    let text = place.efy("data info scene").ok().stdout;
    for word in ["not fetched", "2407", "294", "cite", "scene.xml"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let unknown = place.efy("data info yaest");
    assert!(unknown.failed(2).contains("did you mean \"yeast\"?"));
}

#[test]
fn an_imported_csv_is_trained_on_by_name_as_by_path() {
    let place = with_files();
    let told = place
        .efy("data import own --train small.csv --labels y1,y2")
        .ok();
    assert_eq!(
        told.stdout,
        "own: 150 rows (150 for training), 3 features, 2 labels\n"
    );
    assert_eq!(state(&place, "own"), "imported");
    let info = place.efy("data info own --json").ok().json();
    assert_eq!(info["rows"], 150);

    let by_name = place.train("a", &format!("--set data.name=own {SMALL}"));
    let path = "--set data.path=small.csv --set data.label_prefix=y";
    let by_path = place.train("b", &format!("{path} {SMALL}"));
    assert_eq!(by_name, by_path);
    let accuracy = by_name["hamming_accuracy"].as_f64().unwrap();
    assert!(
        accuracy > 0.9,
        "the labels follow from the features: {accuracy}"
    );
    // The cache has a copy.
    std::fs::remove_file(place.path("small.csv")).unwrap();
    place.efy("eval a").ok();
}

#[test]
fn an_imported_arff_keeps_its_test_split() {
    let place = with_files();
    let told = place.efy("data import own-1 --train small-train.arff").ok();
    assert_eq!(
        told.stdout,
        "own-1: 150 rows (120 for training), 3 features, 2 labels\n"
    );
    let by_name = place.train("a", &format!("--set data.name=own-1 {SMALL}"));
    let by_path = place.train("b", &format!("--set data.path=small-train.arff {SMALL}"));
    assert_eq!(by_name, by_path);
    assert_eq!(place.text("a/predictions.csv").lines().count(), 31);
    assert_eq!(
        place.json("a/schema.json")["features"][1]["values"],
        serde_json::json!(["hill", "sea"])
    );

    place.write("elsewhere/t.arff", &small_arff(30, 2));
    place.write("elsewhere/l.xml", SMALL_XML);
    let files = "--train small.arff --test elsewhere/t.arff --xml elsewhere/l.xml";
    place.write("small.arff", &small_arff(120, 1));
    place.efy(&format!("data import own-2 {files}")).ok();
    let named = place.train("c", &format!("--set data.name=own-2 {SMALL}"));
    assert_eq!(named, by_path);
}

#[test]
fn an_import_replaces_another_only_when_forced() {
    let place = with_files();
    let line = "data import own --train small.csv --label-prefix y";
    place.efy(line).ok();
    let again = place.efy(line);
    assert!(again.failed(2).contains("--force"));
    place.write("small.csv", &small_csv(40, 1));
    place.efy(&format!("{line} --force")).ok();
    assert_eq!(place.efy("data info own --json").ok().json()["rows"], 40);
    let hidden = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with('.')
    };
    assert!(!place.names().iter().any(hidden), "{:?}", place.names());
}

#[test]
fn an_import_that_fails_leaves_the_cache_as_it_was() {
    let place = with_files();
    place.write("bad.csv", "x,y1,y2\n1,0,1\n2,1,7\n");
    let cases = [
        ("own --train bad.csv --labels y1,y2", "bad.csv:3"),
        ("own --train small.csv --labels y1,y9", "y9"),
        ("own --train small.csv --label-prefix z", "z"),
        ("own --train small.csv", "--labels"),
        ("yeast --train small.csv --labels y1,y2", "taken"),
        (
            "../own --train small.csv --labels y1,y2",
            "a-z, 0-9, _ and -",
        ),
        (
            "own --train small.csv --labels y1 --label-prefix y",
            "cannot be used with",
        ),
    ];
    let before = place.names();
    for (arguments, word) in cases {
        let finished = place.efy(&format!("data import {arguments}"));
        finished.failed(2);
        assert!(finished.stderr.contains(word), "{}", finished.told());
        assert_eq!(place.names(), before, "{}", finished.told());
    }
}
