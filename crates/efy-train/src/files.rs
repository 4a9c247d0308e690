//! Files that are there whole or not at all.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::{Error, Result};

/// Writes beside `path`, syncs, and renames: whoever reads `path` sees the old content or the new.
///
/// # Errors
/// [`Error::File`] with the reason.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || Error::file(path, "write");
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(directory)
        .map_err(failed())?;
    file.write_all(content).map_err(failed())?;
    make_readable(&file).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}

/// [`write_atomically`] of pretty-printed JSON with a final newline.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::file(path, "write")(std::io::Error::other(error)))?;
    text.push('\n');
    write_atomically(path, text.as_bytes())
}

/// A whole file as text.
///
/// # Errors
/// [`Error::File`] with the reason.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::file(path, "read"))
}

/// Temporary files are made for their owner alone; results are for everybody.
#[cfg(unix)]
fn make_readable(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    Ok(())
}
