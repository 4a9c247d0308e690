//! The benchmark sets that `efy` knows by name.

mod multilabel;
mod rankings;

pub(super) use rankings::RANK_PREFIX;

use super::targets::Targets;

/// A published data set: what it is, where its files are, what they must hash to.
#[derive(Debug)]
#[non_exhaustive]
pub struct KnownSet {
    /// Name in configs and commands.
    pub name: &'static str,
    /// What a row is and what its labels are.
    pub about: &'static str,
    /// Rows, training and test together.
    pub rows: usize,
    /// Features in the files, before nominal ones are encoded.
    pub features: usize,
    /// Labels.
    pub labels: usize,
    /// Rows of the authors' training split; all rows where they made none.
    pub train: usize,
    /// What the labels of a row say.
    pub targets: Targets,
    /// The file with the training rows, ARFF, or CSV for rankings; none where the set is in the program only.
    pub train_file: Option<KnownFile>,
    /// The file with the test rows, where the authors made a split.
    pub test_file: Option<KnownFile>,
    /// The XML file that lists the labels of ARFF files.
    pub labels_file: Option<KnownFile>,
    /// What to cite.
    pub paper: &'static str,
    /// Where its files were published: the address of the folders.
    pub origin: &'static str,
    /// Whether the set is part of the program and needs no fetching.
    pub embedded: bool,
}

/// A file of a published data set.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KnownFile {
    /// Name of the file.
    pub name: &'static str,
    /// The folder it was published in, if that is not the name of the set (rankings: none).
    pub folder: Option<&'static str>,
    /// sha256 of the uncompressed contents, in hex.
    pub sha256: &'static str,
}

/// What is known of the terms of the multilabel sets.
const NO_LICENCE: &str = "no data licence stated; research benchmark, cite the paper";

impl KnownSet {
    /// The files, training rows first.
    pub fn files(&self) -> impl Iterator<Item = KnownFile> {
        [self.train_file, self.test_file, self.labels_file]
            .into_iter()
            .flatten()
    }

    /// What is known of the terms.
    #[must_use]
    pub fn licence(&self) -> &'static str {
        match (self.targets, self.train_file) {
            (Targets::Sets, _) => NO_LICENCE,
            (Targets::Rankings, None) => rankings::OWN_LICENCE,
            (Targets::Rankings, Some(_)) => rankings::LICENCE,
        }
    }

    /// The address a file was published at.
    #[must_use]
    pub fn address(&self, file: KnownFile) -> String {
        match (file.folder, self.targets) {
            (Some(folder), _) => format!("{}/{folder}/{}", self.origin, file.name),
            (None, Targets::Sets) => format!("{}/{}/{}", self.origin, self.name, file.name),
            (None, Targets::Rankings) => format!("{}/{}", self.origin, file.name),
        }
    }
}

/// All known sets.
pub fn known() -> impl Iterator<Item = &'static KnownSet> {
    multilabel::MULTILABEL.iter().chain(rankings::RANKINGS)
}

/// The set of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static KnownSet> {
    known().find(|set| set.name == name)
}

const fn file(name: &'static str, sha256: &'static str) -> KnownFile {
    KnownFile {
        name,
        folder: None,
        sha256,
    }
}
