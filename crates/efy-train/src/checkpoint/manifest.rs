//! What a checkpoint consists of, so that damage shows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, LIBTORCH_VERSION, Result};

/// The file that is written last.
pub const MANIFEST: &str = "manifest.json";
/// The layout of checkpoints; raised when an older efy could not read them any more.
const FORMAT: u32 = 3;
/// Largest manifest that is read.
const MOST_BYTES: u64 = 1 << 20;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout.
    pub format: u32,
    /// The version of efy that wrote it.
    pub efy: String,
    /// The version of libtorch that it ran on.
    pub libtorch: String,
    /// The step after which it was written.
    pub step: u64,
    /// SHA-256 of the resolved configuration.
    pub config: String,
    /// The other files.
    pub files: BTreeMap<String, Entry>,
    /// SHA-256 of this file with this entry left empty.
    sha256: String,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// SHA-256 in hex.
pub fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Manifest {
    /// The manifest of these files.
    ///
    /// # Errors
    /// [`Error::State`], which does not happen.
    pub(super) fn new(step: u64, config: &str, files: &[(&str, Vec<u8>)]) -> Result<Self> {
        let entry = |content: &[u8]| Entry {
            bytes: content.len() as u64,
            sha256: digest(content),
        };
        let mut manifest = Manifest {
            format: FORMAT,
            efy: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: LIBTORCH_VERSION.to_owned(),
            step,
            config: config.to_owned(),
            files: (files.iter())
                .map(|(name, content)| ((*name).to_owned(), entry(content)))
                .collect(),
            sha256: String::new(),
        };
        manifest.sha256 = digest(manifest.text()?.as_bytes());
        Ok(manifest)
    }

    /// The content of the file.
    pub(super) fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        text.map_err(|error| Error::State(error.to_string()))
    }

    /// Reads a manifest; every byte of it counts.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the reason.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(MANIFEST);
        let wrong = |message: String| Error::checkpoint(&path, message);
        let content = read_at_most(&path, MOST_BYTES)?;
        Self::parse(&content).map_err(wrong)
    }

    /// From the content of the file; what is wrong in one line.
    pub fn parse(content: &[u8]) -> std::result::Result<Self, String> {
        let found: Manifest = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        if found.format != FORMAT {
            return Err(format!(
                "expected format {FORMAT}, found {}; it was written by efy {}",
                found.format, found.efy
            ));
        }
        let mut blank = found.clone();
        blank.sha256.clear();
        let sum = |manifest: &Manifest| manifest.text().map_err(|error| error.to_string());
        if digest(sum(&blank)?.as_bytes()) != found.sha256 || sum(&found)?.as_bytes() != content {
            return Err("damaged: its checksum differs".to_owned());
        }
        Ok(found)
    }

    /// Reads one of the files and checks it.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is missing or not what was written.
    pub(super) fn file(&self, directory: &Path, name: &str) -> Result<Vec<u8>> {
        let path = directory.join(name);
        let Some(entry) = self.files.get(name) else {
            return Err(Error::checkpoint(&path, "not listed in the manifest"));
        };
        let content = read_at_most(&path, entry.bytes)?;
        if content.len() as u64 != entry.bytes {
            let (expected, found) = (entry.bytes, content.len());
            let message = format!("expected {expected} bytes, found {found}");
            return Err(Error::checkpoint(&path, message));
        }
        if digest(&content) != entry.sha256 {
            return Err(Error::checkpoint(&path, "damaged: its checksum differs"));
        }
        Ok(content)
    }
}

/// The content of a file, unless it is larger.
fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    let unreadable =
        |error: std::io::Error| Error::checkpoint(path, format!("cannot read: {error}"));
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > most {
        let message = format!("expected at most {most} bytes, found {bytes}");
        return Err(Error::checkpoint(path, message));
    }
    std::fs::read(path).map_err(unreadable)
}
