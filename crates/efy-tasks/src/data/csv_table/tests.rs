//! What the CSV reader accepts, and the exact words with which it refuses.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn labels() -> LabelColumns {
    LabelColumns::Prefix("y_".to_owned())
}

fn role(name: &str) -> Role<'static> {
    if labels().contains(name) {
        Role::Label
    } else {
        Role::New
    }
}

fn read_new(text: &str) -> Result<Table> {
    parse(text.as_bytes(), Path::new("t.csv"), &role)
}

fn error(text: &str) -> String {
    read_new(text).unwrap_err().to_string()
}

#[test]
fn numbers_texts_and_labels_are_told_apart() {
    let table =
        read_new("x, place ,y_a,y_b\r\n1.5,sea,TRUE,0\r\n-2,hill,false,1\r\n3,sea,1,FALSE\r\n")
            .unwrap();
    let labels = labels().of_table(&table).unwrap();
    assert_eq!(labels, ["y_a", "y_b"]);
    let schema = Schema::of_table(&table, &labels).unwrap();
    assert_eq!(schema.column_names(), ["x", "place=hill", "place=sea"]);
    let x = schema.encode(&table).unwrap();
    assert_eq!(x, [1.5, 0.0, 1.0, -2.0, 1.0, 0.0, 3.0, 0.0, 1.0]);
    assert_eq!(schema.encode_labels(&table).unwrap(), [1, 0, 0, 1, 1, 0]);
}

#[test]
fn later_files_are_read_as_the_schema_says() {
    let train = read_new("x,place,y_a\n1,7,0\n2,3,1\n").unwrap();
    let mut schema = Schema::of_table(&train, &["y_a".to_owned()]).unwrap();
    schema.features[1] = Feature::Nominal {
        name: "place".to_owned(),
        values: vec!["3".to_owned(), "7".to_owned()],
    };
    let read = |text: &str| {
        parse(
            text.as_bytes(),
            Path::new("new.csv"),
            &schema.roles(Role::Skip),
        )
    };
    let error = read("place,extra,x\n7,anything,4\n8,?,5\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "new.csv:3: column \"place\": expected a value seen in training, found \"8\""
    );
    let table = read("place,extra,x\n7,anything,4\n").unwrap();
    assert_eq!(schema.encode(&table).unwrap(), [4.0, 0.0, 1.0]);
}

#[test]
fn a_feature_without_a_column_is_named() {
    let schema = Schema::of_table(&read_new("x,z,y_a\n1,2,0\n").unwrap(), &["y_a".to_owned()]);
    let schema = schema.unwrap();
    let table = parse(
        &b"x\n1\n"[..],
        Path::new("new.csv"),
        &schema.roles(Role::Skip),
    )
    .unwrap();
    let error = schema.encode(&table).unwrap_err();
    assert_eq!(
        error.to_string(),
        "new.csv: no column \"z\", which is a feature"
    );
}

#[test]
fn byte_order_marks_quotes_and_blank_lines_do_no_harm() {
    let table = read_new("\u{feff}\"x\",\"y_a\"\r\n\r\n\"1\",\"TRUE\"\r\n").unwrap();
    assert_eq!(table.columns()[0].name, "x");
    assert_eq!(table.row(0), [1.0, 1.0]);
    assert_eq!(
        error("x\n\n\n1\n\nabc\n"),
        "t.csv:6: column \"x\": expected a number, found \"abc\""
    );
    assert_eq!(
        error("x,z\r\n1,\"a\nb\"\r\n\r\n1,\"a\nc\"\r\nabc,d"),
        "t.csv:7: column \"x\": expected a number, found \"abc\""
    );
}

#[test]
fn labels_are_0_or_1() {
    assert_eq!(
        error("x,y_a\n1,0\n1,2\n"),
        "t.csv:3: label \"y_a\": labels must be 0 or 1, found \"2\""
    );
}

#[test]
fn named_labels_must_be_there() {
    let table = read_new("x,y_a\n1,0\n").unwrap();
    let names = LabelColumns::Names(vec!["y_a".to_owned(), "b".to_owned()]);
    let error = names.of_table(&table).unwrap_err();
    assert_eq!(error.to_string(), "t.csv: no column for label \"b\"");
    let error = LabelColumns::Prefix("L".to_owned())
        .of_table(&table)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.csv: no column name begins with the label prefix \"L\""
    );
}

#[test]
fn a_cell_that_does_not_fit_is_refused() {
    assert_eq!(
        error("x\n1\nabc\n"),
        "t.csv:3: column \"x\": expected a number, found \"abc\""
    );
    assert_eq!(
        error("x\n1\ninf\n"),
        "t.csv:3: column \"x\": expected a finite number, found \"inf\""
    );
    assert_eq!(
        error("x,z\n1,2\n,2\n"),
        "t.csv:3: column \"x\": missing value (\"\"), expected complete rows"
    );
}

#[test]
fn a_broken_file_is_refused() {
    assert_eq!(
        error("x,z\n1,2\n1\n"),
        "t.csv:3: expected 2 values, found 1"
    );
    assert_eq!(error("x,x\n1,2\n"), "t.csv:1: two columns called \"x\"");
    assert_eq!(error("x,z\n"), "t.csv: no rows after the header");
    assert_eq!(error(""), "t.csv: expected a header line, found nothing");
    assert_eq!(error("x,\"z\n1,2\n"), "t.csv: no rows after the header");
    let error = parse(&b"x\n1\n\xff\n"[..], Path::new("t.csv"), &role).unwrap_err();
    assert_eq!(error.to_string(), "t.csv:3: not UTF-8 text");
}

#[test]
fn free_text_is_no_feature() {
    let rows: String = (0..1001).map(|i| format!("name{i}\n")).collect();
    assert_eq!(
        error(&format!("id\n{rows}")),
        "t.csv:1002: column \"id\": more than 1000 different texts"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(x|y_a|[0-9.,\"\n\r ?-]|\\PC){0,80}") {
        let _ = read_new(&text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(bytes.as_slice(), Path::new("t"), &role);
    }
}
