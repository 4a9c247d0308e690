//! The yeast data set, part of the program: see `assets/yeast/README.md`.

use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::csv_table::{self, LabelColumns, Role};
use super::dataset::Dataset;
use super::schema::Schema;
use crate::Result;

/// Rows of the authors' training split, which come first.
const TRAIN: usize = 1500;

static CSV_GZ: &[u8] = include_bytes!("../../../../assets/yeast/yeast.csv.gz");

/// Elisseeff and Weston's yeast: 2417 genes, 103 features, 14 classes, their split.
pub(crate) fn dataset() -> Result<Dataset> {
    let labels = LabelColumns::Prefix("Class".to_owned());
    let role = |column: &str| {
        if labels.contains(column) {
            Role::Label
        } else {
            Role::New
        }
    };
    let table = csv_table::parse(
        MultiGzDecoder::new(CSV_GZ),
        Path::new("yeast.csv.gz"),
        &role,
    )?;
    let schema = Schema::of_table(&table, &labels.of_table(&table)?)?;
    let x = schema.encode(&table)?;
    let y = schema.encode_labels(&table)?;
    Dataset::new("yeast", schema, x, y, TRAIN)
}
