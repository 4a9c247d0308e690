//! The folder of a run's checkpoints.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Real};
use super::manifest::{MANIFEST, Manifest};
use super::snapshot::BEST;
use super::{CheckpointConfig, Snapshot};
use crate::{Error, Result};

const PREFIX: &str = "step-";
/// Beginning of the names of what is not finished.
const UNFINISHED: &str = ".tmp-";
/// End of the name of a checkpoint that is being replaced by another one of its step.
const REPLACED: &str = ".old";

/// Writes checkpoints beside each other and reads the newest one that is whole.
pub struct Checkpoints {
    folder: PathBuf,
    config: String,
    keep: usize,
    disk: Box<dyn Disk>,
}

impl Checkpoints {
    /// The checkpoints in `folder` of a run whose configuration and data have the hash `config`
    /// (see [`digest`](super::digest)).
    pub fn new(folder: &Path, config: &str, options: &CheckpointConfig) -> Self {
        Self::on(Box::new(Real), folder, config, options.keep)
    }

    pub(super) fn on(disk: Box<dyn Disk>, folder: &Path, config: &str, keep: usize) -> Self {
        Checkpoints {
            folder: folder.to_owned(),
            config: config.to_owned(),
            keep: keep.max(1),
            disk,
        }
    }

    /// The hash of configuration and data that they belong to.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Writes a checkpoint and returns its directory. It appears under its name when all of it is on
    /// the disk; older ones are removed after the new one has been read back.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written, after which the older ones are as they were;
    /// [`Error::State`] for a tensor of a kind that cannot be stored.
    pub fn save(&self, snapshot: &Snapshot) -> Result<PathBuf> {
        let files = snapshot.files()?;
        let manifest = Manifest::new(snapshot.step, &self.config, &files)?;
        let target = self.folder.join(format!("{PREFIX}{:09}", snapshot.step));
        let failed = || Error::file(&target, "write");
        self.write(&target, &files, &manifest).map_err(failed())?;
        self.read(&target)?;
        let name = name_of(&target);
        self.name("latest", &name).map_err(failed())?;
        if manifest.files.contains_key(BEST) {
            self.name("best", &format!("{name}/{BEST}"))
                .map_err(failed())?;
        } else {
            // Those of an earlier training, whose checkpoints go.
            let _ = std::fs::remove_file(self.folder.join("best"));
        }
        self.tidy().map_err(failed())?;
        Ok(target)
    }

    fn write(
        &self,
        target: &Path,
        files: &[(&str, Vec<u8>)],
        manifest: &Manifest,
    ) -> io::Result<()> {
        let disk = &self.disk;
        let beside = self
            .folder
            .join(format!("{UNFINISHED}{}", std::process::id()));
        if beside.exists() {
            disk.remove(&beside)?;
        }
        disk.create_directory(&beside)?;
        let text = manifest.text().map_err(io::Error::other)?;
        let contents = files
            .iter()
            .map(|(name, content)| (*name, content.as_slice()));
        for (name, content) in contents.chain([(MANIFEST, text.as_bytes())]) {
            let path = beside.join(name);
            disk.write(&path, content)?;
            disk.sync(&path)?;
        }
        disk.sync(&beside)?;
        if target.exists() {
            let mut aside = target.as_os_str().to_owned();
            aside.push(REPLACED);
            disk.rename(target, Path::new(&aside))?;
        }
        disk.rename(&beside, target)?;
        disk.sync(&self.folder)
    }

    /// Writes a file with the name of another one, for people and scripts.
    fn name(&self, file: &str, name: &str) -> io::Result<()> {
        let beside = self.folder.join(format!("{UNFINISHED}{file}"));
        self.disk.write(&beside, format!("{name}\n").as_bytes())?;
        self.disk.sync(&beside)?;
        self.disk.rename(&beside, &self.folder.join(file))?;
        self.disk.sync(&self.folder)
    }

    /// Removes all but the newest, and what was left unfinished.
    fn tidy(&self) -> io::Result<()> {
        let found = self.list()?;
        let replaced = |path: &PathBuf| path.to_string_lossy().ends_with(REPLACED);
        let (old, current): (Vec<_>, Vec<_>) = found.into_iter().partition(replaced);
        for path in current.into_iter().skip(self.keep).chain(old) {
            self.disk.remove(&path)?;
        }
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.is_dir() && name_of(&path).starts_with(UNFINISHED) {
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Directories of checkpoints, the newest first; of one step, the one that is not being replaced.
    fn list(&self) -> io::Result<Vec<PathBuf>> {
        let mut found: Vec<(u64, bool, PathBuf)> = Vec::new();
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let name = name_of(&path);
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let digits = rest.strip_suffix(REPLACED);
            if let Ok(step) = digits.unwrap_or(rest).parse() {
                found.push((step, digits.is_none(), path));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found.into_iter().map(|(_, _, path)| path).collect())
    }

    /// The newest checkpoint that is whole. `warn` hears of those that are not.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when there are some and none is whole, the newest whole one is of
    /// another configuration or other data, or the folder cannot be read.
    pub fn newest(&self, warn: &mut dyn FnMut(&str)) -> Result<Option<Snapshot>> {
        let found = self
            .list()
            .map_err(|error| Error::checkpoint(&self.folder, format!("cannot read: {error}")))?;
        let mut first = None;
        for path in found {
            match self.read(&path) {
                Ok((manifest, snapshot)) => {
                    if manifest.config != self.config {
                        let message = "it was made with another config.yaml or other data";
                        return Err(Error::checkpoint(&path, message));
                    }
                    return Ok(Some(snapshot));
                }
                Err(error) => {
                    warn(&format!("skipped a checkpoint: {error}"));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Reads and checks one checkpoint.
    fn read(&self, path: &Path) -> Result<(Manifest, Snapshot)> {
        let manifest = Manifest::read(path)?;
        let snapshot = Snapshot::read(path, &manifest)?;
        Ok((manifest, snapshot))
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
