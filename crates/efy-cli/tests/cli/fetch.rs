//! `efy data fetch`: nothing gets a name in the cache that was not verified.

use std::fs;
use std::path::Path;

use crate::support::{Finished, Place, run, shared};

/// `efy data fetch emotions` from the folder `mirror` of the place.
fn fetch(place: &Place) -> Finished {
    let address = format!("file://{}", place.path("mirror").display());
    let line = "data fetch emotions";
    run(place.command(line).env("EFY_DATA_MIRROR", address), line)
}

/// A mirror of the set `emotions`, where the original is there.
fn mirror(place: &Place) -> Option<()> {
    let original = shared("data/multilabel/emotions")?;
    let copy = place.path("mirror/multilabel/emotions");
    fs::create_dir_all(&copy).unwrap();
    for name in ["emotions-train.arff", "emotions-test.arff", "emotions.xml"] {
        copy_as_it_is_there(&original, &copy, name);
    }
    Some(())
}

/// Copies a file or its gzipped form.
fn copy_as_it_is_there(from: &Path, to: &Path, name: &str) {
    let plain = from.join(name).is_file();
    let name = if plain {
        name.to_owned()
    } else {
        format!("{name}.gz")
    };
    fs::copy(from.join(&name), to.join(&name)).unwrap();
}

/// Names of the files in the cache; those that begin with a dot hold no data.
fn cached(place: &Place) -> Vec<String> {
    let folder = place.path("cache/multilabel/emotions");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_set_fetched_from_a_mirror_is_trained_on_by_name() {
    let place = Place::new();
    if mirror(&place).is_none() {
        return;
    }
    let told = fetch(&place).ok();
    assert_eq!(told.stdout, "");
    assert_eq!(
        told.stderr.matches("sha256 verified").count(),
        3,
        "{}",
        told.told()
    );
    let files = ["emotions-test.arff", "emotions-train.arff", "emotions.xml"];
    assert_eq!(cached(&place), files);
    let list = place.efy("data list").ok().stdout;
    let line = list
        .lines()
        .find(|line| line.starts_with("emotions"))
        .unwrap();
    assert!(line.contains(" fetched") && !line.contains("not"), "{line}");
    place.train("run", "--set data.name=emotions");
    assert_eq!(place.text("run/predictions.csv").lines().count(), 203);

    // What is there is not brought again.
    fs::remove_dir_all(place.path("mirror")).unwrap();
    let again = fetch(&place).ok();
    assert_eq!(again.stderr.matches("already there").count(), 3);
}

#[test]
fn contents_that_were_not_published_are_refused_and_deleted() {
    let place = Place::new();
    place.write(
        "mirror/multilabel/emotions/emotions-train.arff",
        "@relation x\n",
    );
    let finished = fetch(&place);
    let message = finished.failed(1);
    assert!(
        message.contains("emotions-train.arff") && message.contains("sha256"),
        "{message}"
    );
    assert!(cached(&place).is_empty(), "{:?}", cached(&place));
    let train = place.efy("train CONFIG --set data.name=emotions --out run");
    assert!(train.failed(2).contains("efy data fetch emotions"));
}

#[test]
fn what_was_verified_before_a_wrong_file_stays() {
    let place = Place::new();
    if mirror(&place).is_none() {
        return;
    }
    let test = "mirror/multilabel/emotions/emotions-test.arff";
    let right = place.bytes(test);
    let wrong: Vec<u8> = right.iter().copied().chain(*b"\n").collect();
    fs::write(place.path(test), wrong).unwrap();
    fetch(&place).failed(1);
    assert_eq!(cached(&place), ["emotions-train.arff"]);

    fs::write(place.path(test), right).unwrap();
    let again = fetch(&place).ok();
    assert!(again.stderr.contains("emotions-train.arff: already there"));
    assert_eq!(cached(&place).len(), 3);
}

#[test]
fn a_file_in_the_cache_that_was_changed_is_brought_again() {
    let place = Place::new();
    if mirror(&place).is_none() {
        return;
    }
    fetch(&place).ok();
    let name = "cache/multilabel/emotions/emotions.xml";
    let right = place.bytes(name);
    fs::write(place.path(name), "<labels/>").unwrap();
    fetch(&place).ok();
    assert!(place.bytes(name) == right);
}

#[test]
fn a_mirror_without_the_set_or_without_a_scheme_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("mirror")).unwrap();
    let finished = fetch(&place);
    let message = finished.failed(1);
    assert!(message.contains("mirror/multilabel/emotions"), "{message}");
    assert!(cached(&place).is_empty());

    let line = "data fetch emotions";
    let finished = run(place.command(line).env("EFY_DATA_MIRROR", "mirror"), line);
    assert!(finished.failed(2).contains("EFY_DATA_MIRROR"));
    let unknown = place.efy("data fetch emotion");
    assert!(unknown.failed(2).contains("did you mean \"emotions\"?"));
}
