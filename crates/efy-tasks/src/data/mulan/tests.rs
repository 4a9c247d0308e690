//! Label files, and how they meet the ARFF files they speak of.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn names(text: &str) -> Result<Vec<String>> {
    parse_label_names(text, Path::new("t.xml"))
}

fn error(text: &str) -> String {
    names(text).unwrap_err().to_string()
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn flat_and_nested_labels_are_listed_in_order() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- a -->\n\
        <labels xmlns=\"http://mulan.sourceforge.net/labels\">\n<label name=\"Swainson's &amp; co\">\
        <label name='inner'/></label><label name=\"last\"></label>\n</labels>\n";
    assert_eq!(names(text).unwrap(), ["Swainson's & co", "inner", "last"]);
}

#[test]
fn a_broken_label_file_is_refused_with_its_line() {
    assert_eq!(error("<labels/>"), "t.xml: no <label name=\"...\"> in it");
    assert_eq!(
        error("<html/>"),
        "t.xml:1: expected one element <labels>, found \"html\""
    );
    assert_eq!(
        error("<labels>\n<b/></labels>"),
        "t.xml:2: expected <label name=\"...\">, found \"b\""
    );
    assert_eq!(
        error("<labels>\n<label/></labels>"),
        "t.xml:2: a label without a name"
    );
    assert_eq!(
        error("<labels><label name='a'/>\n<label name='a'/></labels>"),
        "t.xml:2: label \"a\" is listed twice"
    );
    assert_eq!(
        error("<labels>\n<label name='a'/>"),
        "t.xml:2: bad XML: an element is not closed"
    );
    assert!(error("<labels>\n</label>").starts_with("t.xml:2: bad XML: "));
    assert!(error("<labels>\n<label name='&x;'/></labels>").starts_with("t.xml:2: bad XML: "));
}

#[test]
fn a_million_open_labels_are_an_error_not_a_stack_overflow() {
    let text = format!(
        "<labels>{}",
        "<label name='a'><label name='b'>".repeat(500_000)
    );
    assert!(names(&text).is_err());
}

#[test]
fn labels_may_stand_anywhere_among_the_attributes() {
    let folder = TempDir::new().unwrap();
    let train = "@attribute a {0,1}\n@attribute x real\n@attribute b {1,0}\n@data\n1,5,0\n0,6,1\n";
    let test = "@attribute x real\n@attribute b {0,1}\n@attribute a {0,1}\n@data\n{0 7,2 1}\n";
    let (train, test) = (
        write(&folder, "train.arff", train),
        write(&folder, "test.arff", test),
    );
    let xml = "<labels><label name='b'/><label name='a'/></labels>";
    let data = read("t", &train, Some(&test), &write(&folder, "t.xml", xml)).unwrap();
    assert_eq!(data.schema().labels, ["a", "b"]);
    assert_eq!(data.x(), [5.0, 6.0, 7.0]);
    assert_eq!(data.y(), [1, 0, 0, 1, 1, 0]);
    assert_eq!((data.rows(), data.train_rows()), (3, 2));
}

#[test]
fn a_label_without_an_attribute_names_both_files() {
    let folder = TempDir::new().unwrap();
    let train = write(&folder, "t.arff", "@attribute x real\n@data\n1\n");
    let xml = write(&folder, "t.xml", "<labels><label name='b'/></labels>");
    let message = read("t", &train, None, &xml).unwrap_err().to_string();
    let (train, xml) = (train.display(), xml.display());
    assert_eq!(
        message,
        format!("{train}: no attribute for label \"b\", which {xml} lists")
    );
}

#[test]
fn labels_must_be_0_or_1() {
    let folder = TempDir::new().unwrap();
    let xml = write(&folder, "t.xml", "<labels><label name='b'/></labels>");
    for (kind, value) in [("real", "0.5"), ("{0,1,2}", "2"), ("{yes,no}", "yes")] {
        let text = format!("@attribute x real\n@attribute b {kind}\n@data\n1,{value}\n");
        let train = write(&folder, "t.arff", &text);
        let message = read("t", &train, None, &xml).unwrap_err().to_string();
        let expected = format!("label \"b\": labels must be 0 or 1, found \"{value}\"");
        assert_eq!(message, format!("{}:4: {expected}", train.display()));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(<|>|/|=|'|\"|&|;|!|-|\\[|\\?|labels?|name|<labels>|<label name='|\\PC){0,60}",
    ) {
        let _ = names(&text);
    }
}
