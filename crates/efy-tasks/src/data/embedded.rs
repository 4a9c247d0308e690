//! The data sets that are part of the program: see the README beside each of them in `assets`.

use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::csv_table::{self, LabelColumns};
use super::dataset::Dataset;
use super::registry::KnownSet;
use super::schema::Schema;
use crate::{Error, Result};

static YEAST: &[u8] = include_bytes!("../../../../assets/yeast/yeast.csv.gz");
static IRIS: &[u8] = include_bytes!("../../../../assets/label_ranking/iris.csv.gz");
static WINE: &[u8] = include_bytes!("../../../../assets/label_ranking/wine.csv.gz");

/// The embedded set that the registry describes: gzipped CSV, the training rows first.
pub(super) fn dataset(set: &KnownSet) -> Result<Dataset> {
    let ranked = || LabelColumns::Ranked("ranking".to_owned());
    let (bytes, labels) = match set.name {
        "yeast" => (YEAST, LabelColumns::Prefix("Class".to_owned())),
        "iris" => (IRIS, ranked()),
        "wine" => (WINE, ranked()),
        name => {
            let name = name.to_owned();
            return Err(Error::NotFetched { name });
        }
    };
    let label = set.targets.role();
    let table = csv_table::parse(
        MultiGzDecoder::new(bytes),
        Path::new(&format!("{}.csv.gz", set.name)),
        &|column| labels.role(column, label),
    )?;
    let schema = Schema::of_table(&table, &labels.of_table(&table)?)?;
    Dataset::of_tables(set.name, (schema, set.targets), &table, None)?.with_train_rows(set.train)
}
