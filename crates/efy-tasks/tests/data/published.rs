//! The registry and the embedded set against the published files, where they are at hand: in the
//! mirror folder `EFY_TEST_DATA`, or in `shared/data` beside the workspace.

use std::env;
use std::path::{Path, PathBuf};

use efy_tasks::data::registry::{self, KnownFile, KnownSet};
use efy_tasks::data::{Cache, Dataset, LabelColumns, Source, fetch, load, mulan};
use tempfile::TempDir;

/// The mirror folder; says so when there is none.
fn mirror(test: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = env::var_os("EFY_TEST_DATA").map_or_else(beside, PathBuf::from);
    match folder.canonicalize() {
        Ok(folder) => Some(folder),
        Err(_) => {
            eprintln!(
                "skipped: {test}: no published files in {}",
                folder.display()
            );
            None
        }
    }
}

/// Fetches a set, which verifies every checksum, and reads it.
fn published(set: &KnownSet, mirror: &Path) -> Dataset {
    let folder = TempDir::new().unwrap();
    let address = format!("file://{}", mirror.display());
    let cache = Cache::new(folder.path()).with_mirror(&address).unwrap();
    fetch(set.name, &cache, &mut |_| {}).unwrap();
    assert!(cache.has(set));
    let path = |file: KnownFile| cache.folder(set.name).join(file.name);
    let (train, test) = (set.train_file.unwrap(), set.test_file.map(path));
    let data = match set.labels_file {
        Some(labels) => mulan::read(set.name, &path(train), test.as_deref(), &path(labels)),
        None => {
            let ranks = LabelColumns::Prefix("L".to_owned());
            Source::rankings(&path(train), None, ranks).read(set.name)
        }
    };
    let data = data.unwrap();
    if !set.embedded {
        assert_eq!(load(set.name, &cache).unwrap(), data);
    }
    data
}

#[test]
fn known_sets_have_the_counts_and_checksums_of_the_published_files() {
    let Some(mirror) = mirror("known sets") else {
        return;
    };
    for set in registry::known().filter(|set| set.train_file.is_some()) {
        let data = published(set, &mirror);
        let features = data.schema().features.len();
        let counts = (data.rows(), features, data.labels(), data.train_rows());
        assert_eq!(
            counts,
            (set.rows, set.features, set.labels, set.train),
            "{}",
            set.name
        );
        assert_eq!(data.targets(), set.targets, "{}", set.name);
    }
}

#[test]
fn the_embedded_rankings_are_nearly_the_published_ones() {
    let Some(mirror) = mirror("iris and wine") else {
        return;
    };
    for (name, most) in [("iris", 3), ("wine", 1)] {
        let own = load(name, &Cache::new("unused")).unwrap();
        let theirs = published(
            registry::find(&format!("{name}_published")).unwrap(),
            &mirror,
        );
        let rows = own.y().chunks(3).zip(theirs.y().chunks(3));
        let differ = rows.filter(|(own, theirs)| own != theirs).count();
        assert!(differ <= most, "{name}: {differ} rankings differ");
        assert_ne!(own.x(), theirs.x(), "features are not scaled");
    }
}

#[test]
fn the_embedded_yeast_is_the_published_yeast() {
    let Some(mirror) = mirror("yeast") else {
        return;
    };
    let set = registry::find("yeast").unwrap();
    let embedded = load("yeast", &Cache::new("unused")).unwrap();
    assert_eq!(embedded, published(set, &mirror));
}

#[test]
fn birds_has_nominal_features_and_rows_without_labels() {
    let Some(mirror) = mirror("birds") else {
        return;
    };
    let data = published(registry::find("birds").unwrap(), &mirror);
    // 258 numbers, 12 places, one 0/1.
    assert_eq!(data.features(), 271);
    let rows = data.rows();
    assert_eq!(rows - data.without_empty_rows().unwrap().rows(), 294);
}

#[test]
fn embedded_sets_have_the_registered_counts() {
    for set in registry::known().filter(|set| set.embedded) {
        let data = load(set.name, &Cache::new("unused")).unwrap();
        let counts = (
            data.rows(),
            data.features(),
            data.labels(),
            data.train_rows(),
        );
        let expected = (set.rows, set.features, set.labels, set.train);
        assert_eq!(counts, expected, "{}", set.name);
        assert_eq!(data.targets(), set.targets, "{}", set.name);
    }
}

#[test]
fn the_embedded_rankings_are_of_few_kinds_and_begin_with_the_class() {
    for (name, classes) in [("iris", [50, 50, 50]), ("wine", [59, 71, 48])] {
        let data = load(name, &Cache::new("unused")).unwrap();
        let mut kinds: Vec<&[u8]> = data.y().chunks(3).collect();
        let first = |label: usize| kinds.iter().filter(|ranks| ranks[label] == 1).count();
        for (label, expected) in classes.into_iter().enumerate() {
            assert!(
                first(label).abs_diff(expected) <= 6,
                "{name}: {}",
                first(label)
            );
        }
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), 5, "{name}");
    }
}
