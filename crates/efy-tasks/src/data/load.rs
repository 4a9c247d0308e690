//! From a name or a path to a data set.

use std::fs;
use std::path::Path;

use super::cache::Cache;
use super::csv_table::{self, LabelColumns, Role};
use super::dataset::Dataset;
use super::import::{self, MANIFEST};
use super::registry::{self, KnownFile, KnownSet};
use super::schema::Schema;
use super::source::Source;
use super::table::Table;
use super::targets::Targets;
use super::{arff, embedded, mulan};
use crate::{Error, Result};

/// Loads a data set by name: embedded, fetched, or imported.
///
/// # Errors
/// When there is no set of this name, when it is known but not fetched, or when its files cannot
/// be read.
pub fn load(name: &str, cache: &Cache) -> Result<Dataset> {
    match registry::find(name) {
        Some(set) if set.embedded => embedded::dataset(set),
        Some(set) if cache.has(set) => read_known(set, cache),
        Some(_) => Err(Error::NotFetched {
            name: name.to_owned(),
        }),
        None if imported(cache).iter().any(|known| known == name) => {
            import::read(name, &cache.folder(name))
        }
        None => Err(unknown(name, cache)),
    }
}

/// Loads a data set from the user's files.
///
/// An ARFF file (`.arff`, `.arff.gz`) needs a label list and finds it and the test rows by name,
/// see [`Source::arff`]; a CSV file needs `columns`.
///
/// # Errors
/// When the ending says neither, when labels are not told, or when a file cannot be read.
pub fn load_path(
    path: &Path,
    test: Option<&Path>,
    labels: Option<&Path>,
    columns: Option<&LabelColumns>,
) -> Result<Dataset> {
    let source = match (Format::of(path)?, columns) {
        (Format::Arff, _) => Source::arff(path, test, labels)?,
        (Format::Csv, Some(columns)) => Source::csv(path, test, columns.clone()),
        (Format::Csv, None) => {
            let message = "which columns are labels? Give their names or their prefix";
            return Err(Error::input(path, None, message));
        }
    };
    source.read(&source.name())
}

/// Loads rankings from the user's CSV files. Without `columns` the files begin with the counts n, d, k and the
/// last k columns are ranks.
///
/// # Errors
/// When the ending is not .csv, when the ranks are not told, or when a file cannot be read.
pub fn load_rankings(
    path: &Path,
    test: Option<&Path>,
    columns: Option<&LabelColumns>,
) -> Result<Dataset> {
    if let Format::Arff = Format::of(path)? {
        let message = "rankings are read from CSV files, expected a name that ends in .csv";
        return Err(Error::input(path, None, message));
    }
    let columns = columns.cloned().unwrap_or(LabelColumns::Counted);
    let source = Source::rankings(path, test, columns);
    source.read(&source.name())
}

/// Reads new rows, ARFF or CSV, for [`Schema::encode`]: features only, label columns may be there
/// or not and hold anything.
///
/// # Errors
/// When the ending says neither, or the file cannot be read.
pub fn read_rows(path: &Path, schema: &Schema) -> Result<Table> {
    match Format::of(path)? {
        Format::Csv => csv_table::read(path, &schema.roles(Role::Skip)),
        Format::Arff => {
            let role = schema.roles(Role::Skip);
            arff::read(path, &|name| matches!(role(name), Role::Known(_)))
        }
    }
}

/// Names of the imported sets, sorted.
#[must_use]
pub fn imported(cache: &Cache) -> Vec<String> {
    // No folder yet, or none to be read: nothing was imported.
    let folders = Targets::ALL.map(|targets| fs::read_dir(cache.sets(targets)));
    let entries = folders.into_iter().flatten().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join(MANIFEST).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

/// The error for a name nobody knows, with the nearest one somebody does.
pub(crate) fn unknown(name: &str, cache: &Cache) -> Error {
    let known = registry::known().map(|set| set.name.to_owned());
    let suggestion = known
        .chain(imported(cache))
        .map(|known| (strsim::damerau_levenshtein(name, &known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .map(|(_, known)| known);
    Error::UnknownDataset {
        name: name.to_owned(),
        suggestion,
    }
}

fn read_known(set: &KnownSet, cache: &Cache) -> Result<Dataset> {
    let path = |file: KnownFile| cache.folder(set.name).join(file.name);
    let test = set.test_file.map(path);
    match (set.targets, set.train_file, set.labels_file) {
        (Targets::Sets, Some(train), Some(labels)) => {
            mulan::read(set.name, &path(train), test.as_deref(), &path(labels))
        }
        (Targets::Rankings, Some(train), _) => {
            let ranks = LabelColumns::Prefix(registry::RANK_PREFIX.to_owned());
            Source::rankings(&path(train), test.as_deref(), ranks).read(set.name)
        }
        _ => Err(unknown(set.name, cache)),
    }
}

enum Format {
    Arff,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        if name.ends_with(".arff") {
            Ok(Self::Arff)
        } else if name.ends_with(".csv") {
            Ok(Self::Csv)
        } else {
            Err(Error::input(
                path,
                None,
                "expected a name that ends in .arff or .csv (or .gz)",
            ))
        }
    }
}
