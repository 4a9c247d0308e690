//! Demonstrations under names of the user's own, in the cache of data sets.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Demonstrations, read, write};
use crate::data::{Cache, check_name};
use crate::{Error, Result};

/// How their files end.
const ENDING: &str = ".safetensors";

fn folder(cache: &Cache) -> PathBuf {
    cache.root().join("demonstrations")
}

fn file(name: &str, cache: &Cache) -> PathBuf {
    folder(cache).join(format!("{name}{ENDING}"))
}

/// Reads demonstrations and keeps them as `demonstrations/NAME.safetensors` in the cache. `environment` says where they come from if the file
/// does not; `force` replaces what has the name.
///
/// # Errors
/// When the name is not free or not made of a-z, 0-9, `_` and `-`, when the file cannot be read or names another environment, or when
/// the cache cannot be written.
pub fn import(
    name: &str,
    path: &Path,
    environment: Option<&str>,
    cache: &Cache,
    force: bool,
) -> Result<Demonstrations> {
    check_name(name)?;
    let target = file(name, cache);
    if target.exists() && !force {
        return Err(Error::Usage(format!(
            "demonstrations {name} are there already ({}); use --force to replace them",
            target.display()
        )));
    }
    let mut demonstrations = read(path)?;
    if let Some(expected) = environment {
        if let Some(found) = demonstrations.environment.filter(|found| found != expected) {
            let message = format!("environment: expected {expected}, found {found}");
            return Err(Error::input(path, None, message));
        }
        demonstrations.environment = Some(expected.to_owned());
    }
    let folder = folder(cache);
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    write(&target, &demonstrations)?;
    Ok(demonstrations)
}

/// The names of what was imported, sorted.
#[must_use]
pub fn imported(cache: &Cache) -> Vec<String> {
    // No folder yet, or none to be read: nothing was imported.
    let entries = fs::read_dir(folder(cache)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(ENDING).map(str::to_owned))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

/// Demonstrations by the name they were imported under, or else from a file.
///
/// # Errors
/// [`Error::UnknownDataset`] when there is neither, and as [`read`].
pub fn load(name_or_path: &str, cache: &Cache) -> Result<Demonstrations> {
    let names = imported(cache);
    if names.iter().any(|name| name == name_or_path) {
        return read(&file(name_or_path, cache));
    }
    let path = Path::new(name_or_path);
    if path.exists() || path.components().count() > 1 || path.extension().is_some() {
        return read(path);
    }
    let near = |name: &&String| strsim::damerau_levenshtein(name, name_or_path) <= 2;
    Err(Error::UnknownDataset {
        name: name_or_path.to_owned(),
        suggestion: names.iter().find(near).cloned(),
    })
}
