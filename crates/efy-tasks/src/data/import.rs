//! Taking the user's files into the cache under a name of their own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::cache::Cache;
use super::dataset::Dataset;
use super::source::Source;
use super::{input, registry};
use crate::error::json_message;
use crate::{Error, Result};

/// The file that says what the others of an imported set are.
pub(crate) const MANIFEST: &str = "dataset.json";

/// Longest name of an imported set.
const MAX_NAME: usize = 64;

/// Reads a data set, to be sure that it is one, and keeps uncompressed copies of its files as
/// `multilabel/NAME/`, or `label_ranking/NAME/`, in the cache. `force` replaces an imported set of the same name.
///
/// The folder appears under its name at once and complete, or not at all.
///
/// # Errors
/// When the name is not free or not made of a-z, 0-9, `_` and `-`, when the files make no data
/// set, or when the cache cannot be written.
pub fn import(name: &str, source: &Source, cache: &Cache, force: bool) -> Result<Dataset> {
    check_name(name)?;
    let old = cache.folder(name);
    if old.exists() && !force {
        return Err(Error::Usage(format!(
            "data set {name} is there already ({}); use --force to replace it",
            old.display()
        )));
    }
    let data = source.read(name)?;
    let sets = cache.sets(source.targets());
    let target = sets.join(name);
    if old.exists() && old != target {
        return Err(Error::Usage(format!(
            "data set {name} is there already and holds other targets; remove {} first",
            old.display()
        )));
    }
    fs::create_dir_all(&sets).map_err(Error::io(&sets))?;
    let staging = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(&sets);
    let staging = staging.map_err(Error::io(&sets))?;
    copy_files(source, staging.path())?;
    install(staging.path(), &target, &sets).map_err(Error::io(&target))?;
    Ok(data)
}

/// Gives the new folder its name. What had the name makes way at the last moment, and gets it
/// back if that fails.
fn install(new: &Path, target: &Path, sets: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(new, target);
    }
    let aside = tempfile::Builder::new()
        .prefix(".replaced-")
        .tempdir_in(sets)?;
    let old = aside.path().join("old");
    fs::rename(target, &old)?;
    fs::rename(new, target).or_else(|error| fs::rename(&old, target).and(Err(error)))
}

/// Reads a set that was imported into `folder`.
pub(crate) fn read(name: &str, folder: &Path) -> Result<Dataset> {
    const MAX_MANIFEST: u64 = 1 << 20;
    let manifest = folder.join(MANIFEST);
    let text = input::read_text(&manifest, MAX_MANIFEST)?;
    let source: Source = serde_json::from_str(&text).map_err(|error| {
        Error::input(&manifest, Some(error.line() as u64), json_message(&error))
    })?;
    // The files lie beside the manifest: what it calls them leads nowhere else.
    let names = match &source {
        Source::Arff {
            train,
            test,
            labels,
        } => [Some(train), test.as_ref(), Some(labels)],
        Source::Csv { train, test, .. } => [Some(train), test.as_ref(), None],
    };
    for name in names.into_iter().flatten() {
        if name.file_name() != Some(name.as_os_str()) {
            let message = format!("expected the name of a file beside it, found {name:?}");
            return Err(Error::input(&manifest, None, message));
        }
    }
    let source = match source {
        Source::Arff {
            train,
            test,
            labels,
        } => Source::Arff {
            train: folder.join(train),
            test: test.map(|path| folder.join(path)),
            labels: folder.join(labels),
        },
        Source::Csv {
            train,
            test,
            labels,
            targets,
        } => Source::Csv {
            train: folder.join(train),
            test: test.map(|path| folder.join(path)),
            labels,
            targets,
        },
    };
    source.read(name)
}

/// Whether the name can be one of the user's own.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Err(Error::Usage(format!(
            "data set name {name:?}: expected 1 to {MAX_NAME} of a-z, 0-9, _ and -"
        )));
    }
    if registry::find(name).is_some() {
        return Err(Error::Usage(format!(
            "data set name {name:?} is taken by a known set"
        )));
    }
    Ok(())
}

/// Copies the files under plain names and writes the manifest that refers to them.
fn copy_files(source: &Source, folder: &Path) -> Result<()> {
    let copy = |from: &Path, name: &str| copy_file(from, folder, name);
    let copied = match source {
        Source::Arff {
            train,
            test,
            labels,
        } => Source::Arff {
            train: copy(train, "train.arff")?,
            test: test
                .as_ref()
                .map(|test| copy(test, "test.arff"))
                .transpose()?,
            labels: copy(labels, "labels.xml")?,
        },
        Source::Csv {
            train,
            test,
            labels,
            targets,
        } => Source::Csv {
            train: copy(train, "train.csv")?,
            test: test
                .as_ref()
                .map(|test| copy(test, "test.csv"))
                .transpose()?,
            labels: labels.clone(),
            targets: *targets,
        },
    };
    let path = folder.join(MANIFEST);
    let file = File::create(&path).map_err(Error::io(&path))?;
    let written = serde_json::to_writer_pretty(&file, &copied).map_err(io::Error::from);
    written
        .and_then(|()| file.sync_all())
        .map_err(Error::io(&path))
}

fn copy_file(from: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let mut file = File::create(&path).map_err(Error::io(&path))?;
    let copied = io::copy(&mut input::open(from)?, &mut file);
    copied.map_err(|error| input::read_error(from, None, error))?;
    file.sync_all().map_err(Error::io(&path))?;
    Ok(PathBuf::from(name))
}
