//! The registry and the embedded set against the published files, where they are at hand: in the
//! mirror folder `EFY_TEST_DATA`, or in `shared/data` beside the workspace.

use std::env;
use std::path::{Path, PathBuf};

use efy_tasks::data::registry::{self, KnownSet};
use efy_tasks::data::{Cache, Dataset, fetch, load, mulan};
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
    let path = |name| cache.folder(set.name).join(name);
    let test = set.test_file.map(|file| path(file.name));
    let (train, labels) = (path(set.train_file.name), path(set.labels_file.name));
    let data = mulan::read(set.name, &train, test.as_deref(), &labels).unwrap();
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
    for set in registry::KNOWN {
        let data = published(set, &mirror);
        let features = data.schema().features.len();
        let counts = (data.rows(), features, data.labels(), data.train_rows());
        assert_eq!(
            counts,
            (set.rows, set.features, set.labels, set.train),
            "{}",
            set.name
        );
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
fn the_embedded_yeast_has_the_registered_counts() {
    let set = registry::find("yeast").unwrap();
    let data = load("yeast", &Cache::new("unused")).unwrap();
    let counts = (
        data.rows(),
        data.features(),
        data.labels(),
        data.train_rows(),
    );
    assert_eq!(counts, (set.rows, set.features, set.labels, set.train));
}
