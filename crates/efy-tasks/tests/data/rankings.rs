//! Rankings from CSV: columns of ranks, counted files, `a>b>c`, and what is no ranking.

use std::path::PathBuf;

use efy_tasks::data::{
    Cache, Dataset, LabelColumns, Source, Targets, import, imported, load, load_path,
    load_rankings, read_rows,
};
use tempfile::TempDir;

const RANKS: &str = "x1,place,x2,L1,L2,L3\n1.5,sea,2,1,2,3\n0,hill,-1,3,1,2\n";
const COUNTED: &str = "2,3,3,x1,place,x2,L1,L2,L3\n1.5,sea,2,1,2,3\n0,hill,-1,3,1,2\n";
const TEXT: &str = "x1,place,best first,x2\n1.5,sea,L1>L2>L3,2\n0,hill, L2 > L3 >L1,-1\n";

fn place(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn prefix() -> LabelColumns {
    LabelColumns::Prefix("L".to_owned())
}

fn ranked() -> LabelColumns {
    LabelColumns::Ranked("best first".to_owned())
}

fn read(text: &str, columns: Option<&LabelColumns>) -> efy_tasks::Result<Dataset> {
    let (_folder, path) = place(text);
    load_rankings(&path, None, columns)
}

/// What is said of a file, without its folder.
fn refused(text: &str, columns: Option<&LabelColumns>) -> String {
    let error = read(text, columns).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1);
    message
        .rsplit_once("t.csv")
        .map_or(message.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn three_forms_say_the_same() {
    let data = read(RANKS, Some(&prefix())).unwrap();
    assert_eq!(data.targets(), Targets::Rankings);
    assert_eq!(data.schema().labels, ["L1", "L2", "L3"]);
    assert_eq!(
        data.schema().column_names(),
        ["x1", "place=hill", "place=sea", "x2"]
    );
    assert_eq!(data.y(), [1, 2, 3, 3, 1, 2]);
    assert_eq!(data.x(), [1.5, 0.0, 1.0, 2.0, 0.0, 1.0, 0.0, -1.0]);
    let names = LabelColumns::Names(["L1", "L2", "L3"].map(str::to_owned).to_vec());
    assert_eq!(read(RANKS, Some(&names)).unwrap(), data);
    assert_eq!(read(COUNTED, None).unwrap(), data);
    assert_eq!(read(TEXT, Some(&ranked())).unwrap(), data);
}

#[test]
fn labels_of_texts_are_sorted_by_name_whatever_the_first_row_prefers() {
    let data = read("x,best first\n1,b>c>a\n2,a>c>b\n", Some(&ranked())).unwrap();
    assert_eq!(data.schema().labels, ["a", "b", "c"]);
    assert_eq!(data.y(), [3, 1, 2, 1, 3, 2]);
}

#[test]
fn what_is_no_ranking_is_said_with_its_line() {
    let row = |ranks: &str| format!("x,L1,L2,L3\n1,1,2,3\n2,{ranks}\n");
    let cases = [
        (
            "1,1,3",
            ":3: label \"L2\": rank 1 is taken; ties are not supported",
        ),
        (
            "0,1,2",
            ":3: label \"L1\": expected a rank from 1 to 3, found \"0\"",
        ),
        (
            "1,2,4",
            ":3: label \"L3\": expected a rank from 1 to 3, found \"4\"",
        ),
        (
            "1,2.5,3",
            ":3: label \"L2\": expected a rank from 1 to 3, found \"2.5\"",
        ),
        (
            "1,two,3",
            ":3: column \"L2\": expected a number, found \"two\"",
        ),
        (
            "1,?,3",
            ":3: column \"L2\": missing value (\"?\"), expected complete rows",
        ),
    ];
    for (ranks, expected) in cases {
        assert_eq!(refused(&row(ranks), Some(&prefix())), expected);
    }
    let row = |ranking: &str| format!("x,best first\n1,a>b>c\n2,{ranking}\n");
    let column = |message: &str| format!(":3: column \"best first\": {message}");
    let cases = [
        (
            "a>b",
            "label \"c\" is missing in the ranking; expected all labels, partial rankings are not supported",
        ),
        ("a>b>a", "label \"a\" stands twice in the ranking"),
        (
            "a>b>d",
            "expected the labels of the rankings before it (\"a\" and 2 others), found \"d\"",
        ),
        (
            "a=b>c",
            "expected a strict order such as a>b>c, found \"a=b\"; ties are not supported",
        ),
        (
            "a>b~c",
            "expected a strict order such as a>b>c, found \"b~c\"; ties are not supported",
        ),
        ("a>>c", "expected a ranking such as a>b>c, found \"a>>c\""),
        ("", "missing value (\"\"), expected complete rows"),
    ];
    for (ranking, expected) in cases {
        assert_eq!(refused(&row(ranking), Some(&ranked())), column(expected));
    }
    assert_eq!(
        refused("x,best first\n1,a\n", Some(&ranked())),
        ":2: column \"best first\": expected a ranking such as a>b>c, found \"a\""
    );
    assert_eq!(
        refused("x,best first\n1,a>a\n", Some(&ranked())),
        ":2: column \"best first\": label \"a\" stands twice in the ranking"
    );
    assert_eq!(
        refused("a,best first\n1,a>b\n", Some(&ranked())),
        ":2: label \"a\" of the ranking is a column, too"
    );
}

#[test]
fn files_that_do_not_say_which_columns_are_ranks_are_refused() {
    assert!(refused(RANKS, None).contains("which columns are ranks?"));
    assert_eq!(
        refused(RANKS, Some(&ranked())),
        ": no column \"best first\", which holds the rankings"
    );
    assert_eq!(
        refused(&COUNTED.replacen('2', "7", 1), None),
        ": its first line says 7 rows, found 2"
    );
    assert_eq!(
        refused("1,2,1,x,y,L\n1,2,1\n", None),
        "data set t: rankings have 2 to 255 labels, found 1"
    );
    let (folder, _) = place("");
    let arff = folder.path().join("t.arff");
    let error = load_rankings(&arff, None, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("rankings are read from CSV files")
    );
}

#[test]
fn more_labels_than_ranks_fit_are_refused() {
    let labels: Vec<String> = (0..256).map(|label| format!("a{label}")).collect();
    let text = format!("x,best first\n1,{}\n", labels.join(">"));
    assert_eq!(
        refused(&text, Some(&ranked())),
        ":2: column \"best first\": more than 255 labels in a ranking"
    );
}

#[test]
fn test_rows_and_new_rows_fit_the_training_rows() {
    for (text, columns) in [
        (RANKS, Some(prefix())),
        (COUNTED, None),
        (TEXT, Some(ranked())),
    ] {
        let (folder, path) = place(text);
        let test = folder.path().join("test.csv");
        std::fs::write(&test, text).unwrap();
        let data = load_rankings(&path, Some(&test), columns.as_ref()).unwrap();
        assert_eq!((data.rows(), data.train_rows()), (4, 2));
        assert_eq!(data.y()[..6], data.y()[6..]);
        // Rankings may be there or not.
        for rows in [text, "x2,x1,place\n2,1.5,sea\n-1,0,hill\n"] {
            std::fs::write(&test, rows).unwrap();
            let table = read_rows(&test, data.schema()).unwrap();
            assert_eq!(data.schema().encode(&table).unwrap(), data.x()[..8]);
        }
    }
    let (folder, path) = place("x,best first\n1,a>b\n");
    let test = folder.path().join("test.csv");
    std::fs::write(&test, "x,best first\n1,a>c\n").unwrap();
    let error = load_rankings(&path, Some(&test), Some(&ranked())).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("test.csv:2: column \"best first\": expected the labels")
    );
}

#[test]
fn imported_rankings_are_loaded_by_name() {
    let folder = TempDir::new().unwrap();
    let cache = Cache::new(folder.path().join("cache"));
    for (name, text, columns) in [
        ("ranks", RANKS, prefix()),
        ("counted", COUNTED, LabelColumns::Counted),
        ("text", TEXT, ranked()),
    ] {
        let (_folder, path) = place(text);
        let source = Source::rankings(&path, None, columns);
        let data = import(name, &source, &cache, false).unwrap();
        assert_eq!(load(name, &cache).unwrap(), data);
        assert!(
            cache
                .folder(name)
                .ends_with(format!("label_ranking/{name}"))
        );
        assert_eq!(data.targets(), Targets::Rankings);
    }
    assert_eq!(imported(&cache), ["counted", "ranks", "text"]);
    // The same name for other targets would be two sets of one name.
    let (_folder, path) = place("x,y\n1,0\n");
    let sets = Source::csv(&path, None, LabelColumns::Prefix("y".to_owned()));
    for force in [false, true] {
        let error = import("ranks", &sets, &cache, force).unwrap_err();
        assert!(error.to_string().contains("is there already"), "{error}");
    }
    assert!(load_path(&path, None, None, Some(&prefix())).is_err());
}
