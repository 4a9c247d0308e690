//! New rows for a trained model: encoded like the training rows, whatever their file looks like.

use std::fs;
use std::path::Path;

use efy_tasks::data::{Schema, load_path, read_rows};
use tempfile::TempDir;

const TRAIN: &str = "@attribute x real\n@attribute place {sea,hill}\n@attribute word {0,1}\n\
    @attribute a {0,1}\n@data\n1,sea,0,1\n2,hill,1,0\n";

fn schema(folder: &Path) -> Schema {
    fs::write(folder.join("t.arff"), TRAIN).unwrap();
    fs::write(folder.join("t.xml"), "<labels><label name='a'/></labels>").unwrap();
    load_path(&folder.join("t.arff"), None, None, None)
        .unwrap()
        .schema()
        .clone()
}

fn encode(name: &str, text: &str) -> Result<Vec<f32>, String> {
    let folder = TempDir::new().unwrap();
    let schema = schema(folder.path());
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let encoded = read_rows(&path, &schema).and_then(|table| schema.encode(&table));
    encoded.map_err(|error| error.to_string().replace(&path.display().to_string(), name))
}

#[test]
fn arff_and_csv_rows_are_encoded_alike() {
    let rows = [5.0, 0.0, 1.0, 1.0];
    assert_eq!(schema(TempDir::new().unwrap().path()).width(), rows.len());
    let arff = "@attribute word {1,0}\n@attribute place {hill,sea,moon}\n@attribute id string\n\
        @attribute x real\n@attribute a {0,1}\n@data\n1,hill,'row 1',5,?\n";
    assert_eq!(encode("new.arff", arff).unwrap(), rows);
    assert_eq!(
        encode("new.csv", "id,word,x,place\nrow 1,1,5,hill\n").unwrap(),
        rows
    );
    assert_eq!(
        encode("labels.csv", "word,x,a,place\n1,5,,hill\n").unwrap(),
        rows
    );
}

#[test]
fn a_missing_feature_is_named() {
    let error = encode("new.csv", "x,word\n1,1\n").unwrap_err();
    assert_eq!(error, "new.csv: no column \"place\", which is a feature");
}

#[test]
fn a_value_training_never_saw_is_named_with_its_line() {
    let message = "column \"place\": expected a value seen in training, found \"moon\"";
    let csv = "x,word,place\n1,1,sea\n1,1,moon\n";
    assert_eq!(
        encode("new.csv", csv).unwrap_err(),
        format!("new.csv:3: {message}")
    );
    let arff =
        "@attribute x real\n@attribute word real\n@attribute place {moon}\n@data\n1,1,moon\n";
    assert_eq!(
        encode("new.arff", arff).unwrap_err(),
        format!("new.arff:5: {message}")
    );
}

#[test]
fn a_number_where_a_value_was_and_a_value_where_a_number_was_are_named() {
    let arff = "@attribute x {a}\n@attribute word real\n@attribute place {sea}\n@data\na,1,sea\n";
    assert_eq!(
        encode("new.arff", arff).unwrap_err(),
        "new.arff:5: column \"x\": expected a number, found \"a\""
    );
    let arff = "@attribute x real\n@attribute word real\n@attribute place real\n@data\n1,1,1\n";
    assert_eq!(
        encode("new.arff", arff).unwrap_err(),
        "new.arff: column \"place\" is numeric, expected one with values"
    );
}
