//! The user's own files: found by name, imported, loaded again.

use std::fs;
use std::path::{Path, PathBuf};

use efy_tasks::Error;
use efy_tasks::data::{Cache, LabelColumns, Source, import, imported, load, load_path};
use tempfile::TempDir;

const TRAIN: &str = "@attribute x real\n@attribute a {0,1}\n@data\n1,0\n2,1\n";
const TEST: &str = "@attribute a {0,1}\n@attribute x real\n@data\n1,3\n";
const XML: &str = "<labels><label name='a'/></labels>";

struct Files {
    folder: TempDir,
    cache: Cache,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let cache = Cache::new(folder.path().join("cache"));
        Self { folder, cache }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn arff_files() -> Files {
    Files::new(&[
        ("t-train.arff", TRAIN),
        ("t-test.arff", TEST),
        ("t.xml", XML),
    ])
}

#[test]
fn labels_and_test_rows_are_found_beside_the_training_file() {
    let files = arff_files();
    let data = load_path(&files.path("t-train.arff"), None, None, None).unwrap();
    assert_eq!((data.name(), data.rows(), data.train_rows()), ("t", 3, 2));
    assert_eq!(data.x(), [1.0, 2.0, 3.0]);
    assert_eq!(data.y(), [0, 1, 1]);
}

#[test]
fn a_file_without_a_split_has_only_training_rows() {
    let files = Files::new(&[("t.arff", TRAIN), ("t.xml", XML)]);
    let data = load_path(&files.path("t.arff"), None, None, None).unwrap();
    assert_eq!((data.rows(), data.train_rows()), (2, 2));
}

#[test]
fn labels_that_are_not_found_are_asked_for() {
    let files = Files::new(&[("t.arff", TRAIN), ("t.csv", "x,a\n1,0\n"), ("t.txt", "")]);
    let message = |name: &str| {
        let path = files.path(name);
        let error = load_path(&path, None, None, None).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string().replace(&path.display().to_string(), name)
    };
    assert_eq!(
        message("t.arff"),
        "t.arff: the label list t.xml is not beside it and no other is given"
    );
    assert_eq!(
        message("t.csv"),
        "t.csv: which columns are labels? Give their names or their prefix"
    );
    assert_eq!(
        message("t.txt"),
        "t.txt: expected a name that ends in .arff or .csv (or .gz)"
    );
}

#[test]
fn an_imported_arff_set_loads_the_same_after_its_files_are_gone() {
    let files = arff_files();
    let source = Source::arff(&files.path("t-train.arff"), None, None).unwrap();
    let data = import("mine", &source, &files.cache, false).unwrap();
    for name in ["t-train.arff", "t-test.arff", "t.xml"] {
        fs::remove_file(files.path(name)).unwrap();
    }
    assert_eq!(load("mine", &files.cache).unwrap(), data);
    assert_eq!(imported(&files.cache), ["mine"]);
}

#[test]
fn an_imported_csv_set_loads_the_same() {
    let files = Files::new(&[
        ("t.csv", "x,y_a,c\n1,0,u\n2,1,v\n"),
        ("u.csv", "c,x,y_a\nu,3,TRUE\n"),
    ]);
    let labels = LabelColumns::Prefix("y_".to_owned());
    let source = Source::csv(&files.path("t.csv"), Some(&files.path("u.csv")), labels);
    let data = import("mine", &source, &files.cache, false).unwrap();
    assert_eq!(data.x(), [1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0, 1.0, 0.0]);
    assert_eq!(data.y(), [0, 1, 1]);
    assert_eq!(load("mine", &files.cache).unwrap(), data);
}

#[test]
fn an_import_replaces_another_only_by_force() {
    let files = arff_files();
    let source = Source::arff(&files.path("t-train.arff"), None, None).unwrap();
    import("mine", &source, &files.cache, false).unwrap();
    fs::write(files.path("t-test.arff"), TEST.replace("1,3", "0,4")).unwrap();
    let error = import("mine", &source, &files.cache, false).unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{error}");
    let data = import("mine", &source, &files.cache, true).unwrap();
    assert_eq!(data.x(), [1.0, 2.0, 4.0]);
    assert_eq!(load("mine", &files.cache).unwrap(), data);
    assert_eq!(entries(&files.cache), ["mine"]);
}

#[test]
fn a_failed_import_leaves_nothing_behind() {
    let files = arff_files();
    let source = Source::arff(&files.path("t-train.arff"), None, None).unwrap();
    fs::write(files.path("t-test.arff"), "@data").unwrap();
    import("mine", &source, &files.cache, false).unwrap_err();
    assert!(!files.cache.folder("mine").exists());
}

#[test]
fn names_are_plain_and_not_those_of_known_sets() {
    let files = arff_files();
    let source = Source::arff(&files.path("t-train.arff"), None, None).unwrap();
    for name in ["", "..", "a/b", "Mine", "é", &"a".repeat(65)] {
        let error = import(name, &source, &files.cache, true).unwrap_err();
        let expected = format!("data set name {name:?}: expected 1 to 64 of a-z, 0-9, _ and -");
        assert_eq!(error.to_string(), expected);
    }
    let error = import("yeast", &source, &files.cache, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data set name \"yeast\" is taken by a known set"
    );
}

#[test]
fn a_name_that_is_not_there_gets_help() {
    let files = arff_files();
    let source = Source::arff(&files.path("t-train.arff"), None, None).unwrap();
    import("my-songs", &source, &files.cache, false).unwrap();
    let message = |name: &str| load(name, &files.cache).unwrap_err().to_string();
    assert_eq!(
        message("my-song"),
        "unknown data set \"my-song\": did you mean \"my-songs\"?"
    );
    assert_eq!(
        message("scnee"),
        "unknown data set \"scnee\": did you mean \"scene\"?"
    );
    assert_eq!(
        message("../etc"),
        "unknown data set \"../etc\"; `efy data list` shows the names there are"
    );
    assert_eq!(
        message("scene"),
        "data set scene is not fetched yet: run `efy data fetch scene`"
    );
}

fn entries(cache: &Cache) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let folder = fs::read_dir(cache.root().join("multilabel")).unwrap();
    folder.map(|entry| name(&entry.unwrap().path())).collect()
}
