//! Where data sets are kept, and where they are fetched from.

use std::env;
use std::path::{Path, PathBuf};

use super::registry::{self, KnownFile, KnownSet};
use super::targets::Targets;
use crate::{Error, Result};

/// The folder of fetched and imported data sets, and the mirror to fetch from, if any.
///
/// The only place that looks at the environment is [`Cache::from_env`].
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    mirror: Option<String>,
}

impl Cache {
    /// A cache in the folder `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            mirror: None,
        }
    }

    /// Fetches from a mirror instead of the canonical addresses. The mirror holds
    /// `multilabel/NAME/FILE` and `label_ranking/FILE`, plain or as `FILE.gz`; its address is taken literally, without
    /// percent-decoding.
    ///
    /// # Errors
    /// When the address is neither `file:///path` nor `http://` nor `https://`.
    pub fn with_mirror(mut self, address: &str) -> Result<Self> {
        let schemes = ["file:///", "http://", "https://"];
        if !schemes.iter().any(|scheme| address.starts_with(scheme)) {
            return Err(Error::Usage(format!(
                "EFY_DATA_MIRROR: expected file:///path, http://... or https://..., found {address:?}"
            )));
        }
        self.mirror = Some(address.trim_end_matches('/').to_owned());
        Ok(self)
    }

    /// The cache the environment asks for: `EFY_DATA_DIR`, else `efy` in `XDG_CACHE_HOME`, else
    /// `.cache/efy` in `HOME`; and the mirror `EFY_DATA_MIRROR`. Empty variables count as unset.
    ///
    /// # Errors
    /// When no variable names a folder, or the mirror is no address.
    pub fn from_env() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let root = set("EFY_DATA_DIR")
            .map(PathBuf::from)
            .or_else(|| set("XDG_CACHE_HOME").map(|folder| Path::new(&folder).join("efy")))
            .or_else(|| set("HOME").map(|folder| Path::new(&folder).join(".cache/efy")))
            .ok_or_else(|| Error::Usage("no folder for data sets: set EFY_DATA_DIR".to_owned()))?;
        match set("EFY_DATA_MIRROR") {
            Some(address) => Self::new(root).with_mirror(&address.to_string_lossy()),
            None => Ok(Self::new(root)),
        }
    }

    /// The cache folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all sets with such targets.
    pub(crate) fn sets(&self, targets: Targets) -> PathBuf {
        self.root.join(targets.folder())
    }

    /// The folder of one set: a known one, or one that was imported.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        let imported = |targets: &Targets| self.sets(*targets).join(name).is_dir();
        let targets = match registry::find(name) {
            Some(set) => set.targets,
            None => Targets::ALL.into_iter().find(imported).unwrap_or_default(),
        };
        self.sets(targets).join(name)
    }

    /// Whether the files of a known set are there, if it has any.
    #[must_use]
    pub fn has(&self, set: &KnownSet) -> bool {
        let mut files = set.files().peekable();
        files.peek().is_some() && files.all(|file| self.folder(set.name).join(file.name).is_file())
    }

    /// The addresses to try for a file, in order.
    pub(crate) fn addresses(&self, set: &KnownSet, file: KnownFile) -> Vec<String> {
        match &self.mirror {
            Some(mirror) => {
                let plain = match set.targets {
                    Targets::Sets => format!("{mirror}/multilabel/{}/{}", set.name, file.name),
                    Targets::Rankings => format!("{mirror}/label_ranking/{}", file.name),
                };
                vec![plain.clone(), plain + ".gz"]
            }
            None => vec![set.address(file)],
        }
    }
}
