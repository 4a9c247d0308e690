//! Bringing a known set into the cache, file by file, each verified before it gets its name.

mod transfer;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use self::transfer::Transfer;
use super::cache::Cache;
use super::load;
use super::registry::{self, KnownFile, KnownSet};
use crate::{Error, Result};

/// Fetches the files of a known set into `cache`; `say` is told, line by line, what happens.
///
/// Files that are there and have the right sha256 are left alone. A download goes to `FILE.part`
/// and is renamed once it is complete, on disk and verified, so an interrupted fetch leaves no
/// half file behind, and the next one goes on where it stopped.
///
/// # Errors
/// When the name is not known, a file cannot be brought, or its contents are not the published
/// ones.
pub fn fetch(name: &str, cache: &Cache, say: &mut dyn FnMut(&str)) -> Result<()> {
    let set = registry::find(name).ok_or_else(|| load::unknown(name, cache))?;
    fetch_set(set, cache, say)
}

fn fetch_set(set: &KnownSet, cache: &Cache, say: &mut dyn FnMut(&str)) -> Result<()> {
    if set.files().next().is_none() {
        say(&format!(
            "{}: part of the program, nothing to fetch",
            set.name
        ));
        return Ok(());
    }
    let folder = cache.folder(set.name);
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    // Two fetches at once would write the same part file; the lock ends with the handle.
    let lock_path = folder.join(".lock");
    let lock = File::create(&lock_path).map_err(Error::io(&lock_path))?;
    lock.lock().map_err(Error::io(&lock_path))?;
    for file in set.files() {
        fetch_file(set, file, cache, say)?;
    }
    Ok(())
}

fn fetch_file(
    set: &KnownSet,
    file: KnownFile,
    cache: &Cache,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let name = file.name;
    let target = cache.folder(set.name).join(name);
    if target.is_file() {
        if sha256(&target)? == file.sha256 {
            say(&format!("{name}: already there"));
            return Ok(());
        }
        say(&format!(
            "{name}: there, but not the published contents; fetching it again"
        ));
    }
    let part = cache.folder(set.name).join(format!("{name}.part"));
    let kept = part.is_file() && sha256(&part)? == file.sha256;
    if !kept {
        bring(name, &cache.addresses(set, file), &part, say)?;
    }
    let found = sha256(&part)?;
    if found != file.sha256 {
        fs::remove_file(&part).map_err(Error::io(&part))?;
        return Err(Error::Checksum {
            file: target,
            expected: file.sha256.to_owned(),
            found,
        });
    }
    let size = fs::metadata(&part).map_err(Error::io(&part))?.len();
    fs::rename(&part, &target).map_err(Error::io(&target))?;
    say(&format!("{name}: {size} bytes, sha256 verified"));
    Ok(())
}

/// Fills the part file from the first address that has the file.
fn bring(name: &str, addresses: &[String], part: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    for address in addresses {
        let mut report = |what: &str| say(&format!("{name}: {what} {address}"));
        let transfer = Transfer { address, part };
        if transfer.run(&mut report)? {
            return Ok(());
        }
    }
    Err(Error::Fetch {
        address: addresses.join(" and "),
        message: "not found".to_owned(),
    })
}

/// sha256 of a file, in hex.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(path)(error)),
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod http;
#[cfg(test)]
mod tests;
