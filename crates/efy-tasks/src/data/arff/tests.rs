//! What the ARFF reader accepts, and the exact words with which it refuses.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::data::ColumnKind;

fn read_all(text: &str) -> Result<Table> {
    parse(text.as_bytes(), Path::new("t.arff"), &|_| true)
}

fn error(text: &str) -> String {
    read_all(text).unwrap_err().to_string()
}

const HEADER: &str = "@relation r\n@attribute x numeric\n@attribute c {red,blue}\n@data\n";

fn row_error(row: &str) -> String {
    error(&format!("{HEADER}{row}\n"))
}

fn names(table: &Table) -> Vec<&str> {
    table
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}

#[test]
fn dense_rows_are_read() {
    let table = read_all(&format!("{HEADER}1.5, blue\n\n% comment\n-2e-3,red\n")).unwrap();
    assert_eq!(table.rows(), 2);
    assert_eq!(table.row(0), [1.5, 1.0]);
    assert_eq!(table.row(1), [-0.002, 0.0]);
    assert_eq!(
        table.columns()[1].kind,
        ColumnKind::Nominal(vec!["red".to_owned(), "blue".to_owned()])
    );
}

#[test]
fn sparse_rows_leave_out_zeros_and_first_values() {
    let table = read_all(&format!(
        "{HEADER}{{1 blue}}\n{{}}\n{{1 blue,0 -7}}\n{{ 0 3 }}"
    ))
    .unwrap();
    let rows: Vec<_> = (0..4).map(|row| table.row(row).to_vec()).collect();
    assert_eq!(rows, [[0.0, 1.0], [0.0, 0.0], [-7.0, 1.0], [3.0, 0.0]]);
}

#[test]
fn quotes_and_escapes_name_what_they_enclose() {
    let table = read_all(
        "@ATTRIBUTE 'Swainson\\'s Thrush' {0,1}\n@attribute \"a, \\\"b\\\"\" Real\n\
         @attribute c{'x, y',\"?\"}\n@DATA\n1,2,'x, y'\n'0',\"3\",'?'\n",
    )
    .unwrap();
    assert_eq!(names(&table), ["Swainson's Thrush", "a, \"b\"", "c"]);
    assert_eq!(table.row(0), [1.0, 2.0, 0.0]);
    assert_eq!(table.row(1), [0.0, 3.0, 1.0]);
}

#[test]
fn keywords_have_no_case_and_windows_files_are_fine() {
    let text = "\u{feff}% made by hand\r\n@RELATION x\r\n@Attribute a INTEGER\r\n@Data\r\n3\r\n";
    let table = read_all(text).unwrap();
    assert_eq!(table.row(0), [3.0]);
}

#[test]
fn attributes_nobody_asked_for_may_hold_anything() {
    let text = "@attribute id string\n@attribute x numeric\n@attribute y {0,1}\n@data\n'a b',2,?\n";
    let table = parse(text.as_bytes(), Path::new("t"), &|name| name == "x").unwrap();
    assert_eq!(table.row(0)[1], 2.0);
    assert_eq!(table.columns()[0].kind, ColumnKind::Skipped);
}

#[test]
fn a_missing_value_is_refused_with_its_attribute() {
    let message = "t.arff:5: attribute \"x\": missing value (?), expected complete rows";
    assert_eq!(row_error("?,red"), message);
    assert_eq!(row_error("{0 ?}"), message);
}

#[test]
fn a_ragged_row_is_refused_with_both_counts() {
    assert_eq!(row_error("1"), "t.arff:5: expected 2 values, found 1");
    assert_eq!(row_error("red,1,2"), "t.arff:5: expected 2 values, found 3");
    assert_eq!(row_error("1,red,"), "t.arff:5: expected 2 values, found 3");
}

#[test]
fn a_cell_of_the_wrong_kind_is_refused() {
    assert_eq!(
        row_error("abc,red"),
        "t.arff:5: attribute \"x\": expected a number, found \"abc\""
    );
    assert_eq!(
        row_error(",red"),
        "t.arff:5: attribute \"x\": expected a number, found nothing"
    );
    assert_eq!(
        row_error("nan,red"),
        "t.arff:5: attribute \"x\": expected a finite number, found \"nan\""
    );
    assert_eq!(
        row_error("1,green"),
        "t.arff:5: attribute \"c\": expected one of \"red\", \"blue\", found \"green\""
    );
}

#[test]
fn a_broken_sparse_row_is_refused() {
    assert_eq!(
        row_error("{2 1}"),
        "t.arff:5: expected an index below 2, found 2"
    );
    assert_eq!(row_error("{0 1,0 2}"), "t.arff:5: index 0 twice in one row");
    assert_eq!(
        row_error("{x 1}"),
        "t.arff:5: expected an attribute index, found \"x\""
    );
    assert_eq!(
        row_error("{-1 1}"),
        "t.arff:5: expected an attribute index, found \"-1\""
    );
    assert_eq!(
        row_error("{0 1"),
        "t.arff:5: expected a comma or }, found \"\""
    );
    assert_eq!(
        row_error("{0 1}, {5}"),
        "t.arff:5: expected nothing after }, found \", {5}\""
    );
}

#[test]
fn an_open_quote_is_refused() {
    assert_eq!(row_error("1,'red"), "t.arff:5: a quote (') is not closed");
    assert_eq!(
        row_error("1,'red'x"),
        "t.arff:5: expected a comma, found \"x\""
    );
}

#[test]
fn a_broken_header_is_refused() {
    assert_eq!(
        error(""),
        "t.arff:1: expected @data, found the end of the file"
    );
    assert_eq!(
        error("x\n"),
        "t.arff:1: expected @relation, @attribute or @data, found \"x\""
    );
    assert_eq!(error("@data\n1"), "t.arff:1: @data before any @attribute");
    assert_eq!(
        error("@attribute a real\n@data\n"),
        "t.arff:2: no rows after @data"
    );
    assert_eq!(
        error("@attribute a real\n@attribute a real\n"),
        "t.arff:2: a second attribute called \"a\""
    );
    assert_eq!(
        error("@attribute a string\n"),
        "t.arff:1: attribute \"a\": expected numeric, real, integer or {values}, \
         found type \"string\""
    );
    assert_eq!(
        error("@attribute a {b,b}"),
        "t.arff:1: attribute \"a\": value \"b\" is declared twice"
    );
    assert_eq!(error("@attribute"), "t.arff:1: an attribute without a name");
}

fn arff_soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("@attribute a numeric\n".to_owned()),
        Just("@attribute b {0,1}\n".to_owned()),
        Just("@attribute 'c\\".to_owned()),
        Just("@data\n".to_owned()),
        "[0-9{},'\"\\\\?%@ \n\t-]{0,12}",
        "\\PC{0,6}",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in arff_soup()) {
        let _ = read_all(&text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(bytes.as_slice(), Path::new("t"), &|_| true);
    }

    #[test]
    fn written_numbers_and_quoted_names_read_back(
        rows in proptest::collection::vec((-1e30f32..1e30, -1.0f32..1.0), 1..20),
        name in "\\PC{1,12}",
    ) {
        let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
        let mut text = format!("@attribute '{quoted}' real\n@attribute '{quoted} 2' real\n@data\n");
        for (a, b) in &rows {
            text += &format!("{a:e},{b}\n");
        }
        let table = read_all(&text).unwrap();
        prop_assert_eq!(&table.columns()[0].name, &name);
        for (row, (a, b)) in rows.iter().enumerate() {
            prop_assert_eq!(table.row(row), [*a, *b]);
        }
    }
}
